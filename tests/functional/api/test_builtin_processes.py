"""The adapters among the built-in processes, on real files, through the service and its job processes."""

from __future__ import annotations

import base64
import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from weaverlite.testing.app import URL, running

with warnings.catch_warnings():
    # Its extension says that it was built for another version of NumPy, which NumPy says to ignore.
    warnings.simplefilter("ignore")
    import netCDF4

V4 = """<?xml version="1.0" encoding="UTF-8"?>
<metalink xmlns="urn:ietf:params:xml:ns:metalink">
  <file name="first.nc"><url>data:,first</url></file>
  <file name="../second.nc"><size>{size}</size><hash type="sha-256">{digest}</hash>
    <url priority="2">{href}</url><url priority="1">data:,an%20error%20page</url></file>
</metalink>"""
V3 = """<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file name="a.nc">
  <verification><hash type="md5">{md5}</hash><pieces length="1"><hash piece="0">0</hash></pieces></verification>
  <resources><url type="http" preference="10">data:,no</url><url preference="90">{href}</url></resources>
</file></files></metalink>"""


@pytest.fixture(scope="module")
def service(tmp_path_factory, backends):
    directory = tmp_path_factory.mktemp("builtin")
    with running(directory, settings=backends.settings_for(directory)) as started:
        yield started


def netcdf(directory: Path, form: str, number: int = 1) -> bytes:
    path = directory / f"{form}-{number}.nc"
    with netCDF4.Dataset(path, "w", format=form) as dataset:
        dataset.createDimension("x", 2)
        dataset.createVariable("t", "f4", ("x",))[:] = [number, number + 1]
    return path.read_bytes()


def values_in(content: bytes) -> list[float]:
    with netCDF4.Dataset("memory", memory=content) as dataset:
        return [float(value) for value in dataset["t"][:]]


def data(content: bytes, media_type: str = "application/netcdf") -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def as_json(value: Any) -> dict[str, Any]:
    return {"value": json.dumps(value), "mediaType": "application/json"}


def execute(http: Any, process_id: str, **inputs: Any) -> Any:
    return http.post(f"{URL}/processes/{process_id}/execution", json={"inputs": inputs})


def detail(answer: Any, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    return json.dumps(answer.json(), ensure_ascii=False)


def test_the_reference_of_a_file_becomes_a_list(http):
    kept = http.post(f"{URL}/vault?name=t.txt", data=b"text", headers={"Content-Type": "text/plain"}).json()
    assert execute(http, "file2string_array", input={"href": kept["href"]}).json() == [kept["href"]]
    inline = execute(http, "file2string_array", input={"value": "text", "mediaType": "text/plain"}).json()
    assert inline == ["data:text/plain;base64,dGV4dA=="]


def test_a_file_is_selected_by_its_place(http):
    files = [{"value": text, "mediaType": "text/plain", "title": f"{text}.txt"} for text in ("a", "b", "c")]
    assert execute(http, "file_index_selector", files=files, index=1).text == "b"
    assert "there are 3 files" in detail(execute(http, "file_index_selector", files=files, index=3))
    assert "/inputs/index" in detail(execute(http, "file_index_selector", files=files, index=-1))


def test_a_list_of_references_becomes_netcdf_files(http, tmp_path):
    contents = [netcdf(tmp_path, "NETCDF3_CLASSIC"), netcdf(tmp_path, "NETCDF4", 5)]
    body = {"inputs": {"input": as_json([data(item) for item in contents])}}
    answer = http.post(
        f"{URL}/processes/jsonarray2netcdf/execution", json=body, headers={"Prefer": "respond-async"}
    )
    job = answer.headers["Location"]
    assert http.get(job, headers={"Prefer": "wait=60"}).json()["status"] == "successful"
    found = http.get(f"{job}/results").json()["output"]
    assert [item["type"] for item in found] == ["application/netcdf"] * 2
    assert [values_in(http.get(item["href"]).content) for item in found] == [[1, 2], [5, 6]]


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ({}, "a list"),
        ([], "at least 1"),
        ([3], "at /0 it is the number 3"),
        (["nowhere"], "The item /0 of the list is not a reference"),
        (["data:,text"], "What /0 of the list refers to is not a NetCDF file"),
        (["http://127.0.0.1:1/a.nc"], "weaverlite.egress"),
        (["ftp://example.org/a.nc"], "ftp"),
    ],
)
def test_lists_that_lead_nowhere_are_told(http, listed, words):
    assert words in detail(execute(http, "jsonarray2netcdf", input=as_json(listed)), 400)


def test_the_file_of_a_metalink_document_is_fetched_from_the_place_that_has_it(http, tmp_path):
    content = netcdf(tmp_path, "NETCDF4", 3)
    digest = hashlib.sha256(content).hexdigest()
    text = V4.format(size=len(content), digest=digest, href=data(content))
    answer = execute(http, "metalink2netcdf", input={"value": text, "mediaType": "application/metalink4+xml"}, index=2)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/netcdf"
    assert values_in(answer.content) == [3, 4]
    older = V3.format(md5=hashlib.md5(content, usedforsecurity=False).hexdigest(), href=data(content))
    assert values_in(execute(http, "metalink2netcdf", input={"value": older}).content) == [3, 4]


def test_a_file_that_is_not_the_one_the_metalink_document_means_is_refused(http, tmp_path):
    content = netcdf(tmp_path, "NETCDF3_64BIT_OFFSET")
    wrong = V4.format(size=len(content), digest="0" * 64, href=data(content))
    assert "sha256 digest" in detail(execute(http, "metalink2netcdf", input={"value": wrong}, index=2))
    short = V4.format(size=3, digest=hashlib.sha256(content).hexdigest(), href=data(content))
    assert "the Metalink document says 3" in detail(execute(http, "metalink2netcdf", input={"value": short}, index=2))


@pytest.mark.parametrize(
    ("text", "index", "words"),
    [
        ("<metalink/>", 1, "it has 0 files"),
        ("<metalink><file/></metalink>", 1, "no place"),
        ("<other/>", 1, "not a Metalink document"),
        ("<metalink>", 1, "not XML"),
        ('<!DOCTYPE m [<!ENTITY a "b">]><metalink/>', 1, "document type declaration"),
        ("<metalink/>", 0, "/inputs/index"),
    ],
)
def test_metalink_documents_of_no_use_are_told(http, text, index, words):
    assert words in detail(execute(http, "metalink2netcdf", input={"value": text}, index=index))

"""Uploads."""

from __future__ import annotations

import hashlib

import pytest


def test_a_file_is_kept_for_its_owner(http, base):
    answer = http.post(
        f"{base}/vault",
        data=b"some bytes",
        headers={"Content-Type": "text/csv", "Content-Disposition": 'attachment; filename="../t able.csv"'},
    )
    kept = answer.json()
    assert answer.status_code == 201
    assert kept["href"] == f"vault:{kept['id']}"
    assert (kept["name"], kept["type"], kept["size"]) == ("t able.csv", "text/csv", 10)
    assert kept["sha256"] == hashlib.sha256(b"some bytes").hexdigest()
    assert answer.headers["Location"] == f"{base}/vault/{kept['id']}"
    assert http.get(answer.headers["Location"]).json() == kept
    assert http.delete(answer.headers["Location"]).status_code == 204
    assert http.get(answer.headers["Location"]).status_code == 404
    assert http.delete(answer.headers["Location"]).status_code == 404


def test_the_name_may_stand_in_the_query(http, base):
    answer = http.post(f"{base}/vault?name=a.txt", data=b"", headers={"Content-Type": "text/plain"})
    assert answer.json()["name"] == "a.txt"
    assert answer.json()["size"] == 0


def test_an_upload_is_larger_than_a_document_may_be(http, base):
    chunks = (b"x" * 65536 for _ in range(400))
    answer = http.post(f"{base}/vault", data=chunks, headers={"Content-Type": "application/octet-stream"})
    assert answer.status_code == 201
    assert answer.json()["size"] == 400 * 65536


@pytest.mark.parametrize("upload_id", ["x", "%2e%2e%2fweaverlite.db", "a%00b"])
def test_an_unknown_upload_is_told(http, base, upload_id):
    assert http.get(f"{base}/vault/{upload_id}").status_code == 404

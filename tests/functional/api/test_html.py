"""Every document as a page: HTML5 with everything the JSON says, all links, and nothing that runs."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from tests.functional.api.conftest import ended, submit
from tests.live import TOOL
from weaverlite.models.process import OutputDescription
from weaverlite.testing.app import running
from weaverlite.testing.instant import InstantProcess

_PAGE = "text/html; charset=utf-8"
_BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
_VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Reads a page, and fails where an element is not closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.text, self.hrefs, self.tags = [], [], [], set()
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"
        self.words = " ".join(" ".join(self.text).split())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "a":
            self.hrefs.append(dict(attrs)["href"])
        assert not any(name.startswith("on") or name == "style" for name, _ in attrs), attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def scalars(value, name=""):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from scalars(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from scalars(item, name)
    elif isinstance(value, str) and name not in ("href", "rel"):
        yield " ".join(value.split())


def hrefs(value):
    if isinstance(value, dict):
        if isinstance(value.get("href"), str):
            yield value["href"]
        for item in value.values():
            yield from hrefs(item)
    elif isinstance(value, list):
        for item in value:
            yield from hrefs(item)


@pytest.fixture(scope="module")
def jobs(service):
    with service.session() as http:
        found = {
            "shout": submit(http, "shout", text="<b>bold</b> & 'so'"),
            "report": submit(http, "report"),
            "fail": submit(http, "fail"),
        }
        for job in found.values():
            ended(http, job)
    return found


@pytest.fixture(scope="module")
def odd(tmp_path_factory, backends):
    """A service whose processes have outputs that pages could stumble over."""
    values = {"title": "a", "description": 5, "detail": [1], "links": [{"href": "x"}], "status": "running", "jobs": []}
    processes = [
        InstantProcess(
            process_id="odd",
            function=lambda inputs, context: values,
            outputs=tuple(OutputDescription(output_id=name, schema={}) for name in values),
        ),
        InstantProcess(
            process_id="long",
            function=lambda inputs, context: {"text": "long " * 60_000},
            outputs=(OutputDescription(output_id="text", schema={"type": "string"}),),
        ),
    ]
    directory = tmp_path_factory.mktemp("odd")
    with running(directory, *processes, settings=backends.settings_for(directory)) as service:
        yield service


@pytest.mark.parametrize(
    "place",
    [
        "/",
        "/conformance",
        "/processes?limit=3",
        "/processes/echo",
        "/processes/picky",
        "/jobs?limit=3",
        "shout:",
        "fail:",
        "shout:/results",
        "report:/results",
        "report:/manifest",
        "fail:/exceptions",
        "shout:/logs",
        "shout:/history",
        "shout:/statistics",
        "/versions",
        "/health",
        "/ready",
    ],
)
def test_a_page_shows_everything_that_its_document_says(http, base, jobs, place):
    name, colon, rest = place.partition(":")
    url = jobs[name] + rest if colon else base + place
    document = http.get(url, headers={"Accept": "application/json"}).json()
    answer = http.get(url, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == _PAGE
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.text.startswith("<!DOCTYPE html>\n<html lang=")
    page = Page(answer.text)
    missing = [text for text in scalars(document) if text not in page.words]
    assert not missing
    assert set(hrefs(document)) <= set(page.hrefs)
    assert "script" not in page.tags


def page_of(answer):
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, _PAGE), answer.text
    return Page(answer.text)


def test_everything_that_can_be_had_can_be_had_as_a_page(http, base, jobs):
    """1.0 wants it of each answer of 200 (18-062r2, /req/html/definition)."""
    document = http.get(f"{base}/api").json()
    names = {"process_id": "report", "output_id": "parts", "index": "0"}
    asked = 0
    for path, item in document["paths"].items():
        if "get" not in item or path.startswith(("/vault/", "/processes/{process_id}/jobs/")):
            continue
        if path.endswith(("/package", "/outputs/{path}")):
            # A process that is built in has no package, and a file is always itself.
            continue
        job = "fail" if path.endswith("/exitCode") else "report"
        known = {**names, "job_id": jobs[job].rpartition("/")[2]}
        for query, accept in (("", "text/html"), ("?f=html", "application/json")):
            answer = http.get(f"{base}{path.format(**known)}{query}", headers={"Accept": accept})
            assert answer.headers["Content-Type"] == _PAGE, (path, answer.status_code, answer.text)
            assert answer.status_code == 200, path
            Page(answer.text)
        asked += 1
    assert asked > 20


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("shout:/results/loud", "<B>BOLD</B> & 'SO'"),
        ("shout:/outputs/loud", "<B>BOLD</B> & 'SO'"),
        ("report:/results/count", "3"),
        ("report:/results/box", "a 1, null"),
        ("report:/results/maps", "deep/a.txt"),
        ("report:/outputs/parts", "text/plain"),
    ],
)
def test_a_value_is_a_page_for_browsers(http, jobs, place, said):
    name, _, rest = place.partition(":")
    page = page_of(http.get(jobs[name] + rest, headers={"Accept": _BROWSER}))
    assert said in page.words
    assert jobs[name] in page.hrefs
    assert jobs[name] + rest + "?f=json" in page.hrefs
    assert http.get(jobs[name] + rest).headers["Content-Type"] != _PAGE


def test_browsers_get_files_themselves(http, jobs):
    page = page_of(http.get(f"{jobs['report']}/results", headers={"Accept": _BROWSER}))
    files = [href for href in page.hrefs if "/outputs/" in href]
    assert len(files) == 4
    for url in (*files, f"{jobs['report']}/results/table", f"{jobs['report']}/results/parts/0"):
        answer = http.get(url, headers={"Accept": _BROWSER})
        assert answer.status_code == 200
        assert answer.headers["Accept-Ranges"] == "bytes", url
        assert http.get(url).content == answer.content
    for accept in ("text/html", "application/json"):
        assert http.get(f"{files[0]}?f=html", headers={"Accept": accept}).headers["Accept-Ranges"] == "bytes"


def test_a_page_of_a_file_links_to_it(http, jobs):
    for asked in ("table", "parts/0"):
        url = f"{jobs['report']}/results/{asked}"
        for query, accept in (("?f=html", _BROWSER), ("", "text/html")):
            answer = http.get(url + query, headers={"Accept": accept})
            (file,) = [href for href in page_of(answer).hrefs if "/outputs/" in href]
            assert http.get(file).content == http.get(url).content


def test_a_file_that_is_html_is_its_own_page(http, jobs):
    for query, accept in (("?f=html", None), ("", "text/html"), ("", _BROWSER)):
        answer = http.get(f"{jobs['report']}/results/page{query}", headers={"Accept": accept})
        assert answer.text == "<script>alert(1)</script>"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox;")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"outputs": {"count": {}, "table": {}}},
        {"outputs": {"count": {}, "table": {}}, "response": "raw"},
        {"outputs": {"count": {}, "table": {}}, "response": "document"},
        {"outputs": {"count": {}}, "response": "raw"},
        {"outputs": {"count": {}}},
    ],
    ids=["all", "2.0 several", "1.0 raw", "1.0 document", "1.0 raw one", "2.0 one"],
)
def test_an_execution_that_is_waited_for_is_a_page(http, base, body):
    answer = http.post(f"{base}/processes/report/execution", json=body, headers={"Accept": _BROWSER})
    page = page_of(answer)
    assert "count 3" in page.words
    (job,) = [href for href in page.hrefs if urlsplit(href).path.startswith("/jobs/") and href.count("/") == 4]
    assert http.get(job).json()["status"] == "successful"
    assert f"{job}/results?f=json" in page.hrefs


def test_an_execution_that_makes_one_file_is_the_file_for_browsers(http, base):
    url = f"{base}/processes/report/execution"
    for body in ({"outputs": {"table": {}}}, {"outputs": {"table": {}}, "response": "raw"}):
        assert http.post(url, json=body, headers={"Accept": _BROWSER}).headers["Content-Type"] == "text/csv"
        page = page_of(http.post(url, json=body, headers={"Accept": "text/html"}))
        assert any(href.endswith("/outputs/table/table.csv") for href in page.hrefs)


def test_an_execution_by_a_link_is_a_page_that_executes_nothing_once_more(http, base):
    answer = http.get(f"{base}/processes/shout/execution?text=a", headers={"Accept": _BROWSER})
    page = page_of(answer)
    assert "loud A" in page.words
    assert answer.headers["Cache-Control"] == "no-store"
    assert not any("/execution?" in href for href in page.hrefs)


def test_a_dry_run_is_a_page(http, base):
    body = {"inputs": {"text": "hello"}}
    answer = http.post(f"{base}/processes/shout/execution?dryRun=true", json=body, headers={"Accept": "text/html"})
    assert "hello" in page_of(answer).words


def test_outputs_may_have_any_name(base, odd):
    with odd.session() as session:
        answer = session.post(f"{base}/processes/odd/execution", json={}, headers={"Accept": "text/html"})
    page = page_of(answer)
    for said in ("title a", "description 5", "detail 1", "links", "x", "status running", "jobs none"):
        assert said in page.words, said
    assert not {"progress", "article"} & page.tags


def test_a_large_value_is_a_link_to_it(base, odd):
    with odd.session() as http:
        job = submit(http, "long")
        ended(http, job)
        for page in (f"{job}/results/text?f=html", f"{job}/results?f=html"):
            answer = http.get(page)
            assert len(answer.content) < 100_000
            assert any(href.startswith(f"{job}/results/text") for href in page_of(answer).hrefs)
        (whole,) = [href for href in page_of(http.get(f"{job}/results/text?f=html")).hrefs if href.endswith("?f=text")]
        assert len(http.get(whole, headers={"Accept": _BROWSER}).text) == 300_000


def test_a_package_is_itself_for_browsers_and_a_page_when_it_is_asked_for(base, odd):
    with odd.session() as http:
        tool = {**TOOL, "id": "tool"}
        sent = http.post(f"{base}/processes", json=tool, headers={"Content-Type": "application/cwl+json"})
        assert sent.status_code == 201, sent.text
        url = f"{base}/processes/tool/package"
        answer = http.get(url, headers={"Accept": _BROWSER})
        assert (answer.headers["Content-Type"], answer.json()) == ("application/cwl+json", tool)
        for answer in (http.get(f"{url}?f=html"), http.get(url, headers={"Accept": "text/html"})):
            assert "CommandLineTool" in page_of(answer).words


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_is_text_for_browsers_and_a_page_when_it_is_asked_for(http, jobs, name):
    url = f"{jobs['shout']}/{name}"
    assert http.get(url, headers={"Accept": _BROWSER}).headers["Content-Type"] == "text/plain; charset=utf-8"
    text = http.get(url).text
    for answer in (http.get(f"{url}?f=html"), http.get(url, headers={"Accept": "text/html"})):
        page = page_of(answer)
        assert " ".join(text.split()) in page.words
        assert f"{url}?f=text" in page.hrefs


def test_f_gives_a_page_too(http, base):
    answer = http.get(f"{base}/processes?limit=1&f=html", headers={"Accept": "application/json"})
    assert answer.headers["Content-Type"] == _PAGE
    assert f"{base}/processes?limit=1&f=json" in Page(answer.text).hrefs


def test_documents_link_to_their_pages(http, base, jobs):
    places = ("/", "/processes?limit=2", "/processes/echo", "/jobs?limit=1")
    for url in (*(base + place for place in places), jobs["shout"]):
        links = http.get(url).json()["links"]
        (own,) = [link for link in links if link["rel"] == "self"]
        (page,) = [link for link in links if link["rel"] == "alternate" and link["type"] == "text/html"]
        assert own["type"] == "application/json"
        assert http.get(own["href"]).headers["Content-Type"] == "application/json"
        assert http.get(page["href"]).headers["Content-Type"] == _PAGE


def test_each_entry_of_a_list_links_to_its_page(http, base, jobs):
    for name in ("processes", "jobs"):
        for entry in http.get(f"{base}/{name}?limit=2").json()[name]:
            assert {"self", "alternate"} <= {link["rel"] for link in entry["links"]}


def test_what_users_write_is_escaped(http, base):
    nasty = "</dd><script>alert(1)</script>\"'&"
    job = http.post(
        f"{base}/processes/shout/execution",
        json={"inputs": {"text": nasty}, "options": {"name": nasty}},
        headers={"Prefer": "respond-async"},
    ).headers["Location"]
    ended(http, job)
    for place in ("", "/results", "/logs", "/inputs"):
        answer = http.get(f"{job}{place}?f=html")
        assert answer.status_code == 200, place
        assert "<script" not in answer.text.lower()
        assert "script" not in Page(answer.text).tags
    assert nasty in Page(http.get(f"{job}?f=html").text).words


def test_a_page_may_load_its_style_and_nothing_else(http, base):
    policy = http.get(f"{base}/?f=html").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_errors_are_pages_for_those_who_read_pages(http, base):
    answer = http.get(f"{base}/jobs?limit=0&datetime=x", headers={"Accept": "text/html"})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == _PAGE
    words = Page(answer.text).words
    for fault in http.get(f"{base}/jobs?limit=0&datetime=x").json()["errors"]:
        assert fault["message"] in words
    for path, status in (("/nothing", 404), ("/processes/none", 404), ("/jobs?f=nonsense", 400), ("/%ff", 400)):
        answer = http.get(f"{base}{path}", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, _PAGE)
        Page(answer.text)
    answer = http.put(f"{base}/processes", headers={"Accept": "text/html"})
    assert answer.status_code == 405 and answer.headers["Allow"]


def test_head_of_a_page_has_its_length(http, base):
    got, head = http.get(f"{base}/processes?f=html"), http.head(f"{base}/processes?f=html")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]

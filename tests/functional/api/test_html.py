"""Every document as a page: HTML5 with everything the JSON says, all links, and nothing that runs."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from tests.functional.api.conftest import ended, submit

_PAGE = "text/html; charset=utf-8"
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

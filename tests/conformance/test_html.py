"""The same resources as pages for people: the class html of both versions of Part 1 and of OGC API - Common."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
import requests

from tests.conformance.asserts import body, media_type, problem, said, status
from tests.conformance.marks import COMMON, V1, V2, req
from tests.conformance.packages import PROCESS_IDS
from tests.conformance.service import Service

HTML = "text/html"
#: What a browser sends.
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
PAGES = ["/", "/conformance", "/processes", "/jobs", *(f"/processes/{name}" for name in PROCESS_IDS)]
JOBS = ["successful", "failed", "running", "accepted", "dismissed", "many"]
VOID = set("area base br col embed hr img input link meta source track wbr".split())


class Page(HTMLParser):
    """A page that was read: its links, its words, and whether its elements are closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.hrefs: list[str] = []
        self.sources: list[str] = []
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.declaration = ""
        self._open: list[str] = []
        self.faults: list[str] = []
        self.feed(text)
        self.close()

    def handle_decl(self, decl: str) -> None:
        self.declaration = decl.lower()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.hrefs.append(given["href"] or "")
        if tag in ("script", "img", "link", "iframe"):
            self.sources.append(given.get("src") or given.get("href") or "")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self._open or self._open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self._open[-1:]}")
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._open[-1:] not in (["script"], ["style"]):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page(answer: requests.Response) -> Page:
    """Return a page that must be whole HTML5."""
    status(answer, 200)
    assert media_type(answer) == HTML, said(answer)
    found = Page(answer.text)
    assert found.declaration == "doctype html", said(answer)
    assert {"html", "head", "title", "body"} <= found.tags
    assert not found.faults, found.faults
    return found


def all_of(*names: str) -> Any:
    return req(*(f"{part}html/{name}" for name in names for part in (V1, V2, COMMON)))


@all_of("definition")
@pytest.mark.parametrize("accept", [HTML, BROWSER, "text/html;q=0.9, application/json;q=0.1"])
@pytest.mark.parametrize("path", PAGES)
def test_req_html_definition(service: Service, path: str, accept: str) -> None:
    service.process(path.rpartition("/")[2])
    assert page(service.get(path, accept=accept)).text


@all_of("definition")
@pytest.mark.parametrize("name", JOBS)
def test_req_html_definition__job(service: Service, name: str) -> None:
    job = getattr(service, name)
    assert job.job_id in page(service.get(job.url, accept=HTML)).text


@all_of("definition")
def test_req_html_definition__results(service: Service) -> None:
    found = page(service.get(f"{service.many.url}/results", accept=HTML))
    assert "count" in found.text


@all_of("definition")
@pytest.mark.parametrize("accept", [HTML, BROWSER])
@pytest.mark.parametrize("resource", ["results", "outputs", "manifest", "logs", "history", "inputs", "statistics"])
def test_req_html_definition__job_parts(service: Service, resource: str, accept: str) -> None:
    """Every answer of 200 of every operation, says version 1.0."""
    assert page(service.get(f"{service.successful.url}/{resource}", accept=accept)).text


@all_of("definition")
@pytest.mark.parametrize("query", ["", "?f=html"])
@pytest.mark.parametrize("resource", ["results/stringInput", "outputs/stringInput", "stdout", "stderr", "exitCode"])
def test_req_html_definition__what_is_no_document(service: Service, resource: str, query: str) -> None:
    """Also of what is text or bytes by itself."""
    job = service.many if resource == "exitCode" else service.successful
    assert page(service.get(f"{job.url}/{resource}{query}", accept=HTML)).text


@all_of("definition")
@pytest.mark.parametrize("accept", [HTML, BROWSER])
@pytest.mark.parametrize("body", [{}, {"response": "raw"}, {"response": "document"}], ids=["2.0", "raw", "document"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_req_html_definition__execution(
    service: Service, outputs: int, body: dict[str, Any], accept: str
) -> None:
    """An execution that is waited for answers 200 as well."""
    wanted = {"outputs": {name: {} for name in ["stringInput", "doubleInput"][:outputs]}}
    request = {"inputs": {"stringInput": "shown", "doubleInput": 1.5}, **wanted, **body}
    answer = service.post("/processes/echo/execution", json=request, accept=accept)
    assert "shown" in page(answer).text


@all_of("definition")
@pytest.mark.parametrize("path", ["/", "/conformance", "/processes", "/processes/echo", "/jobs"])
def test_req_html_definition__by_f(service: Service, path: str) -> None:
    """``f=html`` beats ``Accept``: a link can be shown to a person."""
    assert page(service.get(path, params={"f": "html"})).text


@all_of("definition")
@pytest.mark.parametrize("path", ["/processes/nobody", "/jobs/nobody"])
def test_req_html_definition__errors(service: Service, path: str) -> None:
    """A person who follows a stale link gets a page; a program that did not ask for one gets none."""
    answer = service.get(path, accept=BROWSER)
    status(answer, 404)
    assert media_type(answer) == HTML, said(answer)
    assert "nobody" in Page(answer.text).text
    problem(service.get(path, accept="*/*"), 404)


def facts(found: Any) -> list[str]:
    """Return what a document says: the texts and numbers of its members, without those of its links."""
    if isinstance(found, dict):
        return [text for name, value in found.items() if name != "links" for text in facts(value)]
    if isinstance(found, list):
        return [text for value in found for text in facts(value)]
    return [str(found)] if isinstance(found, str | int) and not isinstance(found, bool) else []


@all_of("content")
@pytest.mark.parametrize("path", [item for item in PAGES if item != "/jobs"])
def test_req_html_content(service: Service, path: str) -> None:
    """The page says what the document says."""
    service.process(path.rpartition("/")[2])
    document = body(service.get(path))
    found = page(service.get(path, accept=HTML))
    said_by_document = facts(document)
    assert said_by_document or document["links"]
    known = {*found.hrefs}
    missing = [fact for fact in said_by_document if " ".join(fact.split()) not in found.text and fact not in known]
    assert not missing, f"{path} as HTML does not say {missing[:10]}"


@all_of("content")
@pytest.mark.parametrize("path", [item for item in PAGES if item != "/jobs"])
def test_req_html_content__links(service: Service, path: str) -> None:
    """Every link of the document is one of the page."""
    service.process(path.rpartition("/")[2])
    document = body(service.get(path))
    found = page(service.get(path, accept=HTML))
    links = document.get("links", [])
    assert links or path == "/conformance"
    hrefs = set(found.hrefs)
    missing = [
        link["href"] for link in links if link["href"] not in hrefs and link.get("rel") not in ("self", "alternate")
    ]
    assert not missing, f"{path} as HTML has no <a> for {missing}"
    assert hrefs, "a page without links is the end of the road"


@all_of("content")
@pytest.mark.parametrize("name", JOBS[:2] + JOBS[4:])
def test_req_html_content__job(service: Service, name: str) -> None:
    job = getattr(service, name)
    document = body(service.get(job.url))
    found = page(service.get(job.url, accept=HTML))
    for member in ("jobID", "processID", "status", "message", "created"):
        assert str(document[member]) in found.text, member


@all_of("content")
@pytest.mark.parametrize("path", ["/", "/processes", "/processes/echo", "/jobs"])
def test_req_html_content__nothing_from_elsewhere(service: Service, path: str) -> None:
    """A page works where there is no network but this service."""
    found = page(service.get(path, accept=HTML))
    elsewhere = [item for item in found.sources if "//" in item and not item.startswith(service.url)]
    assert not elsewhere, elsewhere


@all_of("content")
def test_req_html_content__escaped(service: Service) -> None:
    """What users write is text, not markup."""
    job = service.echo("<script>alert(1)</script>", outputs={"stringInput": {}})
    answer = service.get(f"{job.url}/results", accept=HTML)
    assert page(answer).text
    assert "<script>alert(1)" not in answer.text
    assert "alert(1)" in answer.text

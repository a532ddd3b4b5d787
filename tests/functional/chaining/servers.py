"""Real HTTP servers that others run in the world: a server of OGC API - Processes 1.0, one of Features, one of STAC."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from tests.listening import listening

#: Status, headers and body that answer a request: its method, path, query and body.
Reply: TypeAlias = tuple[int, Mapping[str, str], bytes]
Answer: TypeAlias = Callable[["Asked"], Reply]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    #: Where the server is.
    base: str


@dataclass
class Server:
    base: str
    #: What answers, where a test asks that too.
    answers: Any = None
    asked: list[Asked] = field(default_factory=list)

    def of(self, method: str, path: str) -> list[Asked]:
        return [item for item in self.asked if item.method == method and item.path == path]


def say(document: Any, status: int = 200, media_type: str = "application/json", **headers: str) -> Reply:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return status, {"Content-Type": media_type, **headers}, body


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    """Answer every request with ``answer`` until the context is left."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            asked = Asked(self.command, parts.path, query, dict(self.headers), body, server.base)
            server.asked.append(asked)
            status, headers, content = answer(asked)
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _do

        def log_message(self, *_: Any) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Clients that have seen enough hang up."""

    with listening(Listener(("127.0.0.1", 0), Handler)) as url:
        server = Server(url)
        yield server


# ---------------------------------------------------------------- processes


class OldProcesses:
    """A server of version 1.0: its jobs run for ``looks`` looks at them, then end as their process wants."""

    def __init__(self, looks: int = 2) -> None:
        self._looks = looks
        self._left: dict[str, int] = {}
        #: Set to let what hangs go on.
        self.gate = threading.Event()
        self.dismissed: list[str] = []

    def __call__(self, asked: Asked) -> Reply:
        if found := re.fullmatch(r"/processes/(\w+)/execution", asked.path):
            return self._execute(found[1], asked)
        if found := re.fullmatch(r"/jobs/(\w+)-(\d+)(/results)?", asked.path):
            return self._job(found[1], f"{found[1]}-{found[2]}", bool(found[3]), asked)
        return say({"code": "NotFound", "description": "nothing here"}, 404)

    def _execute(self, process: str, asked: Asked) -> Reply:
        text = asked.body["inputs"].get("text")
        if process == "sync":
            return say({"loud": text.upper()})
        if process == "raw":
            return say(text.upper().encode(), 200, "text/plain")
        if process == "page":
            return say(b"<html>Log in</html>", 200, "text/html")
        if process == "broken":
            return say({"code": "Oops", "description": "out of order"}, 500)
        if process == "picky":
            return say({"type": "x", "title": "Invalid", "detail": "text is too long"}, 400, "application/problem+json")
        if process == "silent":
            self.gate.wait(30)
            return say({}, 500)
        job = f"{process}-{len(self._left) + 1}"
        self._left[job] = self._looks
        # What the job does with its inputs is of no interest: it answers what it got.
        self._inputs = asked.body["inputs"]
        return say(self._status(job, "accepted"), 201, Location=f"/jobs/{job}")

    def _job(self, process: str, job: str, is_results: bool, asked: Asked) -> Reply:
        if asked.method == "DELETE":
            self.dismissed.append(job)
            return say(self._status(job, "dismissed"))
        if job in self.dismissed:
            return say(self._status(job, "dismissed"))
        if is_results:
            return self._results(process, job)
        self._left[job] -= 1
        if process == "garbage":
            return say(b"<html>", 200, "text/html")
        if process == "flaky" and self._left[job] == 1:
            return say({}, 503)
        if process == "hang" or self._left[job] > 0:
            return say(self._status(job, "running", 100 - 10 * max(0, self._left[job])))
        return say(self._status(job, "failed" if process == "fail" else "successful"))

    def _results(self, process: str, job: str) -> Reply:
        if process == "fail":
            return say({"code": "NoApplicableCode", "description": "the disk is full there"}, 400)
        if process == "links":
            return 204, {"Link": '</files/a.txt>; rel="loud"; type="text/plain"'}, b""
        text = self._inputs.get("text")
        loud = text.upper() if isinstance(text, str) else text
        return say({"loud": loud, "quiet": {"value": [1], "mediaType": "a/b"}})

    @staticmethod
    def _status(job: str, status: str, progress: int = 0) -> dict[str, Any]:
        return {"jobID": job, "type": "process", "status": status, "progress": progress, "message": f"is {status}"}


# ---------------------------------------------------------------- collections


def feature(number: int, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": f"f{number}",
        "geometry": {"type": "Point", "coordinates": [number, number / 2]},
        "properties": {"number": number, "name": f"name {number}", **properties},
    }


FEATURES = [
    feature(number, datetime=f"2024-01-{number + 1:02}T00:00:00Z", kind="odd" if number % 2 else "even")
    for number in range(25)
]

CORE = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core"
FILTERS = [
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
]


def features_server(conforms: list[str], page: int = 10) -> Answer:
    """Return what a server of OGC API - Features answers: pages of ``page``, and a filter on ``number < n``."""

    def answer(asked: Asked) -> Reply:
        if asked.path == "/conformance":
            return say({"conformsTo": conforms})
        if asked.path == "/collections/points":
            link = {"href": "/collections/points/items", "rel": "items", "type": "application/geo+json"}
            page_for_people = {"href": "x.html", "rel": "items", "type": "text/html"}
            return say({"id": "points", "links": [page_for_people, link]})
        if asked.path == "/collections/points/items":
            return _page(asked, conforms, page)
        if asked.path == "/collections/grid":
            relation = "http://www.opengis.net/def/rel/ogc/1.0/coverage"
            link = {"href": "/grid.tif", "rel": relation, "type": "image/tiff"}
            return say({"id": "grid", "links": [link]})
        if asked.path == "/grid.tif":
            return say(b"II*\x00" + asked.query.get("bbox", "").encode(), media_type="image/tiff")
        if asked.path == "/plain.geojson":
            return say({"type": "FeatureCollection", "features": FEATURES}, media_type="application/geo+json")
        if asked.path == "/loop":
            link = {"href": "/loop?again=1", "rel": "next"}
            return say({"type": "FeatureCollection", "features": FEATURES[:1], "links": [link]})
        if asked.path == "/endless":
            number = int(asked.query.get("n", "0"))
            link = {"href": f"/endless?n={number + 1}", "rel": "next"}
            return say({"type": "FeatureCollection", "features": FEATURES, "links": [link]})
        if asked.path == "/login":
            return say(b"<html>Log in</html>", media_type="text/html")
        if asked.path == "/list":
            return say([1, 2])
        if asked.path == "/torn":
            return say(b'{"type": "FeatureCollection", "features": [')
        return say({"title": "Not here", "detail": "there is no such collection"}, 404, "application/problem+json")

    return answer


def _page(asked: Asked, conforms: list[str], page: int) -> Reply:
    found = FEATURES
    if CORE in conforms and "bbox" in asked.query:
        west, south, east, north = map(float, asked.query["bbox"].split(","))
        found = [item for item in found if west <= item["geometry"]["coordinates"][0] <= east]
    if "filter" in asked.query:
        limit = int(asked.query["filter"].rpartition("<")[2])
        found = [item for item in found if item["properties"]["number"] < limit]
    start = int(asked.query.get("start", "0"))
    size = min(page, int(asked.query.get("limit", page)))
    links = []
    if start + size < len(found):
        rest = "&".join(f"{name}={value}" for name, value in asked.query.items() if name in ("bbox", "limit"))
        links = [{"href": f"/collections/points/items?start={start + size}&{rest}", "rel": "next"}]
        if "filter" in asked.query:
            links[0]["href"] += f"&filter={asked.query['filter'].replace(' ', '%20').replace('<', '%3C')}"
    return say({"type": "FeatureCollection", "features": found[start : start + size], "links": links})


def stac_server(asked: Asked) -> Reply:
    """A static STAC catalogue: two items, each with a table and a picture."""
    if asked.path == "/stac/collection.json":
        links = [{"href": "./a/a.json", "rel": "item"}, {"href": "./b/b.json", "rel": "item"}]
        return say({"type": "Collection", "stac_version": "1.0.0", "id": "scenes", "links": links})
    if found := re.fullmatch(r"/stac/([ab])/\1\.json", asked.path):
        name = found[1]
        assets = {
            "table": {"href": f"./{name}.csv", "type": "text/csv", "roles": ["data"]},
            "picture": {"href": f"./{name}.png", "type": "image/png", "roles": ["thumbnail"]},
        }
        item = feature(1 if name == "a" else 2, datetime="2024-01-01T00:00:00Z")
        return say({**item, "id": name, "stac_version": "1.0.0", "assets": assets, "links": []})
    if found := re.fullmatch(r"/stac/([ab])/\1\.csv", asked.path):
        return say(f"{found[1]}\n".encode(), media_type="text/csv")
    return say({}, 404)

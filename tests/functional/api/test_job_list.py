"""The list of jobs: filters, orders, pages and their links."""

from __future__ import annotations

import time
import uuid

import pytest

from weaverlite.ogc import exceptions
from weaverlite.ogc import links as rel
from weaverlite.ogc.links import find, read_links
from weaverlite.testing.app import URL

from .conftest import GATES, ended, submit

PROCESSES = ["shout", "halves"]
SORTS = ["created", "started", "finished", "process", "status"]


@pytest.fixture(scope="module")
def batch(service):
    """A word for the processes of this module to find their jobs by: five that have ended, with a tag each."""
    word = f"batch-{uuid.uuid4().hex[:8]}"
    with service.session() as http:
        made = []
        for number in range(5):
            answer = http.post(
                f"{URL}/processes/{PROCESSES[number % 2]}/execution?tags={word},number-{number}",
                json={"inputs": {"text": "a"} if number % 2 == 0 else {}},
                headers={"Prefer": "respond-async"},
            )
            assert answer.status_code == 201, answer.text
            made.append(answer.json()["jobID"])
        for job_id in made:
            ended(http, f"{URL}/jobs/{job_id}")
    return word, made


def listed(http, base, query):
    answer = http.get(f"{base}/jobs?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(page):
    return [job["jobID"] for job in page["jobs"]]


def walk(http, page, relation):
    """Follow the links of this relation; return the pages."""
    pages = [page]
    while link := find(read_links(pages[-1]), relation):
        answer = http.get(link.href)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        assert len(pages) < 100
    return pages


# ---------------------------------------------------------------- pages


def test_pages_are_linked_forward_and_backward(http, base, batch):
    word, made = batch
    pages = walk(http, listed(http, base, f"tags={word}&limit=2"), rel.NEXT)
    assert [ids(page) for page in pages] == [made[4:2:-1], made[2:0:-1], made[:1]]
    assert find(read_links(pages[0]), rel.PREV) is None
    back = walk(http, pages[-1], rel.PREV)
    assert [ids(page) for page in back] == [ids(page) for page in reversed(pages)]
    for page in pages + back:
        assert find(read_links(page), rel.FIRST).href == f"{base}/jobs?tags={word}&limit=2"
        assert find(read_links(page), rel.UP).href == f"{base}/"
        assert find(read_links(page), rel.ALTERNATE).type == "text/html"
    # On and on: a page reached backward leads forward again.
    assert ids(walk(http, back[1], rel.NEXT)[1]) == ids(pages[2])


def test_page_of_a_number_has_links_that_go_on(http, base, batch):
    word, made = batch
    page = listed(http, base, f"tags={word}&limit=2&page=1")
    assert ids(page) == made[2:0:-1]
    assert ids(walk(http, page, rel.NEXT)[1]) == made[:1]
    assert ids(walk(http, page, rel.PREV)[1]) == made[4:2:-1]
    assert "page=" not in find(read_links(page), rel.NEXT).href
    whole, first = (listed(http, base, f"tags={word}&limit=2{number}") for number in ("", "&page=0"))
    assert first["jobs"] == whole["jobs"]


def test_page_behind_the_last_one_is_empty_and_leads_back(http, base, batch):
    word, made = batch
    page = listed(http, base, f"tags={word}&limit=2&page=4")
    assert page["jobs"] == []
    assert find(read_links(page), rel.NEXT) is None
    assert [len(found["jobs"]) for found in walk(http, page, rel.PREV)][:3] == [0, 0, 1]


@pytest.mark.parametrize("sort", SORTS + [f"-{sort}" for sort in SORTS])
def test_every_order_can_be_paged_with_every_filter(http, base, batch, sort):
    _, made = batch
    member = {"process": "processID"}.get(sort.lstrip("-"), sort.lstrip("-"))
    # Only what was made one by one for this module: jobs of other tests may end between two pages.
    first, last = (http.get(f"{base}/jobs/{job_id}").json()["created"] for job_id in (made[0], made[-1]))
    query = f"sort={sort}&datetime={first}/{last}&status=successful,failed&processID=shout,halves&minDuration=0&limit=2"
    pages = walk(http, listed(http, base, query), rel.NEXT)
    found = [job for page in pages for job in page["jobs"]]
    assert sorted(job["jobID"] for job in found) == sorted(made)
    values = [job[member] for job in found]
    assert values == sorted(values, reverse=sort.startswith("-"))
    back = walk(http, pages[-1], rel.PREV)
    assert [ids(page) for page in back] == [ids(page) for page in reversed(pages)]


def test_ids_alone_are_given_without_detail(http, base, batch):
    word, made = batch
    page = listed(http, base, f"tags={word}&detail=false&limit=3")
    assert page["jobs"] == made[:1:-1]
    assert "detail=false" in find(read_links(page), rel.NEXT).href
    assert listed(http, base, f"tags={word}&detail=true")["jobs"][0]["jobID"] == made[4]


# ---------------------------------------------------------------- filters


def test_lists_come_by_comma_and_by_repetition(http, base, batch):
    word, made = batch
    for query in ("processID=shout,halves", "processID=shout&processID=halves", "type=process&type=wps"):
        assert ids(listed(http, base, f"tags={word}&{query}")) == made[::-1]
    assert ids(listed(http, base, f"tags={word}&processID=halves")) == [made[3], made[1]]
    assert ids(listed(http, base, f"tags={word}&type=wps")) == []


def test_tags_are_labels_without_a_value(http, base, batch):
    word, made = batch
    assert ids(listed(http, base, f"tags={word},number-3")) == [made[3]]
    assert ids(listed(http, base, f"tags={word}&tags=number-3")) == [made[3]]
    assert ids(listed(http, base, f"label={word}=&tags=number-2")) == [made[2]]
    assert ids(listed(http, base, f"tags={word},nothing")) == []
    status = http.get(f"{base}/jobs/{made[1]}").json()
    assert status["tags"] == [word, "number-1"]
    assert status["labels"] == {word: "", "number-1": ""}


def test_tags_can_stand_in_the_options_too(http, base):
    word = f"tag-{uuid.uuid4().hex[:8]}"
    body = {"inputs": {"text": "a"}, "options": {"tags": [word], "labels": {"site": "sea"}}}
    made = http.post(f"{base}/processes/shout/execution", json=body, headers={"Prefer": "respond-async"}).json()
    assert made["labels"] == {word: "", "site": "sea"}
    assert ids(listed(http, base, f"tags={word}&label=site=sea")) == [made["jobID"]]


def test_durations_are_of_ended_and_of_running_jobs(http, base, batch, gate_name):
    word, made = batch
    assert ids(listed(http, base, f"tags={word}&minDuration=0&maxDuration=3600")) == made[::-1]
    assert ids(listed(http, base, f"tags={word}&minDuration=3600")) == []
    # Of several the widest bounds count: a job has to fit one of them.
    assert ids(listed(http, base, f"tags={word}&minDuration=3600,0")) == made[::-1]
    # More than run at a time, on one worker or on two: the last one waits.
    held = [submit(http, "gate", name=gate_name) for _ in range(5)]
    first, last = held[0].rpartition("/")[2], held[-1].rpartition("/")[2]
    assert until_status(http, held[0], "running")
    found = ids(listed(http, base, "processID=gate&minDuration=0&limit=100"))
    assert first in found
    assert last not in found
    assert first not in ids(listed(http, base, "processID=gate&minDuration=3600&limit=100"))
    assert last in ids(listed(http, base, "processID=gate&status=accepted&limit=100"))
    assert last not in ids(listed(http, base, "processID=gate&status=accepted&minDuration=0&limit=100"))
    GATES[gate_name].set()
    for job in held:
        ended(http, job)


def until_status(http, job, status):
    for _ in range(4000):
        if http.get(job).json()["status"] == status:
            return True
        time.sleep(0.01)
    return False


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=1000000000", "limit"),
        ("page=-1", "page"),
        ("page=x", "page"),
        ("page=5000&limit=10", "page"),
        ("page=10001", "page"),
        ("page=1&cursor=abc", "page"),
        ("sort=colour", "sort"),
        ("sort=", "sort"),
        ("sort=--created", "sort"),
        ("sort=started&tags=a", "sort"),
        ("sort=status&prefix=012345", "sort"),
        ("detail=maybe", "detail"),
        ("status=done,running", "status"),
        ("minDuration=-1", "minDuration"),
        ("minDuration=1.5", "minDuration"),
        ("maxDuration=9999999999", "maxDuration"),
        ("minDuration=10&maxDuration=9", "minDuration"),
        ("datetime=..", "datetime"),
        ("datetime=/", "datetime"),
        ("datetime=yesterday", "datetime"),
        ("datetime=2026-01-02T00:00:00Z/2026-01-01T00:00:00Z", "datetime"),
        ("datetime=2026-01-01T00:00:00Z/2026-01-02T00:00:00Z/2026-01-03T00:00:00Z", "datetime"),
        ("cursor=", "cursor"),
        ("cursor=abc", "cursor"),
        ("cursor=W10", "cursor"),
        ("cursor=%FF", ""),
    ],
)
def test_what_is_no_filter_is_refused_with_its_name(http, base, query, pointer):
    answer = http.get(f"{base}/jobs?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert answer.json()["type"] in (exceptions.INVALID_QUERY_PARAMETER_VALUE, exceptions.INVALID_PARAMETER_VALUE)


def test_cursor_of_another_order_is_refused(http, base, batch):
    link = find(read_links(listed(http, base, "limit=1&sort=created")), rel.NEXT).href
    answer = http.get(link.replace("sort=created", "sort=-finished"))
    assert answer.status_code == 400
    assert "another order" in answer.json()["detail"]


def test_unknown_process_is_not_found_among_known_ones(http, base):
    answer = http.get(f"{base}/jobs?processID=shout,nothing")
    assert answer.status_code == 404
    assert answer.json()["type"] == exceptions.NO_SUCH_PROCESS


def test_every_fault_is_told_at_once(http, base):
    answer = http.get(f"{base}/jobs?limit=0&sort=colour&status=done&minDuration=x")
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"limit", "sort", "status", "minDuration"}

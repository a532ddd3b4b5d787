"""Links in documents and in headers."""

from __future__ import annotations

import pytest

from weaverlite.ogc import links
from weaverlite.ogc.links import Link, find, read_header, read_links


def test_a_link_without_type_writes_no_type():
    assert Link("/a", links.SELF).to_json() == {"href": "/a", "rel": "self"}


def test_json_comes_back_as_it_was():
    link = Link("https://x.org/a", links.RESULTS, "application/json", "All of it")
    assert Link.from_json(link.to_json()) == link


@pytest.mark.parametrize(
    "document", [None, [], {}, {"links": None}, {"links": {}}, {"links": [3, {}, {"rel": "self"}]}]
)
def test_what_is_no_link_is_ignored(document):
    assert read_links(document) == ()


def test_members_that_are_no_text_are_left_out():
    assert read_links({"links": [{"href": "/a", "rel": "self", "type": None}]}) == (Link("/a", "self"),)


def test_a_header_comes_back_as_it_was():
    link = Link("https://x.org/a?b=1,2;c", links.RESULTS, "text/html; charset=utf-8", 'say "so"')
    assert read_header(link.to_header()) == (link,)


def test_a_registered_relation_is_written_bare():
    assert Link("/j", links.MONITOR).to_header() == "</j>; rel=monitor"


def test_several_links_stand_in_one_header():
    found = read_header('</a>; rel=self, </b>; rel="next"; title="one, two; three", </c>;rel=up', "https://x.org/")
    assert [(link.href, link.rel) for link in found] == [
        ("https://x.org/a", "self"),
        ("https://x.org/b", "next"),
        ("https://x.org/c", "up"),
    ]
    assert found[1].title == "one, two; three"


@pytest.mark.parametrize("text", ["", "   ", "nonsense", "<unclosed; rel=self", '</a>; rel="unclosed', ",,,", "<", ">"])
def test_a_malformed_header_has_no_links(text):
    assert read_header(text) == ()


def test_a_malformed_entry_does_not_hide_the_others():
    assert [link.rel for link in read_header("garbage; rel=x, </b>; rel=next")] == ["next"]


def test_the_first_relation_of_a_link_counts():
    assert read_header("</a>; rel=self; rel=next")[0].rel == "self"


def test_find_prefers_the_first_relation_asked_for():
    known = (Link("/a", "status"), Link("/b", "up monitor"))
    assert find(known, "monitor", "status") == known[1]
    assert find(known, "nothing") is None


def test_a_title_that_is_not_ascii_stays_out_of_the_header():
    assert "title" not in Link("/a", "self", title="größe").to_header()

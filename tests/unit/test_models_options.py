from __future__ import annotations

from datetime import timedelta

import pytest

from weaverlite.models.options import Needs, Offer, Options, Resources, Timeouts

FULL = Options(
    name="run",
    labels={"a": "1", "b": "2"},
    priority=5,
    timeouts=Timeouts(queue=timedelta(seconds=1), execution=timedelta(seconds=2), total=timedelta(seconds=3)),
    attempts=2,
    idempotent=True,
    publisher="local",
    resources=Resources(cores=1, memory=2, disk=3),
    keep=timedelta(days=1),
)


def test_what_was_asked_for_beats_the_defaults_member_by_member() -> None:
    asked = Options(priority=0, labels={"b": "mine"}, timeouts=Timeouts(queue=timedelta(0)), idempotent=False)
    over = asked.over(FULL)
    assert over.priority == 0 and over.idempotent is False
    assert over.labels == {"a": "1", "b": "mine"}
    assert over.timeouts == Timeouts(
        queue=timedelta(0), execution=timedelta(seconds=2), total=timedelta(seconds=3)
    )
    assert (over.name, over.attempts, over.publisher, over.keep) == ("run", 2, "local", timedelta(days=1))
    assert over.resources == FULL.resources


def test_nothing_over_nothing_is_nothing() -> None:
    assert Options().over(Options()) == Options()
    assert FULL.over(Options()) == FULL
    assert Options().over(FULL) == FULL


def test_a_document_becomes_options() -> None:
    document = {
        "name": "run",
        "labels": {"a": "1", "b": "2"},
        "priority": 5,
        "timeouts": {"queue": "1s", "execution": 2, "total": "3"},
        "attempts": 2,
        "idempotent": True,
        "publisher": "local",
        "resources": {"cores": 1, "memory": 2, "disk": "3B"},
        "keep": "1d",
    }
    assert Options.from_json(document) == FULL
    assert Options.from_json({}) == Options()


OFFER = Offer(
    worker="w",
    engines=frozenset({"cwl"}),
    schemes=frozenset({"http", "vault"}),
    publishers=frozenset({"local"}),
    cores=2,
    memory=100,
    disk=100,
)


@pytest.mark.parametrize(
    ("needs", "fits"),
    [
        (Needs(engine="cwl"), True),
        (Needs(engine="python"), False),
        (Needs(engine="cwl", schemes=frozenset({"vault"})), True),
        (Needs(engine="cwl", schemes=frozenset({"vault", "s3"})), False),
        (Needs(engine="cwl", publisher="local"), True),
        (Needs(engine="cwl", publisher="s3"), False),
        (Needs(engine="cwl", cores=2, memory=100, disk=100), True),
        (Needs(engine="cwl", cores=2.5), False),
        (Needs(engine="cwl", memory=101), False),
        (Needs(engine="cwl", disk=101), False),
    ],
)
def test_a_node_wins_what_it_can_run(needs: Needs, fits: bool) -> None:
    assert OFFER.fits(needs) is fits

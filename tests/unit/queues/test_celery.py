from __future__ import annotations

import pytest

from weaverlite.errors import ConfigurationError
from weaverlite.queues.celery import ROUTE, broker_url, make_application, queue_name


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("celery+redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("celery+rediss://:word@cache.example.com/3", "rediss://:word@cache.example.com/3"),
        ("celery+redis://localhost/0?queue=mine", "redis://localhost/0"),
        ("celery+rediss://host/0?ssl_cert_reqs=required&queue=a", "rediss://host/0?ssl_cert_reqs=required"),
    ],
)
def test_url_of_the_queue_holds_that_of_the_broker(url: str, broker: str) -> None:
    assert broker_url(url) == broker


@pytest.mark.parametrize("url", ["celery", "celery+amqp://host", "celery+redis://", "redis://host", "celery+redis:"])
def test_other_urls_are_refused_with_an_example(url: str) -> None:
    with pytest.raises(ConfigurationError, match="weaverlite.queue.url.*celery.redis://host:6379/0"):
        broker_url(url)


def test_url_may_name_the_queue_of_one_installation() -> None:
    assert queue_name("celery+redis://localhost/0") == ROUTE
    assert queue_name("celery+redis://localhost/0?queue=blue-1") == "blue-1"
    (route,) = make_application("redis://localhost/0", "blue-1").conf.task_queues
    assert route.name == route.routing_key == "blue-1"


@pytest.mark.parametrize("name", ["", "a%20b", "-a", "a*", "x" * 101])
def test_queue_without_a_proper_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="weaverlite.queue.url names the queue"):
        queue_name(f"celery+redis://localhost/0?queue={name}")


def test_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(ConfigurationError) as caught:
        broker_url("celery+amqp://user:secret@host/")
    assert "secret" not in caught.value.detail


def test_environment_does_not_choose_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://elsewhere:1/1")
    application = make_application("redis://localhost:6379/3")
    for connection in (application.connection_for_read(), application.connection_for_write()):
        assert (connection.hostname, connection.port, connection.virtual_host) == ("localhost", 6379, "3")


def test_application_takes_and_keeps_nothing_but_job_ids() -> None:
    configuration = make_application("redis://localhost/0").conf
    assert configuration.accept_content == ["json"]
    assert configuration.task_serializer == "json"
    assert configuration.result_backend is None
    assert not configuration.task_acks_late
    assert not configuration.worker_enable_remote_control
    assert not configuration.worker_send_task_events
    (route,) = configuration.task_queues
    assert route.name == ROUTE and route.no_ack

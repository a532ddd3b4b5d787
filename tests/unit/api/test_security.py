"""Who asks, and what may come in."""

from __future__ import annotations

import pytest
from pyramid.request import Request

from weaverlite.api.security import AnonymousPolicy, LoopbackGuard, RemoteUserPolicy, policy_of
from weaverlite.errors import Refused, Unauthenticated
from weaverlite.settings import ServerSettings


def request(method="GET", host="localhost", **environ):
    return Request.blank("/", method=method, environ={"HTTP_HOST": host, "REMOTE_ADDR": "127.0.0.1", **environ})


def test_without_a_policy_nobody_is_asked():
    policy = policy_of(ServerSettings())
    assert type(policy) is AnonymousPolicy
    assert policy.authenticated_userid(request(HTTP_X_REMOTE_USER="ada")) is None
    policy.require(request())


@pytest.mark.parametrize("user", ["ada", "ada@example.com", "Ada Lovelace", "größe"])
def test_the_user_of_a_trusted_proxy_is_believed(user):
    policy = RemoteUserPolicy("X-Remote-User", ("127.0.0.0/8",))
    asked = request(HTTP_X_REMOTE_USER=user.encode().decode("latin-1"))
    assert policy.authenticated_userid(asked) == user


@pytest.mark.parametrize("user", ["", " ", " ada", "ada ", "ada,bob", "a\tb", "a\x7f", "a" * 257])
def test_a_user_that_is_none_is_nobody(user):
    policy = RemoteUserPolicy("X-Remote-User", ("127.0.0.1",))
    with pytest.raises(Unauthenticated, match="X-Remote-User"):
        policy.require(request(HTTP_X_REMOTE_USER=user))


@pytest.mark.parametrize("address", ["192.0.2.1", "127.0.0.2", "::1", "", "nonsense", "127.0.0.1, 192.0.2.1"])
def test_the_header_of_another_address_is_not_believed(address):
    policy = RemoteUserPolicy("X-Remote-User", ("127.0.0.1",))
    with pytest.raises(Unauthenticated, match="trusted_proxies"):
        policy.require(request(HTTP_X_REMOTE_USER="ada", REMOTE_ADDR=address))


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:4001", "127.0.0.1", "127.9.9.9:1", "[::1]:80", "a.localhost", ""]
)
def test_names_of_this_machine_are_answered(host):
    LoopbackGuard(ServerSettings()).check(request(host=host))


@pytest.mark.parametrize(
    "host", ["example.com", "192.0.2.1:4001", "localhost.example.com", "[2001:db8::1]", "localhost@x"]
)
def test_names_of_others_are_refused_on_loopback(host):
    with pytest.raises(Refused, match=r"weaverlite\.server\.url"):
        LoopbackGuard(ServerSettings()).check(request(host=host))


@pytest.mark.parametrize(
    "settings",
    [
        ServerSettings(host="0.0.0.0", trusted_network=True),
        ServerSettings(url="https://example.com/weaver"),
        ServerSettings(auth="remote-user", trusted_proxies=("127.0.0.1",)),
    ],
)
def test_the_name_does_not_matter_where_others_are_meant_to_come(settings):
    LoopbackGuard(settings).check(request(host="example.com"))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_writes_of_other_sites_are_refused(method):
    guard = LoopbackGuard(ServerSettings(host="0.0.0.0"))
    with pytest.raises(Refused, match="another site"):
        guard.check(request(method, HTTP_SEC_FETCH_SITE="cross-site"))
    guard.check(request(method, HTTP_SEC_FETCH_SITE="same-origin"))
    guard.check(request("GET", HTTP_SEC_FETCH_SITE="cross-site"))

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from weaverlite.errors import InvalidInput, ReferenceRefused, StagingError
from weaverlite.settings import EgressSettings
from weaverlite.transfer.egress import Egress, is_public, show

#: Addresses, in every spelling that some resolver understands, of what is not a host of the public Internet.
PRIVATE_URLS = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0/",
    "http://0.0.0.0/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://db.localhost/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://192.0.0.8/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[2001:db8::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "http://127\u30020\u30020\u30021/",
    "http://\u2460\u2461\u2466.0.0.1/",
    "http://127.0.0.1./",
    "http://127.0.0.1:8080/",
    "https://127.0.0.1/",
]

REFUSED_URLS = [
    "ftp://example.org/x",
    "gopher://example.org/x",
    "file:///etc/passwd",
    "dict://example.org:1234/",
    "jar:http://example.org!/x",
    "javascript:alert(1)",
    "http://user@example.org/",
    "http://user:password@example.org/",
    "http://example.org@127.0.0.1/",
    "http://example.org:22/",
    "http://example.org:25/",
    "http://example.org:1/",
]

MALFORMED_URLS = [
    "",
    "x",
    "http:",
    "http://",
    "http:///path",
    "http://:80/",
    "http://[::1/",
    "http://example.org:port/",
    "http://example.org:99999/",
    "http://exa mple.org/",
    "http://example.org/a b",
    "http://example.org/\r\nHost: x",
    "http://example.org/\0",
    "http://127.0.0.1\\@example.org/",
    "\\\\host\\share",
    "/etc/passwd",
    "http://example.org/" + "a" * 9000,
]


def fake(*addresses: str) -> Egress:
    return Egress(resolve=lambda host, port: addresses)


@pytest.mark.parametrize("url", PRIVATE_URLS)
def test_a_private_address_is_refused_before_any_connection(url: str) -> None:
    with pytest.raises(ReferenceRefused, match="weaverlite.egress.allow_private"):
        Egress().check(url)


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_what_policy_forbids_is_refused(url: str) -> None:
    with pytest.raises(ReferenceRefused):
        Egress().check(url)


@pytest.mark.parametrize("url", MALFORMED_URLS)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Egress().check(url)
    assert len(caught.value.detail) < 400


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://example.org:8443/a?b#c",
        "http://8.8.8.8/",
        "http://[2606:4700::1111]/",
        "http://localhost.example.org/",
        "HTTP://EXAMPLE.ORG/",
        "https://münchen.example/é",
    ],
)
def test_what_may_be_public_passes_without_a_look_at_its_name(url: str) -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        raise AssertionError("nothing is resolved here")

    Egress(resolve=resolve).check(url)


def test_refusals_tell_nothing_of_what_is_there() -> None:
    def sentence(address: str) -> str:
        with pytest.raises(ReferenceRefused) as caught:
            fake(address).addresses("inside.example.org", 80)
        return caught.value.detail

    assert len({sentence(address) for address in ("127.0.0.1", "10.0.0.1", "::1", "169.254.169.254")}) == 1
    assert "127" not in sentence("127.0.0.1")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "::1", "::ffff:10.0.0.1", "::10.0.0.1", "fec0::1",
     "fe80::1%eth0", "64:ff9b::a00:1", "224.0.0.1", "0.0.0.0", "nonsense"],
)  # fmt: skip
def test_a_name_of_a_private_address_is_refused_when_it_is_resolved(address: str) -> None:
    with pytest.raises(ReferenceRefused):
        fake(address).addresses("inside.example.org", 80)


def test_of_several_addresses_only_public_ones_are_used() -> None:
    found = fake("10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111").addresses("mixed.example.org", 443)
    assert found == ["8.8.8.8", "2606:4700::1111"]


def test_the_port_is_looked_at_again_with_the_name() -> None:
    with pytest.raises(ReferenceRefused, match="weaverlite.egress.ports"):
        fake("8.8.8.8").addresses("example.org", 22)


def test_allowed_networks_are_allowed_and_no_others() -> None:
    egress = Egress(allow_private=["10.1.0.0/16", "127.0.0.1", "fd00::/8"])
    for url in ("http://10.1.2.3/", "http://127.0.0.1/", "http://[::ffff:10.1.2.3]/", "http://[fd12::1]/"):
        egress.check(url)
    for url in ("http://10.2.0.1/", "http://127.0.0.2/", "http://[fe80::1]/", "http://localhost/"):
        with pytest.raises(ReferenceRefused):
            egress.check(url)


@pytest.mark.parametrize(
    "entry", [".internal.example", "*.internal.example", "nas.internal.example", "NAS.internal.example"]
)
def test_an_allowed_name_may_have_a_private_address(entry: str) -> None:
    egress = Egress(allow_private=[entry], resolve=lambda host, port: ["10.0.0.7"])
    egress.check("http://nas.internal.example/")
    assert egress.addresses("NAS.Internal.example.", 80) == ["10.0.0.7"]
    for other in ("internal.example.org", "xinternal.example", "evil.example"):
        with pytest.raises(ReferenceRefused):
            egress.addresses(other, 80)


def test_even_an_allowed_name_is_not_everybody() -> None:
    egress = Egress(allow_private=["nas"], resolve=lambda host, port: ["224.0.0.1", "0.0.0.0"])
    with pytest.raises(ReferenceRefused):
        egress.addresses("nas", 80)


def test_localhost_can_be_allowed_by_name() -> None:
    Egress(allow_private=["localhost"]).check("http://localhost:8080/")


@pytest.mark.parametrize("number", [socket.EAI_NONAME, socket.EAI_NODATA])
def test_an_unknown_name_is_told(number: int) -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(number, "")

    with pytest.raises(StagingError, match=r"none\.example\.org is not known"):
        Egress(resolve=resolve).addresses("none.example.org", 80)


def test_a_resolver_that_does_not_answer_may_answer_later() -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "")

    with pytest.raises(OSError):
        Egress(resolve=resolve).addresses("example.org", 80)


def test_settings_decide() -> None:
    egress = Egress.create(
        EgressSettings(
            allow_private=("127.0.0.0/8",),
            schemes=("https",),
            ports=("8443",),
            redirects=1,
            connect_timeout=timedelta(seconds=2),
            total_timeout=timedelta(minutes=2),
            minimum_speed=7,
            size_limit=99,
            ca_file=Path("/ca.pem"),
        )
    )
    egress.check("https://127.0.0.1:8443/")
    for url in ("http://127.0.0.1:8443/", "https://127.0.0.1/", "https://10.0.0.1:8443/"):
        with pytest.raises(ReferenceRefused):
            egress.check(url)
    assert (egress.redirects, egress.connect_timeout, egress.total_timeout) == (1, 2, 120)
    assert (egress.minimum_speed, egress.size_limit, egress.ca_file) == (7, 99, Path("/ca.pem"))


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "2606:4700::1111"])
def test_addresses_of_the_internet_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


def test_messages_show_no_secrets_and_no_control_characters() -> None:
    shown = show("https://user:secret@example.org/a\x1b[31m?token=secret#secret")
    assert "secret" not in shown and "\x1b" not in shown and "example.org/a" in shown
    assert len(show("https://example.org/" + "a" * 1000)) <= 120

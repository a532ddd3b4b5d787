"""Fetching over HTTP from servers that are slow, lying, hostile or just broken, over real sockets."""

from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.functional.transfer.servers import Answer, Server, reply, serving
from weaverlite.errors import ReferenceRefused, StagingError
from weaverlite.transfer.connections import open_download
from weaverlite.transfer.egress import Egress
from weaverlite.transfer.http import HTTPStager
from weaverlite.transfer.interfaces import FetchLimits, Reference

LOOPBACK = ["127.0.0.0/8", "::1"]
LIMITS = FetchLimits(size=100_000, seconds=20)


def stager(*, tries: int = 1, **policy: Any) -> HTTPStager:
    given = {"allow_private": LOOPBACK, "connect_timeout": 2, "read_timeout": 2, **policy}
    return HTTPStager(Egress(**given), tries=tries, pause=0.01)


def fetch(url: str, out: Path, *, limits: FetchLimits = LIMITS, tries: int = 1, **policy: Any) -> tuple[str, bytes]:
    staged = stager(tries=tries, **policy).fetch(Reference(href=url), out, limits)
    return staged.name, staged.path.read_bytes()


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    out = tmp_path / "out"
    out.mkdir()
    yield out
    assert not [path for path in tmp_path.iterdir() if path.name not in ("out", "pki")]


# ---------------------------------------------------------------- names and types


@pytest.mark.parametrize(
    ("path", "disposition", "name"),
    [
        ("/data/a.nc", None, "a.nc"),
        ("/data/a.nc?download=1", "attachment", "a.nc"),
        ("/download", 'attachment; filename="table.csv"', "table.csv"),
        ("/download", 'attachment; filename="../../../etc/cron.d/x"', "x"),
        ("/download", "attachment; filename*=UTF-8''..%2F..%2Fy%0D%0A", "y"),
        ("/a/..%2f..%2fz", None, "z"),
        ("/", None, "file"),
        ("/a", "attachment; filename=" + "b" * 60_000, "a"),
    ],
)
def test_the_name_is_that_of_the_server_made_safe(out: Path, path: str, disposition: str | None, name: str) -> None:
    headers = {"Content_Disposition": disposition} if disposition else {}
    with serving(lambda head: reply(b"x", **headers)) as server:
        assert fetch(server.url(path), out) == (name, b"x")


@pytest.mark.parametrize(
    ("header", "media_type"),
    [("text/csv; charset=utf-8", "text/csv"), ("Image/TIFF", "image/tiff"), ("nonsense", None), ("a/b c/d", None)],
)
def test_the_type_is_that_of_the_server_if_it_is_one(out: Path, header: str, media_type: str | None) -> None:
    with serving(lambda head: reply(b"x", Content_Type=header)) as server:
        staged = stager().fetch(Reference(href=server.url("/x")), out, LIMITS)
        assert staged.media_type == media_type


def test_a_short_link_gives_the_name_people_know(out: Path) -> None:
    def answer(head: str) -> list[bytes]:
        if head.startswith("GET /scene.tif"):
            return reply(status="302 Found", Location="/storage/0badc0de?signature=1")
        return reply(b"image")

    with serving(answer) as server:
        assert fetch(server.url("/scene.tif"), out) == ("scene.tif", b"image")


# ---------------------------------------------------------------- addresses


class Lookup:
    """A resolver that answers from a script; the last answer is given for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = [*answers]
        self.asked = 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def test_nothing_private_is_connected_to_under_any_name(out: Path) -> None:
    with serving(lambda head: reply(b"secret")) as server:
        for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::ffff:7f00:1]"):
            with pytest.raises(ReferenceRefused):
                fetch(f"http://{host}:{server.port}/", out, allow_private=[])
        with pytest.raises(ReferenceRefused):
            fetch(f"http://public.example:{server.port}/", out, allow_private=[], resolve=Lookup(["127.0.0.1"]))
    assert server.requests == []


def test_a_name_that_changes_its_address_between_looks_gains_nothing(out: Path) -> None:
    """DNS rebinding: the address that was judged is the address that is connected to, each time anew."""
    with serving(lambda head: reply(b"secret"), host="127.0.0.1") as inside, serving(
        lambda head: reply(status="503 Busy"), host="127.0.0.2"
    ) as unused:
        del unused
        lookup = Lookup(*[["127.0.0.2"], ["127.0.0.1"]] * 50)
        for _ in range(50):
            with pytest.raises((ReferenceRefused, StagingError)):
                fetch(f"http://rebinding.example:{inside.port}/", out, allow_private=["127.0.0.2"], resolve=lookup)
        assert lookup.asked == 50
    assert inside.requests == []


def test_of_several_addresses_only_allowed_ones_are_tried_until_one_answers(out: Path) -> None:
    with serving(lambda head: reply(b"here"), host="127.0.0.3") as server:
        lookup = Lookup(["10.0.0.1", "127.0.0.2", "127.0.0.3"])
        url = f"http://several.example:{server.port}/x"
        assert fetch(url, out, allow_private=["127.0.0.0/8"], resolve=lookup) == ("x", b"here")
    assert f"Host: several.example:{server.port}" in server.requests[0]


def test_ipv6_is_served(out: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 here")
    with pytest.raises(StagingError, match="cannot be reached"):
        fetch("http://[::1]:9/x", out, ports=["9"])


# ---------------------------------------------------------------- redirects


def redirecting(location: str) -> Answer:
    return lambda head: reply(status="302 Found", Location=location)


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "//192.168.0.1/x",
        "http://[::ffff:10.0.0.1]/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://127.0.0.1/x",
        "data:text/plain,x",
        "http://user:password@127.0.0.1:8080/",
        "http://127.0.0.1:22/",
        "http://localhost:1/",
    ],
)
def test_a_redirect_is_judged_like_the_first_url(out: Path, location: str) -> None:
    with serving(redirecting(location)) as server, pytest.raises(ReferenceRefused):
        fetch(server.url(), out)
    assert len(server.requests) == 1


@pytest.mark.parametrize("location", ["http://[::1", "http://", "http://a b/", "http://x:port/"])
def test_a_redirect_to_nonsense_is_told(out: Path, location: str) -> None:
    with serving(redirecting(location)) as server, pytest.raises(StagingError):
        fetch(server.url(), out)


def test_a_redirect_without_a_target_is_told(out: Path) -> None:
    with serving(lambda head: reply(status="302 Found")) as server, pytest.raises(StagingError, match="nowhere"):
        fetch(server.url(), out)


def test_the_body_of_a_redirect_is_not_read(out: Path) -> None:
    sent = []

    def answer(head: str) -> Iterator[bytes]:
        if not head.startswith("GET /first"):
            yield from reply(b"there")
            return
        yield b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n"
        while True:
            sent.append(1)
            yield b"x" * 65536

    with serving(answer) as server:
        assert fetch(server.url("/first"), out) == ("first", b"there")
    assert len(sent) < 200


def test_redirects_have_an_end(out: Path) -> None:
    with serving(redirecting("/again")) as server, pytest.raises(StagingError, match="more than 5 redirects"):
        fetch(server.url(), out)
    assert len(server.requests) == 6


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_to_an_allowed_place_is_followed(out: Path, status: str) -> None:
    with serving(lambda head: reply(b"there")) as there:
        with serving(lambda head: reply(status=status, Location=there.url("/there.txt"))) as here:
            assert fetch(here.url("/"), out) == ("there.txt", b"there")


def test_headers_of_a_caller_stay_with_their_origin() -> None:
    egress = Egress(allow_private=LOOPBACK)
    headers = {"Authorization": "Bearer secret", "X-Key": "secret"}
    with serving(lambda head: reply(b"there")) as there:
        answers = iter([reply(status="302 Found", Location="/2"), reply(status="302 Found", Location=there.url())])
        with serving(lambda head: next(answers)) as here:
            with open_download(egress, here.url("/1"), headers=headers) as download:
                assert b"".join(download.chunks()) == b"there"
    assert ["secret" in request for request in here.requests] == [True, True]
    assert "secret" not in there.requests[0]


def test_the_environment_lends_no_proxy_no_password_and_no_cookie_is_kept(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(out / "netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    def answer(head: str) -> list[bytes]:
        if head.startswith("GET /first"):
            return reply(status="302 Found", Location="/second", Set_Cookie="session=secret; Path=/")
        return reply(b"x")

    with serving(answer) as server:
        fetch(server.url("/first"), out)
    assert [request.split()[1] for request in server.requests] == ["/first", "/second"]
    for request in server.requests:
        assert not {"authorization", "cookie"} & {line.partition(":")[0].lower() for line in request.splitlines()}


# ---------------------------------------------------------------- sizes


def test_an_announced_size_above_the_limit_is_refused_unread(out: Path) -> None:
    sent = []

    def answer(head: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"
        for _ in range(10_000):
            sent.append(1)
            yield b"x" * 65536

    with serving(answer) as server, pytest.raises(StagingError, match="larger than the 100000 bytes"):
        fetch(server.url(), out)
    assert len(sent) < 200
    assert not [*out.iterdir()]


@pytest.mark.parametrize("length", ["", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"])
def test_a_body_without_end_is_cut_at_the_limit(out: Path, length: str) -> None:
    def answer(head: str) -> Iterator[bytes]:
        yield f"HTTP/1.1 200 OK\r\n{length}\r\n".encode()
        while True:
            yield b"2000\r\n" + b"x" * 0x2000 + b"\r\n" if length else b"x" * 0x2000

    begun = time.monotonic()
    with serving(answer) as server, pytest.raises(StagingError, match="larger than the 100000 bytes"):
        fetch(server.url(), out, tries=3)
    assert time.monotonic() - begun < 30
    assert len(server.requests) == 1
    assert not [*out.iterdir()]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
def test_decoded_bytes_count(out: Path, encoding: str) -> None:
    bomb = zlib.compress(b"\0" * 200_000_000) if encoding == "deflate" else gzip.compress(b"\0" * 200_000_000, 1)
    if encoding == "gzip, gzip":
        bomb = gzip.compress(bomb)
    begun = time.monotonic()
    with serving(lambda head: reply(bomb, Content_Encoding=encoding)) as server:
        with pytest.raises(StagingError, match="larger than the 100000 bytes"):
            fetch(server.url(), out)
    assert time.monotonic() - begun < 30
    assert not [*out.iterdir()]


def test_an_encoded_body_is_decoded(out: Path) -> None:
    with serving(lambda head: reply(gzip.compress(b"plain"), Content_Encoding="gzip")) as server:
        assert fetch(server.url("/x"), out) == ("x", b"plain")
    assert "Accept-Encoding: identity" in server.requests[0]


def test_a_body_in_a_wrong_encoding_is_told(out: Path) -> None:
    with serving(lambda head: reply(b"not gzip at all", Content_Encoding="gzip")) as server:
        with pytest.raises(StagingError):
            fetch(server.url(), out)
    assert not [*out.iterdir()]


@pytest.mark.parametrize("head", ["Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"])
def test_a_body_that_ends_early_is_tried_again_and_told(out: Path, head: str) -> None:
    body = b"20\r\nonly this" if "chunked" in head else b"only this"
    with serving(lambda _: [f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body]) as server:
        with pytest.raises(StagingError, match="broke off, in 3 attempts"):
            fetch(server.url(), out, tries=3)
    assert len(server.requests) == 3
    assert not [*out.iterdir()]


def test_what_was_announced_and_no_more_is_taken(out: Path) -> None:
    lying = [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour and much more"]
    with serving(lambda head: lying) as server:
        assert fetch(server.url("/x"), out) == ("x", b"four")


# ---------------------------------------------------------------- times


def drip(head: bytes, pause: float = 0.05) -> Answer:
    def answer(_: str) -> Iterator[bytes]:
        yield head
        while True:
            time.sleep(pause)
            yield b"x"

    return answer


SLOW = {
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "header": b"HTTP/1.1 200 OK\r\nX-Long: ",
    "status": b"HTTP/1.1 200 ",
}


@pytest.mark.parametrize("head", SLOW.values(), ids=SLOW.keys())
def test_a_source_that_drips_is_given_up(out: Path, head: bytes) -> None:
    begun = time.monotonic()
    with serving(drip(head)) as server, pytest.raises(StagingError, match="slower than 256 bytes a second"):
        fetch(server.url(), out, read_timeout=0.5)
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("head", SLOW.values(), ids=SLOW.keys())
def test_a_transfer_has_a_longest_time(out: Path, head: bytes) -> None:
    begun = time.monotonic()
    with serving(drip(head)) as server, pytest.raises(StagingError, match="longer than a transfer may take"):
        fetch(server.url(), out, limits=FetchLimits(size=100_000, seconds=0.5), minimum_speed=0)
    assert time.monotonic() - begun < 30


def test_the_time_of_the_policy_holds_too(out: Path) -> None:
    with serving(drip(SLOW["body"])) as server, pytest.raises(StagingError, match="longer than a transfer may take"):
        fetch(server.url(), out, total_timeout=0.4)


def test_silence_is_given_up_and_tried_again(out: Path) -> None:
    def answer(head: str) -> Iterator[bytes]:
        time.sleep(0.6)
        yield b""

    with serving(answer) as server, pytest.raises(StagingError, match="in 2 attempts"):
        fetch(server.url(), out, tries=2, read_timeout=0.3, minimum_speed=0)
    assert len(server.requests) == 2


def test_a_cut_answer_without_length_is_not_taken_for_a_whole_one(out: Path) -> None:
    with serving(drip(b"HTTP/1.1 200 OK\r\n\r\n")) as server, pytest.raises(StagingError):
        fetch(server.url(), out, read_timeout=0.5)
    assert not [*out.iterdir()]


def test_retries_end_with_the_time(out: Path) -> None:
    begun = time.monotonic()
    with serving(lambda head: reply(status="503 Busy")) as server, pytest.raises(StagingError, match="503 Busy"):
        HTTPStager(Egress(allow_private=LOOPBACK), tries=100, pause=0.1).fetch(
            Reference(href=server.url()), out, FetchLimits(size=10, seconds=1)
        )
    assert time.monotonic() - begun < 30


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize("status", ["500 Broken", "502 Bad Gateway", "503 Busy", "429 Too Many Requests"])
def test_what_passes_is_tried_again(out: Path, status: str) -> None:
    answers = iter([reply(status=status), reply(status=status), reply(b"at last")])
    with serving(lambda head: next(answers)) as server:
        assert fetch(server.url("/x"), out, tries=3) == ("x", b"at last")


@pytest.mark.parametrize(
    "status", ["204 Nothing", "206 Part", "304 Same", "400 Bad", "401 Who", "403 No", "404 None", "410 Gone"]
)
def test_what_stays_is_told_at_once(out: Path, status: str) -> None:
    with serving(lambda head: reply(status=status)) as server, pytest.raises(StagingError, match=status):
        fetch(server.url(), out, tries=3)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        [b""],
        [b"\0\1\2\3"],
        [b"SSH-2.0-OpenSSH\r\n"],
        [b"HTTP/1.1 abc OK\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n"],
        [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc" + b"x" * 200_000],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"],
        [b"HTTP/1.1 200 \x1b[31m\r\nContent-Length: 1\r\n\r\n"],
        [b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe://\r\n\r\n"],
    ],
)
def test_an_answer_that_is_none_is_told_in_a_sentence(out: Path, answer: list[bytes]) -> None:
    with serving(lambda head: answer) as server, pytest.raises((StagingError, ReferenceRefused)) as caught:
        fetch(server.url(), out)
    assert caught.value.detail.isprintable() and len(caught.value.detail) < 500
    assert not [*out.iterdir()]


def test_a_port_where_nobody_listens_is_told(out: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(StagingError, match="cannot be reached, or the transfer broke off, in 2 attempts"):
        fetch(f"http://127.0.0.1:{port}/", out, tries=2)


def test_a_name_that_is_taken_is_told(out: Path) -> None:
    (out / "x").mkdir()
    with serving(lambda head: reply(b"content")) as server, pytest.raises(StagingError, match="already"):
        fetch(server.url("/x"), out, tries=3)
    assert len(server.requests) == 1


def test_a_directory_is_no_file_of_a_server(out: Path) -> None:
    with pytest.raises(StagingError, match="directory"):
        stager().fetch(Reference(href="http://127.0.0.1:9000/", is_directory=True), out, LIMITS)


def test_large_files_come_whole(out: Path) -> None:
    content = bytes(range(256)) * 100_000
    with serving(lambda head: reply(content)) as server:
        assert fetch(server.url("/x"), out, limits=FetchLimits(size=len(content), seconds=30)) == ("x", content)


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of our own for ``data.example``, which signs itself."""
    directory = tmp_path_factory.mktemp("pki")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=data.example "
        "-addext subjectAltName=DNS:data.example -keyout key.pem -out cert.pem"
    )
    try:
        subprocess.run(command.split(), cwd=directory, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("the openssl command is not installed")
    return directory


@pytest.fixture
def tls(pki: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "cert.pem", pki / "key.pem")
    with serving(lambda head: reply(b"secure"), tls=context) as server:
        yield server


def test_names_are_verified_although_addresses_are_pinned(out: Path, pki: Path, tls: Server) -> None:
    lookup = Lookup(["127.0.0.1"])
    url = f"https://data.example:{tls.port}/x"
    assert fetch(url, out, ca_file=pki / "cert.pem", resolve=lookup) == ("x", b"secure")
    for name in (f"https://other.example:{tls.port}/y", f"https://127.0.0.1:{tls.port}/y"):
        with pytest.raises(StagingError, match="certificate is not trusted"):
            fetch(name, out, tries=3, ca_file=pki / "cert.pem", resolve=lookup)


def test_unknown_certificates_are_not_trusted(
    out: Path, pki: Path, tls: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The environment of a service does not decide whom its jobs trust.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pki / "cert.pem"))
    with pytest.raises(StagingError, match="certificate is not trusted"):
        fetch(f"https://data.example:{tls.port}/x", out, resolve=Lookup(["127.0.0.1"]))


def test_a_secure_source_does_not_become_an_open_one(out: Path, pki: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "cert.pem", pki / "key.pem")
    with serving(lambda head: reply(b"open")) as plain:
        with serving(redirecting(plain.url()), tls=context) as secure:
            with pytest.raises(StagingError, match="from https to http"):
                fetch(
                    f"https://data.example:{secure.port}/x",
                    out,
                    ca_file=pki / "cert.pem",
                    resolve=Lookup(["127.0.0.1"]),
                )
    assert plain.requests == []


def test_a_server_that_stalls_in_the_handshake_is_given_up(out: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(StagingError):
        fetch(f"https://127.0.0.1:{listener.getsockname()[1]}/", out, connect_timeout=0.3, read_timeout=0.3)

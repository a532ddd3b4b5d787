"""waitress, fitted: uploads on the disk of the data, files sent by the kernel, refusals as problem documents."""

from __future__ import annotations

import copy
import errno
import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.buffers import OverflowableBuffer, ReadOnlyFileBasedBuffer, TempfileBasedBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask

from weaverlite.ogc.exceptions import BLANK
from weaverlite.ogc.negotiation import PROBLEM
from weaverlite.settings import Settings

#: Requests to this path may have bodies as large as uploads.
_UPLOADS = "/vault"
#: How much of a file the kernel is asked to send at a time: others wait that long.
_PIECE = 4 * 1024 * 1024
_DISCONNECTED = frozenset(
    {errno.ECONNRESET, errno.ENOTCONN, errno.ESHUTDOWN, errno.ECONNABORTED, errno.EPIPE, errno.EBADF}
)


class Server(TcpWSGIServer):
    """A listening waitress with its own threads."""

    def __init__(self, application: Any, settings: Settings, bound: socket.socket, adjustments: Adjustments) -> None:
        self.map: dict[int, Any] = {}
        self.body_limit = settings.server.body_limit
        self.spool = settings.data / "tmp"
        self.dispatcher = ThreadedTaskDispatcher()
        self.channel_class = _Channel
        super().__init__(
            application,
            self.map,
            _sock=bound,
            dispatcher=self.dispatcher,
            adj=adjustments,
            sockinfo=(bound.family, bound.type, bound.proto, bound.getsockname()),
            bind_socket=False,
        )
        self.dispatcher.set_thread_count(adjustments.threads)

    def refuse_connections(self) -> None:
        """Listen no more; what is connected stays."""
        self.accepting = False
        self.del_channel()
        self.socket.close()

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered, or an answer is not sent yet."""
        return any(channel.requests or channel.total_outbufs_len for channel in list(self.active_channels.values()))

    def end(self) -> None:
        """Close everything."""
        self.dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self.map, ignore_all=True)
        with suppress(OSError):
            self.socket.close()


# ---------------------------------------------------------------- requests


class _Spool(TempfileBasedBuffer):
    """A body on disk, on the disk of the data: the system's directory for temporary files may be memory."""

    def __init__(self, directory: Path, from_buffer: Any = None) -> None:
        self.directory = directory
        super().__init__(from_buffer)

    def newfile(self) -> Any:
        self.directory.mkdir(parents=True, exist_ok=True)
        return TemporaryFile("w+b", dir=self.directory)


class _BodyBuffer(OverflowableBuffer):
    """A body in memory until it is large."""

    def __init__(self, overflow: int, directory: Path) -> None:
        super().__init__(overflow)
        self.directory = directory

    def _set_large_buffer(self) -> None:
        small: Any = self.buf
        self.buf: Any = _Spool(self.directory, small)
        if small is not None:
            small.close()
        self.overflowed = True


class _Parser(HTTPRequestParser):
    """Refuses a large body by its announced length, before any of it is read, except where uploads go."""

    def __init__(self, adjustments: Adjustments, server: Server) -> None:
        super().__init__(adjustments)
        self._server = server

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.path != _UPLOADS:
            self.adj: Any = copy.copy(self.adj)
            self.adj.max_request_body_size = self._server.body_limit + 1
        if self.body_rcv is not None:
            self.body_rcv.buf = _BodyBuffer(self.adj.inbuf_overflow, self._server.spool)


class _ErrorTask(ErrorTask):
    """What waitress refuses by itself, as a problem document like all others."""

    def execute(self) -> None:
        error = self.request.error
        detail = f"The request was refused before it was read whole: {error.body}."
        document = {"type": BLANK, "title": error.reason, "status": error.code, "detail": detail}
        body = json.dumps(document).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.extend(
            [
                ("Content-Type", PROBLEM),
                ("Content-Length", str(len(body))),
                ("X-Content-Type-Options", "nosniff"),
            ]
        )
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


# ---------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of a file that is still to be sent."""

    descriptor: int
    offset: int
    size: int

    def __len__(self) -> int:
        return self.size


class _FileBuffer(ReadOnlyFileBasedBuffer):
    """The rest of a file, from where it stands. Its bytes never enter this process."""

    def prepare(self, size: int | None = None) -> int:
        self._offset = self.file.tell()
        remain: int = super().prepare(size)
        return remain

    def get(self, numbytes: int = -1, skip: bool = False) -> _Piece:
        return _Piece(self.file.fileno(), self._offset, min(self.remain, _PIECE))

    def skip(self, numbytes: int, allow_prune: int = 0) -> None:
        self._offset += numbytes
        self.remain -= numbytes


class _Task(WSGITask):
    """An answer; files go out through :class:`_FileBuffer`."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ["wsgi.file_wrapper"] = _FileBuffer
        return environ


class _Channel(HTTPChannel):
    """A connection that reads and refuses requests our way."""

    task_class = _Task
    error_task_class = _ErrorTask

    def parser_class(self, adjustments: Adjustments) -> _Parser:
        return _Parser(adjustments, self.server)

    def send(self, data: Any, do_close: bool = True) -> int:
        """Send bytes, or a piece of a file, as much as is taken at once; return how much that was."""
        if not isinstance(data, _Piece):
            sent: int = super().send(data, do_close)
            return sent
        try:
            count = os.sendfile(self.socket.fileno(), data.descriptor, data.offset, data.size)
            if not count:
                raise OSError(errno.EIO, "the file ends before the length that was announced")
            return count
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno not in _DISCONNECTED:
                raise
            # As waitress does: the loop closes the connection, unless it is not the loop that sends.
            if do_close:
                self.handle_close()
            return 0

"""The providers, played: an HTTP/1.1 server that records what it gets and answers in each vendor's form.

It knows nothing about the gateway. Answers come from `answers.py`.
"""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import answers


@dataclass
class Request:
    """One request as received."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def json(self):
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)

    def everything(self) -> bytes:
        """All of it in one piece, to look for what must not be there."""
        head = [self.method, self.target, *(f"{name}: {value}" for name, value in self.headers)]
        return "\n".join(head).encode() + b"\n" + self.body


@dataclass
class Answer:
    """One answer; `pieces` are sent as chunks, one write each. `cut`: then the connection ends in the midst of it."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    pieces: list[bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


class Upstream:
    """A running server on loopback."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def forget(self) -> None:
        with self._lock:
            self.requests.clear()

    def last(self, path_end: str = "") -> Request:
        with self._lock:
            return next(one for one in reversed(self.requests) if one.path.endswith(path_end))

    def record(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)

    def _handler(self):
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_args) -> None:
                pass

            def _exchange(self) -> None:
                request = Request(self.command, self.path, list(self.headers.items()), self._body())
                upstream.record(request)
                self._answer(answers.answer(request, Answer))

            def _body(self) -> bytes:
                if self.headers.get("transfer-encoding", "").lower() == "chunked":
                    return b"".join(self._chunks())
                return self.rfile.read(int(self.headers.get("content-length", 0)))

            def _chunks(self):
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    yield self.rfile.read(size)
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass

            def _answer(self, answer: Answer) -> None:
                self.send_response_only(answer.status)
                self.send_header("content-type", answer.content_type)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.pieces is None:
                    self.send_header("content-length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)
                    return
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                for piece in answer.pieces:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
                if answer.cut:
                    self.close_connection = True
                    return
                self.wfile.write(b"0\r\n\r\n")

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _exchange

        return Handler

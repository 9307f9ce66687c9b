"""A web server of this machine that stands in for all others, and does what those do when they fail."""

import contextlib
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Served:
    """What is behind a path: `cut` bytes come before the connection ends, or pauses until `hold` is set."""

    body: bytes = b""
    status: int = 200
    tag: str = '"one"'
    changed: str = ""
    ranges: bool = True
    careless: bool = False  # sends the rest of another file than the one that was asked for
    length: bool = True
    chunked: bool = False
    cut: int | None = None
    hold: threading.Event | None = None
    headers: dict = field(default_factory=dict)
    login: str = ""


class Web:
    """A running server: `put` a path, read `asked`, the headers of each question with its path."""

    def __init__(self, port):
        self.address, self.port, self.served, self.asked = f"http://127.0.0.1:{port}", port, {}, []

    def put(self, path, body=b"", **how):
        self.served[path] = Served(body, **how)
        return self.address + path

    def change(self, path, **how):
        self.served[path] = replace(self.served[path], **how)


def _handler(web):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            web.asked.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
            it = web.served.get(self.path)
            if it is None or (it.login and self.headers.get("Authorization") != it.login):
                self.send_error(404 if it is None else 401)
                return
            start, body = self._start(it), it.body
            if start is not None and start >= len(body):
                self.send_response(416)
                self.end_headers()
                return
            self.send_response(it.status if start is None else 206)
            named = {"ETag": it.tag, "Last-Modified": it.changed}
            if start is not None:
                named["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                body = body[start:]
            named["Content-Length"] = str(len(body)) if it.length else ""
            if it.chunked:
                named |= {"Content-Length": "", "Transfer-Encoding": "chunked"}
                pieces = [body[i : i + 300] for i in range(0, len(body), 300)]
                body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])
            for name, value in (named | it.headers).items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body if it.cut is None else body[: it.cut])
                if it.hold is not None:
                    self.wfile.flush()
                    it.hold.wait(30)
                    self.wfile.write(body[it.cut :])

        def _start(self, it):
            """Where the rest begins that is asked for; None for the whole file."""
            wanted = self.headers.get("Range")
            same = it.careless or self.headers.get("If-Range") in (it.tag or None, it.changed or None)
            asked = wanted and it.ranges and same and it.status == 200
            return int(wanted.removeprefix("bytes=").partition("-")[0]) if asked else None

        def log_message(self, *_):
            pass

    return Handler


@contextlib.contextmanager
def serving():
    """A server while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.daemon_threads, server.block_on_close = True, False
    web = Web(server.server_address[1])
    server.RequestHandlerClass = _handler(web)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

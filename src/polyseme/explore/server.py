"""The page's server: for this machine only, and for the page only.

It listens on the loopback address, answers a request only if the name in Host is the loopback's own
(so that no foreign name can be pointed here: DNS rebinding) and Origin, where a browser sends one,
is the page itself. Answers are made of opened representations; nothing in a request becomes a path.
What a request may hold is bounded in bytes, in words and in time.
"""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from threading import BoundedSemaphore
from typing import Any

from polyseme.errors import PolysemeError
from polyseme.explore import page
from polyseme.explore.answers import Answers
from polyseme.explore.explorer import Explorer
from polyseme.explore.project import Project
from polyseme.runtime import failures

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost")
MAX_BODY = 2**14
MAX_CONNECTIONS = 32
TIMEOUT_SECONDS = 20.0
API = "/api/"
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class RefusedError(Exception):
    """A request that is not answered: status and reason."""

    def __init__(self, status: HTTPStatus, what: str) -> None:
        self.status, self.what = status, what
        super().__init__(what)


class Server(ThreadingHTTPServer):
    """Answers on the loopback address.

    Args:
        port: 0: any that is free.

    Raises:
        PolysemeError: the port cannot be had.
    """

    daemon_threads = True

    def __init__(self, answers: Answers, port: int) -> None:
        self.answers, self.page = answers, page.build()
        self._slots = BoundedSemaphore(MAX_CONNECTIONS)
        try:
            super().__init__((ADDRESS, port), Handler)
        except OSError as error:
            mend = "choose another --port"
            what = f"cannot be had ({error.strerror})"
            raise PolysemeError(what, where=f"port {port}", mend=mend) from None
        self.hosts = {f"{name}:{self.server_port}" for name in NAMES}

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{ADDRESS}:{self.server_port}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for each connection, up to a bound; more are closed."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Leave the place to another connection at the end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """A connection that broke is no news; anything else is told in one line."""
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, OSError):
            print(f"error: {failures.explain(error, 'explore')}", file=sys.stderr)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "polyseme", ""
    timeout = TIMEOUT_SECONDS
    wbufsize, disable_nagle_algorithm = -1, True  # an answer is one packet, sent at once

    def do_GET(self) -> None:
        """The page, or what there is to choose from."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """A question."""
        self._answer(self._post)

    def _answer(self, reply: Any) -> None:
        try:
            self._check_origin()
            reply()
        except RefusedError as refused:
            self._refuse(refused.status, refused.what)
        except PolysemeError as error:
            self._send_json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        except OSError:
            raise
        except Exception as error:
            print(f"error: {failures.explain(error, 'explore')}", file=sys.stderr)
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "a defect; the terminal says more")

    def _check_origin(self) -> None:
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or hosts[0] not in self.server.hosts:
            raise RefusedError(HTTPStatus.FORBIDDEN, f"open {self.server.url} instead")
        origins = {f"http://{host}" for host in self.server.hosts}
        if any(origin not in origins for origin in self.headers.get_all("Origin", [])):
            raise RefusedError(HTTPStatus.FORBIDDEN, "another page may not ask")

    def _get(self) -> None:
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "a GET has no body")
        if self.path == "/":
            html, policy = self.server.page
            told = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
            self._send(HTTPStatus.OK, html, told)
        elif self.path == f"{API}about":
            self._send_json(HTTPStatus.OK, self.server.answers.about())
        else:
            self._refuse_route(self._question() is not None, "POST")

    def _post(self) -> None:
        name = self._question()
        if name is None:
            self._refuse_route(self.path in ("/", f"{API}about"), "GET")
        elif self.headers.get_content_type() != "application/json":
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")
        else:
            found = self.server.answers.ask(name, self._body())
            self._send_json(HTTPStatus.OK, found)

    def _question(self) -> str | None:
        """The question that the route names; None where there is no such route."""
        name = self.path.removeprefix(API)
        known = self.path.startswith(API) and name in self.server.answers.questions
        return name if known else None

    def _refuse_route(self, other_method: bool, allowed: str) -> None:
        if not other_method:
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")
        self.close_connection = True
        told = {"Allow": allowed}
        self._send_json(HTTPStatus.METHOD_NOT_ALLOWED, {"error": f"{allowed} it"}, told)

    def _body(self) -> dict[str, Any]:
        lengths = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or len(lengths) != 1:
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "say how long the body is")
        if not (lengths[0].isascii() and lengths[0].isdigit()):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "Content-Length is no number")
        if len(lengths[0]) > len(str(MAX_BODY)) or int(lengths[0]) > MAX_BODY:
            what = f"at most {MAX_BODY:,} bytes"
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, what)
        body = self.rfile.read(int(lengths[0]))
        try:
            values = json.loads(body)
        except (ValueError, RecursionError):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is no JSON") from None
        if not isinstance(values, dict):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is no JSON object")
        return values

    def _refuse(self, status: HTTPStatus, what: str) -> None:
        """Say why, and end the connection: the rest of the request may be anything."""
        self.close_connection = True
        self._send_json(status, {"error": what})

    def _send_json(
        self, status: HTTPStatus, content: dict[str, Any], told: dict[str, str] | None = None
    ) -> None:
        body = json.dumps(content, separators=(",", ":")).encode()
        self._send(status, body, {"Content-Type": "application/json", **(told or {})})

    def _send(self, status: HTTPStatus, body: bytes, told: dict[str, str]) -> None:
        self.send_response(status)
        ends = {"Connection": "close"} if self.close_connection else {}
        for name, value in {**HEADERS, **told, **ends, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, *_: object, **__: object) -> None:
        """What http.server itself refuses, in the same form."""
        unknown = code == HTTPStatus.NOT_IMPLEMENTED  # http.server's word for another method
        status = HTTPStatus.METHOD_NOT_ALLOWED if unknown else HTTPStatus(code)
        self._refuse(status, status.phrase)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not told."""


def serve(project: Project, port: int) -> None:
    """Open everything, say where the page is, and answer until Ctrl-C.

    Raises:
        PolysemeError: the port cannot be had.
    """
    explorer = Explorer(project, progress=True)
    lenses = explorer.open_all(lambda line: print(line, file=sys.stderr))
    with Server(Answers(explorer, lenses), port) as server:
        try:
            print(f"{server.url}  (Ctrl-C ends it)", flush=True)
            server.serve_forever()
        except KeyboardInterrupt:
            print("ended", file=sys.stderr)

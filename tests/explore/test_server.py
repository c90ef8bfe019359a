"""The server: answers to the page, and what hostile requests get."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from polyseme.errors import PolysemeError
from polyseme.explore import server as serving
from polyseme.explore.answers import Answers
from polyseme.explore.explorer import Explorer
from polyseme.explore.server import MAX_BODY, Server

SENTENCE = "The police found crack ."
WORD = {"representation": "bert", "text": SENTENCE, "place": 3}


@pytest.fixture
def server(explorer: Explorer) -> Iterator[Server]:
    """A server that is running."""
    with Server(Answers(explorer, explorer.open_all()), 0) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def _ask(
    server: Server, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, given)
    reply = connection.getresponse()
    found = reply.status, reply.headers, reply.read()
    connection.close()
    return found


def _post(server: Server, name: str, values: Any) -> tuple[int, dict[str, Any]]:
    body = values if isinstance(values, bytes) else json.dumps(values).encode()
    told = {"Content_Type": "application/json"}
    status, _, found = _ask(server, "POST", f"/api/{name}", body, **told)
    return status, json.loads(found)


def _raw(server: Server, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_the_page_may_run_its_own_script_only(server: Server) -> None:
    status, headers, body = _ask(server, "GET", "/")
    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert len(re.findall(r"'sha256-[\w+/]+=*'", policy)) == 2
    text = body.decode()
    assert "http:" not in text.replace("http://www.w3.org/2000/svg", "") and "https:" not in text
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", text)


def test_only_the_loopback_is_listened_on(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(PolysemeError, match=r"port \d+: cannot be had \(.*\); choose another"):
        Server(server.answers, server.server_port)


def test_about_names_everything(server: Server) -> None:
    status, _, body = _ask(server, "GET", "/api/about")
    about = json.loads(body)
    assert status == 200 and about["missing"] == ["later"]
    layers = {one["name"]: (one["family"], one["layers"]) for one in about["representations"]}
    expected = {"random": ("static", 1), "bert": ("contextual", 3), "gpt": ("contextual", 3)}
    assert layers == expected
    assert [one["word"] for one in about["examples"]] == ["crack", "crack"]


def test_a_word_has_neighbours_and_positions_in_every_layer(server: Server) -> None:
    status, found = _post(server, "neighbors", WORD)
    assert status == 200 and len(found["layers"]) == 3 and found["num_same"] == 3
    for layer in found["layers"]:
        assert len(layer["same"]) == 3 and len(layer["others"]) == 8
        assert {found["occurrences"][str(n)]["word"] for n, _ in layer["same"]} == {"crack"}
    _, found = _post(server, "neighbors", {**WORD, "representation": "random"})
    assert found["known"] and found["size"] == 8 and len(found["words"]) == 7
    for name in ("bert", "random"):
        status, found = _post(server, "positions", {**WORD, "representation": name})
        assert status == 200 and found["senses"] == ["drug", "fissure", "solve"]
        assert all(len(layer["points"]) == 3 for layer in found["layers"])
    _, found = _post(server, "positions", {**WORD, "text": "It sparkles", "place": 1})
    assert found == {"occurrences": [], "senses": [], "layers": []}


def test_words_and_fillings(server: Server) -> None:
    assert _post(server, "words", {"text": "He's here."}) == (
        200, {"words": ["He's", "here", "."], "gap": None}
    )  # fmt: skip
    gapped = {"words": ["the", "___", "wall"], "gap": 1}
    assert _post(server, "words", {"text": "the [MASK] wall"}) == (200, gapped)
    status, masked = _post(server, "fillings", WORD)
    assert status == 200 and len(masked["words"]) == 8
    text = SENTENCE.replace("crack", "___")
    _, found = _post(server, "fillings", {"representation": "bert", "text": text, "place": None})
    assert found == masked


def test_similarity_is_the_cosine_of_two_words(server: Server) -> None:
    pair = {"representation": "random", "first": "the crack", "second": "crack unheard"}
    status, found = _post(server, "similarity", pair)
    assert status == 200 and found["first"] == ["the", "crack"]
    (rows,) = found["layers"]
    assert rows[1][0] == 1 and rows[0][1] is None and -1 <= rows[0][0] < 1
    _, found = _post(server, "similarity", {**pair, "representation": "bert"})
    assert len(found["layers"]) == 3


@pytest.mark.parametrize(
    ("name", "values", "line"),
    [
        ("words", {"text": ""}, "sentence: has no word"),
        ("words", {"text": "___ [MASK]"}, "sentence: has 2 gaps"),
        ("words", {"text": "a" * 1001}, "at most 1,000 characters"),
        ("words", {"text": "\ud800"}, ""),
        ("words", {"text": ["a"]}, "text = ['a'] is not allowed"),
        ("words", {"text": "a", "more": 1}, "unknown key 'more'"),
        ("words", {}, "key 'text' is missing"),
        ("neighbors", {**WORD, "place": 5}, "has no word 5; at most 4"),
        ("neighbors", {**WORD, "place": -1}, "place = -1 is not allowed"),
        ("neighbors", {**WORD, "place": 10**400}, ""),
        ("neighbors", {**WORD, "place": True}, "place = True is not allowed"),
        ("neighbors", {**WORD, "text": "a ___ b"}, "has a gap"),
        ("neighbors", {**WORD, "representation": "../../etc"}, "no such representation"),
        ("fillings", {**WORD, "representation": "random"}, "fills no gaps"),
        ("words", b"[1]", "the body is no JSON object"),
        ("words", b"{", "the body is no JSON"),
        ("words", b"\xff", "the body is no JSON"),
        ("words", b"[" * 15_000, "the body is no JSON"),
        ("words", b'{"text": %s}' % (b"9" * 9000), ""),
    ],
)
def test_a_bad_question_gets_a_reason(server: Server, name: str, values: Any, line: str) -> None:
    status, found = _post(server, name, values)
    assert status == 400 and line in found["error"]
    assert "Traceback" not in found["error"] and ".py" not in found["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/params.yaml", 404),
        ("GET", "/api/about?x", 404),
        ("GET", "/api/words", 405),
        ("POST", "/", 405),
        ("POST", "/api/none", 404),
        ("POST", "/api/__class__", 404),
        ("HEAD", "/", 405),
        ("PUT", "/", 405),
        ("OPTIONS", "/api/words", 405),
        ("TRACE", "/", 405),
    ],
)
def test_there_is_nothing_else(server: Server, method: str, path: str, status: int) -> None:
    found, headers, body = _ask(server, method, path)
    assert found == status
    if method != "HEAD":
        assert json.loads(body).keys() == {"error"}
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1"}, 403),
        ({"Host": "127.0.0.1.evil.example:PORT"}, 403),
        ({"Host": "evil.example:PORT"}, 403),
        ({"Host": "localhost:PORT"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:PORT"}, 200),
    ],
)
def test_other_names_and_other_pages_are_refused(
    server: Server, headers: dict[str, str], status: int
) -> None:
    given = {name: v.replace("PORT", str(server.server_port)) for name, v in headers.items()}
    found, _, body = _ask(server, "GET", "/api/about", **given)
    assert found == status and (status == 200 or b"representations" not in body)
    told = {"Content_Type": "application/json", **given}
    found, _, _ = _ask(server, "POST", "/api/words", b'{"text": "a"}', **told)
    assert found == status


@pytest.mark.parametrize(
    ("lines", "body", "status"),
    [
        ("POST /api/words HTTP/1.1\nHost: H\nContent-Type: a/b\nContent-Length: 2", "{}", 415),
        ("POST /api/words HTTP/1.1\nHost: H\nContent-Length: 2", "{}", 415),
        ("POST /api/words HTTP/1.1\nHost: H\nJ\nContent-Length: 99999999", "", 413),
        (f"POST /api/words HTTP/1.1\nHost: H\nJ\nContent-Length: {MAX_BODY + 1}", "", 413),
        ("POST /api/words HTTP/1.1\nHost: H\nJ\nContent-Length: " + "9" * 5000, "", 413),
        ("POST /api/words HTTP/1.1\nHost: H\nJ\nContent-Length: -1", "", 400),
        ("POST /api/words HTTP/1.1\nHost: H\nJ\nContent-Length: ²", "", 400),
        ("POST /api/words HTTP/1.1\nHost: H\nJ\nContent-Length: 2\nContent-Length: 2", "{}", 411),
        ("POST /api/words HTTP/1.1\nHost: H\nJ\nTransfer-Encoding: chunked", "2\r\n{}", 411),
        ("POST /api/words HTTP/1.1\nHost: H\nJ", "", 411),
        ("POST /api/words HTTP/1.1\nHost: H\nJ\nContent-Length: 20", "{}", 400),
        ("GET / HTTP/1.1\nHost: H\nHost: evil.example", "", 403),
        ("GET / HTTP/1.1", "", 403),
        ("GET / HTTP/1.1\nHost: H\nContent-Length: 9", "GET /api/", 400),
        ("GET / HTTP/1.1\nHost: H\n" + "\n".join(f"A{n}: b" for n in range(200)), "", 431),
        ("GET /" + "a" * 70_000 + " HTTP/1.1\nHost: H", "", 414),
        ("GET / HTTP/1\nHost: H", "", 400),
    ],
)  # fmt: skip
def test_crooked_requests_end_the_connection(
    server: Server, lines: str, body: str, status: int
) -> None:
    host = f"127.0.0.1:{server.server_port}"
    text = lines.replace(": H", f": {host}").replace("\nJ", "\nContent-Type: application/json")
    after = f"GET /api/about HTTP/1.1\nHost: {host}\n\n"
    request = f"{text}\n\n".replace("\n", "\r\n") + body
    if status == 400 and body == "{}":
        after = ""
    found = _raw(server, (request + after.replace("\n", "\r\n")).encode())
    assert found.count(b'{"error":') == 1
    assert (
        found.startswith((f"HTTP/1.1 {status} ".encode(), b'{"error":'))
        and b"Traceback" not in found
    )
    assert b"representations" not in found
    assert _ask(server, "GET", "/")[0] == 200


def test_a_defect_is_told_to_the_terminal_and_not_to_the_page(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(name: str, values: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(server.answers, "ask", broken)
    status, found = _post(server, "words", {"text": "a"})
    assert status == 500 and found == {"error": "a defect; the terminal says more"}
    assert "defect: ZeroDivisionError: secret" in capsys.readouterr().err


def test_too_many_connections_are_closed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.Handler, "timeout", 60)
    idle = [
        socket.create_connection(("127.0.0.1", server.server_port))
        for _ in range(serving.MAX_CONNECTIONS)
    ]
    deadline = time.monotonic() + 20
    while server._slots._value and time.monotonic() < deadline:  # type: ignore[attr-defined]
        time.sleep(0.01)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        _ask(server, "GET", "/")
    for connection in idle:
        connection.close()
    while not server._slots._value and time.monotonic() < deadline:  # type: ignore[attr-defined]
        time.sleep(0.01)
    assert _ask(server, "GET", "/")[0] == 200


@pytest.mark.usefixtures("root")
def test_ctrl_c_ends_it() -> None:
    command = [sys.executable, "-m", "polyseme.cli", "explore", "--model", "random"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        line = process.stdout.readline().decode()
        assert re.match(r"http://127\.0\.0\.1:\d+/  \(Ctrl-C ends it\)", line)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr.read().decode() == "ended\n"

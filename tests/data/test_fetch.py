from __future__ import annotations

import dataclasses
import hashlib
import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from polyseme.data import fetch
from polyseme.data.dataset import Dataset, File
from polyseme.errors import ConfigError, DataError, IntegrityError

BODY = bytes(range(256)) * 4000


class Server(http.server.ThreadingHTTPServer):
    """Serves BODY; drops the first `drops` connections half-way."""

    drops = 0
    ranges = True
    status = 0
    body = BODY
    chunked = False
    requests: list[str]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.server.requests.append(wanted)
        if self.server.status:
            self.send_error(self.server.status)
            return
        start = int(wanted[6:-1]) if wanted and self.server.ranges else 0
        whole = self.server.body
        if start >= len(whole):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(whole)}")
            self.end_headers()
            return
        body = whole[start:]
        if self.server.chunked:
            self.protocol_version = "HTTP/1.1"
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.end_headers()
        if self.server.drops:
            self.server.drops -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.requests = []
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def describe(body: bytes, **changes: object) -> Dataset:
    file = {
        "name": "sub/body.bin",
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "url": None,
    }
    values = {"package": None, "mirror": None} | changes
    file |= {
        key: values.pop(key) for key in list(values) if key in ("name", "url", "sha256", "size")
    }
    file["archive"] = values.pop("archive", False)
    return Dataset(
        title="t", licence="l", redistributable="yes", citation="c", files=(File(**file),), **values
    )


def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/body.bin"


def get(data: Dataset, folder: Path, mirror: Path | None = None) -> bytes:
    fetch.fetch(
        data,
        "thing",
        out=folder / "out",
        downloads=folder / "downloads",
        mirror=mirror,
        progress=False,
        first_pause=0.001,
    )
    return (folder / "out" / data.files[0].name).read_bytes()


def put(folder: Path, body: bytes, name: str = "thing/sub/body.bin") -> Path:
    (folder / "mirror" / name).parent.mkdir(parents=True)
    (folder / "mirror" / name).write_bytes(body)
    return folder / "mirror"


def test_the_mirror_comes_before_the_url(tmp_path: Path, server: Server) -> None:
    assert get(describe(BODY, url=url(server)), tmp_path, put(tmp_path, BODY)) == BODY
    assert server.requests == []


def test_the_mirror_folder_may_have_another_name(tmp_path: Path) -> None:
    mirror = put(tmp_path, BODY, "other/sub/body.bin")
    assert get(describe(BODY, mirror="other"), tmp_path, mirror) == BODY


@pytest.mark.parametrize("wrong", [BODY[:-1] + b"x", BODY[:-1], BODY + b"x"])
def test_wrong_bytes_in_the_mirror_are_an_error_and_no_reason_to_look_elsewhere(
    tmp_path: Path, server: Server, wrong: bytes
) -> None:
    with pytest.raises(IntegrityError) as caught:
        get(describe(BODY, url=url(server)), tmp_path, put(tmp_path, wrong))
    line = str(caught.value)
    assert str(tmp_path / "mirror/thing/sub/body.bin") in line
    assert "expected" in line
    assert "found" in line
    assert server.requests == []
    assert not (tmp_path / "out/sub/body.bin").exists()


def test_wrong_sha256_names_expected_and_found(tmp_path: Path, server: Server) -> None:
    with pytest.raises(IntegrityError) as caught:
        get(describe(BODY, url=url(server), sha256="0" * 64), tmp_path)
    assert "0" * 64 in str(caught.value)
    assert hashlib.sha256(BODY).hexdigest() in str(caught.value)
    assert not list((tmp_path / "downloads").iterdir())


def test_a_file_of_an_installed_package(tmp_path: Path) -> None:
    from gensim.test.utils import datapath

    body = Path(datapath("simlex999.txt")).read_bytes()
    assert get(describe(body, name="simlex999.txt", package="gensim"), tmp_path) == body


def test_dropped_connections_resume_where_they_stopped(tmp_path: Path, server: Server) -> None:
    server.drops = 3
    assert get(describe(BODY, url=url(server)), tmp_path) == BODY
    starts = [int(wanted[6:-1]) if wanted else 0 for wanted in server.requests]
    assert len(starts) == 4
    assert starts == sorted(set(starts))


def test_a_server_without_ranges_is_read_from_the_start(tmp_path: Path, server: Server) -> None:
    server.drops, server.ranges = 2, False
    assert get(describe(BODY, url=url(server)), tmp_path) == BODY
    assert len(server.requests) == 3


def test_an_earlier_process_s_download_is_resumed(tmp_path: Path, server: Server) -> None:
    server.drops = fetch.ATTEMPTS
    data = describe(BODY, url=url(server))
    with pytest.raises(DataError, match="are kept"):
        get(data, tmp_path)
    assert get(data, tmp_path) == BODY
    assert server.requests[-1] != ""


def test_a_complete_but_unrenamed_download_needs_no_request(tmp_path: Path, server: Server) -> None:
    data = describe(BODY, url=url(server))
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / f"{data.files[0].sha256[:16]}.part").write_bytes(BODY)
    assert get(data, tmp_path) == BODY
    assert server.requests == []


def test_an_unreachable_server_is_one_line_with_the_mend(tmp_path: Path, server: Server) -> None:
    address = url(server)
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError, match="POLYSEME_MIRROR") as caught:
        get(describe(BODY, url=address), tmp_path)
    assert address in str(caught.value)


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (503, fetch.ATTEMPTS)])
def test_only_passing_failures_are_retried(
    tmp_path: Path, server: Server, status: int, tries: int
) -> None:
    server.status = status
    with pytest.raises(DataError):
        get(describe(BODY, url=url(server)), tmp_path)
    assert len(server.requests) == tries


def test_a_file_that_is_nowhere_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="POLYSEME_MIRROR/thing"):
        get(describe(BODY), tmp_path)


def test_archives_are_extracted_and_not_kept(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        member = tarfile.TarInfo("inner/a.txt")
        member.size = 3
        file.addfile(member, io.BytesIO(b"abc"))
    data = describe(packed.getvalue(), name="a.tar.gz", archive=True)
    mirror = put(tmp_path, packed.getvalue(), "thing/a.tar.gz")
    with pytest.raises(FileNotFoundError):
        get(data, tmp_path, mirror)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert files == [tmp_path / "out/inner/a.txt"]


def test_a_mirror_that_is_no_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYSEME_MIRROR", str(tmp_path / "missing"))
    with pytest.raises(ConfigError, match="missing"):
        fetch.mirror_folder()
    monkeypatch.setenv("POLYSEME_MIRROR", "")
    assert fetch.mirror_folder() is None


@pytest.mark.parametrize(("kept", "chunked"), [(0, False), (0, True), (100, False), (5000, False)])
def test_a_shorter_file_on_the_server_is_told_at_once_and_leaves_no_part(
    tmp_path: Path, server: Server, kept: int, chunked: bool
) -> None:
    server.body, server.chunked = BODY[:3000], chunked
    data = describe(BODY, url=url(server))
    part = tmp_path / "downloads" / f"{data.files[0].sha256[:16]}.part"
    part.parent.mkdir()
    if kept:
        part.write_bytes(BODY[:kept])
    with pytest.raises(IntegrityError, match=rf"expected {len(BODY):,} bytes, found 3,000"):
        get(data, tmp_path)
    assert not part.exists()
    assert len(server.requests) == 1
    server.body, server.chunked = BODY, False
    assert get(data, tmp_path) == BODY


def test_a_file_without_a_url_lies_below_the_base_url(server: Server, tmp_path: Path) -> None:
    base = f"http://127.0.0.1:{server.server_address[1]}/pinned"
    dataset = describe(BODY, url=None)
    located = dataclasses.replace(dataset, base_url=base)
    fetch.fetch(
        located, "x", out=tmp_path / "out", downloads=tmp_path / "d", mirror=None, progress=False
    )
    assert (tmp_path / "out" / dataset.files[0].name).read_bytes() == BODY
    assert located.located(located.files[0]).url == f"{base}/{dataset.files[0].name}"


@pytest.mark.parametrize("body", [BODY, b"other"])
def test_the_mirror_may_hold_files_in_an_archive(tmp_path: Path, body: bytes) -> None:
    dataset = dataclasses.replace(describe(BODY, url=None), mirror_archive="x/packed.tar.gz")
    (tmp_path / "mirror/x").mkdir(parents=True)
    with tarfile.open(tmp_path / "mirror/x/packed.tar.gz", "w:gz") as packed:
        member = tarfile.TarInfo(dataset.files[0].name)
        member.size = len(body)
        packed.addfile(member, io.BytesIO(body))
    where = {"out": tmp_path / "out", "downloads": tmp_path / "d", "mirror": tmp_path / "mirror"}
    if body == BODY:
        fetch.fetch(dataset, "x", **where, progress=False)
        assert (tmp_path / "out" / dataset.files[0].name).read_bytes() == BODY
        assert not list((tmp_path / "d").iterdir())
    else:
        with pytest.raises(IntegrityError, match="expected"):
            fetch.fetch(dataset, "x", **where, progress=False)

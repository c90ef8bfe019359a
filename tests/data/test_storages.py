"""Files at fsspec URLs: pinned bytes, one-line errors, and no secret anywhere."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shutil
import textwrap
from pathlib import Path
from typing import Any

import fsspec
import pytest
from omegaconf import OmegaConf

from polyseme import cli, compose, urls
from polyseme.config import build
from polyseme.data import corpus, fetch, remote
from polyseme.data.dataset import Dataset
from polyseme.errors import ConfigError, DataError, IntegrityError, PolysemeError

ROOT = Path(__file__).parents[2]
BODY = bytes(range(256)) * 9000
SECRETS = ("AKIAPLANTED5F1D", "planted/of+the/cloud-3f9a", "pl4nted-t0ken")


def described(url: str, **changes: Any) -> Dataset:
    file = {"name": "a.bin", "size": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest()}
    values = {"title": "t", "licence": "l", "redistributable": "yes", "citation": "c"}
    values |= {"files": [file | {"url": url} | changes]}
    return build(Dataset, values, file="conf/dataset/x.yaml", key="dataset.x")


def get(dataset: Dataset, folder: Path) -> bytes:
    where = {"out": folder / "out", "downloads": folder / "downloads", "mirror": None}
    fetch.fetch(dataset, "x", **where, progress=False, first_pause=0.001)  # type: ignore[arg-type]
    return (folder / "out/a.bin").read_bytes()


@pytest.fixture
def stored() -> str:
    """The body in fsspec's memory."""
    fsspec.filesystem("memory").pipe("/bucket/a.bin", BODY)
    return "memory://bucket/a.bin"


def test_a_file_in_a_storage_is_fetched(stored: str, tmp_path: Path) -> None:
    assert get(described(stored), tmp_path) == BODY
    (tmp_path / "there.bin").write_bytes(BODY)
    assert get(described(f"file://{tmp_path}/there.bin"), tmp_path) == BODY


def test_a_base_url_may_be_a_folder_of_a_storage(stored: str, tmp_path: Path) -> None:
    pinned = dataclasses.replace(described(stored).files[0], url=None)
    dataset = dataclasses.replace(described(stored), files=(pinned,), base_url="memory://bucket")
    assert get(dataset, tmp_path) == BODY


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size": 10}, {"size": len(BODY) + 1}])
def test_other_bytes_are_refused_and_not_kept(
    stored: str, tmp_path: Path, change: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError, match="expected"):
        get(described(stored, **change), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


class Flaky:
    """A storage that fails after a megabyte, with a secret in its message."""

    failures = 1
    offsets: list[int]

    def __init__(self) -> None:
        self.offsets, self._inner = [], fsspec.filesystem("memory")

    def info(self, path: str) -> dict[str, Any]:
        return self._inner.info(path)  # type: ignore[no-any-return]

    def open(self, path: str, *_: Any, **__: Any) -> Any:
        file, flaky = self._inner.open(path, "rb"), self

        class File:
            def __enter__(self) -> File:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def seek(self, offset: int) -> None:
                flaky.offsets.append(offset)
                file.seek(offset)

            def read(self, size: int) -> bytes:
                if flaky.failures and file.tell() >= 2**20:
                    flaky.failures -= 1
                    raise OSError(f"GET https://{SECRETS[0]}:{SECRETS[1]}@host?sig={SECRETS[2]}")
                return file.read(size)  # type: ignore[no-any-return]

        return File()


def test_a_dropped_read_resumes_where_it_stopped(
    stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flaky = Flaky()
    monkeypatch.setattr(remote, "_storage", lambda url: (flaky, "/bucket/a.bin"))
    assert get(described(stored), tmp_path) == BODY
    assert flaky.offsets == [0, 2**20]


def test_what_a_library_says_is_not_repeated(
    stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    flaky = Flaky()
    flaky.failures = 100
    monkeypatch.setattr(remote, "_storage", lambda url: (flaky, "/bucket/a.bin"))
    with pytest.raises(
        DataError, match=r"failed 6 times \(OSError\), 1,048,576 of 2,304,000 bytes"
    ):
        get(described(stored), tmp_path)
    with pytest.raises(SystemExit):
        cli.main(["sha256", stored])
    said = "".join(capfd.readouterr())
    assert "reading failed (OSError)" in said
    assert not any(secret in said for secret in SECRETS)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError("x"), "there is no such file; check the URL"),
        (PermissionError(f"key {SECRETS[0]}"), r"may not be read \(PermissionError\); check the"),
        (type("NoCredentialsError", (Exception,), {})(), r"may not be read \(NoCredentialsError\)"),
        (ImportError("Install s3fs"), "s3:// needs the package s3fs; pip install s3fs"),
    ],
)
def test_lasting_failures_are_one_line_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    calls = []

    def fail(*_: object, **__: object) -> None:
        calls.append(1)
        raise error

    monkeypatch.setattr(fsspec.core, "url_to_fs", fail)
    with pytest.raises(PolysemeError, match=message) as caught:
        get(described("s3://bucket/a.bin"), tmp_path)
    assert len(calls) == 1
    assert SECRETS[0] not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"s3://{SECRETS[0]}:{SECRETS[1]}@bucket/a.bin",
        f"https://{SECRETS[2]}@host/a.bin",
        f"https://host/a.bin?X-Amz-Signature={SECRETS[2]}&x=1",
        f"https://host/a.bin?x=1&sig={SECRETS[2]}",
        f"s3://KEY:12/{SECRETS[2]}@bucket/x",
        f"https://host/a.bin#access_token={SECRETS[2]}",
        *(
            f"https://host/a.bin?{name}={SECRETS[2]}"
            for name in (
                "access_key",
                "aws_secret_access_key",
                "account_key",
                "client_secret",
                "pwd",
                "authorization",
                "session_token",
                "sslpassword",
                "subscription-key",
            )
        ),
    ],
)
def test_a_url_with_a_secret_is_refused_and_not_printed(url: str) -> None:
    with pytest.raises(ConfigError, match=r"dataset\.x\.files\.0\.url") as caught:
        described(url)
    assert not any(secret in str(caught.value) for secret in SECRETS)
    with pytest.raises(ConfigError, match=r"conf/: dataset\.x\.base_url holds a user name") as said:
        compose.check({"dataset": {"x": {"base_url": url}}})
    assert not any(secret in str(said.value) for secret in SECRETS)


@pytest.mark.parametrize(
    "url",
    ["https://host:8080/a@b.txt", "https://host/@user/a?page=1", "s3://bucket/a@b", "a@b.c", "x:y"],
)
def test_other_urls_are_left_alone(url: str) -> None:
    assert urls.redacted(url) == url


def test_sha256_of_a_url_is_what_conf_pins(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["sha256", stored])
    assert not caught.value.code
    digest = hashlib.sha256(BODY).hexdigest()
    assert capsys.readouterr().out == f"size: {len(BODY)}\nsha256: {digest}\n"


def test_no_secret_of_a_storage_reaches_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted in the environment, as keys and as fsspec's options, while data are fetched."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS[1])
    monkeypatch.setenv("FSSPEC_MEMORY_KEY", SECRETS[0])
    monkeypatch.setitem(fsspec.config.conf, "memory", {"secret": SECRETS[2]})
    text = "\n".join(f"line {number} of a text that is long enough" for number in range(60))
    fsspec.filesystem("memory").pipe("/bucket/text.txt", text.encode())
    digest = hashlib.sha256(text.encode()).hexdigest()
    change = {"name": "a.txt", "size": len(text), "sha256": digest}
    dataset = described("memory://bucket/text.txt", **change)
    where = {"out": tmp_path / "out", "downloads": tmp_path / "downloads", "mirror": None}
    fetch.fetch(dataset, "x", **where, progress=False)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.rglob("*.txt")] == ["a.txt"]
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert not any(secret.encode() in path.read_bytes() for secret in SECRETS)


PAGE = re.search(
    r"```yaml\n(# @package _global_.*?)```", (ROOT / "docs/scale.md").read_text(), re.DOTALL
)


def test_the_page_s_corpus_in_a_storage_composes(in_tmp: Path) -> None:
    """One file is a data set and a corpus."""
    assert PAGE is not None
    shutil.copytree(ROOT / "conf", in_tmp / "conf")
    wiki = OmegaConf.load(ROOT / "conf/corpus/wiki.yaml")
    others = {key: value for key, value in wiki.items() if f"    {key}:" not in PAGE[1]}
    rest = textwrap.indent(OmegaConf.to_yaml(OmegaConf.create(others)), "    ")
    (in_tmp / "conf/corpus/mine.yaml").write_text(PAGE[1].replace("    ...\n", rest))
    experiment = (ROOT / "conf/experiment/wiki.yaml").read_text()
    experiment = experiment.replace("/corpus: [wiki]", "/corpus: [mine]")
    experiment = experiment.replace("experiment: wiki", "experiment: mine")
    experiment += "task: {truecase: {source: artifacts/mine/corpus/mine}}\n"
    (in_tmp / "conf/experiment/mine.yaml").write_text(experiment)
    overrides = ["experiment=mine", "task=[truecase]"]
    params = compose.composed(overrides, in_tmp / "conf")
    assert params["dataset"]["mine"]["base_url"] == "s3://bucket/dumps"
    assert params["corpus"]["mine"]["source"] == "artifacts/data/mine"
    with pytest.raises(ConfigError, match=r"conf/corpus/mine.yaml: corpus.mine.source is a URL; "):
        compose.composed([*overrides, "corpus.mine.source=s3://bucket/dumps"], in_tmp / "conf")
    corpus.check(params["corpus"]["mine"], file="x", key="x")

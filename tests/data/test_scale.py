"""Preparation in tasks gives the bytes of the preparation on one machine."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data import test_corpus
from tests.data.test_corpus import LEXICON

from polyseme.data import corpus
from polyseme.errors import ConfigError, DataError, ResourceError
from polyseme.runtime.preparing import HERE, Preparing

pytest.importorskip("datatrove")
from polyseme.data.scale import executors, passes, run
from polyseme.data.scale.job import Job

VALUES: dict[str, Any] = test_corpus.VALUES | {"tokenizer_sample_bytes": 4000}
LOCAL = Preparing(executor="local", num_tasks=3)


def line(number: int) -> str:
    random = np.random.default_rng(number)
    return " ".join(LEXICON[i] for i in random.integers(len(LEXICON), size=30)) + "."


LINES = [line(number) for number in range(120)]
NEAR = LINES[5].replace(LINES[5].split()[7], "else", 1)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two files, with an exact and a near duplicate, and a short line."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a.txt").write_text("\n".join(LINES[:60]))
    (folder / "b.txt").write_text("\n".join([*LINES[60:], LINES[3], NEAR, "Too short."]))
    return folder


def prepare(
    source: Path, out: Path, how: Preparing = HERE, num_workers: int = 1, **changes: Any
) -> dict[str, bytes]:
    out.mkdir(parents=True, exist_ok=True)
    values = VALUES | changes
    options, reader_options = corpus.check(values, file="c.yaml", key="corpus.toy")
    corpus.prepare(
        options,
        reader_options,
        name="toy",
        source=source,
        out=out,
        num_workers=num_workers,
        progress=False,
        how=how,
        scratch=out.parent / "scratch",
    )
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


@pytest.mark.parametrize("num_tasks", [1, 2, 7])
def test_any_number_of_tasks_gives_the_same_bytes(
    source: Path, tmp_path: Path, num_tasks: int
) -> None:
    """One task for both files, one for each, and several for each."""
    expected = prepare(source, tmp_path / "here")
    how = dataclasses.replace(LOCAL, num_tasks=num_tasks)
    assert prepare(source, tmp_path / "local", how) == expected
    assert len(expected) == 10
    removed = json.loads(expected["card.json"])["duplicates_removed"]
    assert removed == {"exact": 1, "near": 1}


def die_half_way(job: Job, rank: int, folder: Path) -> None:
    (folder / "signatures").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)


class Killing(executors.Local):
    """Its process is killed in the middle of a task."""

    def __call__(self, rank: int) -> None:
        if (self.what, rank) == ("clean", 1):
            passes.PASSES["clean"] = die_half_way
        super().__call__(rank)


def test_two_workers_and_a_kill_give_the_same_bytes(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = prepare(source, tmp_path / "here")
    with monkeypatch.context() as patched:
        patched.setattr(executors, "Local", Killing)
        with pytest.raises(ResourceError, match="worker process was killed"):
            prepare(source, tmp_path / "local", LOCAL, num_workers=2)
    assert not list((tmp_path / "local").iterdir())
    (folder,) = (tmp_path / "scratch").iterdir()
    finished = {path.name for path in (folder / "log/clean/completions").glob("*")}
    assert "00001" not in finished
    assert not (folder / "clean/00001").exists()
    (folder / "log/clean/completions").mkdir(exist_ok=True)
    kept = {path: path.stat().st_ino for path in folder.glob("clean/0*/signatures")}
    assert prepare(source, tmp_path / "local", LOCAL, num_workers=2) == expected
    assert {path: path.stat().st_ino for path in kept} == kept
    assert len(list((folder / "log/clean/completions").iterdir())) == 3


def test_finished_tasks_are_not_done_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop in the last pass; what came before is taken as it is."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setitem(passes.PASSES, "tokens", stop)
        with pytest.raises(KeyboardInterrupt):
            prepare(source, tmp_path / "local", LOCAL)
    for what in ("clean", "decide", "count", "learn"):
        monkeypatch.setitem(passes.PASSES, what, stop)
    assert prepare(source, tmp_path / "local", LOCAL) == prepare(source, tmp_path / "here")


def test_another_source_begins_anew(source: Path, tmp_path: Path) -> None:
    first = prepare(source, tmp_path / "first", LOCAL)
    (source / "c.txt").write_text("\n".join(map(line, range(500, 520))))
    again = prepare(source, tmp_path / "again", LOCAL)
    assert again == prepare(source, tmp_path / "here") != first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"min_document_words": 1000}, "no document is left of 123: "),
        ({"vocab_size": 30_000}, "corpus.toy.vocab_size: a vocabulary of 30,000 pieces is larger"),
    ],
)
def test_errors_are_those_of_one_machine(
    source: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        prepare(source, tmp_path / "local", LOCAL, **change)
    with pytest.raises(DataError) as expected:
        prepare(source, tmp_path / "here", **change)
    assert str(caught.value) == str(expected.value)
    assert not list((tmp_path / "local").iterdir())


def test_nothing_is_printed_but_logs_are_kept(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (source / "c.txt").write_bytes(b"good line of text\nbad caf\xe9 line\n")
    with pytest.raises(DataError, match=r"c\.txt: byte 25: not UTF-8"):
        prepare(source, tmp_path / "local", LOCAL)
    assert capfd.readouterr() == ("", "")
    logs = [path.read_text() for path in (tmp_path / "scratch").glob("toy-*/log/clean/logs/*.log")]
    assert any("DataError" in text for text in logs)


def test_a_missing_package_is_one_line(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"datatrove is missing; pip install 'polyseme\[datatrove"
    ):
        prepare(source, tmp_path / "local", LOCAL)
    monkeypatch.undo()
    monkeypatch.setattr(executors, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="package ray is missing; pip install ray"):
        prepare(source, tmp_path / "ray", Preparing(executor="ray", num_tasks=2))

"""Storages: several kinds, out of reach, half-written; a study that has changed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from tests.sweeps import toy

from polyseme.errors import ConfigError
from polyseme.sweeps import storage

BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a database server of this test's own."""
    if not BIN:
        pytest.skip("no PostgreSQL: `apt-get install postgresql` brings it")
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    folder = Path("/tmp") / f"polyseme-pg-{os.getpid()}"  # its sockets want a short path
    folder.mkdir(mode=0o700)
    if os.getuid() == 0:
        shutil.chown(folder, user)

    def call(program: str, *words: str) -> None:
        command = [str(BIN[-1].with_name(program)), "-D", str(folder / "data"), *words]
        as_user = {"user": user} if os.getuid() == 0 else {}
        done = subprocess.run(
            command, **as_user, cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    try:
        call("initdb", "--auth=trust", "--no-sync", "-U", "me")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        yield f"postgresql+psycopg://me@/postgres?host={folder}"
        call("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def states(url: str, project: Path, values: dict[str, Any]) -> list[TrialState]:
    toy.work(toy.read(values | {"trials": 2}), project, url=url)
    studies = toy.work(toy.read(values), project, url=url)
    return [trial.state for trial in studies["a"].trials]


@pytest.mark.parametrize("url", ["", "journal://shared/x.log", "sqlite:///study.db"])
def test_a_study_continues_in_each_storage(project: Path, url: str) -> None:
    assert states(url, project, toy.conf(sampler="tpe")) == [TrialState.COMPLETE] * 4


def test_a_study_continues_in_postgresql(project: Path, postgres: str) -> None:
    assert states(postgres, project, toy.conf(sampler="tpe")) == [TrialState.COMPLETE] * 4
    local = toy.work(toy.read(toy.conf(sampler="tpe")), project)
    shared = toy.opened(toy.read(toy.conf(sampler="tpe")), project, url=postgres)
    assert [t.params for t in local["a"].trials] == [t.params for t in shared["a"].trials]


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////no/such/folder/study.db",
        "postgresql+psycopg://me:secret@127.0.0.1:1/x",
        "nosuch://x",
        "no url",
        "journal:///proc/version/x.log",
    ],
)
def test_a_storage_out_of_reach_is_one_line_without_password(project: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="cannot be reached") as caught:
        storage.open_storage(url)
    assert "secret" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_half_a_line_of_a_killed_writer_is_cut_off(project: Path) -> None:
    sweep = toy.read(toy.conf())
    toy.work(toy.read(toy.conf(trials=2)), project, url="journal://x.log")
    with Path("x.log").open("a") as journal:
        journal.write('{"op_code": 5, "tri')
    studies = toy.work(sweep, project, url="journal://x.log")
    again = toy.opened(sweep, project, url="journal://x.log")
    assert [t.state for t in again["a"].trials] == [TrialState.COMPLETE] * 4
    assert studies["a"].trials[3].params == again["a"].trials[3].params


def test_a_file_that_is_no_journal_is_refused(project: Path) -> None:
    Path("x.log").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="is no journal"):
        storage.open_storage("journal://x.log")
    assert Path("x.log").read_text() == "a,b\n1,2\n"


def test_a_clock_unlike_that_of_the_storage_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    now = time.time()
    monkeypatch.setattr(storage.time, "time", lambda: now + 90)
    for url in ("journal://x.log", "sqlite:///x.db"):
        with pytest.raises(ConfigError, match=r"clock of this worker is \d+ s ahead"):
            storage.open_storage(url)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"space": {"lm.toy.lr": toy.LR | {"low": 1e-3}, "lm.toy.depth": toy.DEPTH}},
            "space lm.toy.lr low was 0.0001, is 0.001",
        ),
        ({"space": {"lm.toy.lr": toy.LR}}, "lm.toy.depth was nothing, is 1"),
        ({"sampler": "tpe"}, 'sampler was "random", is "tpe"'),
        ({"objectives": {"loss": toy.LOSS | {"goal": "maximize"}}}, 'goal was "minimize"'),
    ],
)
def test_a_study_whose_sweep_has_changed_is_refused_with_the_difference(
    project: Path, change: dict[str, Any], said: str
) -> None:
    toy.work(toy.read(toy.conf(trials=1)), project)
    with pytest.raises(ConfigError) as caught:
        toy.opened(toy.read(toy.conf(**change)), project)
    assert said in str(caught.value)
    assert str(caught.value).startswith("conf/sweep/toy.yaml: family 'a' has changed")


def test_other_bytes_of_the_corpus_are_a_change(project: Path) -> None:
    toy.work(toy.read(toy.conf(trials=1)), project)
    (project / "artifacts/toy/corpus/text/words.txt").write_text("other\n")
    with pytest.raises(ConfigError, match="artifacts/toy/corpus/text holds other bytes"):
        toy.opened(toy.read(toy.conf()), project)


def test_more_trials_are_no_change(project: Path) -> None:
    toy.work(toy.read(toy.conf(trials=1)), project)
    assert len(toy.work(toy.read(toy.conf(trials=3)), project)["a"].trials) == 3


def test_a_study_without_trials_follows_the_file(project: Path) -> None:
    toy.opened(toy.read(toy.conf()), project)
    changed = toy.read(toy.conf(sampler="tpe", trials=1))
    assert len(toy.work(changed, project)["a"].trials) == 1

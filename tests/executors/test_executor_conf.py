"""conf/executor: what it allows, and that a missing piece is told in one line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from polyseme import compose
from polyseme.errors import ConfigError
from polyseme.executors import base, slurm
from polyseme.executors.base import Command
from polyseme.executors.common.job import OURS, environment
from polyseme.runtime import settings

ROOT = Path(__file__).parents[2]
COMMANDS = [Command(("true",), "nothing")]


def _values(name: str) -> dict[str, Any]:
    return OmegaConf.to_container(OmegaConf.load(ROOT / f"conf/executor/{name}.yaml"))  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["here", "local", "slurm"])
def test_each_composes_by_name_and_no_stage_is_given_it(name: str) -> None:
    params = compose.composed([f"executor={name}"], ROOT / "conf")
    assert params["executor"]["module"] == name
    dag: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "dvc.yaml"))
    stages = [stage.get("do", stage) for stage in dag["stages"].values()]
    assert not any("executor" in key for stage in stages for key in stage.get("params", []))


@pytest.mark.parametrize("name", ["local", "slurm"])
def test_the_file_shows_every_setting_at_its_default(name: str) -> None:
    module = __import__(f"polyseme.executors.{name}", fromlist=["Config"])
    assert base.make(_values(name)).options == module.Config(module=name)  # type: ignore[attr-defined]
    assert _values(name).keys() == module.Config.__dataclass_fields__.keys()


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"module": "here", "partition": "x"}, ["unknown key 'executor.partition'", "module"]),
        ({"module": "local", "partition": "x"}, ["unknown key 'executor.partition'", "requeues"]),
        ({"module": "nosuch"}, ["no executor module 'nosuch'", "here, local, slurm"]),
        ({"time_minutes": 0}, ["executor.time_minutes = 0", "greater than or equal to 1"]),
        ({"time_minutes": "soon"}, ["executor.time_minutes = 'soon'", "integer"]),
        ({"time_minutes": 2, "signal_seconds": 120}, ["signal_seconds = 120", "less than 120"]),
        ({"mem_gb": 0.0001}, ["executor.mem_gb = 0.0001", "0.125"]),
        ({"sbatch": {"signal": "X"}}, ["conf/executor/slurm.yaml", "signal is taken"]),
        ({"gpus": 1.5}, ["executor.gpus = 1.5", "integer"]),
        ({"partition": "a b"}, ["executor.partition", "pattern"]),
        ({"setup": ["a\nb"]}, ["executor.setup.0", "pattern"]),
        ({"sbatch": {"array": "0-3"}}, ["conf/executor/slurm.yaml", "array is taken"]),
        ({"sbatch": {"Bad_Key": 1}}, ["executor.sbatch.Bad_Key", "pattern"]),
    ],
)
def test_a_bad_value_is_refused_in_one_line(values: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        base.make({"module": "slurm"} | values)
    line = str(caught.value)
    assert "\n" not in line
    assert "conf/executor" in line
    assert all(part in line for part in parts), line


def test_composing_checks_the_executor_and_params_need_its_module() -> None:
    with pytest.raises(
        ConfigError, match=r"executor/nosuch.yaml: is missing; .*here, local, slurm"
    ):
        compose.composed(["executor=nosuch"], ROOT / "conf")
    with pytest.raises(ConfigError, match=r"executor.requeues = -1"):
        compose.composed(["executor=local", "executor.requeues=-1"], ROOT / "conf")
    with pytest.raises(ConfigError, match=r"'executor.module' is missing; one of here, local"):
        base.make({})


@pytest.mark.parametrize(
    ("runtime", "values", "told"),
    [
        ({}, {}, ""),
        ({"num_threads": 2, "num_processes": 2}, {}, "executor.cpus = 2 of a job; .* needs 4"),
        ({"num_threads": 2, "num_processes": 2}, {"cpus": 4}, ""),
        ({"num_processes": "auto"}, {"cpus": 1}, ""),
        ({"accelerator": "gpu"}, {}, "executor.gpus = 0 of a job; the runtime needs 1"),
        ({"accelerator": "gpu"}, {"sbatch": {"gres": "gpu:a100:1"}}, ""),
        ({"accelerator": "gpu"}, {"sbatch": {"gpus-per-task": 1}}, ""),
        ({"accelerator": "gpu", "num_processes": 4}, {"gpus": 2, "cpus": 4}, "gpus = 2 .* needs 4"),
        ({"accelerator": "gpu", "num_processes": "auto"}, {"gpus": 4}, "cpus = 2 .* needs 4"),
        ({"accelerator": "gpu", "num_processes": "auto"}, {"gpus": 4, "cpus": 4}, ""),
    ],
)
def test_a_job_has_room_for_what_the_runtime_asks_for(
    runtime: dict[str, Any], values: dict[str, Any], told: str
) -> None:
    asked = settings.read({"num_threads": 1} | runtime)
    if not told:
        base.make({"module": "slurm"} | values, asked)
        return
    with pytest.raises(ConfigError, match=told) as caught:
        base.make({"module": "slurm"} | values, asked)
    assert "conf/executor/slurm.yaml" in str(caught.value)
    name, needs = str(caught.value).split("set executor.")[1].split(",")[0].split("=")
    base.make({"module": "slurm", "cpus": 8} | values | {name: int(needs)}, asked)  # the mend


def test_composing_asks_for_the_room() -> None:
    with pytest.raises(ConfigError, match=r"executor.gpus = 0"):
        compose.composed(["executor=slurm", "runtime=gpu"], ROOT / "conf")


def test_without_sbatch_there_is_one_clear_line(
    in_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(in_tmp))
    with pytest.raises(ConfigError, match=r"sbatch is not found; .*executor=here; --dry-run"):
        base.make(_values("slurm")).run(COMMANDS, key="test", here=lambda: 0)
    assert list(in_tmp.iterdir()) == []


@pytest.mark.parametrize("name", ["local", "slurm"])
def test_without_submitit_there_is_one_clear_line(
    in_tmp: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    monkeypatch.setattr(slurm.shutil, "which", lambda tool: f"/usr/bin/{tool}")
    with pytest.raises(ConfigError, match=r"submitit is not installed; pip install 'polyseme\[sl"):
        base.make(_values(name)).run(COMMANDS, key="test", here=lambda: 0)


def test_here_leaves_the_work_to_the_caller() -> None:
    executor = base.make(_values("here"))
    assert executor.run(COMMANDS, key="test", here=lambda: 7) == 7
    assert executor.room(here=3, most=12) == 3
    assert executor.text([Command(("a", "b c"), "x", {"N": "1 2"})]) == "N='1 2' a 'b c'\n"


def test_a_flag_that_is_off_is_left_out_of_the_script() -> None:
    values = {"module": "slurm", "sbatch": {"exclusive": True, "spread-job": False, "nice": 0}}
    asked = base.make(values).parameters()["additional_parameters"]
    assert asked == {"requeue": True, "exclusive": True, "nice": 0}


def test_stages_see_where_the_cluster_is_and_nothing_else_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SLURM_CONF", "SLURM_NTASKS", "SBATCH_ACCOUNT", "SUBMITIT_EXECUTOR"):
        monkeypatch.setenv(name, "x")
    seen = environment({"OMP_NUM_THREADS": "1"})
    assert {k for k in seen if k.startswith(OURS)} == {"SLURM_CONF"}
    assert seen["OMP_NUM_THREADS"] == "1"

"""What torchrun and srun say of a process, and what they must not say."""

from __future__ import annotations

import pytest

from polyseme.errors import ConfigError
from polyseme.runtime.world import World, launched

TORCHRUN = {
    "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4",
    "MASTER_ADDR": "first", "MASTER_PORT": "29500",
}  # fmt: skip
SRUN = {
    "SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "1",
    "SLURM_STEP_TASKS_PER_NODE": "4(x2)", "SLURM_STEP_NODELIST": "node[07-08]",
}  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "launcher"), [(TORCHRUN, "torchrun"), (SRUN, "srun")], ids=["torchrun", "srun"]
)
def test_a_process_knows_its_place_on_two_machines(
    environment: dict[str, str], launcher: str
) -> None:
    found = launched(environment)
    assert found == World(5, 8, 1, 4, launcher)
    assert (found.node, found.num_nodes, str(found)) == (1, 2, "process 5 of 8")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_LOCALID": "0"},  # a batch script
        SRUN | {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"},  # one task, as of submitit
        SRUN | {"DVC_STAGE": "pretrain@text-gpt"},  # one of several tasks that each called dvc
    ],
)
def test_a_process_alone_is_no_world(environment: dict[str, str]) -> None:
    assert launched(environment) is None


def test_one_machine_with_all_tasks() -> None:
    assert launched(SRUN | {"SLURM_STEP_TASKS_PER_NODE": "8"}) == World(5, 8, 1, 8, "srun")


def test_torchrun_inside_a_task_of_slurm_comes_first() -> None:
    assert launched(SRUN | TORCHRUN) == World(5, 8, 1, 4, "torchrun")


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"WORLD_SIZE": "2"}, "RANK, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR"),
        ({k: v for k, v in TORCHRUN.items() if k != "MASTER_PORT"}, "MASTER_PORT not set"),
        ({k: v for k, v in SRUN.items() if k != "SLURM_PROCID"}, "SLURM_PROCID not set"),
        (TORCHRUN | {"RANK": "eight"}, "RANK: 'eight' is no number"),
        (TORCHRUN | {"RANK": "8"}, "torchrun says 8 of 8"),
        (TORCHRUN | {"LOCAL_RANK": "4"}, "4 of 4 on this machine"),
        (SRUN | {"SLURM_STEP_TASKS_PER_NODE": "4,3"}, r"4,3 tasks.*as many"),
    ],
)
def test_an_environment_that_cannot_be_is_refused(environment: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as error:
        launched(environment)
    assert "\n" not in str(error.value)

"""Cells computed by several processes, one thread each.

A step of fine-tuning is hundreds of small operations, which a second thread hardly helps, while two
processes do nearly twice the work of one. Workers fill the store; who needs the outcomes reads them
from there. Since a cell always has one thread on a cpu, its result is the same with any number of
workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from polyseme.data.parallel import ordered_map
from polyseme.runtime.settings import Runtime
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.transfer.evaluate import Evaluation, Job

Tasks = Mapping[str, tuple[PreparedTask, str]]
_given: dict[int, tuple[Evaluation, Tasks]] = {}
"""What a worker computes cells of, by process."""


def runtime_of_cell(runtime: Runtime) -> Runtime:
    """How one cell runs: on a cpu with one thread, else as the stage does."""
    return replace(runtime, num_threads=1) if runtime.accelerator == "cpu" else runtime


def fill(
    evaluation: Evaluation,
    tasks: Tasks,
    runtime: Runtime,
    done: Callable[[int], Any],
) -> None:
    """Compute all cells that the store lacks.

    Args:
        tasks: each with the hash of its labelled data, by name.
        runtime: of the stage; on a cpu there are as many workers as it has threads.
        done: called with the number of cells that were computed, for progress.

    Raises:
        ResourceError: a worker was killed, most often for memory.
        PolysemeError: whatever a cell raises.
    """
    jobs = [job for task, _ in tasks.values() for job in evaluation.jobs(task)]
    workers = runtime.num_threads if runtime.accelerator == "cpu" else 1
    finished = ordered_map(
        _compute,
        jobs,
        num_workers=max(1, min(workers, len(jobs))),
        begin=partial(_begin, evaluation, tasks),
        start="fork",
        where="fine-tuning",
        setting="runtime.num_threads",
    )
    for count in finished:
        done(count)


def _begin(evaluation: Evaluation, tasks: Tasks) -> None:
    _given.clear()
    _given[os.getpid()] = evaluation, tasks
    torch.set_num_threads(evaluation.runtime.num_threads)


def _compute(job: Job) -> int:
    evaluation, tasks = _given[os.getpid()]
    evaluation.outcomes(*tasks[job[0].task], job)
    return len(job)

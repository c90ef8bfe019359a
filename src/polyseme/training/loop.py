"""Pre-training from its options to the trained model, by one process or by several."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from polyseme.data.tokens import TokenStore
from polyseme.errors import ConfigError
from polyseme.models.common.language_model import LanguageModel
from polyseme.runtime import settings
from polyseme.runtime.settings import Runtime
from polyseme.runtime.world import World
from polyseme.training import checkpoint, sharding, strategies
from polyseme.training.batches import Rows, Streams
from polyseme.training.budget import Budget
from polyseme.training.callback import Log, Loop, nothing
from polyseme.training.determinism import make_deterministic
from polyseme.training.evaluate import held_out_batches
from polyseme.training.options import TrainingOptions
from polyseme.training.preempt import Preemption
from polyseme.training.pretrain import Pretraining, Steps
from polyseme.training.processes import Group, joined
from polyseme.training.spawn import together
from polyseme.training.trainer import make_trainer


class Job(NamedTuple):
    """What every process needs to train."""

    model: LanguageModel
    options: TrainingOptions
    store: TokenStore
    validation: list[dict[str, Tensor]]
    seed: int
    runtime: Runtime
    scratch: Path
    goes_on: bool = False


def pretrain(
    model: LanguageModel,
    options: TrainingOptions,
    stores: Mapping[str, TokenStore],
    *,
    seed: int,
    runtime: Runtime,
    scratch: Path,
    log: Log,
    world: World | None = None,
    goes_on: bool = False,
) -> Pretraining:
    """Train a language model within its budget, or continue to.

    Args:
        stores: tokens of the splits `train` and `valid`.
        seed: of initial weights, order of rows and hidden positions.
        scratch: checkpoints; the same folder continues the same run.
        log: receives the rows of the history as they come.
        world: the processes that a launcher started; None to start runtime.num_processes.
        goes_on: from the weights as they are, instead of random ones.

    Returns:
        The module: `model` trained in place, history in `rows`, `step`, `words_seen`.

    Raises:
        ConfigError: a budget in seconds, or fewer rows or GPUs than processes.
        ResourceError: another process was killed.
    """
    num_processes = world.size if world else settings.local_processes(runtime)
    _check(options, num_processes)
    validation = held_out_batches(model, stores["valid"], options)
    job = Job(model, options, stores["train"], validation, seed, runtime, scratch, goes_on)
    group = (
        joined(world, runtime.accelerator)
        if world
        else together(num_processes, follow, job, runtime.accelerator)
    )
    with group as found:
        return train(job, found, log)


def _check(options: TrainingOptions, num_processes: int) -> None:
    where, mend = "runtime.num_processes", "set it to 1"
    if num_processes > options.batch_size:
        told = f"{num_processes}, more than batch_size = {options.batch_size}"
        raise ConfigError(told, where=where, mend="use fewer processes, or larger batches")
    if num_processes > 1 and options.budget_unit == "seconds":
        raise ConfigError("clocks would part on a budget in seconds", where=where, mend=mend)


def follow(group: Group, job: Job) -> None:
    """What the other processes do: train alike, and leave the rest to the first."""
    train(job, group, nothing)


def train(job: Job, group: Group, log: Log) -> Pretraining:
    """Train as one of the processes of a group."""
    make_deterministic(job.runtime)
    if not job.goes_on:
        job.model.reset(job.seed)
    is_sharded = strategies.is_sharded(job.runtime, group.world)
    model = copy.deepcopy(job.model) if is_sharded else job.model  # sharded, it stays sharded
    rows = _rows(model, job.store, job.options, job.seed)
    module = Pretraining(model.train(), job.options, _budget(job, rows), seed=job.seed, group=group)
    checkpoints = checkpoint.Checkpoints(job.scratch / "checkpoints")
    loop = Loop(checkpoints, job.validation, job.runtime, group, log)
    loop.continue_from_checkpoint(module)
    trainer = make_trainer(
        job.runtime,
        folder=job.scratch,
        callbacks=[loop, Preemption(leads=group.is_first)],
        world=group.world,
    )
    trainer.fit(module, Steps(module, rows))
    if is_sharded:
        sharding.fill(job.model, model)
        module.model = job.model
    job.model.eval()
    return module


def _budget(job: Job, rows: Rows | Streams) -> Budget:
    options, store = job.options, job.store
    words_per_token = store.num_words / store.num_tokens
    return Budget(
        options,
        words_per_step=words_per_token * options.batch_size * options.sequence_length,
        steps_per_epoch=rows.num_rows / options.batch_size,
    )


def _rows(
    model: LanguageModel, store: TokenStore, options: TrainingOptions, seed: int
) -> Rows | Streams:
    """Where batches come from; a stateful model gets its state."""
    if not model.stateful:
        return Rows(store, length=options.sequence_length, seed=seed)
    model.begin_stream(options.batch_size)
    return Streams(store, length=options.sequence_length, rows=options.batch_size, seed=seed)

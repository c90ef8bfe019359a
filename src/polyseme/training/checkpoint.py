"""Checkpoints that a kill cannot spoil.

A checkpoint is one safetensors file with the tensors of model and optimizers, and one JSON file
with its sha256, its own, and everything that is no tensor. The JSON is written last, both through a
temporary name: half a checkpoint is no checkpoint. The newest two are kept; one whose bytes
differ from its sha256 is set aside with a warning, and the one before it is tried.

No random state is in it: every draw is a function of (seed, step), see batches.py. Tensors are
whole, also where processes have parts of them: nothing in it tells how many wrote it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from polyseme.errors import IntegrityError
from polyseme.runtime.manifest import canonical, sha256
from polyseme.training.processes import Group
from polyseme.training.sharding import placed, whole

KEEP = 2


class Checkpoint(NamedTuple):
    """State after `step` optimizer steps."""

    step: int
    tensors: Mapping[str, Tensor]
    facts: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, step: int, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Write a checkpoint, then forget all but the newest two."""
        self.folder.mkdir(parents=True, exist_ok=True)
        weights = self.folder / f"{step:09d}.safetensors"
        temporary = weights.with_suffix(".tmp")
        save_file({name: t.contiguous() for name, t in tensors.items()}, temporary)
        _sync(temporary)
        content = {"step": step, "sha256": sha256(temporary), "facts": facts}
        content = json.loads(json.dumps(content))  # hashed as it will be read
        content["own_sha256"] = canonical(content)
        temporary.replace(weights)
        note = weights.with_suffix(".json.tmp")
        note.write_text(json.dumps(content))
        _sync(note)
        note.replace(weights.with_suffix(".json"))
        for old in self._notes()[:-KEEP]:
            old.unlink()
            old.with_suffix(".safetensors").unlink(missing_ok=True)

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole, or None to start from the beginning."""
        for note in reversed(self._notes()):
            try:
                return _read(note)
            except (OSError, ValueError, KeyError, TypeError, AttributeError, IntegrityError):
                print(
                    f"warning: checkpoint {note} is damaged: trying the one before", file=sys.stderr
                )
                note.rename(note.with_suffix(".damaged"))
        return None

    def _notes(self) -> list[Path]:
        return sorted(self.folder.glob("*.json"))


def _read(note: Path) -> Checkpoint:
    content = json.loads(note.read_text())
    if content.pop("own_sha256") != canonical(content) or content["step"] != int(note.stem):
        raise IntegrityError("differs from its sha256", where=note)
    weights = note.with_suffix(".safetensors")
    if sha256(weights) != content["sha256"]:
        raise IntegrityError("differs from its sha256", where=weights)
    return Checkpoint(content["step"], load_file(weights), content["facts"])


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


class Spread(Mapping[str, Tensor]):
    """Tensors of the first process in all of them, each sent when all ask for it.

    Args:
        tensors: those of the first process.
    """

    def __init__(self, group: Group, tensors: Mapping[str, Tensor]) -> None:
        self.group, self.tensors = group, tensors
        self.kinds = group.from_first({n: (t.shape, t.dtype) for n, t in tensors.items()})

    def __getitem__(self, name: str) -> Tensor:
        shape, dtype = self.kinds[name]
        here = self.tensors.get(name)
        return self.group.spread(torch.empty(shape, dtype=dtype) if here is None else here)

    def __iter__(self) -> Iterator[str]:
        return iter(self.kinds)

    def __len__(self) -> int:
        return len(self.kinds)


def shared(group: Group, found: Checkpoint | None) -> Checkpoint | None:
    """What the first process has found, in all processes; only the first needs its files."""
    told = group.from_first((found.step, found.facts) if found else None)
    if told is None:
        return None
    return Checkpoint(told[0], Spread(group, found.tensors if found else {}), told[1])


def collect(module: nn.Module, optimizers: list[Optimizer]) -> dict[str, Tensor]:
    """All tensors of a training state, by name; whole copies, so that training may go on.

    Where tensors are sharded, all processes have to ask.
    """
    return {name: whole(t.detach()).cpu().clone() for name, t in _named(module, optimizers)}


def _named(module: nn.Module, optimizers: list[Optimizer]) -> Iterator[tuple[str, Tensor]]:
    yield from ((f"model.{name}", weight) for name, weight in module.named_parameters())
    yield from ((f"buffer.{name}", buffer) for name, buffer in module.named_buffers())
    for number, optimizer in enumerate(optimizers):
        for index, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                yield f"optimizer.{number}.{index}.{name}", torch.as_tensor(value)


def restore(tensors: Mapping[str, Tensor], module: nn.Module, optimizers: list[Optimizer]) -> None:
    """Put a collected state back, each process its part."""
    with torch.no_grad():
        for name, weight in module.named_parameters():
            weight.copy_(placed(tensors[f"model.{name}"], weight))
        for name, buffer in module.named_buffers():
            buffer.copy_(tensors[f"buffer.{name}"])
    for number, optimizer in enumerate(optimizers):
        prefix = f"optimizer.{number}."
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key in tensors:
            if key.startswith(prefix):
                index, name = key.removeprefix(prefix).split(".", 1)
                value = placed(tensors[key], weights[int(index)])
                state.setdefault(int(index), {})[name] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})

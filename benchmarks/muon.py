"""Muon, batched, against torch.optim.Muon: one optimizer step of a model's hidden matrices.

The matrices are those of conf/lm/bert.yaml and of the smaller model of `demo`; the contestants take
turns. `bf16` and `fp32` are polyseme's with the iteration in that precision.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import nn
from torch.optim import Optimizer

from benchmarks import _controlled, _report
from polyseme.training import muon

ROUNDS, STEPS = 7, 10


def main() -> None:
    torch.set_num_threads(2)
    conf = OmegaConf.load(_controlled.ROOT / "conf/lm/bert.yaml").lm.bert
    demo = OmegaConf.load(_controlled.ROOT / "conf/experiment/demo.yaml").lm.bert
    rows = []
    for name, options in (("bert", conf), ("bert of demo", OmegaConf.merge(conf, demo))):
        made: dict[str, Callable[[list[nn.Parameter]], Optimizer]] = {
            "torch.optim.Muon": lambda weights: torch.optim.Muon(weights, lr=0.02),
            "polyseme, fp32": lambda weights: muon.Muon(weights, lr=0.02, bf16=False),
            "polyseme, bf16": lambda weights: muon.Muon(weights, lr=0.02, bf16=True),
        }
        optimizers = {key: make(_matrices(options)) for key, make in made.items()}
        found: dict[str, list[float]] = {key: [] for key in made}
        for _ in range(ROUNDS):
            for key, optimizer in optimizers.items():
                found[key].append(_milliseconds(optimizer))
        best = {key: statistics.median(values) for key, values in found.items()}
        rows += [
            {
                "matrices": name,
                "contestant": key,
                "milliseconds": round(best[key], 2),
                "faster_than_torch_by": round(best["torch.optim.Muon"] / best[key], 2),
            }
            for key in made
        ]
    _report.write("muon", rows)


def _matrices(options: Any) -> list[nn.Parameter]:
    """Hidden matrices of a Transformer's blocks, with gradients."""
    dim, dim_ff = options.dim, options.dim_ff
    shapes = [*[(dim, dim)] * 4, (dim_ff, dim), (dim, dim_ff)] * options.num_layers
    random = torch.Generator().manual_seed(0)
    weights = [nn.Parameter(torch.randn(shape, generator=random) / dim**0.5) for shape in shapes]
    for weight in weights:
        weight.grad = torch.randn(weight.shape, generator=random)
    return weights


def _milliseconds(optimizer: Optimizer) -> float:
    optimizer.step()
    started = time.perf_counter()
    for _ in range(STEPS):
        optimizer.step()
    return 1000 * (time.perf_counter() - started) / STEPS


if __name__ == "__main__":
    main()

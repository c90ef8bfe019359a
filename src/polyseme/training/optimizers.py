"""Optimizers: torch's AdamW (Loshchilov & Hutter 2019), Muon (Jordan 2024; muon.py), NT-ASGD.

Muon orthogonalises the momentum of hidden weight matrices; everything else (embeddings, output
head, norms, biases) stays with AdamW, as its author advises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from torch import nn
from torch.optim import AdamW, Optimizer

from polyseme.errors import ConfigError
from polyseme.training.muon import Muon
from polyseme.training.ntasgd import NTASGD
from polyseme.training.options import TrainingOptions

ADAM_BETAS = (0.9, 0.98)
ADAM_EPSILON = 1e-6
MATRIX = 2


def build(module: nn.Module, options: TrainingOptions, *, bf16: bool = False) -> list[Optimizer]:
    """Optimizers that together own every weight of the module once.

    `bf16`: whether training runs in bfloat16; Muon's iteration then does, too.

    The peak rate of each parameter group is kept in its `peak_lr`.
    """
    optimizers = BUILDERS[options.optimizer](module, options, bf16)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers


def set_rate(optimizers: list[Optimizer], factor: float) -> None:
    """Give every parameter group `factor` times its peak rate."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor


def _adamw_for(weights: list[nn.Parameter], options: TrainingOptions) -> Optimizer:
    groups = [
        {
            "params": [w for w in weights if w.ndim >= MATRIX],
            "weight_decay": options.weight_decay,
        },
        {"params": [w for w in weights if w.ndim < MATRIX], "weight_decay": 0.0},
    ]
    used = [group for group in groups if group["params"]]
    return AdamW(used, lr=options.lr, betas=ADAM_BETAS, eps=ADAM_EPSILON, fused=True)


def _adamw(module: nn.Module, options: TrainingOptions, _: bool) -> list[Optimizer]:
    return [_adamw_for(list(module.parameters()), options)]


def _muon(module: nn.Module, options: TrainingOptions, bf16: bool) -> list[Optimizer]:
    hidden = _hidden_matrices(module)
    chosen = {id(w) for w in hidden}
    rest = [w for w in module.parameters() if id(w) not in chosen]
    if not hidden:
        raise ConfigError(
            "no hidden matrices for Muon",
            where=type(module).__module__,
            mend="use optimizer: adamw",
        )
    muon = Muon(hidden, lr=options.muon_lr, weight_decay=options.weight_decay, bf16=bf16)
    return [muon, _adamw_for(rest, options)]


def _ntasgd(module: nn.Module, options: TrainingOptions, _: bool) -> list[Optimizer]:
    weights = module.parameters()
    return [
        NTASGD(
            weights,
            lr=options.lr,
            weight_decay=options.weight_decay,
            patience=options.ntasgd_patience,
        )
    ]


@contextmanager
def averaged(optimizers: Sequence[Optimizer]) -> Iterator[None]:
    """The weights that are evaluated: averages, where an optimizer keeps them."""
    with ExitStack() as stack:
        for optimizer in optimizers:
            if isinstance(optimizer, NTASGD):
                stack.enter_context(optimizer.averaged())
        yield


def watch(optimizers: Sequence[Optimizer], losses: Sequence[float]) -> None:
    """Tell optimizers that listen to it the held-out losses up to now."""
    for optimizer in optimizers:
        if isinstance(optimizer, NTASGD):
            optimizer.watch(losses)


def finish(optimizers: Sequence[Optimizer]) -> None:
    """Leave the weights that are kept."""
    for optimizer in optimizers:
        if isinstance(optimizer, NTASGD):
            optimizer.finish()


def _hidden_matrices(module: nn.Module) -> list[nn.Parameter]:
    """Matrices between hidden layers: those of the blocks."""
    return [
        weight
        for name, weight in module.named_parameters()
        if weight.ndim == MATRIX and ".blocks." in f".{name}"
    ]


BUILDERS: dict[str, Callable[[nn.Module, TrainingOptions, bool], list[Optimizer]]] = {
    "adamw": _adamw,
    "muon": _muon,
    "ntasgd": _ntasgd,
}

"""In which order the items of a task are trained on: a function of (seed, epoch)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from polyseme.draws import philox

POOL_BATCHES = 16


def batches(lengths: Sequence[int], size: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Items in batches of similar length, in random order.

    Items are shuffled, sorted by length inside pools of some batches, cut, and shuffled again.
    Items without words are left out.
    """
    random = philox(seed, 4, epoch)
    order = [int(i) for i in random.permutation(len(lengths)) if lengths[i]]
    found = []
    for start in range(0, len(order), size * POOL_BATCHES):
        pool = sorted(order[start : start + size * POOL_BATCHES], key=lambda i: lengths[i])
        found += [pool[at : at + size] for at in range(0, len(pool), size)]
    return [found[i] for i in random.permutation(len(found))]


class Epochs:
    """All epochs of a run, each a list of batches.

    Args:
        lengths: words of each item.
        size: items of a batch.
        epochs: passes.
        min_steps: batches, at least: there are more passes where items are few.
        num_looks: how often the validation split is looked at; 0 never.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        size: int,
        epochs: int,
        min_steps: int,
        num_looks: int,
        seed: int,
    ) -> None:
        self.lengths, self.size, self.seed, self.num_looks = lengths, size, seed, num_looks
        self.steps_per_epoch = math.ceil(sum(1 for n in lengths if n) / size)
        self.epochs = max(epochs, math.ceil(min_steps / max(1, self.steps_per_epoch)))

    @property
    def num_steps(self) -> int:
        """Optimizer steps of the run."""
        return self.epochs * self.steps_per_epoch

    def looks(self, epoch: int) -> bool:
        """Whether the validation split is looked at after an epoch; after the last it always is."""
        return (epoch + 1) * self.num_looks // self.epochs > epoch * self.num_looks // self.epochs

    def __len__(self) -> int:
        return self.epochs

    def __getitem__(self, epoch: int) -> list[list[int]]:
        if not 0 <= epoch < self.epochs:
            raise IndexError(epoch)
        return batches(self.lengths, self.size, seed=self.seed, epoch=epoch)

    def __iter__(self) -> Iterator[list[list[int]]]:
        return (self[epoch] for epoch in range(self.epochs))

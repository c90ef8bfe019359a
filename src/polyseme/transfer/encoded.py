"""Vectors of many sentences, read one sentence at a time from where they are kept.

Shapes: N words of all sentences, L layers, T words of one sentence, D dimensions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import overload

import numpy as np
from torch import Tensor


class _Lazy(Sequence[Tensor]):
    """Vectors h_LTD of sentences, made when they are asked for."""

    @abstractmethod
    def vectors(self, number: int) -> Tensor:
        """h_LTD of a sentence, number from 0."""

    @overload
    def __getitem__(self, at: int) -> Tensor: ...
    @overload
    def __getitem__(self, at: slice) -> list[Tensor]: ...
    def __getitem__(self, at: int | slice) -> Tensor | list[Tensor]:
        found = range(len(self))[at]
        return [self.vectors(n) for n in found] if isinstance(found, range) else self.vectors(found)


class Encoded(_Lazy):
    """Vectors as float32, whatever type they are kept in.

    Args:
        words_NLD: of the words of all sentences, of any float type.
        lengths: words of each sentence.
    """

    def __init__(self, words_NLD: Tensor, lengths: Sequence[int]) -> None:
        self.words_NLD, self.lengths = words_NLD, list(lengths)
        self.starts = (np.cumsum(self.lengths) - self.lengths).tolist() if self.lengths else []

    def __len__(self) -> int:
        return len(self.lengths)

    def vectors(self, number: int) -> Tensor:
        """h_LTD; a view where they are kept as float32."""
        start = self.starts[number]
        return self.words_NLD[start : start + self.lengths[number]].transpose(0, 1).float()


class Picked(_Lazy):
    """Some sentences of others, in any order, also several times."""

    def __init__(self, of: Sequence[Tensor], numbers: Sequence[int]) -> None:
        self.of, self.numbers = of, list(numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def vectors(self, number: int) -> Tensor:
        """h_LTD."""
        return self.of[self.numbers[number]]

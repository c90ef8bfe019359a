"""Material of an intrinsic measure, given in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from polyseme.data.split import Split as SplitName
from polyseme.intrinsic.base import Material
from polyseme.models.base import Words
from polyseme.tasks.base import Split


class Given(Material):
    """Splits, vocabulary and sentences that need no files."""

    def __init__(
        self,
        splits: Mapping[str, Split] | Split,
        vocabulary: Sequence[str] = (),
        texts: Sequence[Words] = (),
        card: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(Path("corpus"), Path("task"), "given")
        self.splits = {"test": splits} if isinstance(splits, Split) else dict(splits)
        self.vocabulary, self.texts, self.card = list(vocabulary), texts, dict(card or {})

    def split(self, name: SplitName) -> Split:
        """The given one."""
        return self.splits[name]

    def sentences(self, split: SplitName, limit: int | None = None) -> Iterator[Words]:
        """The given texts, in every split."""
        return islice(iter(self.texts), limit)

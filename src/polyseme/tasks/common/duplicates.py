"""Items that occur in two places, whatever their case and their label.

Within a task they have the same words. Two tasks may spell and split words in ways of their own:

    python -m polyseme.tasks.common.duplicates artifacts/mine/task/sst5 artifacts/mine/task/mr

tells how many items of each split of the first prepared task have the letters and digits of one of
the second.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from polyseme.errors import DataError, PolysemeError
from polyseme.tasks.base import SPLITS, Split, read, same_words


def known(splits: Iterable[Split]) -> set[str]:
    """The items of some splits."""
    return {same_words(words) for split in splits for words in split.sentences}


def same_letters(words: Sequence[str]) -> str:
    """The letters and digits of an item."""
    return "".join(filter(str.isalnum, "".join(words).casefold()))


def in_train(splits: Mapping[str, Split]) -> dict[str, int]:
    """How many items of the other splits occur in `train`, too."""
    train = known([splits["train"]])
    return {
        name: sum(same_words(words) in train for words in split.sentences)
        for name, split in splits.items()
        if name != "train"
    }


def without(split: Split, others: set[str]) -> Split:
    """The items of a split that are not among others."""
    return split.chosen(
        [i for i, words in enumerate(split.sentences) if same_words(words) not in others]
    )


def main() -> int:
    """Compare two prepared tasks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", type=Path, help="folder of a prepared task")
    parser.add_argument("other", type=Path, help="folder of the one to look in")
    chosen = parser.parse_args()
    try:
        first, other = (_read(folder) for folder in (chosen.task, chosen.other))
    except PolysemeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    others = {same_letters(words) for split in other.values() for words in split.sentences}
    for name, split in first.items():
        number = sum(same_letters(words) in others for words in split.sentences)
        print(f"{name}: {number:,} of {len(split):,}")
    return 0


def _read(folder: Path) -> dict[str, Split]:
    found = {name: read(folder, name) for name in SPLITS if (folder / f"{name}.parquet").exists()}
    if not found:
        raise DataError("is no prepared task", where=folder, mend="see artifacts/*/task/")
    return found


if __name__ == "__main__":
    sys.exit(main())

"""Tokens of a prepared corpus in memory-mapped files.

`<split>.tokens` holds piece ids, little-endian uint16 (uint32 for more than 65,535 pieces): each
sentence is [CLS], its pieces, [SEP]. `<split>.flags` holds one uint8 a token.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from polyseme.data.split import Split
from polyseme.data.tokenizer import CLS, SEP, WordPieces
from polyseme.errors import DataError

CONTINUATION, FIRST, SPECIAL = 0, 1, 2
"""Flags: later piece of a word, first piece of a word, [CLS] or [SEP]."""
UINT16_PIECES = 2**16


def token_dtype(vocab_size: int) -> np.dtype[Any]:
    """Smallest type that holds every piece id."""
    return np.dtype("<u2" if vocab_size <= UINT16_PIECES - 1 else "<u4")


class TokenWriter:
    """Append sentences to the two files of a split; use as a context manager."""

    def __init__(self, folder: Path, split: Split) -> None:
        self._tokens = (folder / f"{split}.tokens").open("wb")
        self._flags = (folder / f"{split}.flags").open("wb")
        self.num_tokens = 0

    def add(self, encoded: Encoded) -> None:
        """Add sentences."""
        self._tokens.write(encoded.tokens)
        self._flags.write(encoded.flags)
        self.num_tokens += len(encoded.flags)

    def __enter__(self) -> TokenWriter:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._tokens.close()
        finally:
            self._flags.close()


SPECIALS = ((CLS,), (SEP,))
"""Before and behind each sentence."""


class Encoded(NamedTuple):
    """Sentences as they stand in the two files."""

    tokens: bytes
    flags: bytes


def encode(words: pa.Array, lengths_S: npt.NDArray[Any], pieces: WordPieces) -> Encoded:
    """Encode sentences: each type once, all else is arithmetic on arrays.

    Args:
        words: of all sentences, in order; strings.
        lengths_S: words of each sentence.
        pieces: the tokenizer.
    """
    coded = words.dictionary_encode()
    ids_W = pieces.ids_of(coded.dictionary.to_pylist())
    units = [*SPECIALS, *ids_W]  # what stands in a sentence
    size_U = np.fromiter(map(len, units), np.int64, len(units))
    unit_N = _units(coded.indices.to_numpy() + len(SPECIALS), lengths_S)
    size_N = size_U[unit_N]
    ends_N = np.cumsum(size_N)
    num_tokens = int(ends_N[-1]) if len(ends_N) else 0
    # token t of the text is token `shift + t` of the list of units, `shift` being that of its unit
    shift_N = (np.cumsum(size_U) - size_U)[unit_N] - (ends_N - size_N)
    all_ids = np.array(list(chain.from_iterable(units)), token_dtype(pieces.vocab_size))
    tokens = all_ids[np.repeat(shift_N, size_N) + np.arange(num_tokens)]
    flags = np.full(num_tokens, CONTINUATION, np.uint8)
    flags[ends_N - size_N] = np.where(unit_N < len(SPECIALS), SPECIAL, FIRST)
    return Encoded(tokens.tobytes(), flags.tobytes())


def _units(word_N: npt.NDArray[Any], lengths_S: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Words with 0 before each sentence and 1 behind it."""
    ends_S = np.cumsum(lengths_S + 2)
    units = np.empty(len(word_N) + 2 * len(lengths_S), dtype=np.int64)
    is_word = np.ones(len(units), dtype=np.bool_)
    is_word[ends_S - 1] = is_word[ends_S - lengths_S - 2] = False
    units[is_word] = word_N
    units[ends_S - lengths_S - 2], units[ends_S - 1] = 0, 1
    return units


def _row(
    sentence: Sequence[str], ids_of: Callable[[str], Sequence[int]]
) -> tuple[list[int], list[int]]:
    """Ids and flags of one sentence."""
    ids, flags = [CLS], [SPECIAL]
    for word in sentence:
        pieces = ids_of(word)
        ids.extend(pieces)
        flags.append(FIRST)
        flags.extend([CONTINUATION] * (len(pieces) - 1))
    return [*ids, SEP], [*flags, SPECIAL]


@dataclass(frozen=True)
class TokenStore:
    """Tokens of one split, mapped, not loaded.

    Attributes:
        tokens: ids, array of N.
        flags: uint8 array of N; see FIRST, CONTINUATION, SPECIAL.
        num_words: words in the split.
    """

    tokens: npt.NDArray[Any]
    flags: npt.NDArray[np.uint8]
    num_words: int

    def __reduce__(self) -> tuple[Any, ...]:
        """Other processes map the same files; only what is in memory is copied."""
        return _again, (*map(_portable, (self.tokens, self.flags)), self.num_words)

    @property
    def num_tokens(self) -> int:
        """N, specials included."""
        return len(self.tokens)

    @classmethod
    def of(cls, sentences: Iterable[Sequence[str]], pieces: WordPieces) -> TokenStore:
        """Tokens of sentences of words, in memory."""
        ids: list[int] = []
        flags: list[int] = []
        num_words = 0
        for sentence in sentences:
            some_ids, some_flags = _row(sentence, pieces.ids)
            ids += some_ids
            flags += some_flags
            num_words += len(sentence)
        dtype = token_dtype(pieces.vocab_size)
        return cls(np.array(ids, dtype=dtype), np.array(flags, dtype=np.uint8), num_words)

    @classmethod
    def open(cls, folder: Path, split: Split) -> TokenStore:
        """Map the tokens of `split` of the corpus in `folder`.

        Raises:
            DataError: a file is missing, or the sizes do not agree with the card.
        """
        try:
            card = json.loads((folder / "card.json").read_text("utf-8"))
            counts, dtype = card["splits"][split], np.dtype(card["dtype"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _unusable(folder / "card.json", f"no data card ({error})") from None
        tokens = _map(folder / f"{split}.tokens", dtype, counts["tokens"])
        flags = _map(folder / f"{split}.flags", np.dtype(np.uint8), counts["tokens"])
        return cls(tokens, flags, counts["words"])


def _map(path: Path, dtype: np.dtype[Any], length: int) -> npt.NDArray[Any]:
    expected = length * dtype.itemsize
    size = path.stat().st_size if path.is_file() else 0
    if size != expected:
        raise _unusable(path, f"{size:,} bytes instead of {expected:,}")
    return np.memmap(path, dtype=dtype, mode="r", shape=(length,))


def _portable(array: npt.NDArray[Any]) -> npt.NDArray[Any] | tuple[Path, np.dtype[Any], int]:
    if isinstance(array, np.memmap) and array.filename:
        return Path(array.filename).resolve(), array.dtype, len(array)
    return array


def _again(tokens: Any, flags: Any, num_words: int) -> TokenStore:
    tokens, flags = (
        _map(*found) if isinstance(found, tuple) else found for found in (tokens, flags)
    )
    return TokenStore(tokens, flags, num_words)


def _unusable(path: Path, what: str) -> DataError:
    return DataError(what, where=path, mend="prepare the corpus again")

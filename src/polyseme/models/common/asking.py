"""What is asked of a language model, in an order that costs little: by text, and by length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from polyseme.models.base import MARKS, Words
from polyseme.models.common.contextual import SubwordRows

BLOCK_WORDS = 2**14
"""Words whose rows are in memory at once."""
Row = tuple[list[int], int, int]


def each_word(
    texts: Sequence[Words], surprisals: Callable[[Sequence[Words], Sequence[int]], list[float]]
) -> list[list[float]]:
    """Surprisal of each word of each text, some texts at a time; 0 for marks."""
    found = [[0.0] * len(text) for text in texts]
    block: list[tuple[int, int]] = []
    for n, text in enumerate(texts):
        block += [(n, place) for place, word in enumerate(text) if word not in MARKS]
        if len(block) >= BLOCK_WORDS or n == len(texts) - 1:
            owners, places = [texts[owner] for owner, _ in block], [place for _, place in block]
            bits = surprisals(owners, places)
            for (owner, place), surprisal in zip(block, bits, strict=True):
                found[owner][place] = surprisal
            block = []
    return found


def located(model: SubwordRows, texts: Sequence[Words], places: Sequence[int]) -> Iterator[Row]:
    """The row with the word at each place, where its pieces begin and one past their end.

    A text is cut into pieces once where its places follow one another.
    """
    before: Words | None = None
    for text, place in zip(texts, places, strict=True):
        if text is not before:
            rows, before = list(model._rows(text)), text
        word = sum(word not in MARKS for word in text[:place])
        for ids, spans in rows:
            if word < len(spans):
                yield ids, *spans[word]
                break
            word -= len(spans)
        else:
            raise IndexError(f"no word at {place} of {len(text)}")


def of_one_length(lengths: Sequence[int], max_pieces: int, max_rows: int) -> Iterator[list[int]]:
    """Indices in batches of one length, shortest first, of so many pieces at most."""
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    batch: list[int] = []
    for i in order:
        full = (len(batch) + 1) * lengths[i] > max_pieces or len(batch) == max_rows
        if batch and (lengths[i] != lengths[batch[0]] or full):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch

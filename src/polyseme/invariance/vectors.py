"""Does a sentence have the same vectors, whatever else is in the batch?

Every check is given sentences that are sorted by length, as `encode` sorts them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from polyseme.draws import philox
from polyseme.invariance.base import (
    Finding,
    all_there,
    difference,
    in_one_batch,
    judged,
    not_applicable,
    same,
)
from polyseme.models.base import Representation, Words

BATCH, NUM_ALONE = 32, 4
STREAM = 9
COSINE_TOLERANCE = 0.01
LONE = "there is one sentence only"


def batch_size(representation: Representation, sentences: Sequence[Words]) -> Finding:
    """Some sentences, each alone and as all of a batch of 32."""
    worst = 0.0
    for sentence in sentences[:: -(-len(sentences) // NUM_ALONE)]:
        alone = in_one_batch(representation, [sentence])
        together = in_one_batch(representation, [sentence] * BATCH)
        worst = max(worst, difference(together, alone * BATCH))
    return judged(worst)


def padding(representation: Representation, sentences: Sequence[Words]) -> Finding:
    """The same batch, with a longest sentence that is three times as long."""
    if len(sentences) == 1:
        return not_applicable(LONE)
    *others, longest = sentences
    little = in_one_batch(representation, [*others, longest])
    much = in_one_batch(representation, [*others, list(longest) * 3])
    return judged(difference(much[:-1], little[:-1]))


def left_padding(representation: Representation, sentences: Sequence[Words]) -> Finding:
    """Not asked."""
    return not_applicable("all batches are padded on the right")


def neighbours(representation: Representation, sentences: Sequence[Words]) -> Finding:
    """The same batch, with every other sentence read backwards."""
    if len(sentences) == 1:
        return not_applicable(LONE)
    others = [list(s)[:: -1 if n % 2 else 1] for n, s in enumerate(sentences)]
    first, second = (in_one_batch(representation, batch)[::2] for batch in (sentences, others))
    return judged(difference(second, first))


def order(representation: Representation, sentences: Sequence[Words]) -> Finding:
    """All sentences as they are encoded for tasks, in both directions."""
    backwards = representation.encode(sentences[::-1])[::-1]
    return judged(difference(backwards, representation.encode(sentences)))


def length_sorted(representation: Representation, sentences: Sequence[Words]) -> Finding:
    """The same batch, sorted by length and not."""
    chosen = [int(i) for i in philox(0, STREAM).permutation(len(sentences))]
    mixed = in_one_batch(representation, [sentences[i] for i in chosen])
    in_order = in_one_batch(representation, sentences)
    return judged(difference(mixed, [in_order[i] for i in chosen]))


def precision(representation: Representation, sentences: Sequence[Words]) -> Finding:
    """Float32 and bfloat16: 1 - cosine of the word that differs most."""
    device = next(representation.parameters()).device
    exact_LND = torch.cat(representation.encode(sentences), dim=1)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        rough_LND = torch.cat(representation.encode(sentences), dim=1)
    cosine_LN = torch.cosine_similarity(exact_LND, rough_LND, dim=-1)
    cosine_LN = cosine_LN.masked_fill(same(exact_LND, rough_LND).all(-1), 1.0)
    worst = float((1 - cosine_LN).nan_to_num(nan=math.inf).max())
    return judged(max(0.0, worst), COSINE_TOLERANCE)


def defined(representation: Representation, sentences: Sequence[Words]) -> Finding:
    """Every word has a vector."""
    return all_there(representation, sentences, representation.encode(sentences))

"""elmo's network against the reference vectors that bilm-tf and AllenNLP are tested with."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from polyseme.models.common.characters import (
    BEGIN_SENTENCE,
    END_SENTENCE,
    PADDING,
    of_word,
    padded,
)

h5py = pytest.importorskip("h5py")

from polyseme.models.common.elmo_original import load_original  # noqa: E402

pytestmark = pytest.mark.mirror
MIRROR = Path(os.environ.get("POLYSEME_MIRROR", "")) / "fixture-elmo-bilm"
TOLERANCE = 1e-5


def _characters(sentences: list[list[str]], most: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of words as characters, with the marks of a sentence's ends, and their lengths."""
    rows = [
        [padded([BEGIN_SENTENCE], most), *[of_word(w, most) for w in s],
         padded([END_SENTENCE], most)]
        for s in sentences
    ]  # fmt: skip
    longest = max(map(len, rows))
    filled = [row + [[PADDING] * most] * (longest - len(row)) for row in rows]
    return torch.tensor(filled), torch.tensor([len(row) for row in rows])


@pytest.mark.skipif(not MIRROR.is_dir(), reason="needs fixture-elmo-bilm in POLYSEME_MIRROR")
def test_reference_weights_give_the_reference_vectors_with_states_carried_over_batches() -> None:
    network = load_original(MIRROR / "options.json", MIRROR / "lm_weights.hdf5")
    columns = json.loads((MIRROR / "lm_embeddings_sentences.json").read_text())
    files = [h5py.File(MIRROR / f"lm_embeddings_{k}.hdf5", "r") for k in range(len(columns))]
    state, largest = None, 0.0
    for number, sentences in enumerate(zip(*columns, strict=True)):
        words = [sentence.split() for sentence in sentences]
        with torch.no_grad():
            layers, state = network(*_characters(words, network.shape.max_characters), state)
        for row, file in enumerate(files):
            found = layers[-1][row, 1 : len(words[row]) + 1]
            expected_GTP = torch.from_numpy(file[str(number)][...])
            expected = torch.cat([expected_GTP[0], expected_GTP[1]], dim=-1)
            assert found.shape == expected.shape
            largest = max(largest, float((found - expected).abs().max()))
    print(largest)
    assert largest <= TOLERANCE

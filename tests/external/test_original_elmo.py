"""Original ELMo weights through the one interface, against the vectors of bilm-tf."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from tests.external.conftest import Import

from polyseme.errors import PolysemeError
from polyseme.models.base import Representation

h5py = pytest.importorskip("h5py")

from polyseme.models.external.common import source  # noqa: E402

MIRROR = Path(os.environ.get("POLYSEME_MIRROR", "")) / "fixture-elmo-bilm"
FILES = ("options.json", "lm_weights.hdf5")
TOLERANCE = 1e-5
pytestmark = [
    pytest.mark.mirror,
    pytest.mark.skipif(not MIRROR.is_dir(), reason="needs fixture-elmo-bilm in POLYSEME_MIRROR"),
]


@pytest.fixture
def elmo(bring_in: Import) -> Representation:
    digest = source.digest(MIRROR, FILES)
    return bring_in("elmo", path=str(MIRROR), sha256=digest, weights=FILES[1])


def test_first_sentences_have_the_reference_vectors(elmo: Representation) -> None:
    columns = json.loads((MIRROR / "lm_embeddings_sentences.json").read_text())
    sentences = [column[0].split() for column in columns]  # before any state is carried on
    for number, h_LTD in enumerate(elmo.encode(sentences)):
        with h5py.File(MIRROR / f"lm_embeddings_{number}.hdf5") as file:
            forward_TP, backward_TP = torch.from_numpy(file["0"][...])
        expected = torch.cat([forward_TP, backward_TP], dim=-1)
        assert (h_LTD[-1] - expected).abs().max() <= TOLERANCE


def test_sentences_of_one_text_are_encoded_as_if_alone(elmo: Representation) -> None:
    one, other = ["the", "old", "wall"], ["a", "crack"]
    (together,) = elmo.encode([[*one, "\n", *other]])
    alone = elmo.encode([one, other])
    assert (together[:, :3] - alone[0]).abs().max() <= TOLERANCE
    assert (together[:, 4:] - alone[1]).abs().max() <= TOLERANCE
    assert not together[:, 3].any()


def test_fresh_weights_follow_from_the_seed_and_gradients_reach_them(elmo: Representation) -> None:
    elmo.reset(1)
    first = elmo.encode([["crack"]])[0]
    elmo.reset(1)
    assert torch.equal(first, elmo.encode([["crack"]])[0])
    elmo(elmo.prepare([["a", "crack"]])).square().sum().backward()
    assert all(weight.grad is not None for weight in elmo.parameters())


def test_other_bytes_and_missing_files_are_one_line(bring_in: Import) -> None:
    with pytest.raises(PolysemeError, match="expected sha256 0000"):
        bring_in("elmo", path=str(MIRROR), sha256="0" * 64, weights=FILES[1])
    with pytest.raises(PolysemeError, match=r"weights\.hdf5: does not exist"):
        bring_in("elmo", path=str(MIRROR), sha256="0" * 64)

"""The last block at chosen positions gives what the whole one gives there."""

from __future__ import annotations

import pytest
import torch

from polyseme.models import bert
from polyseme.models.common.transformer import Transformer, initialize


@pytest.mark.parametrize("positions", ["learned", "rotary"])
@pytest.mark.parametrize("padded", [False, True])
def test_states_at_positions_are_those_of_all(positions: str, padded: bool) -> None:
    options = bert.Config(
        dim=16, num_layers=2, num_heads=2, dim_ff=32, max_length=16, sequence_length=8,
        positions=positions,  # type: ignore[arg-type]
    )  # fmt: skip
    network = Transformer(options, 50, embedding_norm=True)
    initialize(network, 0)
    ids_BS = torch.randint(50, (5, 9), generator=torch.Generator().manual_seed(0))
    attend_BS = torch.ones_like(ids_BS, dtype=torch.bool)
    if padded:
        attend_BS[1, 6:] = attend_BS[3, 2:] = False
    positions_M = torch.tensor([0, 3, 3, 13, 22, 40])
    expected_MD = network(ids_BS, attend_BS)[-1].flatten(0, 1)[positions_M]
    found_MD = network.at(ids_BS, attend_BS, positions_M)
    assert torch.allclose(found_MD, expected_MD, atol=1e-6)

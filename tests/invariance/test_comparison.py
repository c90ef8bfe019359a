"""How two encodings are compared."""

from __future__ import annotations

import math

import pytest
import torch

from polyseme.invariance.base import difference, judged


def test_a_difference_is_a_share_of_the_largest_component_of_its_layer() -> None:
    expected = torch.tensor([[[1.0, -10.0]], [[0.5, 0.1]]])  # two layers, one word
    assert difference([expected], [expected]) == 0.0
    found = expected + torch.tensor([[[0.0, 0.1]], [[0.0, 0.1]]])
    assert difference([found], [expected]) == pytest.approx(0.1 / 0.5)
    assert difference([found[:1]], [expected[:1]]) == pytest.approx(0.1 / 10, rel=1e-5)


def test_what_is_no_number_on_one_side_is_a_difference_without_bound() -> None:
    sound, broken = torch.ones(1, 2, 3), torch.ones(1, 2, 3)
    broken[0, 1, 2] = math.nan
    assert difference([broken], [sound]) == difference([sound], [broken]) == math.inf
    assert difference([broken], [broken.clone()]) == 0.0
    assert not judged(math.inf).passed
    assert not judged(math.nan).passed


def test_other_shapes_differ_and_nothing_is_the_same_as_nothing() -> None:
    assert difference([torch.ones(1, 2, 3)], [torch.ones(1, 3, 3)]) == math.inf
    assert difference([torch.zeros(1, 0, 3)], [torch.zeros(1, 0, 3)]) == 0.0
    assert difference([torch.zeros(1, 2, 3)], [torch.zeros(1, 2, 3)]) == 0.0

"""What a language model says that its losses are over."""

from __future__ import annotations

from typing import Any

import pytest

from polyseme import items
from polyseme.data.tokenizer import WordPieces

LEFT = "every token, from the left"
HIDDEN = "hidden tokens (15 % of all), from both sides"


@pytest.mark.parametrize(
    ("name", "values", "predicts"),
    [
        ("gpt", {}, LEFT),
        ("awd_lstm", {}, LEFT),
        ("elmo", {}, "every token, from each side alone"),
        ("bert", {"mask_ratio": 0.15}, HIDDEN),
        ("bert", {"mask_ratio": 0.2}, "hidden tokens (20 % of all), from both sides"),
        ("bert", {"mask_ratio": 0.3, "mask_ratio_end": 0.15}, HIDDEN),
        (
            "bert",
            {"mask_words": True},
            "hidden tokens (20 % of all in whole words), from both sides",
        ),
        ("electra", {"mask_ratio": 0.15}, HIDDEN),
        ("gpt_bert", {"mask_ratio": 0.15}, HIDDEN),
        ("gpt_bert", {"sides": "left"}, LEFT),
    ],
)
def test_models_that_predict_the_same_say_the_same(
    pieces: WordPieces, name: str, values: dict[str, Any], predicts: str
) -> None:
    module = items.load("lm", name)
    model = module.Model(module.Config(num_layers=1, **values), pieces)
    assert model.predicts == predicts
    assert model.predictor == ("its generator" if name == "electra" else "")


def test_bytes_are_those_of_the_weights(pieces: WordPieces) -> None:
    module = items.load("lm", "bert")
    model = module.Model(module.Config(num_layers=1), pieces)
    assert model.num_bytes() == 4 * model.num_parameters()
    assert model.bfloat16().num_bytes() == 2 * model.num_parameters()

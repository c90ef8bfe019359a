"""Bits per byte and perplexity per word: counted by hand, and against transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from tests.intrinsic.given import Given
from torch.nn import functional as F

from polyseme.data.tokenizer import CLS, WordPieces
from polyseme.errors import DataError
from polyseme.intrinsic import language_model, running_text
from polyseme.models import bert, gpt
from polyseme.models.base import SENTENCE, TEXT, Representation
from polyseme.models.common.filling import Filling
from polyseme.models.common.table import Table
from polyseme.tasks import running_text as task
from polyseme.tasks.base import Split


class Halves(Filling):
    """Each word takes three bits; `<unk>` a hundred."""

    sides = "left"

    def surprisals(self, texts: Any, places: Any) -> list[float]:
        chosen = [text[place] for text, place in zip(texts, places, strict=True)]
        return [100.0 if word == "<unk>" else 3.0 for word in chosen]

    def fill(self, text: Any, place: int, num_words: int) -> list[tuple[str, float]]:
        raise NotImplementedError


def _values(rows: Any) -> dict[str, tuple[float, int]]:
    return {row["metric"]: (row["value"], row["num_items"]) for row in rows}


def test_bytes_and_words_are_those_of_the_text() -> None:
    material = Given(Split([["x"]], ["1"]), texts=[["naïve", "a"], ["b"], ["not", "read"]])
    options = language_model.Config(num_sentences=2)
    rows = language_model.measure(options, cast("Representation", Halves()), material)
    assert _values(rows) == {  # naïve: 6 bytes; 7 + 2 + 2 with a space each
        "bits_per_byte": (pytest.approx(9 / 11), 3), "word_perplexity": (8.0, 3),
    }  # fmt: skip


def test_marks_between_texts_are_not_counted() -> None:
    material = Given(Split([["x"]], ["1"]), texts=[["a", TEXT, "b", SENTENCE, "c"]])
    rows = language_model.measure(
        language_model.Config(), cast("Representation", Halves()), material
    )
    assert _values(rows) == {"bits_per_byte": (1.5, 3), "word_perplexity": (8.0, 3)}


def test_replaced_words_are_not_counted() -> None:
    material = Given(Split([["a", "<unk>", "b"]], ["1"]), card={"unknown": "<unk>"})
    options = running_text.Config()
    rows = running_text.measure(options, cast("Representation", Halves()), material)
    assert _values(rows) == {"bits_per_byte": (1.5, 2), "word_perplexity": (8.0, 2)}


def _made(module: Any, pieces: WordPieces) -> Any:
    values = {"dim": 16, "num_layers": 1, "num_heads": 2, "dim_ff": 32, "sequence_length": 16}
    made = module.Model(module.Config(**values, max_length=48), pieces)
    made.reset(0)
    return made.eval()


def test_perplexity_is_that_of_the_cross_entropy(pieces: WordPieces) -> None:
    texts = ["there was an unbelievable crack".split(), "she lit a match".split()]
    model = _made(gpt, pieces)
    material = Given(Split([["x"]], ["1"]), texts=texts)
    rows = language_model.measure(language_model.Config(), model, material)
    nats = 0.0
    for words in texts:
        ids = torch.tensor([[CLS, *(i for word in words for i in pieces.ids(word))]])
        with torch.no_grad():
            logits_SV = model.causal_logits(ids)[0, :-1]
        nats += float(F.cross_entropy(logits_SV, ids[0, 1:], reduction="sum"))
    expected = torch.tensor(nats / 9).exp().item()
    assert _values(rows)["word_perplexity"][0] == pytest.approx(expected, rel=1e-4)


def test_names_tell_what_is_no_likelihood_and_tables_have_none(pieces: WordPieces) -> None:
    material = Given(Split([["x"]], ["1"]), texts=[["she", "lit"]])
    rows = language_model.measure(language_model.Config(), _made(bert, pieces), material)
    assert set(_values(rows)) == {"pseudo_bits_per_byte", "pseudo_word_perplexity"}
    table = Table(["she"], 2, pieces, "zero")
    assert not list(language_model.measure(language_model.Config(), table, material))


def test_wikitext_becomes_sentences(tmp_path: Path) -> None:
    text = " \n = Title = \n \n He is a guest @-@ star . <unk> was , in 3 @.@ 5 years , here\n"
    (tmp_path / "t.txt").write_text(text)
    options = task.Config(module="running_text", source="x", file="t.txt", unknown="<unk>")
    split = task.prepare(options, tmp_path)["test"]
    assert split.sentences == [
        "He is a guest - star .".split(), "<unk> was , in 3 . 5 years , here".split(),
    ]  # fmt: skip
    assert split.labels == ["4", "4"]
    (tmp_path / "t.txt").write_text(" = Title = \n")
    with pytest.raises(DataError, match=r"t\.txt: has no sentences"):
        task.prepare(options, tmp_path)

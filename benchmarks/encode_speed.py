"""Word vectors of many sentences: batches by length against Hugging Face sentence by sentence.

The same architecture and tokenizer, all layers, the mean of each word's pieces, float32. Three
contestants take turns: `encode`, Hugging Face with one sentence a call, and Hugging Face in padded
batches of 32 in the given order.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import torch
import transformers

from benchmarks import _controlled, _report
from benchmarks._trainer import options_of, roberta
from polyseme.data.tokenizer import WordPieces
from polyseme.models.base import TOKENIZER
from polyseme.runtime.settings import Runtime
from polyseme.tasks.common import controlled
from polyseme.training.determinism import make_deterministic

ROUNDS, SENTENCES, NUM_WORDS, BATCH = 5, 2000, 60_000, 32


def main(rounds: int = ROUNDS, num_sentences: int = SENTENCES) -> None:
    make_deterministic(Runtime())
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        _controlled.prepare(corpus, vocab_size=2500, num_words=NUM_WORDS)
        rows = (row for document in controlled.documents(corpus, "train") for row in document)
        sentences = [row["words"] for row in islice(rows, num_sentences)]
        pieces = WordPieces.load(corpus / TOKENIZER)
    module, options = options_of("bert")
    model = module.Model(options, pieces)
    model.reset(0)
    other = HuggingFace(roberta(options, pieces.vocab_size), pieces)
    contestants: dict[str, Callable[[], object]] = {
        "polyseme": lambda: model.eval().encode(sentences),
        "Hugging Face, one sentence a call": lambda: other.encode(sentences, 1),
        f"Hugging Face, batches of {BATCH}": lambda: other.encode(sentences, BATCH),
    }
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            started = time.perf_counter()
            run()
            found[name].append(len(sentences) / (time.perf_counter() - started))
    medians = {name: statistics.median(values) for name, values in found.items()}
    _report.write(
        "encode_speed",
        [
            {
                "contestant": name,
                "sentences_per_second": round(medians[name]),
                "polyseme_is_faster_by": round(medians["polyseme"] / medians[name], 2),
                "rounds": [round(value) for value in found[name]],
            }
            for name in contestants
        ],
        words_per_sentence=round(statistics.mean(map(len, sentences)), 1),
    )


class HuggingFace:
    """A model and a fast tokenizer, as their documentation uses them."""

    def __init__(self, model: torch.nn.Module, pieces: WordPieces) -> None:
        self.model = model.eval()
        self.tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_object=pieces.tokenizer, pad_token="[PAD]"
        )

    @torch.no_grad()
    def encode(self, sentences: Sequence[Sequence[str]], batch: int) -> list[torch.Tensor]:
        found = []
        for start in range(0, len(sentences), batch):
            words = [list(s) for s in sentences[start : start + batch]]
            inputs = self.tokenizer(
                words, is_split_into_words=True, padding=True, return_tensors="pt",
                return_token_type_ids=False,
            )  # fmt: skip
            states = self.model(**inputs, output_hidden_states=True).hidden_states
            h_LBSD = torch.stack(states)
            found += [_means(h_LBSD[:, b], inputs.word_ids(b)) for b in range(len(words))]
        return found


def _means(h_LSD: torch.Tensor, words: list[int | None]) -> torch.Tensor:
    """The mean of each word's pieces, h_LTD."""
    places = [(s, t) for s, t in enumerate(words) if t is not None]
    at, owner = torch.tensor(places).T
    sums = h_LSD.new_zeros(len(h_LSD), int(owner.max()) + 1, h_LSD.shape[-1])
    return sums.index_add(1, owner, h_LSD[:, at]) / owner.bincount()[:, None]


if __name__ == "__main__":
    main()

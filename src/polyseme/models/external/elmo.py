"""Original ELMo weights: options.json and an hdf5 file (Peters et al. 2018; bilm-tf, AllenNLP).

Each sentence is a row of whole words between the marks of its ends, and begins at a state of zero:
the same sentence has the same vectors in any batch (the original carries states on). Layer 0 is
the word's vector from its characters, twice; then each LSTM layer, forward and backward side by
side. The scalar mix of the paper is that of the heads.

Shapes: R rows, S words of a row with its marks, U different words, C characters, N words of the
batch, B x T words of sentences, L layers, D dimensions.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from polyseme.config import config
from polyseme.data.dataset import Inside
from polyseme.models.base import MARKS, Representation, WordBatch, Words
from polyseme.models.common.characters import BEGIN_SENTENCE, END_SENTENCE, of_word, padded
from polyseme.models.common.elmo_network import BiLM
from polyseme.models.common.elmo_original import load_original, read_options
from polyseme.models.external.common import source
from polyseme.models.external.common.source import Bring, Source

OPTIONS = "options.json"
BEGIN, END = "\x02", "\x03"
"""Stand for the marks of a sentence's ends among its words."""


@config
class Config(Source):
    """Values of an item of conf/external with `module: elmo`; `path` is a folder."""

    options: Inside = OPTIONS
    """Sizes of the network."""
    weights: Inside = "weights.hdf5"
    """Its weights."""


class Model(Representation):
    """The published network behind the one interface."""

    family: ClassVar[str] = "contextual"
    first = frozenset({"words"})
    pooling = None

    def __init__(self, network: BiLM) -> None:
        super().__init__()
        self.network = network
        self.dim, self.num_layers = 2 * network.shape.dim, network.shape.num_layers + 1

    def prepare(self, sentences: Sequence[Words]) -> WordBatch:
        """Rows of words by number, their characters, and where each word is in the rows."""
        rows, slots, longest = [], [], max(len(s) for s in sentences)
        for b, sentence in enumerate(sentences):
            slots += [b * longest + t for t, word in enumerate(sentence) if word not in MARKS]
            rows += list(_rows(sentence))
        numbers = {word: n for n, word in enumerate(dict.fromkeys(w for row in rows for w in row))}
        length = max(len(row) for row in rows)
        inputs = {
            "characters_UC": torch.tensor([self._characters(word) for word in numbers]),
            "words_RS": torch.tensor(
                [[numbers[w] for w in row] + [0] * (length - len(row)) for row in rows]
            ),
            "lengths_R": torch.tensor([len(row) for row in rows]),
            "places_N": torch.tensor(
                [r * length + s for r, row in enumerate(rows) for s in range(1, len(row) - 1)]
            ),
            "slots_N": torch.tensor(slots),
        }
        return WordBatch(torch.tensor([len(s) for s in sentences]), inputs)

    def _characters(self, word: str) -> list[int]:
        most = self.network.shape.max_characters
        marks = {BEGIN: BEGIN_SENTENCE, END: END_SENTENCE}
        return padded([marks[word]], most) if word in marks else of_word(word, most)

    def forward(self, batch: WordBatch) -> Tensor:
        """Word vectors h_LBTD."""
        inputs = batch.inputs
        x_RSP = F.embedding(inputs["words_RS"], self.network.words(inputs["characters_UC"]))
        layers, _ = self.network.contextualize(x_RSP, inputs["lengths_R"])
        h_LND = torch.stack(layers).flatten(1, 2)[:, inputs["places_N"]]
        size, longest = len(batch.lengths_B), batch.mask_BT.shape[1]
        out = h_LND.new_zeros(len(layers), size * longest, self.dim)
        out[:, inputs["slots_N"]] = h_LND
        return out.view(len(layers), size, longest, self.dim)

    def reset(self, seed: int) -> None:
        """Random initial weights."""
        self.network.initialize(torch.Generator().manual_seed(seed))


def _rows(sentence: Words) -> Iterator[list[str]]:
    """Each sentence between the marks of its ends."""
    row = [BEGIN]
    for word in (*sentence, "\n"):
        if word not in MARKS:
            row.append(word)
        elif len(row) > 1:
            yield [*row, END]
            row = [BEGIN]


def read(options: Config, bring: Bring, out: Path) -> Model:
    """The network with its published weights; its sizes are written into the artifact's folder.

    Raises:
        ConfigError, DataError: a file that cannot be used.
        IntegrityError: other bytes than promised.
    """
    folder = source.fetched(options, bring) if options.files else Path(str(options.path))
    for name in (options.options, options.weights):
        source.require(folder / name, bring)
    if not options.files:
        found = source.digest(folder, (options.options, options.weights))
        source.verify(folder, str(options.sha256), found, bring)
    network = load_original(folder / options.options, folder / options.weights)
    shutil.copyfile(folder / options.options, out / OPTIONS)
    return Model(network)


def restore(card: dict[str, Any], folder: Path) -> Model:
    """The network of a card, its weights still to be loaded."""
    return Model(BiLM(read_options(folder / OPTIONS)))

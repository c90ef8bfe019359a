"""Words as characters, and characters to a vector: the input of ELMo (Peters et al. 2018).

A word is at most `max_characters` bytes of UTF-8 with a mark at each end, padded; a convolution of
several widths, the maximum over positions, highway layers (Srivastava et al. 2015) and a
projection make a vector of it (Kim et al. 2016; Jozefowicz et al. 2016). Ids are those of the
original without its id 0, which stands for no word at all.

Shapes: N words, C characters, E dimensions of a character, F filters, P projected dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import pre_tokenizers
from torch import Tensor, nn
from torch.nn import functional as F

from polyseme.data.tokenizer import CLS, SEP, SPECIALS, WordPieces

BEGIN_SENTENCE, END_SENTENCE, BEGIN_WORD, END_WORD, PADDING = range(256, 261)
NUM_CHARACTERS = 261
NUM_BYTES = 256
CARRY_BIAS = -2.0
Activation = Literal["relu", "tanh"]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "tanh": torch.tanh}


def padded(characters: Sequence[int], max_characters: int) -> list[int]:
    """Ids between the marks of a word's ends, cut and padded to `max_characters`."""
    ids = [BEGIN_WORD, *characters[: max_characters - 2], END_WORD]
    return ids + [PADDING] * (max_characters - len(ids))


def of_word(word: str, max_characters: int) -> list[int]:
    """Ids of a whole word."""
    return padded(list(word.encode("utf-8", "ignore")), max_characters)


def of_pieces(pieces: WordPieces, max_characters: int) -> npt.NDArray[np.int64]:
    """Ids of every piece, VC.

    A piece that begins a word has the mark of its beginning, others do not; [CLS] and [SEP] are the
    ends of a sentence. No id tells what the next piece is.
    """
    vocabulary, byte_of = pieces.tokenizer.get_vocab(), _byte_alphabet()
    found = np.full((pieces.vocab_size, max_characters), PADDING)
    for piece, index in vocabulary.items():
        if piece in SPECIALS:
            ends = {CLS: [BEGIN_SENTENCE], SEP: [END_SENTENCE]}
            found[index] = padded(ends.get(index, []), max_characters)
            continue
        content = [byte_of[character] for character in piece]
        if content[0] == ord(" "):
            found[index] = padded(content[1:], max_characters)
        else:
            ids = [*content[: max_characters - 1], END_WORD]
            found[index, : len(ids)] = ids
    return found


def _byte_alphabet() -> dict[str, int]:
    """The byte that each character of a byte-level piece stands for.

    Printable bytes stand for themselves, the others are counted upwards from 256.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    found = {c: ord(c) for c in alphabet if ord(c) < NUM_BYTES}
    others = sorted(set(range(NUM_BYTES)) - set(found.values()))
    return found | dict(zip([c for c in alphabet if ord(c) >= NUM_BYTES], others, strict=True))


class Highway(nn.Module):
    """carry * relu(transform) + (1 - carry) * x, with carry = sigmoid of a linear map."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.transform, self.carry = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x_NF: Tensor) -> Tensor:
        """Vectors of the same shape."""
        carry_NF = torch.sigmoid(self.carry(x_NF))
        return x_NF + carry_NF * (F.relu(self.transform(x_NF)) - x_NF)


class CharacterCNN(nn.Module):
    """Characters of a word to its vector.

    Args:
        dim: E.
        filters: width and number of each kind; F is the sum of the numbers.
        num_highways: highway layers.
        activation: after the convolutions.
        projection_dim: P.
        max_characters: C of every word.
    """

    def __init__(
        self,
        *,
        dim: int,
        filters: Sequence[tuple[int, int]],
        num_highways: int,
        activation: Activation,
        projection_dim: int,
        max_characters: int,
    ) -> None:
        super().__init__()
        self.max_characters, self.activation = max_characters, activation
        self.widest = max(width for width, _ in filters)
        num_filters = sum(number for _, number in filters)
        self.characters = nn.Embedding(NUM_CHARACTERS, dim)
        self.filters = nn.ModuleList(nn.Conv1d(dim, number, width) for width, number in filters)
        self.highways = nn.ModuleList(Highway(num_filters) for _ in range(num_highways))
        self.projection = nn.Linear(num_filters, projection_dim)

    @property
    def convolutions(self) -> list[nn.Conv1d]:
        """The filters, by width."""
        return cast("list[nn.Conv1d]", list(self.filters))

    @property
    def highway_layers(self) -> list[Highway]:
        """The highway layers."""
        return cast("list[Highway]", list(self.highways))

    def forward(self, characters_NC: Tensor) -> Tensor:
        """Vectors x_NP."""
        x_NEC = self.characters(self._trimmed(characters_NC)).transpose(1, 2)
        found = torch.cat([convolve(x_NEC).amax(-1) for convolve in self.convolutions], dim=-1)
        x_NF = ACTIVATIONS[self.activation](found)
        for highway in self.highway_layers:
            x_NF = highway(x_NF)
        return self.projection(x_NF)

    def _trimmed(self, characters_NC: Tensor) -> Tensor:
        """Without columns that hold only padding, but for one window of it.

        More windows of padding do not change a maximum.
        """
        used = int((characters_NC != PADDING).any(0).sum())
        return characters_NC[:, : used + self.widest]

    def initialize(self, generator: torch.Generator) -> None:
        """Initial values of the original: small filters, highways that carry."""
        nn.init.uniform_(self.characters.weight, -1, 1, generator=generator)
        for convolve in self.convolutions:
            bound = 0.05 if self.activation == "relu" else convolve.weight[0].numel() ** -0.5
            nn.init.uniform_(convolve.weight, -bound, bound, generator=generator)
            nn.init.zeros_(convolve.get_parameter("bias"))
        for highway in self.highway_layers:
            for part, bias in ((highway.transform, 0.0), (highway.carry, CARRY_BIAS)):
                nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
                nn.init.constant_(part.bias, bias)
        projection = self.projection
        nn.init.normal_(projection.weight, std=projection.in_features**-0.5, generator=generator)
        nn.init.zeros_(projection.bias)

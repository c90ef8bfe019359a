"""The one interface behind which every representation stands.

    Representation.encode(sentences of words) -> h_LTD     L layers x T words x D dims

One row a word, whatever the representation does inside; a static one has L = 1. A lookup table and
a Transformer so meet every task and probe on the same terms.

Shapes: L layers, B sentences, T words of the longest sentence, D dimensions, N words in a batch.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from polyseme import items
from polyseme.errors import IntegrityError

Words = Sequence[str]
TOKENIZER = "tokenizer.json"
CARD = "representation.json"
WEIGHTS = "weights.safetensors"
MAX_BATCH_WORDS = 4096
SENTENCE, TEXT = "\n", "\f"
"""Marks among the words of an item: a new sentence of the same text, and a new text, which no
representation may mix with the one before. A mark keeps its place; its vector is zero."""
MARKS = frozenset((SENTENCE, TEXT))


@dataclass(frozen=True)
class WordBatch:
    """Sentences made ready for one representation.

    Attributes:
        lengths_B: number of words of each sentence.
        inputs: tensors that only the representation itself reads.
    """

    lengths_B: Tensor
    inputs: dict[str, Tensor]

    @property
    def mask_BT(self) -> Tensor:
        """True where there is a word."""
        longest = int(self.lengths_B.max()) if len(self.lengths_B) else 0
        return torch.arange(longest, device=self.lengths_B.device) < self.lengths_B[:, None]

    def to(self, device: torch.device) -> WordBatch:
        """The same batch on a device."""
        moved = {name: tensor.to(device) for name, tensor in self.inputs.items()}
        return WordBatch(self.lengths_B.to(device), moved)


class Representation(nn.Module, ABC):
    """Words in context to vectors.

    Attributes:
        family: `static` (one vector a type) or `contextual` (one vector a token).
        num_layers: L; layer 0 is the input embedding.
        dim: D.
        first: parts of parameter names that belong to the input, or to no layer.
        last: parts of parameter names that belong to the last layer.
        pooling: how subwords become a word vector; None where words are whole.
    """

    family: ClassVar[str]
    first: ClassVar[frozenset[str]] = frozenset()
    last: ClassVar[frozenset[str]] = frozenset({"final_norm"})
    num_layers: int
    dim: int
    pooling: str | None

    @abstractmethod
    def prepare(self, sentences: Sequence[Words]) -> WordBatch:
        """Look up what `forward` needs; every sentence has at least one word."""

    @abstractmethod
    def forward(self, batch: WordBatch) -> Tensor:
        """Differentiable h_LBTD; rows beyond a sentence's words are zero."""

    @abstractmethod
    def reset(self, seed: int) -> None:
        """Give all weights their random initial values."""

    def depth(self, name: str) -> int:
        """Layer that a parameter belongs to: 0 the input, num_layers - 1 the last one.

        Told by the first number in its name, as in `encoder.blocks.2.up.weight`, if no part of it
        is in `first` or `last`; a name without a number belongs to the input.
        """
        parts = name.split(".")
        if not self.first.isdisjoint(parts):
            return 0
        if not self.last.isdisjoint(parts):
            return self.num_layers - 1
        number = next((int(part) for part in parts if part.isdigit()), -1)
        return min(number + 1, self.num_layers - 1)

    def untrained_key(self) -> str | None:
        """What is left without the weights, so that equal keys mean equal results after `reset`.

        None: results belong to this artifact alone.
        """
        return None

    def knows(self, word: str) -> bool:
        """Whether the word has a vector of its own; subwords can spell any word."""
        return True

    def window(self, sentence: Words) -> int:
        """How many of its first words see each other; fewer than all where it is cut."""
        return len(sentence)

    @torch.no_grad()
    def encode(
        self, sentences: Sequence[Words], *, max_batch_words: int = MAX_BATCH_WORDS
    ) -> list[Tensor]:
        """Vectors of each sentence, in the given order.

        Args:
            sentences: each a sequence of words; a sentence may be empty.
            max_batch_words: bound of words in one batch, padding counted.

        Returns:
            One h_LTD for each sentence, float32, on the cpu.
        """
        was_training = self.training
        self.eval()
        encoded = [torch.zeros(self.num_layers, 0, self.dim)] * len(sentences)
        device = next(self.parameters()).device
        for chosen in length_sorted_batches([len(s) for s in sentences], max_batch_words):
            batch = self.prepare([sentences[i] for i in chosen]).to(device)
            h_LBTD = self(batch).float().cpu()
            for row, i in enumerate(chosen):
                encoded[i] = h_LBTD[:, row, : len(sentences[i])].clone()
        self.train(was_training)
        return encoded

    def merged(self) -> Representation:
        """The representation itself, where a strategy has put another around it."""
        return self

    def num_parameters(self) -> int:
        """Number of weights."""
        return sum(p.numel() for p in self.parameters())

    def num_bytes(self) -> int:
        """Bytes of the weights."""
        return sum(p.numel() * p.element_size() for p in self.parameters())


def length_sorted_batches(lengths: Sequence[int], max_words: int) -> Iterator[list[int]]:
    """Indices of non-empty sentences in batches of similar length, so that little is padding."""
    order = sorted((i for i, n in enumerate(lengths) if n), key=lambda i: (lengths[i], i))
    batch: list[int] = []
    for i in order:
        if batch and (len(batch) + 1) * lengths[i] > max_words:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def save(representation: Representation, folder: Path, card: dict[str, Any]) -> None:
    """Write weights and card; the card names the item whose module loads them again."""
    save_weights(representation, folder / WEIGHTS)
    (folder / CARD).write_text(json.dumps(card, indent=1, sort_keys=True) + "\n")


def save_weights(module: nn.Module, path: Path) -> None:
    """Write the weights alone."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in _own_tensors(module)}
    save_file(tensors, path)


def _own_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """State without the second names of tied weights."""
    seen: set[int] = set()
    for name, tensor in module.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            yield name, tensor


def read_card(folder: Path) -> dict[str, Any]:
    """What a representation says of itself: group, module, config, budget."""
    card: dict[str, Any] = json.loads((folder / CARD).read_text())
    return card


def load(folder: Path, device: torch.device | None = None) -> Representation:
    """A trained representation from the artifact of its stage, in eval mode.

    Args:
        device: where its weights are put; the cpu if None.

    Raises:
        IntegrityError: weights that do not fit its configuration, or are damaged.
    """
    card = read_card(folder)
    module = items.load(card["group"], card["module"])
    representation: Representation = module.restore(card, folder)
    load_weights(representation, folder / WEIGHTS)
    return representation.eval().to(device)


def load_weights(module: nn.Module, path: Path) -> None:
    """Copy weights into a module of the same shapes.

    Raises:
        IntegrityError: naming the first tensor that is missing, unknown or of another shape.
    """
    mend = "it was written for another configuration, or is damaged: train it again"
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise IntegrityError(f"cannot be read ({error})", where=path, mend=mend) from None
    own = dict(_own_tensors(module))
    if own.keys() != tensors.keys():
        name = sorted(own.keys() ^ tensors.keys())[0]
        raise IntegrityError(f"tensor {name!r} is missing or unknown", where=path, mend=mend)
    with torch.no_grad():
        for name, tensor in own.items():
            if tensor.shape != tensors[name].shape:
                found, wanted = list(tensors[name].shape), list(tensor.shape)
                raise IntegrityError(
                    f"{name} has shape {found}, not {wanted}", where=path, mend=mend
                )
            tensor.copy_(tensors[name])

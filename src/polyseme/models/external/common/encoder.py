"""A network of transformers as a representation: rows of pieces in, hidden states out.

The words of a text are joined by spaces, but where a task knows that none stood, and cut by the
checkpoint's own tokenizer, as it was trained; a piece belongs to the word in which its first
character that is no space lies. A text that is longer than `max_length` is cut between words into
rows that are encoded apart; a longer word loses its end. Sentences of one text share a row, another
text begins another one.

Shapes: R rows, S pieces, D dimensions, L layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from polyseme.data.words import written_out
from polyseme.errors import ConfigError, DataError
from polyseme.models.base import SENTENCE, TEXT, Words
from polyseme.models.common.contextual import Pooling, SubwordRows
from polyseme.models.external.common import checkpoint

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

SAMPLE = "a"
FINAL_NORMS = frozenset("ln_f norm final_norm final_layernorm final_layer_norm".split())
"""How architectures call the norm above their last layer; layers have norms of such names, too."""


class Template(NamedTuple):
    """How a row of pieces is made.

    Attributes:
        prefix, suffix: special tokens around the pieces.
        unknown: stands for a word that the tokenizer makes nothing of.
        mask: hides a piece; None where the tokenizer has none.
        begin: what a causal model saw before a text, where `prefix` is empty; None where unknown.
    """

    prefix: list[int]
    suffix: list[int]
    unknown: int
    mask: int | None = None
    begin: int | None = None


class Model(SubwordRows):
    """A checkpoint behind the one interface."""

    def __init__(
        self,
        network: PreTrainedModel,
        tokenizer: Tokenizer,
        template: Template,
        *,
        max_length: int,
        pooling: Pooling,
    ) -> None:
        super().__init__(max_length=max_length, pooling=pooling)
        self.network, self.tokenizer, self.template = network, tokenizer, template
        self.network.config.use_cache = False
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = True  # `</s>` in a text is text

    def hidden_states(self, ids_RS: Tensor, attend_RS: Tensor | None) -> list[Tensor]:
        """L states h_RSD."""
        mask_RS = torch.ones_like(ids_RS) if attend_RS is None else attend_RS.long()
        found = self.network(input_ids=ids_RS, attention_mask=mask_RS, output_hidden_states=True)
        return list(found.hidden_states)

    def depth(self, name: str) -> int:
        """See Representation; a final norm has no number."""
        parts = name.split(".")
        if not FINAL_NORMS.isdisjoint(parts) and not any(map(str.isdigit, parts)):
            return self.num_layers - 1
        return super().depth(name)

    def measure(self, conf: str, where: Path) -> Model:
        """Find L and D by encoding the longest row; returns self.

        Args:
            conf, where: file and checkpoint, for messages.

        Raises:
            ConfigError: the checkpoint cannot encode it.
            DataError: its states are not finite.
        """
        ids_1S = torch.full((1, self.max_length), self.template.unknown)
        try:
            with torch.no_grad():
                states = self.hidden_states(ids_1S, None)
            (self.dim,) = {state.shape[-1] for state in states}
        except Exception as error:  # each architecture has its own
            raise ConfigError(
                f"a row of {self.max_length} pieces cannot be encoded ({error})",
                where=f"{conf}: max_length",
                mend="lower it to the positions of the checkpoint, or use another checkpoint",
            ) from None
        self.num_layers = len(states)
        if not all(bool(torch.isfinite(state).all()) for state in states):
            mend = "check the values of its config.json"
            raise DataError("its hidden states are not finite", where=where, mend=mend)
        return self

    def reset(self, seed: int) -> None:
        """Random initial weights, as the configuration wants them."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            fresh = built(self.network.config)
        self.network.load_state_dict(fresh.state_dict())

    def _rows(self, sentence: Words) -> Iterator[tuple[list[int], list[tuple[int, int]]]]:
        words: list[str] = []
        for word in (*sentence, TEXT):
            if word == TEXT and words:
                yield from self._packed(self._pieces(words))
                words = []
            elif word not in (SENTENCE, TEXT):
                words.append(word)

    def _pieces(self, words: Sequence[str]) -> list[list[int]]:
        """Ids of the pieces of each word of one text; at least one a word."""
        text, starts = written_out(words)
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        pieces: list[list[int]] = [[] for _ in words]
        for index, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            spaces = len(text[start:end]) - len(text[start:end].lstrip(" "))
            place = min(start + spaces, len(text) - 1)
            pieces[int(np.searchsorted(starts, place, side="right")) - 1].append(index)
        return [found or [self.template.unknown] for found in pieces]

    def _packed(
        self, pieces: Sequence[list[int]]
    ) -> Iterator[tuple[list[int], list[tuple[int, int]]]]:
        """Rows that fit, cut between words."""
        prefix, suffix = self.template.prefix, self.template.suffix
        room = self.max_length - len(suffix)
        row = [*prefix]
        spans: list[tuple[int, int]] = []
        for ids in pieces:
            kept = ids[: room - len(prefix)]
            if len(row) + len(kept) > room:
                yield row + suffix, spans
                row, spans = [*prefix], []
            spans.append((len(row), len(row) + len(kept)))
            row += kept
        yield row + suffix, spans


def template_of(tokenizer: PreTrainedTokenizerFast, where: Path) -> Template:
    """What the tokenizer puts around a text.

    Raises:
        DataError: it makes nothing of a letter.
    """
    found = tokenizer(SAMPLE, return_special_tokens_mask=True)
    ids, special = found["input_ids"], found["special_tokens_mask"]
    if 0 not in special:
        mend = "put the checkpoint's own tokenizer beside it"
        raise DataError(f"its tokenizer makes nothing of {SAMPLE!r}", where=where, mend=mend)
    start, rest = special.index(0), special[::-1].index(0)
    candidates = (tokenizer.unk_token_id, tokenizer.eos_token_id, 0)
    unknown = next(index for index in candidates if index is not None)
    begins = (
        index for index in (tokenizer.bos_token_id, tokenizer.eos_token_id) if index is not None
    )
    return Template(
        ids[:start], ids[len(ids) - rest :], unknown, tokenizer.mask_token_id, next(begins, None)
    )


def built(configuration: Any) -> PreTrainedModel:
    """A network with random weights."""
    made = checkpoint.library().AutoModel.from_config(configuration, trust_remote_code=False)
    return checkpoint.without_pooler(made)

"""Any encoder or causal language model that transformers knows, from a folder or the hub.

The words of a text are joined by spaces and cut by the checkpoint's own tokenizer, as it was
trained; a piece belongs to the word in which its first character that is no space lies. Rows have
the special tokens that the tokenizer puts around one text. A text that is longer than `max_length`
is cut between words into rows that are encoded apart; a longer word loses its end. Sentences of one
text share a row, another text begins another one. Layer 0 is what the checkpoint calls its first
hidden state (the input embedding), the last one is its output.

The artifact holds the configuration, the tokenizer as tokenizer.json, and the weights in float32:
it needs the checkpoint no more.

Shapes: R rows, S pieces, D dimensions, L layers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import torch
from pydantic import Field, model_validator
from tokenizers import Tokenizer
from torch import Tensor

from polyseme.config import build, config
from polyseme.errors import ConfigError
from polyseme.models.base import SENTENCE, TEXT, Words
from polyseme.models.common.contextual import Pooling, SubwordRows
from polyseme.models.external.common import checkpoint, source
from polyseme.models.external.common.source import Bring, Source

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

FOLDER = "checkpoint"
TEMPLATE, TOKENIZER = "template.json", "tokenizer.json"
SAMPLE = "a"


@config
class Config(Source):
    """Values of an item of conf/external with `module: hugging_face`."""

    hub: Annotated[str, Field(pattern=r"^[\w.-]+(/[\w.-]+)?$")] | None = None
    """Name on the hub, instead of `path` or `files`."""
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    """Commit on the hub; a branch would not be pinned."""
    max_length: Annotated[int, Field(ge=8)] = 512
    """Most pieces of a row, special tokens included; no more than the checkpoint has positions."""
    pooling: Pooling = "mean"
    """Pieces to word vector."""

    @model_validator(mode="after")
    def _pinned(self) -> Config:
        if self.hub is None:
            if not self.files and not (self.path and self.sha256):
                raise ValueError("`hub` with `revision`, `path` with `sha256`, or `files`")
        elif self.revision is None or self.path or self.files:
            raise ValueError("`hub` with `revision`, and neither `path` nor `files`")
        return self


class Template(NamedTuple):
    """How a row of pieces is made.

    Attributes:
        prefix, suffix: special tokens around the pieces.
        unknown: stands for a word that the tokenizer makes nothing of.
    """

    prefix: list[int]
    suffix: list[int]
    unknown: int


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

    def measure(self) -> Model:
        """Find L and D by encoding the longest row; returns self.

        Raises:
            ConfigError: the checkpoint cannot encode it.
        """
        ids_1S = torch.full((1, self.max_length), self.template.unknown)
        try:
            with torch.no_grad():
                states = self.hidden_states(ids_1S, None)
            (self.dim,) = {state.shape[-1] for state in states}
        except Exception as error:  # each architecture has its own
            raise ConfigError(
                f"a row of {self.max_length} pieces cannot be encoded ({error})",
                where="max_length",
                mend="lower it to the positions of the checkpoint, or use another checkpoint",
            ) from None
        self.num_layers = len(states)
        return self

    def reset(self, seed: int) -> None:
        """Random initial weights, as the configuration wants them."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            fresh = _built(self.network.config)
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
        text = " ".join(words)
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        sizes = np.array([len(word) + 1 for word in words])
        starts = np.cumsum(sizes) - sizes
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


def locate(options: Config, bring: Bring) -> tuple[Path, list[str]]:
    """The folder of the checkpoint, verified, and the names of its files that are read.

    Raises:
        DataError: something is missing, or the weights are pickled.
        IntegrityError: other bytes than promised.
    """
    if options.hub is not None:
        folder = _mirrored(options, bring) or checkpoint.from_hub(
            options.hub, str(options.revision), bring
        )
    elif options.files:
        folder = source.locate(options, bring)
    else:
        folder = Path(str(options.path))
        source.require(folder, bring)
    names = checkpoint.files(folder)
    if options.sha256 is not None:
        source.verify(folder, options.sha256, source.digest(folder, names), bring)
    return folder, names


def _mirrored(options: Config, bring: Bring) -> Path | None:
    """The copy of a checkpoint of the hub in the mirror, or None.

    Raises:
        ConfigError: nothing tells that it is the right one.
    """
    folder = None if bring.mirror is None else bring.mirror / bring.name
    if folder is None or not folder.is_dir():
        return None
    if options.sha256 is None:
        raise ConfigError(
            "a copy in the mirror has no revision to check",
            where=folder,
            mend=f"add `sha256` to {bring.conf} (polyseme sha256 {folder})",
        )
    return folder


def read(options: Config, bring: Bring, out: Path) -> Model:
    """The checkpoint; configuration and tokenizer are written into the artifact's folder.

    Raises:
        DataError, IntegrityError: it cannot be used.
        ConfigError: transformers is missing, or max_length is too large.
    """
    checkpoint.library()
    folder, names = locate(options, bring)
    with checkpoint.only(folder, names) as shown:
        theirs = checkpoint.tokenizer(shown, folder)
        network = checkpoint.network(shown, folder)
    kept = out / FOLDER
    kept.mkdir()
    network.config.name_or_path = ""
    network.config.save_pretrained(kept)
    template = _template(theirs)
    model = Model(
        network,
        Tokenizer.from_str(theirs.backend_tokenizer.to_str()),
        template,
        max_length=options.max_length,
        pooling=options.pooling,
    ).measure()
    model.tokenizer.save(str(kept / TOKENIZER))
    (kept / TEMPLATE).write_text(json.dumps(template._asdict(), indent=1, sort_keys=True) + "\n")
    return model


def _template(tokenizer: PreTrainedTokenizerFast) -> Template:
    """What the tokenizer puts around a text."""
    found = tokenizer(SAMPLE, return_special_tokens_mask=True)
    ids, special = found["input_ids"], found["special_tokens_mask"]
    start, rest = special.index(0), special[::-1].index(0)
    candidates = (tokenizer.unk_token_id, tokenizer.eos_token_id, 0)
    unknown = next(index for index in candidates if index is not None)
    return Template(ids[:start], ids[len(ids) - rest :], unknown)


def _built(configuration: Any) -> PreTrainedModel:
    """A network with random weights."""
    made = checkpoint.library().AutoModel.from_config(configuration, trust_remote_code=False)
    return checkpoint.without_pooler(made)


def restore(card: dict[str, Any], folder: Path) -> Model:
    """The network of a card, its weights still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    transformers, kept = checkpoint.library(), folder / FOLDER
    from transformers.initialization import no_init_weights

    with no_init_weights():
        network = _built(transformers.AutoConfig.from_pretrained(kept))
    model = Model(
        network,
        Tokenizer.from_file(str(kept / TOKENIZER)),
        Template(**json.loads((kept / TEMPLATE).read_text())),
        max_length=options.max_length,
        pooling=options.pooling,
    )
    model.dim, model.num_layers = card["dim"], card["num_layers"]
    return model


def identity() -> dict[str, str]:
    """What results follow from besides weights and sources."""
    return {"transformers": str(checkpoint.library().__version__)}

"""Any encoder or causal language model that transformers knows, from a folder or the hub.

How words become rows of pieces: common/encoder.py. Rows have the special tokens that the tokenizer
puts around one text. Layer 0 is what the checkpoint calls its first hidden state (the input
embedding), the last one is its output.

The artifact holds the configuration, the tokenizer as tokenizer.json, and the weights in float32:
it needs the checkpoint no more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator
from tokenizers import Tokenizer

from polyseme.config import build, config
from polyseme.errors import ConfigError
from polyseme.models.common.contextual import Pooling
from polyseme.models.external.common import checkpoint, source
from polyseme.models.external.common.encoder import Model, Template, built, template_of
from polyseme.models.external.common.headed import built_above, wrapped
from polyseme.models.external.common.source import Bring, Source

FOLDER = "checkpoint"
TEMPLATE, TOKENIZER = "template.json", "tokenizer.json"


@config
class Config(Source):
    """Values of an item of conf/external with `module: hugging_face`."""

    hub: Annotated[str, Field(pattern=r"^[\w.-]+(/[\w.-]+)?$")] | None = None
    """Name on the hub, instead of `path` or `files`."""
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    """Commit on the hub; a branch would not be pinned."""
    max_length: Annotated[int, Field(ge=8, le=2**17)] = 512
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
        folder = source.fetched(options, bring)
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
        whole = checkpoint.with_head(network, shown, folder)
    checkpoint.check_vocabulary(theirs, network, folder)
    kept = out / FOLDER
    kept.mkdir()
    network.config.name_or_path = ""
    network.config.save_pretrained(kept)
    template = template_of(theirs, folder)
    model = wrapped(
        network,
        whole,
        Tokenizer.from_str(theirs.backend_tokenizer.to_str()),
        template,
        max_length=options.max_length,
        pooling=options.pooling,
    ).measure(bring.conf, folder)
    model.tokenizer.save(str(kept / TOKENIZER))
    (kept / TEMPLATE).write_text(json.dumps(template._asdict(), indent=1, sort_keys=True) + "\n")
    return model


def restore(card: dict[str, Any], folder: Path) -> Model:
    """The network of a card, its weights still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    transformers, kept = checkpoint.library(), folder / FOLDER
    from transformers.initialization import no_init_weights

    with no_init_weights():
        configuration = transformers.AutoConfig.from_pretrained(kept)
        network = built(configuration)
        whole = built_above(network)
    model = wrapped(
        network,
        whole,
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

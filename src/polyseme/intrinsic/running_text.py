"""As language_model.py, of a public text that is a task, WikiText-2 for example.

Words that the source has replaced (`<unk>`) are seen as they are written, and not counted: no
tokenizer here has a piece for them, and what they were is not known. So the figures are not those
of papers, which count them as a word that is easy to guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from polyseme.config import config
from polyseme.intrinsic import language_model
from polyseme.intrinsic.base import Material
from polyseme.models.base import Representation
from polyseme.training.options import Positive


@config
class Config:
    """Values of conf/intrinsic/running_text.yaml."""

    num_sentences: Positive = 400
    """The first so many."""


FAMILIES = ("running_text",)


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: bits per byte and perplexity per word."""
    sentences = material.test.sentences[: options.num_sentences]
    unknown = material.card.get("unknown")
    yield from language_model.of_text(representation, sentences, apart=unknown)

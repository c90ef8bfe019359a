"""What lies beside the weights of a trained representation: card, tokenizer, measurements."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from polyseme.models.base import TOKENIZER, Representation


def card(
    group: str,
    name: str,
    config: Mapping[str, Any],
    representation: Representation,
    *,
    corpus: str,
    words_seen: int | None,
    module: str | None = None,
) -> dict[str, Any]:
    """Facts from which the representation can be built again, and its place in the tables.

    Args:
        words_seen: in pre-training; None where it is not known.
        module: what reads it; None: the module has the name of the item.
    """
    return {
        "group": group,
        "module": module or name,
        "config": dict(config),
        "corpus": corpus,
        "representation": name,
        "family": representation.family,
        "pooling": representation.pooling,
        "dim": representation.dim,
        "num_layers": representation.num_layers,
        "num_parameters": representation.num_parameters(),
        "words_seen": words_seen,
    }


def copy_tokenizer(corpus: Path, out: Path) -> None:
    """A representation carries its tokenizer."""
    shutil.copyfile(corpus / TOKENIZER, out / TOKENIZER)


def columns(card: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of the results table that the card fills."""
    names = ("corpus", "representation", "family", "pooling", "words_seen", "num_parameters")
    return {name: card[name] for name in names}


def rows(
    card: Mapping[str, Any], scores: Mapping[str, Mapping[str, float]]
) -> Iterator[dict[str, Any]]:
    """Rows of stage `pretrain`: each metric on each split."""
    for split, values in scores.items():
        for metric, value in values.items():
            if metric != "num_tokens":
                num_items = values.get("num_tokens")
                yield {
                    **columns(card),
                    "stage": "pretrain",
                    "split": split,
                    "metric": metric,
                    "value": value,
                    "num_items": None if num_items is None else int(num_items),
                }

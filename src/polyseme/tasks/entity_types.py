"""Type of a name whose words are marked (Tenney et al. 2019), from columns as `conll` reads them.

Each gold span is an item; sentences without one are left out. What is asked is the type alone, not
where names are: a wrong border, which costs most of the F1 of `span`, cannot happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from polyseme.config import config
from polyseme.tasks import conll
from polyseme.tasks.base import Split
from polyseme.tasks.common import edges
from polyseme.tasks.common.edges import Item
from polyseme.tasks.families.span import spans

FAMILY = "edge"
PROBED_ONLY = True


@config
class Config(conll.Config):
    """Values of a conf/task/*.yaml with `module: entity_types`: those of `conll`."""

    family: Literal["span"] = "span"
    """Of what the file holds: tags of spans."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """The gold spans of each split.

    Raises:
        DataError: naming file and line of a tag that breaks the scheme.
    """
    return {
        name: edges.split(
            Item(list(words), [first, last + 1], kind, where=str(source))
            for words, tags in zip(found.sentences, found.labels, strict=True)
            for kind, first, last in spans(tags)
        )
        for name, found in conll.prepare(options, source).items()
    }

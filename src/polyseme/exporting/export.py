"""`polyseme export`: a trained representation for Hugging Face or gensim, with its model card.

The folder appears whole or not at all, and nothing that is there is overwritten.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from polyseme import items, paths
from polyseme.errors import ConfigError, PolysemeError
from polyseme.exporting import card, hugging_face, word2vec
from polyseme.models import base
from polyseme.models.common.table import Table
from polyseme.runtime import manifest

NAME = re.compile(r"\w[\w.-]*")
"""Of an item: no path."""


def export(experiment: str, corpus: str, name: str, folder: Path) -> list[str]:
    """Write the folder.

    Returns:
        Names of its files.

    Raises:
        ConfigError: no such representation, no such architecture elsewhere, or the folder is taken.
        IntegrityError: the artifact is damaged, or the exported model computes something else.
    """
    source = paths.model(experiment, corpus, name)
    for given in (experiment, corpus, name):
        if not NAME.fullmatch(given):
            mend = "write it as conf does"
            raise ConfigError(f"{given!r} is no name", where="polyseme export", mend=mend)
    if not source.is_dir():
        there = sorted(path.name for path in source.parent.glob("[!.]*"))
        mend = f"one of {', '.join(there)}" if there else "run `make repro` first"
        raise ConfigError(f"no model {name!r} on {corpus!r}", where=source, mend=mend)
    manifest.verify(source)
    folder, parents, temporary = _begin(folder)
    try:
        use = _write(source, temporary)
        card.write(temporary, experiment, corpus, name, use)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        with suppress(OSError):  # they hold the folder, or something else by now
            for parent in parents:
                parent.rmdir()
    return sorted(path.name for path in folder.iterdir())


def _begin(folder: Path) -> tuple[Path, list[Path], Path]:
    """The folder without links, those above it that had to be made, and one beside it to write in.

    Raises:
        ConfigError: it is taken, or cannot be made.
    """
    mend = "choose another folder"
    try:
        folder = folder.resolve()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigError("is not empty", where=folder, mend=mend)
        parents = [parent for parent in folder.parents if not parent.exists()]
        temporary = folder.with_name(f".{folder.name}.tmp-{os.getpid()}")
        temporary.mkdir(parents=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before python 3.13
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot be made ({reason})", where=folder, mend=mend) from None
    return folder, parents, temporary


def _write(source: Path, out: Path) -> card.Use:
    """Weights and what belongs to them; returns how they are used."""
    described = base.read_card(source)
    module = items.load(described["group"], described["module"])
    representation = base.load(source)
    if isinstance(representation, Table):
        return word2vec.write(representation, out)
    if described["group"] == "external":
        mend = "use the checkpoint that it came from"
        raise ConfigError("was trained elsewhere", where=source, mend=mend)
    if not hasattr(module, "exported"):
        raise PolysemeError(
            f"{described['module']} is no architecture that transformers has",
            where=source,
            mend="static tables and Transformers can be exported",
        )
    exact = module.exported(base.load(source).double())
    return hugging_face.write(module.exported(representation), exact, source / base.TOKENIZER, out)

"""`polyseme export`: a trained representation for Hugging Face or gensim, with its model card.

The folder appears whole or not at all, and nothing that is there is overwritten.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from polyseme import items, paths
from polyseme.errors import ConfigError, PolysemeError
from polyseme.exporting import card, hugging_face, word2vec
from polyseme.models import base
from polyseme.models.common.table import Table
from polyseme.runtime import manifest


def export(experiment: str, corpus: str, name: str, folder: Path) -> list[str]:
    """Write the folder.

    Returns:
        Names of its files.

    Raises:
        ConfigError: no such representation, no such architecture elsewhere, or the folder is taken.
        IntegrityError: the artifact is damaged, or the exported model computes something else.
    """
    source = paths.model(experiment, corpus, name)
    if not source.is_dir():
        there = sorted(path.name for path in source.parent.glob("[!.]*"))
        mend = f"one of {', '.join(there)}" if there else "run `make repro` first"
        raise ConfigError(f"no model {name!r} on {corpus!r}", where=source, mend=mend)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError("is not empty", where=folder, mend="choose another folder")
    manifest.verify(source)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.absolute().with_name(f".{folder.absolute().name}.tmp-{os.getpid()}")
    temporary.mkdir()
    try:
        use = _write(source, temporary)
        card.write(temporary, experiment, corpus, name, use)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return sorted(path.name for path in folder.iterdir())


def _write(source: Path, out: Path) -> card.Use:
    """Weights and what belongs to them; returns how they are used."""
    described = base.read_card(source)
    module = items.load(described["group"], described["module"])
    representation = base.load(source)
    if isinstance(representation, Table):
        return word2vec.write(representation, out)
    if not hasattr(module, "exported"):
        raise PolysemeError(
            f"{described['module']} is no architecture that transformers has",
            where=source,
            mend="static tables and Transformers can be exported",
        )
    return hugging_face.write(module.exported(representation), source / base.TOKENIZER, out)

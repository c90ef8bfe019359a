"""The trained representations of an experiment, opened by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyseme import paths
from polyseme.errors import ConfigError, PolysemeError
from polyseme.runtime import manifest

if TYPE_CHECKING:
    from polyseme.models.base import Representation

PARAMS = Path("params.yaml")
TRAIN = "run `make repro`"
CARD = "representation.json"
NAME = re.compile(r"\w[\w.-]*")
"""Of an experiment: no path."""


class Project:
    """One corpus of an experiment, and what was trained on it.

    Args:
        experiment: default: that of params.yaml.
        corpus: default: the first of the experiment.
        models: names of representations; none: all that are trained.

    Attributes:
        names: of the representations, in the order of params.yaml.
        missing: names in params.yaml that are not trained yet; empty where `models` were named.

    Raises:
        ConfigError: no such corpus or representation, or none is trained yet.
    """

    def __init__(
        self,
        experiment: str | None = None,
        corpus: str | None = None,
        models: Sequence[str] = (),
        *,
        params: Path = PARAMS,
    ) -> None:
        told = _read(params) if params.is_file() else {}
        named = experiment or told.get("experiment")
        if not isinstance(named, str):
            mend = "go to the project, or name an --experiment"
            raise ConfigError("names no experiment", where=params, mend=mend)
        self.experiment = named
        told = told if told.get("experiment") == named else {}
        self.corpus = _chosen_corpus(named, corpus, told.get("corpora") or ())
        there = _trained(named, self.corpus)
        order = [name for name in told.get("representations") or () if isinstance(name, str)]
        known = [name for name in order if name in there]
        known += [name for name in there if name not in order]
        self.missing = [] if models else [name for name in order if name not in there]
        self.names = self._chosen(models, known)

    def _chosen(self, models: Sequence[str], known: Sequence[str]) -> list[str]:
        where = paths.model(self.experiment, self.corpus, "")
        for name in models:
            if name not in known:
                mend = f"one of {', '.join(known)}" if known else TRAIN
                raise ConfigError(f"no trained model {name!r}", where=where, mend=mend)
        if not known:
            raise ConfigError("no model is trained yet", where=where, mend=TRAIN)
        return list(dict.fromkeys(models)) or list(known)

    @property
    def corpus_folder(self) -> Path:
        """Artifact of the corpus.

        Raises:
            ConfigError: it is not there.
        """
        folder = paths.corpus(self.experiment, self.corpus)
        if not folder.is_dir():
            raise ConfigError("the corpus is missing", where=folder, mend=TRAIN)
        return folder

    @cached_property
    def language(self) -> str:
        """ISO 639-1 code of the corpus."""
        try:
            return str(
                json.loads((self.corpus_folder / "card.json").read_text("utf-8"))["language"]
            )
        except (OSError, ValueError, KeyError, TypeError):
            return "en"

    def folder(self, name: str) -> Path:
        """Artifact of a representation."""
        return paths.model(self.experiment, self.corpus, name)

    def digest(self, name: str) -> str:
        """Hash of the files of a representation, as its manifest lists them."""
        return manifest.digest(self.folder(name))

    def open(self, name: str) -> Representation:
        """The representation, its files verified; two opened ones are two objects.

        Raises:
            IntegrityError: its bytes are not those that its stage wrote.
        """
        from polyseme.models import base

        manifest.verify(self.folder(name))
        return base.load(self.folder(name))


def _read(params: Path) -> Mapping[str, Any]:
    import yaml  # type: ignore[import-untyped]

    try:
        found = yaml.safe_load(params.read_text("utf-8"))
    except (yaml.YAMLError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise ConfigError("is not readable", where=params, mend="run `make params`")
    return found


def _chosen_corpus(experiment: str, corpus: str | None, order: Sequence[Any]) -> str:
    """The corpus that was asked for, or the first one that has trained models."""
    folder = paths.results(experiment, "model")
    if not NAME.fullmatch(experiment):
        raise ConfigError(f"{experiment!r} is no name", where="--experiment", mend="as in conf")
    there = sorted(path.name for path in folder.glob("[!.]*") if path.is_dir())
    there = sorted(there, key=lambda name: order.index(name) if name in order else len(order))
    if not there:
        raise ConfigError("no model is trained yet", where=folder, mend=TRAIN)
    if corpus is not None and corpus not in there:
        mend = f"one of {', '.join(there)}"
        raise ConfigError(f"no model is trained on {corpus!r}", where=folder, mend=mend)
    return corpus or there[0]


def _trained(experiment: str, corpus: str) -> list[str]:
    folder = paths.model(experiment, corpus, "")
    return sorted(path.parent.name for path in folder.glob(f"[!.]*/{CARD}"))


def layer_of(name: str, num_layers: int, asked: int | None) -> int:
    """The layer that was asked for; the last one by default, and in a static representation.

    Raises:
        PolysemeError: there is no such layer.
    """
    if asked is None or num_layers == 1:
        return num_layers - 1
    if not 0 <= asked < num_layers:
        mend = f"one of 0 to {num_layers - 1}"
        raise PolysemeError(f"has no layer {asked}", where=name, mend=mend)
    return asked

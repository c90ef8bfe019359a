"""conf/sweep/<name>.yaml: what a sweep varies, how, how often and to which end.

The file is no part of the composition: it names an experiment, which is composed with the file's
overrides, and each trial changes values in what came out.
"""

from __future__ import annotations

import re
from dataclasses import field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import Field, model_validator
from yaml import YAMLError  # type: ignore[import-untyped]

from polyseme.config import build, config
from polyseme.errors import ConfigError
from polyseme.sweeps.space import Domain

FOLDER = Path("conf/sweep")
STAGES = ("corpus", "task", "static", "pretrain", "invariance", "finetune", "probe", "intrinsic")
"""In the order in which a trial runs them."""
Count = Annotated[int, Field(ge=1)]
Cost = Literal["", "seconds", "peak_memory_bytes", "num_parameters", "num_bytes", "words_seen"]
Look = Literal["valid_loss", "valid_bits_per_byte", "valid_perplexity"]


@config
class Objective:
    """One number that a trial leaves: the mean of some rows of its results, or a cost."""

    goal: Literal["minimize", "maximize"]
    """Which way is better."""
    rows: dict[str, str | int | bool | None] = field(default_factory=dict)
    """Columns of results.parquet and their values; `stage` and `metric` among them."""
    cost: Cost = ""
    """What the trial took, over its stages. `seconds` and memory differ between equal runs."""

    @model_validator(mode="after")
    def _is_one(self) -> Objective:
        if bool(self.rows) == bool(self.cost):
            raise ValueError("either rows or cost")
        if self.rows and not {"stage", "metric"} <= self.rows.keys():
            raise ValueError("rows with `stage` and `metric`")
        return self


@config
class Pruner:
    """Whether a trial that looks bad while it trains is stopped."""

    kind: Literal["none", "median", "successive_halving", "hyperband"] = "none"
    """median: worse than the median of earlier trials at the same look."""
    watch: Look = "valid_bits_per_byte"
    """Value of the history of pre-training that it looks at; less is better."""
    startup: Annotated[int, Field(ge=0)] = 5
    """Trials before the median prunes."""
    warmup: Annotated[int, Field(ge=0)] = 2
    """Looks of each trial that are never held against it."""


@config
class Family:
    """Trials of one model with a space of its own."""

    model: str
    """Selected item of static, lm or external."""
    stages: Annotated[tuple[str, ...], Field(min_length=1)]
    """What a trial runs; corpus and tasks that are not among them are taken as they are."""
    space: Annotated[dict[str, Domain], Field(min_length=1)]
    """Dotted key of params.yaml -> where its value may lie."""
    overrides: tuple[str, ...] = ()
    """Hydra overrides for this family."""


@config
class Sweep:
    """The whole file."""

    experiment: Annotated[str, Field(pattern="^[A-Za-z0-9_]+$")]
    """Whose values are the starting point, and whose corpus and tasks are used."""
    corpus: str
    """Selected corpus."""
    families: Annotated[dict[str, Family], Field(min_length=1)]
    """By name; each gets `trials` trials."""
    objectives: Annotated[dict[str, Objective], Field(min_length=1)]
    """By name; the first is the quality, others are weighed against it (Pareto front)."""
    trials: Count
    """Of each family, so that families are compared at equal budgets."""
    sampler: Literal["random", "tpe", "grid", "qmc", "nsga2"] = "tpe"
    """tpe: Bergstra et al. 2011; qmc: scrambled Sobol; nsga2: Deb et al. 2002."""
    startup: Annotated[int, Field(ge=1)] = 8
    """Random trials before tpe models anything; size of a generation of nsga2."""
    pruner: Pruner = Pruner()
    """Only with one objective."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the sampler. That of training is `seed` of the experiment, the same in all trials."""
    overrides: tuple[str, ...] = ()
    """Hydra overrides for all families."""
    tasks: tuple[str, ...] = ()
    """Selected tasks that trials use; empty: all of the experiment."""
    strategies: tuple[str, ...] = ()
    """The same for strategies."""
    probes: tuple[str, ...] = ()
    """The same for probes."""
    storage: str = ""
    """Where the study is kept: empty for a journal file, or a URL of SQLAlchemy."""

    @model_validator(mode="after")
    def _fits(self) -> Sweep:
        if len(self.objectives) > 1 and self.pruner.kind != "none":
            raise ValueError("pruner.kind = none where there are several objectives")
        for name in (*self.families, *self.objectives):
            if not re.fullmatch("[A-Za-z0-9_]+", name):
                raise ValueError(f"names of letters, digits and _, not {name!r}")
        return self


def path(name: str) -> Path:
    """File of a sweep."""
    return FOLDER / f"{name}.yaml"


def read(name: str) -> Sweep:
    """The sweep of that name, checked by itself.

    Raises:
        ConfigError: there is no such file, or a key or value that cannot be used.
    """
    file = path(name)
    if not re.fullmatch("[A-Za-z0-9_]+", name):
        raise ConfigError(f"{name!r} is no name of a sweep", mend="letters, digits and _")
    if not file.is_file():
        there = sorted(each.stem for each in FOLDER.glob("*.yaml"))
        near = get_close_matches(name, there, cutoff=0.5) or there
        mend = f"write it, or choose {', '.join(near)}" if near else "see docs/sweeps.md"
        raise ConfigError("is missing", where=file, mend=mend)
    try:
        values: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=True)
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError, ValueError, OSError) as error:
        raise ConfigError(" / ".join(str(error).splitlines()[:2]), where=file) from None
    if not isinstance(values, dict):
        raise ConfigError("is no mapping", where=file, mend="see docs/sweeps.md")
    sweep = build(Sweep, values, file=str(file))
    _check_stages(sweep, file)
    for family_name, family in sweep.families.items():
        for key, domain in family.space.items():
            domain.check(f"families.{family_name}.space.{key}", file)
    return sweep


def _check_stages(sweep: Sweep, file: Path) -> None:
    """Stages are known, and each objective is written by one of them in every family."""
    for name, family in sweep.families.items():
        if unknown := [stage for stage in family.stages if stage not in STAGES]:
            what = f"families.{name}.stages: no stage {unknown[0]!r} for a trial"
            raise ConfigError(what, where=file, mend=f"one of {', '.join(STAGES)}")
        for key, objective in sweep.objectives.items():
            wanted = objective.rows.get("stage")
            writes = {"pretrain" if stage == "static" else stage for stage in family.stages}
            if objective.rows and wanted not in writes - {"corpus", "task"}:
                raise ConfigError(
                    f"objectives.{key}: no stage of family {name!r} writes rows of"
                    f" stage {wanted!r}",
                    where=file,
                    mend=f"it runs {', '.join(family.stages)}",
                )

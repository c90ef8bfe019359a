"""conf/ to params.yaml: compose, check everything, write.

`dvc repro` never composes conf/, so params.yaml is its committed lock. `python -m polyseme.compose`
(`make params`) writes it; `--check` only tells whether it is what conf/ composes to.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml  # type: ignore[import-untyped]
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import Field

from polyseme import items
from polyseme.config import build, config
from polyseme.errors import ConfigError, PolysemeError, refuse_secrets
from polyseme.executors import base as executors
from polyseme.reporting import anchors
from polyseme.runtime import settings, whole
from polyseme.tasks.common import preparation

GROUPS = (
    "dataset corpus static lm external task strategy probe intrinsic baseline representation "
    "runtime executor"
).split()
LISTS = "corpora statics lms externals representations tasks stacked".split()
GENERAL = ("experiment", "numerics", "seed", "seeds", "train_sizes", "partner")
Size = Annotated[int, Field(ge=1)] | Literal["all"]


@config
class General:
    """Values of conf/config.yaml that belong to no item."""

    experiment: Annotated[str, Field(pattern="^[A-Za-z0-9_]+$")]
    """Name of the folders below artifacts/ and reports/."""
    numerics: Annotated[int, Field(ge=1)]
    """Version of the shared code's numbers."""
    seed: Annotated[int, Field(ge=0)]
    """Of pre-training."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    """Of fine-tuning and probing."""
    train_sizes: Annotated[tuple[Size, ...], Field(min_length=1)]
    """Numbers of labelled items, or `all`."""
    partner: str = ""
    """Selected representation that stands beside those of `stacked`."""


def _missing(file: str, conf: Path) -> ConfigError:
    """There is no such item; which ones there are."""
    group, _, name = file.rpartition("/")
    there = sorted(path.stem for path in (conf / group).glob("*.yaml"))
    near = get_close_matches(name, there, cutoff=0.5) or there
    mend = f"write it, or choose {', '.join(near)}" if near else "see conf/config.yaml"
    return ConfigError("is missing", where=conf / f"{file}.yaml", mend=mend)


def composed(overrides: Sequence[str], conf: Path = Path("conf")) -> dict[str, Any]:
    """The params that conf/ gives with some overrides, resolved and checked.

    Raises:
        ConfigError: a file, key or value that cannot be used.
    """
    try:
        with initialize_config_dir(config_dir=str(conf.resolve()), version_base=None):
            chosen = compose("config", overrides=list(overrides), return_hydra_config=True)
            file = chosen.hydra.runtime.choices["experiment"]
            OmegaConf.set_struct(chosen, False)
            del chosen["hydra"]
            params: dict[str, Any] = OmegaConf.to_container(chosen, resolve=True)  # type: ignore[assignment]
    except UnicodeDecodeError:
        raise _not_utf8(conf) from None
    except MissingConfigException as error:
        raise _missing(str(error.missing_cfg_file), conf) from None
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise ConfigError(" / ".join(lines[:2]), where=conf, mend="see conf/config.yaml") from None
    experiment = conf / "experiment" / f"{file}.yaml"
    try:
        check(params)
    except ConfigError as error:
        raise _as_written(error, experiment, overrides) from None
    _check_name(params["experiment"], experiment)
    anchors.read(conf / "anchor")  # no part of params.yaml; the report reads them
    return params


def _not_utf8(conf: Path) -> ConfigError:
    """The first file that is no UTF-8, which the library does not name."""
    for file in sorted(conf.rglob("*.yaml")):
        try:
            file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            what = f"not UTF-8: byte {error.start:,} is 0x{error.object[error.start]:02x}"
            return ConfigError(what, where=file, mend="save it as UTF-8")
    return ConfigError("not UTF-8", where=conf, mend="save its files as UTF-8")


def _as_written(error: ConfigError, experiment: Path, overrides: Sequence[str]) -> ConfigError:
    """The error, naming the experiment's file if that changes the item that it is about."""
    keys = [override.lstrip("+~").partition("=")[0] for override in overrides]
    if any("." in key and key in error.what for key in keys):
        return error
    written = yaml.safe_load(experiment.read_text()) or {}
    group, item = (*Path(error.where).with_suffix("").parts[-2:], "", "")[:2]
    changed = written.get(group)
    if not isinstance(changed, Mapping) or not isinstance(changed.get(item), Mapping):
        return error
    where = error.where
    if any(f"{group}.{item}.{key}" in error.what for key in changed[item]):
        where = f"conf/experiment/{experiment.name}"
    else:
        where = f"{where} or conf/experiment/{experiment.name}"
    return ConfigError(error.what, where=where, mend=error.mend)


def _check_name(name: str, file: Path) -> None:
    """An experiment writes into folders of its own name, which its file has as well."""
    if name == "data" or name != file.stem:
        raise ConfigError(
            f"experiment = {name!r} is not the name of its file",
            where=file,
            mend="write the stem of the file, which may not be `data`",
        )


def text(params: Mapping[str, Any]) -> str:
    """params.yaml."""
    return OmegaConf.to_yaml(OmegaConf.create(dict(params)))


def check(params: Mapping[str, Any]) -> None:
    """Check every item against the Config of its class, and that items fit together.

    Raises:
        ConfigError: the first thing that does not fit.
    """
    refuse_secrets(params, where="conf/")
    _check_top_level(params)
    executors.make(params["executor"], settings.read(params["runtime"]))
    _check_datasets(params["dataset"])
    for group in ("static", "lm", "strategy", "probe", "intrinsic"):
        for name, values in params[group].items():
            check_item(group, name, items.load(group, name), values)
    _check_corpora(params["corpus"])
    for name, values in params["task"].items():
        preparation.configured(name, values)
    for name, values in params["external"].items():
        if "module" not in values:
            known = ", ".join(items.available("external"))
            file = f"conf/external/{name}.yaml"
            raise ConfigError("key 'module' is missing", where=file, mend=f"one of {known}")
        check_item("external", name, items.load("external", values["module"]), values)
    for name, values in params["baseline"].items():
        items.load("baseline", name)
        if values:
            file = f"conf/baseline/{name}.yaml"
            raise ConfigError(f"unknown key {next(iter(values))!r}", where=file, mend="it has none")
    _check_sources(params)


def _check_top_level(params: Mapping[str, Any]) -> None:
    """Only known keys, each number once, every representation made by a selected item."""
    file = "conf/config.yaml"
    for key in (*GENERAL, *GROUPS, *LISTS):
        if params.get(key) is None:
            raise ConfigError(f"{key!r} is missing or empty", where=file, mend="give it a value")
    for group in GROUPS:
        items_ = params[group]
        nested = group not in ("runtime", "executor", "representation")
        wrong = [k for k, v in items_.items() if not isinstance(v, Mapping)] if nested else []
        if wrong:
            where = f"{group}.{wrong[0]}"
            raise ConfigError(f"{where} is no mapping", where=file, mend=f"see conf/{group}/")
    if unknown := sorted(params.keys() - set(GENERAL) - set(GROUPS) - set(LISTS)):
        allowed = ", ".join((*GENERAL, *GROUPS))
        raise ConfigError(f"unknown key {unknown[0]!r}", where=file, mend=f"allowed: {allowed}")
    build(General, {key: params[key] for key in GENERAL}, file=file)
    for key in ("seeds", "train_sizes"):
        if len(set(params[key])) < len(params[key]):
            raise ConfigError(
                f"{key} = {params[key]} repeats itself", where=file, mend="name each once"
            )
    _check_partner(params, file)
    _check_representations(params)


def _check_representations(params: Mapping[str, Any]) -> None:
    """Each has the values of one item, and is of its group."""
    groups = [(name, group) for group in ("static", "lm", "external") for name in params[group]]
    for name, group in sorted([*groups, *params["representation"].items()], key=str):
        if groups.count((name, group)) != 1 or params["representation"].get(name) != group:
            raise ConfigError(
                f"{name!r} has to stand once, in {group} and as `representation.{name}: {group}`",
                where=f"conf/{group}/{name}.yaml or conf/experiment/{params['experiment']}.yaml",
                mend=f"its file adds both; values of an item that is not selected in /{group} are"
                " taken out of the experiment",
            )


def _check_partner(params: Mapping[str, Any], file: str) -> None:
    """What is stacked, and on what, is selected."""
    names = [params["partner"], *params["stacked"]] if params["stacked"] else []
    for name in names:
        if name not in params["representation"]:
            raise ConfigError(
                f"{name!r} is no selected representation",
                where="conf/strategy/stack.yaml",
                mend=f"name one of {', '.join(params['representation'])}",
            )
    if params["partner"] in params["stacked"]:
        raise ConfigError(
            f"partner {params['partner']!r} is among stacked", where=file, mend="name another"
        )


def check_item(group: str, name: str, module: Any, values: Mapping[str, Any]) -> None:
    """Check the values of one item against the Config of its module."""
    build(module.Config, values, file=f"conf/{group}/{name}.yaml", key=f"{group}.{name}")


def _check_datasets(datasets: Mapping[str, Any]) -> None:
    from polyseme.data.dataset import Dataset

    for name, values in datasets.items():
        build(Dataset, values, file=f"conf/dataset/{name}.yaml", key=f"dataset.{name}")


def _check_corpora(corpora: Mapping[str, Any]) -> None:
    from polyseme.data import corpus

    for name, values in corpora.items():
        corpus.check(values, file=f"conf/corpus/{name}.yaml", key=f"corpus.{name}")


def _check_sources(params: Mapping[str, Any]) -> None:
    """Every artifact that an item reads is made by a selected item."""
    made = {f"artifacts/data/{name}" for name in params["dataset"]}
    made |= {f"artifacts/{params['experiment']}/corpus/{name}" for name in params["corpus"]}
    for group in ("corpus", "task"):
        for name, values in params[group].items():
            source = values["source"]
            if "://" in source:
                raise ConfigError(
                    f"{group}.{name}.source is a URL",
                    where=f"conf/{group}/{name}.yaml",
                    mend="describe its files as a data set, with size and sha256, and name "
                    "artifacts/data/<data set>: docs/scale.md",
                )
            if source.startswith("artifacts/") and source not in made:
                raise ConfigError(
                    f"{group}.{name}.source = {source!r} is made by no selected item",
                    where=f"conf/experiment/{params['experiment']}.yaml",
                    mend=f"add {Path(source).name!r} to its /dataset or /corpus list",
                )


def main() -> int:
    """Write or check params.yaml."""
    parser = argparse.ArgumentParser(prog="python -m polyseme.compose", description=__doc__)
    parser.add_argument("overrides", nargs="*", help="Hydra overrides, e.g. experiment=wiki")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 2 on a difference"
    )
    chosen = parser.parse_args()
    target = Path("params.yaml")
    try:
        wanted = text(composed(chosen.overrides))
        found = target.read_text() if target.exists() else ""
        if chosen.check and wanted != found:
            raise ConfigError("differs from conf/", where=target, mend="run `make params`")
        if wanted != found:
            whole.write_text(target, wanted)
    except PolysemeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

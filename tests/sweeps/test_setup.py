"""Sweeps on the project's own conf/: what is shipped can start, what cannot is refused early."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.sweeps.toy import ROOT

from polyseme import compose
from polyseme.errors import ConfigError
from polyseme.sweeps import command, conf, jobs, setup, wandb_config

SHIPPED = sorted(path.stem for path in (ROOT / "conf/sweep").glob("*.yaml"))
BERT: dict[str, Any] = yaml.safe_load((ROOT / "conf/sweep/bert_lr.yaml").read_text())


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(compose, "composed", _composed)
    jobs.dag.cache_clear()
    yield
    jobs.dag.cache_clear()


_of = cache(lambda overrides: compose_once(list(overrides)))
compose_once = compose.composed


def _composed(overrides: list[str]) -> dict[str, Any]:
    return copy.deepcopy(_of(tuple(overrides)))


def written(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> str:
    """A file like bert_lr with other values; `space` and `stages` are those of its family."""
    values = copy.deepcopy(BERT)
    for key in ("space", "stages", "model"):
        if key in changes:
            values["families"]["bert"][key] = changes.pop(key)
    monkeypatch.setattr(conf, "FOLDER", folder)
    (folder / "x.yaml").write_text(yaml.safe_dump(values | changes))
    return "x"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_sweep_that_is_shipped_fits_the_configuration(name: str) -> None:
    sweep = conf.read(name)
    for family in setup.ready(name, sweep).values():
        assert family.steps
        for key, domain in family.family.space.items():
            assert len(set(map(repr, domain.ends()))) > 1, key


ONE = {"low": 1, "high": 2}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"space": {"lm.bert.learning_rate": ONE}},
            "unknown parameter 'lm.bert.learning_rate'; did you mean lm.bert",
        ),
        ({"space": {"lm.bert": ONE}}, "lm.bert is a group"),
        ({"space": {"lm.gpt.dim": ONE}}, "no stage of the family reads it"),
        ({"space": {"runtime.num_threads": ONE}}, "no stage of the family reads it"),
        ({"space": {"lm.bert.lr": {"low": 2.0, "high": 1.0}}}, "empty range"),
        ({"space": {"lm.bert.lr": {"low": 0, "high": 1, "log": True}}}, "log scale over zero"),
        ({"space": {"lm.bert.dropout": {"low": 0.0, "high": 1.5}}}, "1.5 is not allowed"),
        ({"space": {"lm.bert.optimizer": {"choices": ["muon", "sgd"]}}}, "'sgd' is not allowed"),
        ({"space": {}}, "space"),
        ({"model": "berd"}, "'berd' is not selected"),
        ({"model": "word2vec"}, "pretrain of 'word2vec' is not selected"),
        ({"stages": ["pretrane"]}, "no stage 'pretrane'"),
        ({"corpus": "wiki"}, "corpus 'wiki' is not selected by experiment 'demo'"),
        ({"tasks": ["sensus"]}, "tasks 'sensus' is not selected"),
        ({"sampler": "best"}, "sampler = 'best' is not allowed"),
        ({"trials": 0}, "trials = 0 is not allowed"),
        ({"trails": 3}, "unknown key 'trails'"),
        (
            {"objectives": {"x": {"goal": "maximize", "rows": {"stage": "probe", "metric": "a"}}}},
            "no stage of family 'bert' writes rows of stage 'probe'; it runs pretrain",
        ),
        ({"objectives": {"x": {"goal": "maximize"}}}, "either rows or cost"),
        (
            {
                "objectives": {
                    "x": {"goal": "minimize", "cost": "seconds"},
                    "y": {"goal": "minimize", "cost": "num_bytes"},
                }
            },
            "pruner.kind = none where there are several objectives",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused_with_file_and_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], said: str
) -> None:
    name = written(tmp_path, monkeypatch, **changes)
    with pytest.raises(ConfigError) as caught:
        setup.ready(name, conf.read(name))
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "x.yaml"))


@pytest.mark.parametrize("text", ["a: [1\n", "[]", "\xff", "a: ${b}\n"])
def test_a_file_that_is_no_sweep_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(conf, "FOLDER", tmp_path)
    (tmp_path / "x.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError):
        conf.read("x")


def test_a_sweep_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"conf/sweep/bert_rl.yaml: is missing; .*bert_lr"):
        conf.read("bert_rl")
    with pytest.raises(ConfigError, match="no name of a sweep"):
        conf.read("../experiment/demo")


def test_without_a_terminal_and_yes_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    from polyseme.sweeps import plan

    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: PTH123, SIM115
    with pytest.raises(ConfigError, match="--yes"):
        plan.confirm("begin sweep x?", yes=False)
    assert plan.confirm("begin sweep x?", yes=True)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_space_of_each_family_becomes_a_sweep_of_wandb(name: str) -> None:
    sweep = conf.read(name)
    for key, family in sweep.families.items():
        content = yaml.safe_load(wandb_config.text(name, sweep, key))
        assert content["method"] in ("random", "grid", "bayes")
        assert content["metric"]["goal"] in ("minimize", "maximize")
        assert content["parameters"].keys() == family.space.keys()
        for each, domain in family.space.items():
            found = content["parameters"][each]
            if domain.choices:
                assert found["values"] == list(domain.choices)
            else:
                assert (found["min"], found["max"]) == (domain.low, domain.high)
                assert ("log" in found["distribution"]) == domain.log


def test_values_given_by_hand_have_to_be_in_the_space() -> None:
    family = conf.read("bert_lr").families["bert"]
    assert command._values(["lm.bert.lr=1e-3"], family, Path("x")) == {"lm.bert.lr": 0.001}
    for word in ("lm.bert.dim=3", "lm.bert.lr"):
        with pytest.raises(ConfigError, match=r"keys: lm\.bert\.lr"):
            command._values([word], family, Path("x"))

"""Configuration is checked where it enters: one line with file, key and what is allowed."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from polyseme import compose, items
from polyseme.config import build
from polyseme.errors import ConfigError

ROOT = Path(__file__).parents[2]
EXPERIMENTS = sorted(path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml"))


def _composed(*overrides: str) -> dict[str, Any]:
    return compose.composed(overrides, ROOT / "conf")


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_and_passes_all_checks(experiment: str) -> None:
    assert _composed(f"experiment={experiment}")["experiment"] == experiment


@pytest.mark.parametrize(
    ("runtime", "accelerator", "num_processes", "strategy"),
    [
        ("cpu", "cpu", 1, "ddp"),
        ("gpu", "gpu", 1, "ddp"),
        ("ddp", "gpu", "auto", "ddp"),
        ("fsdp", "gpu", "auto", "fsdp"),
    ],
)
def test_every_runtime_composes(
    runtime: str, accelerator: str, num_processes: int | str, strategy: str
) -> None:
    found = _composed(f"runtime={runtime}")["runtime"]
    expected = {"accelerator": accelerator, "num_processes": num_processes, "strategy": strategy}
    assert found.items() >= expected.items()


def test_params_yaml_is_what_conf_composes_to() -> None:
    assert (ROOT / "params.yaml").read_text() == compose.text(_composed()), "run `make params`"


def test_composing_twice_gives_the_same_bytes_and_names_no_machine() -> None:
    text = compose.text(_composed())
    assert text == compose.text(_composed())
    assert str(ROOT) not in text


def test_a_small_rate_is_a_number_and_not_a_text() -> None:
    params = OmegaConf.create(compose.text(_composed("lm.bert.lr=1e-5")))
    assert params.lm.bert.lr == 1e-5


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("+lm.bert.layers=2", ["conf/lm/bert.yaml", "unknown key 'lm.bert.layers'", "num_layers"]),
        ("lm.bert.num_layers=two", ["conf/lm/bert.yaml", "lm.bert.num_layers = 'two'", "integer"]),
        (
            "lm.bert.num_layers=0",
            ["conf/lm/bert.yaml", "lm.bert.num_layers = 0", "greater than or"],
        ),
        ("lm.bert.num_heads=3", ["conf/lm/bert.yaml", "num_heads that divides dim = 128"]),
        ("lm.bert.optimizer=sgd", ["lm.bert.optimizer = 'sgd'", "'adamw', 'muon' or"]),
        ("~lm.bert.budget", []),  # a default stands in
        ("static.word2vec.oov=guess", ["conf/static/word2vec.yaml", "'zero' or 'mean'"]),
        (
            "probe.linear.lr=-1",
            ["conf/probe/linear.yaml", "probe.linear.lr = -1", "greater than 0"],
        ),
        ("probe.linear.ranks=[4,4]", ["conf/probe/linear.yaml", "not the same"]),
        (
            "probe.mdl.fractions=[0.5]",
            ["conf/probe/mdl.yaml", "fractions", "the last one 1"],
        ),
        ("~strategy.full.epochs", ["conf/strategy/full.yaml", "'strategy.full.epochs' is missing"]),
        ("task.senses.source=artifacts/data/none", ["conf/experiment/demo.yaml", "'none'"]),
        ("task.senses.module=nosuch", ["no task module 'nosuch'", "truecase"]),
        ("runtime.num_threads=many", ["conf/runtime", "runtime.num_threads = 'many'"]),
        (
            "runtime.num_processes=0",
            ["runtime.num_processes = 0 is", "greater than or equal to 1 or 'auto'"],
        ),
        ("runtime.strategy=deepspeed", ["runtime.strategy = 'deepspeed'", "'ddp' or 'fsdp'"]),
        ("lm.bert.nested.key=1", ["nested"]),
        ("seeds=[]", ["seeds", "at least"]),
        ("seeds=[0,x]", ["seeds", "integer"]),
        ("train_sizes=[0]", ["train_sizes"]),
        ("experiment=nosuch", ["nosuch.yaml", "is missing", "demo, smoke, standard, wiki"]),
        ("task=[agrement]", ["agrement.yaml", "is missing", "choose agreement"]),
        ("+sedes=[7]", ["conf/config.yaml", "unknown key 'sedes'", "seeds"]),
        ("seeds=[0,0]", ["seeds = [0, 0] repeats itself"]),
        ("+representation.ghost=lm", ["ghost"]),
        ("+baseline.majority.foo=3", ["conf/baseline/majority.yaml", "unknown key 'foo'"]),
        ("~seed", ["'seed' is missing"]),
        ("dataset=null", ["conf"]),
        ("+task.upos=3", ["task.upos is no mapping"]),
        ("seed=-5", ["seed"]),
        ("lm.bert.warmup=0.8", ["conf/lm/bert.yaml", "warmup + cooldown <= 1"]),
    ],
)
def test_a_bad_value_is_refused_in_one_line(override: str, parts: list[str]) -> None:
    if not parts:
        _composed(override)
        return
    with pytest.raises(ConfigError) as caught:
        _composed(override)
    line = str(caught.value)
    assert "\n" not in line
    assert all(part in line for part in parts), line


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("lm: {bert: {layers: 2}}", "conf/experiment/mine.yaml: unknown key 'lm.bert.layers'"),
        ("lm: {bert: {lr: -1}}", "conf/experiment/mine.yaml: lm.bert.lr = -1"),
        ("task: {wic: {num_items: {dev: 9}}}", "conf/experiment/mine.yaml: task.wic.num_items.dev"),
    ],
)
def test_a_bad_value_in_an_experiment_names_its_file(in_tmp: Path, text: str, where: str) -> None:
    shutil.copytree(ROOT / "conf", in_tmp / "conf")
    demo = (ROOT / "conf/experiment/demo.yaml").read_text()
    head = demo[: demo.index("experiment: demo")]
    (in_tmp / "conf/experiment/mine.yaml").write_text(f"{head}experiment: mine\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        compose.composed(["experiment=mine"], in_tmp / "conf")
    assert str(caught.value).startswith(where)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ("{path: a}", "conf/external/mine.yaml: key 'module' is missing; one of array_vectors, "),
        ("{module: common}", "conf/external: no external module 'common'; one of array_vectors, "),
        ("{module: hugging_face}", "conf/external/mine.yaml: external.mine = "),
        ("{module: text_vectors, path: a, header: true}", "conf/external/mine.yaml: key 'external"),
    ],
)
def test_a_bad_external_item_names_its_file(in_tmp: Path, values: str, line: str) -> None:
    shutil.copytree(ROOT / "conf", in_tmp / "conf")
    (in_tmp / "conf/external").mkdir(exist_ok=True)
    text = f"external: {{mine: {values}}}\nrepresentation: {{mine: external}}\n"
    (in_tmp / "conf/external/mine.yaml").write_text(f"# @package _global_\n{text}")
    with pytest.raises(ConfigError) as caught:
        compose.composed(["external=[mine]"], in_tmp / "conf")
    assert str(caught.value).startswith(line), str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("external: {mine: {module: text_vectors}}\n", "'mine' has to stand once, in external and"),
        (
            "external: {mine: {module: text_vectors}}\nrepresentation: {mine: lm}\n",
            "as `representation.mine: external`",
        ),
        ("static: {glove: {dim: 8}}\n", "conf/static/glove.yaml or conf/experiment/smoke.yaml: "),
        ("# wörter\n", "conf/external/mine.yaml: not UTF-8: byte 3 is 0xf6; save it"),
    ],
)
def test_an_item_that_is_half_there_names_its_file(in_tmp: Path, text: str, line: str) -> None:
    shutil.copytree(ROOT / "conf", in_tmp / "conf")
    (in_tmp / "conf/external").mkdir(exist_ok=True)
    path = in_tmp / "conf/external/mine.yaml"
    head = "" if text.startswith("#") else "# @package _global_\n"
    path.write_text(head + text, encoding="latin-1")
    with pytest.raises(ConfigError) as caught:
        compose.composed(["experiment=smoke", "external=[mine]"], in_tmp / "conf")
    assert line in str(caught.value), str(caught.value)


def test_the_command_prints_one_line_and_leaves_params_yaml_alone(in_tmp: Path) -> None:
    (in_tmp / "conf").symlink_to(ROOT / "conf")
    (in_tmp / "params.yaml").write_text("old")
    command = [sys.executable, "-m", "polyseme.compose", "lm.bert.num_layers=-1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == ConfigError.exit_code
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert (in_tmp / "params.yaml").read_text() == "old"


def test_names_cannot_reach_code_outside_the_package() -> None:
    for name in ("os", "..errors", "polyseme.errors", "base", "common"):
        with pytest.raises(ConfigError, match="no lm module"):
            items.load("lm", name)


def test_a_config_cannot_be_changed() -> None:
    module = items.load("probe", "linear")
    options = build(module.Config, {}, file="x")
    with pytest.raises(Exception, match=r"frozen|cannot assign"):
        options.lr = 3.0


@pytest.mark.parametrize(
    "content",
    [b"a: [1\n b: 2\n", b"lm: {}\nlm: {}\n", b"\xff\xfe\n", b"# @package _global_\nseed: .inf\n"],
)
def test_a_conf_file_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "conf/lm/bert.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        compose.composed([], tmp_path / "conf")
    assert "\n" not in str(caught.value)


def test_numbers_without_end_are_refused(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    path = tmp_path / "conf/lm/bert.yaml"
    path.write_text(path.read_text().replace("muon_lr: 0.02", "muon_lr: .inf"))
    with pytest.raises(ConfigError, match="muon_lr"):
        compose.composed(["experiment=wiki"], tmp_path / "conf")


@pytest.mark.parametrize("name", ["data", "wiki"])
def test_an_experiment_that_has_the_name_of_another_is_refused(tmp_path: Path, name: str) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    text = (ROOT / "conf/experiment/wiki.yaml").read_text()
    (tmp_path / "conf/experiment/copy.yaml").write_text(
        text.replace("experiment: wiki", f"experiment: {name}")
    )
    with pytest.raises(ConfigError, match="not the name of its file"):
        compose.composed(["experiment=copy"], tmp_path / "conf")


@pytest.mark.parametrize("group", ["probe", "intrinsic"])
def test_every_value_stands_in_its_conf_file(group: str) -> None:
    """What does not stand there cannot be set by its name on the command line."""
    for file in sorted((ROOT / f"conf/{group}").glob("*.yaml")):
        given = OmegaConf.load(file)
        known = {field.name for field in dataclasses.fields(items.load(group, file.stem).Config)}
        assert (file.name, set(given)) == (file.name, known)

"""What a user of DVC expects: no-op, partial reruns, experiments, metrics, plots, verification."""

from __future__ import annotations

import json
import random
import re

import pytest
from tests.pipeline.conftest import Project

pytestmark = pytest.mark.pipeline


PLANTED = {
    "WANDB_API_KEY": "5ecre7" * 6 + "abcd",
    "AWS_SECRET_ACCESS_KEY": "planted/of+the/cloud-3f9a",
    "POLYSEME_PLANTED": f"planted-{random.SystemRandom().getrandbits(64):x}",
}
"""Variables of the environment that nothing may write."""


@pytest.fixture(scope="module")
def finished(prepared: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The smoke experiment, run and committed."""
    project = prepared.fork(tmp_path_factory.mktemp("finished") / "polyseme")
    project.environment |= PLANTED
    project.compose("runtime.progress=false")
    project.repro()
    project.call("git", "config", "user.email", "a@b.c")
    project.call("git", "config", "user.name", "a")
    project.call("git", "add", "-A")
    project.call("git", "commit", "-q", "-m", "smoke")
    return project


def _ran(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


def test_a_finished_pipeline_does_nothing_again(finished: Project) -> None:
    assert "up to date" in finished.repro().stdout


def test_no_file_holds_a_secret_of_the_environment(finished: Project) -> None:
    """Artifacts, reports, DVC's cache, local history, dvc.lock."""
    files = [path for path in finished.folder.rglob("*") if path.is_file()]
    assert {"dvc.lock", "results.parquet", "manifest.json"} <= {path.name for path in files}
    assert [p for p in files if any(v.encode() in p.read_bytes() for v in PLANTED.values())] == []


def test_a_finished_run_is_identical_to_its_committed_report(finished: Project) -> None:
    done = finished.call("python", "-m", "polyseme.cli", "verify", "smoke", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "identical" in done.stdout
    content = json.loads((finished.folder / "reports/smoke/manifest.json").read_text())
    assert any("model/controlled/bert" in name for name in content["artifacts"])


def test_costs_of_training_stand_in_the_run_records(finished: Project) -> None:
    runs = finished.folder / "artifacts/smoke/runs"
    made = {
        name: json.loads((runs / f"{name}.json").read_text())
        for name in ("static-controlled-word2vec", "pretrain-controlled-bert")
    }
    static, bert = made.values()
    assert static["costs"].keys() == {"num_types", "num_bytes", "num_trained_words"}
    assert static["costs"]["num_bytes"] == 4 * 32 * (static["costs"]["num_types"] + 1)
    assert bert["loss"]["predicts"] == "hidden tokens (20 % of all), from both sides"
    card = finished.folder / "artifacts/smoke/model/controlled/bert/representation.json"
    assert bert["costs"]["num_bytes"] == 4 * json.loads(card.read_text())["num_parameters"]


def test_metrics_and_plots_are_shown(finished: Project) -> None:
    assert "senses" in finished.call("dvc", "metrics", "show").stdout
    done = finished.call("dvc", "plots", "show", "--json")
    assert "could not find" not in (done.stdout + done.stderr).lower()
    assert {"loss", "layers"} <= json.loads(done.stdout)["data"].keys()


def test_other_params_of_the_probe_train_no_model(finished: Project) -> None:
    finished.compose("runtime.progress=false", "probe.linear.epochs=3")
    ran = _ran(finished.repro("--dry").stdout)
    assert {f"probe@controlled-{name}" for name in ("random", "word2vec", "bert")} <= ran
    assert not {name for name in ran if name.split("@")[0] not in ("probe", "report")}
    finished.compose("runtime.progress=false", "runtime.num_threads=2")
    assert "up to date" in finished.repro("--dry").stdout  # how it runs is no dependency
    finished.compose("runtime.progress=false")


def test_an_experiment_with_another_value_runs_and_is_compared(finished: Project) -> None:
    overrides = ["experiment=smoke", "lm.bert.num_layers=1", "runtime.tracking=off"]
    overrides.append("runtime.num_threads=1")
    arguments = [part for override in overrides for part in ("-S", override)]
    done = finished.call("dvc", "exp", "run", *arguments, "--name", "one-layer")
    assert "pretrain@controlled-bert" in _ran(done.stdout)
    assert not {"corpus@controlled", "static@controlled-word2vec"} & _ran(done.stdout)
    shown = finished.call("dvc", "exp", "show", "--json").stdout
    assert "one-layer" in shown
    assert "lm.bert.num_layers" in finished.call("dvc", "params", "diff").stdout
    assert "bits_per_byte" in finished.call("dvc", "metrics", "diff").stdout


def test_an_experiment_with_a_value_that_compose_would_refuse_stops_at_once(
    finished: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = finished.fork(tmp_path_factory.mktemp("refused") / "polyseme")
    arguments = ["-S", "experiment=smoke", "-S", "seeds=[3,3]"]
    done = project.call("dvc", "exp", "run", *arguments, check=False)
    assert done.returncode != 0
    assert "error: conf/config.yaml: seeds = [3, 3] repeats itself" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_another_experiment_leaves_the_report_of_the_first(
    finished: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = finished.fork(tmp_path_factory.mktemp("switched") / "polyseme")
    folder = project.folder
    text = (folder / "conf/experiment/smoke.yaml").read_text()
    text = text.replace("/lm: [bert]", "/lm: []").replace("[random, word2vec]", "[random]")
    text = re.sub(r"/task: .*", "/task: [senses]", text)
    text = re.sub(r"(?s)lm:\n.*task:\n(  senses: .*?\n).*(strategy:\n)", r"task:\n\1\2", text)
    text = text.replace("  word2vec: {dim: 32, budget: 80_000}\n", "")
    text = text.replace("experiment: smoke", "experiment: other")
    (folder / "conf/experiment/other.yaml").write_text(text)
    first = {p: p.read_bytes() for p in (folder / "reports/smoke").rglob("*") if p.is_file()}
    project.compose("runtime.progress=false", "experiment=other")
    project.repro()
    assert (folder / "reports/other/README.md").exists()
    assert first and all(path.read_bytes() == content for path, content in first.items())


@pytest.mark.parametrize(
    ("override", "code", "parts"),
    [
        ("lm.bert.lr=1e30", 5, ["step", "last good state is kept", "lower lr"]),
        (
            "corpus.controlled.vocab_size=60000",
            3,
            ["vocab_size", "larger than the corpus supports"],
        ),
    ],
)
def test_a_fault_in_a_stage_is_one_line_with_its_exit_code(
    finished: Project, tmp_path_factory: pytest.TempPathFactory, override: str, code: int,
    parts: list[str],
) -> None:  # fmt: skip
    project = finished.fork(tmp_path_factory.mktemp("fault") / "polyseme")
    project.compose("runtime.progress=false", override)
    report = (project.folder / "reports/smoke/README.md").read_bytes()
    done = project.repro(check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1, done.stderr
    assert all(part in lines[0] for part in parts), lines
    assert "Traceback" not in done.stdout + done.stderr
    assert f"exited with {code}" in done.stderr
    assert (project.folder / "reports/smoke/README.md").read_bytes() == report

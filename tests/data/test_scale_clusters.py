"""Slurm and Ray by configuration: what is asked of them, and what a failure there looks like.

Slurm's programs are stand-ins, which run the jobs of an array one after another.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tqdm import tqdm

from polyseme import compose
from polyseme.config import build
from polyseme.corpora import text
from polyseme.data import corpus
from polyseme.errors import ConfigError, DataError, ResourceError
from polyseme.runtime.preparing import Preparing

pytest.importorskip("datatrove")
from polyseme.data.scale import executors, failed
from polyseme.data.scale.job import Job

ROOT = Path(__file__).parents[2]
SLURM = Preparing(
    executor="slurm",
    partition="cpu",
    num_tasks=2,
    num_workers=1,
    memory_gib=3,
    hours=5,
    sbatch={"account": "mine"},
    poll_seconds=0.01,
)
SBATCH = """#!/bin/bash
script="${@: -1}"
grep -q dependency "$script" && exit 9  # it would wait for ever for a task that failed
cp "$script" submitted.sh
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$script")
for task in $(seq 0 "$last"); do
    SLURM_ARRAY_TASK_ID=$task SLURM_NODELIST=node bash "$script" >> slurm.log 2>&1
done
echo "Submitted batch job 7"
"""
PROGRAMS = {
    "sbatch": SBATCH,
    "srun": '#!/bin/bash\nexec "${@:4}"\n',
    "scontrol": "#!/bin/bash\necho node\n",
    "squeue": "#!/bin/bash\ncat queue 2>/dev/null\nexit 0\n",
}


@pytest.fixture
def cluster(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose Slurm programs come first."""
    (in_tmp / "bin").mkdir()
    for name, content in PROGRAMS.items():
        (in_tmp / "bin" / name).write_text(content)
        (in_tmp / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{in_tmp / 'bin'}:{os.environ['PATH']}")
    return in_tmp


def job(folder: Path, content: str = "A line of text.\nAnd one more line.\n") -> Job:
    (folder / "a.txt").write_text(content)
    values = {"reader": "text", "source": "a.txt", "pattern": "*", "licence": "CC0"}
    values |= {"language": "en", "lowercase": True, "vocab_size": 300, "max_types": 9}
    values |= {"valid_fraction": 0.2, "test_fraction": 0.2, "min_paragraph_words": 1}
    values |= {"min_document_words": 1, "shingle_words": 2, "tokenizer_sample_bytes": 100}
    options = build(corpus.Config, values | {"near_duplicate_threshold": 0.7}, file="c.yaml")
    return Job(
        options=options,
        reader_options=text.Config(document="line"),
        name="toy",
        source=folder / "a.txt",
        files=(folder / "a.txt",),
        folder=folder / "toy-0123",
        num_tasks=2,
    )


def bar() -> tqdm[None]:
    return tqdm(total=2, disable=True)


def test_slurm_runs_every_task_of_a_pass_with_the_arguments_of_conf(cluster: Path) -> None:
    toy = job(cluster)
    executors.slurm(toy, "clean", SLURM, bar())
    assert all(toy.done("clean", rank).is_dir() for rank in range(2)), (
        cluster / "slurm.log"
    ).read_text()
    script = (cluster / "submitted.sh").read_text()
    asked = "partition=cpu account=mine mem-per-cpu=3G time=5:00:00 array=0-1%1"
    for argument in [*asked.split(), "job-name=polyseme-toy-0123-clean"]:
        assert f"#SBATCH --{argument}\n" in script
    (cluster / "bin/sbatch").write_text("#!/bin/bash\nexit 1\n")
    executors.slurm(toy, "clean", SLURM, bar())  # finished: nothing is submitted


def test_tasks_that_do_not_finish_are_one_line(cluster: Path) -> None:
    (cluster / "bin/sbatch").write_text("#!/bin/bash\necho Submitted batch job 7\n")
    with pytest.raises(ResourceError, match=r"log/clean: 2 of 2 tasks of `clean` did not finish"):
        executors.slurm(job(cluster), "clean", SLURM, bar())


def test_what_a_task_failed_of_is_told(cluster: Path) -> None:
    toy = job(cluster)
    error = DataError("not UTF-8", where="a.txt", mend="convert it")
    failed.note(toy, "clean", 1, error)
    (cluster / "bin/sbatch").write_text("#!/bin/bash\necho Submitted batch job 7\n")
    with pytest.raises(DataError) as caught:
        executors.slurm(toy, "clean", SLURM, bar())
    assert str(caught.value) == str(error)


def test_jobs_of_a_killed_stage_are_waited_for_and_not_doubled(cluster: Path) -> None:
    (cluster / "queue").write_text("7_0 RUNNING\n")
    (cluster / "bin/sbatch").write_text("#!/bin/bash\ntouch submitted\n")
    ended = "#!/bin/bash\ncat queue 2>/dev/null\nrm -f queue\nexit 0\n"
    (cluster / "bin/squeue").write_text(ended)
    with pytest.raises(ResourceError, match="did not finish"):
        executors.slurm(job(cluster), "clean", SLURM, bar())
    assert not (cluster / "submitted").exists()


def test_a_machine_without_slurm_and_a_refusal_are_one_line(
    cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cluster / "bin/sbatch").write_text("#!/bin/bash\nexit 1\n")
    with pytest.raises(ResourceError, match="polyseme-toy-0123-clean: sbatch failed"):
        executors.slurm(job(cluster), "clean", SLURM, bar())
    with monkeypatch.context() as patched:
        patched.setenv("SLURM_ARRAY_TASK_ID", "1")
        with pytest.raises(ConfigError, match="inside an array job"):
            executors.slurm(job(cluster), "clean", SLURM, bar())
    (cluster / "bin/sbatch").unlink()
    with pytest.raises(ConfigError, match="no program `sbatch`"):
        executors.slurm(job(cluster), "clean", SLURM, bar())


def test_ray_is_asked_for_what_conf_says(in_tmp: Path) -> None:
    how = Preparing(executor="ray", num_tasks=2, num_workers=5, memory_gib=3, hours=2)
    made = executors.ray_executor(job(in_tmp), "clean", how)
    assert (made.tasks, made.workers, made.mem_per_cpu_gb, made.time) == (2, 5, 3, 7200)
    assert made.logging_dir.path == str(in_tmp / "toy-0123/log/clean")
    assert executors.ray_executor(job(in_tmp), "decide", how).tasks == 1
    (step,) = made.pipeline
    list(step.run(None, rank=1, world_size=2))
    assert job(in_tmp).done("clean", 1).is_dir()


@pytest.mark.parametrize("name", ["here", "datatrove_local", "datatrove_slurm", "datatrove_ray"])
def test_every_preparation_composes_and_changes_the_runtime_alone(name: str) -> None:
    params = compose.composed([f"preparation={name}"], ROOT / "conf")
    usual = compose.composed([], ROOT / "conf")
    assert params["runtime"]["preparation"]["executor"] == name.removeprefix("datatrove_")
    del params["runtime"], usual["runtime"]
    assert params == usual


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"executor": "slurm"}, "a partition where the executor is slurm"),
        ({"partition": "cpu"}, "a partition where the executor is slurm"),
        ({"num_tasks": 0}, "num_tasks"),
        ({"executor": "dask"}, "'here', 'local', 'slurm' or 'ray'"),
        ({"script": "rm"}, "unknown key"),
        ({"executor": "slurm", "partition": "a b"}, "partition"),
        (
            {"executor": "slurm", "partition": "cpu", "sbatch": {"job-name": "x"}},
            "no job-name in sbatch",
        ),
    ],
)
def test_bad_values_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(Preparing, change, file="conf/preparation")

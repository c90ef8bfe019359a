#!/usr/bin/env python3
"""sbatch, srun, scontrol, sacct and scancel of a cluster of one machine, in one file.

What tests see of Slurm: scripts are kept, tasks of arrays are run with Slurm's variables, a job
that was put in line again is run again, states are told. Installed under each name; FAKE_SLURM is
the folder of its state.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(os.environ.get("FAKE_SLURM", "."))
NAMES = ("sbatch", "srun", "scontrol", "sacct", "scancel")


def install(folder: Path) -> None:
    """Put it under each name into a folder."""
    for name in NAMES:
        (folder / name).write_text(f"#!{sys.executable} -I\n" + Path(__file__).read_text())
        (folder / name).chmod(0o755)


def sbatch(path: str) -> None:
    """Keep the script, run it in the background."""
    number = time.time_ns() // 1_000_000  # no test sees a number of another again
    script = HOME / f"{number}.sh"
    script.write_text(Path(path).read_text())
    if "--partition=nosuch" in script.read_text():
        sys.exit("sbatch: error: invalid partition specified: nosuch")
    array = re.search(r"--array=0-(\d+)", script.read_text())
    for task in range(int(array[1]) + 1) if array else [None]:
        name = str(number) if task is None else f"{number}_{task}"
        (HOME / f"{name}.state").write_text("PENDING")
        null = subprocess.DEVNULL
        command = [sys.executable, sys.argv[0], "--node", str(script), name]
        subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True)
    print(f"Submitted batch job {number}")


def node(script: str, name: str) -> None:
    """Run a job, again and again while it is put in line again."""
    number, _, task = name.partition("_")
    more = {"SLURM_JOB_ID": number, "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_NODEID": "0"}
    if task:
        more |= {"SLURM_ARRAY_JOB_ID": number, "SLURM_ARRAY_TASK_ID": task}
    (HOME / f"{name}.node").write_text(str(os.getpid()))
    while True:
        (HOME / f"{name}.state").write_text("RUNNING")
        code = subprocess.run(["/bin/bash", script], env={**os.environ, **more}, check=False)
        if not (HOME / f"{name}.requeue").exists():
            break
        (HOME / f"{name}.requeue").unlink()
    (HOME / f"{name}.state").write_text("FAILED" if code.returncode else "COMPLETED")


def srun(*words: str) -> None:
    """Become the task, with the logs that it names."""
    given = list(words)
    while given[0].startswith("--"):
        option = given.pop(0)
        if option in ("--output", "--error"):
            number, task = os.environ["SLURM_JOB_ID"], os.environ.get("SLURM_ARRAY_TASK_ID", "")
            path = given.pop(0).replace("%A", number).replace("%a", task)
            path = path.replace("%j", number).replace("%t", "0")
            log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(log, 1 if option == "--output" else 2)
    os.execvp(given[0], given)


def scontrol(verb: str, name: str) -> None:
    """Put a job in line again."""
    if verb != "requeue":
        sys.exit(f"unknown: {verb}")
    (HOME / f"{name}.requeue").touch()


def sacct(*_: str) -> None:
    """States of all jobs."""
    print("JobID|State|NodeList")
    for state in sorted(HOME.glob("*.state")):
        print(f"{state.stem}|{state.read_text()}|here")


def scancel(name: str) -> None:
    """End a job at once, script and all."""
    number = name.partition("_")[0]
    for job in HOME.glob("*.node"):
        if job.stem.partition("_")[0] == number:
            (HOME / f"{job.stem}.state").write_text("CANCELLED")
            os.killpg(int(job.read_text()), signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--node"]:
        node(*sys.argv[2:])
    else:
        globals()[Path(sys.argv[0]).name](*sys.argv[1:])

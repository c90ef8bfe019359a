from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from polyseme.data.parallel import IN_FLIGHT, Workers, ordered_map
from polyseme.errors import DataError, ResourceError


def slow_first(number: int) -> int:
    time.sleep(0.05 if number % 5 == 0 else 0)
    return number * number


def fail_at_three(number: int) -> int:
    if number == 3:
        raise DataError("bad", where="file:3", mend="mend it")
    return number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("num_workers", [1, 2])
def test_results_come_in_order(num_workers: int) -> None:
    found = list(ordered_map(slow_first, range(20), num_workers=num_workers))
    assert found == [number * number for number in range(20)]


def test_the_input_is_not_read_ahead() -> None:
    read = 0

    def items() -> Iterator[int]:
        nonlocal read
        for number in range(1000):
            read = number + 1
            yield number

    results = ordered_map(slow_first, items(), num_workers=2)
    for done in range(1, 5):
        next(results)
        assert read <= done + 2 * IN_FLIGHT
    results.close()  # type: ignore[attr-defined]


def pid(_: int) -> int:
    return os.getpid()


@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_the_same_workers_do_one_map_after_the_other(start: Any) -> None:
    with Workers(2, start=start) as workers:
        first, second = (set(workers.map(pid, range(20))) for _ in range(2))
        assert list(workers.map(slow_first, range(3))) == [0, 1, 4]
    assert os.getpid() not in first | second
    assert len(first | second) <= 2
    with Workers(1) as workers:
        assert set(workers.map(pid, range(3))) == {os.getpid()}


@pytest.mark.parametrize("num_workers", [1, 2])
def test_errors_of_workers_keep_their_parts(num_workers: int) -> None:
    with pytest.raises(DataError) as caught:
        list(ordered_map(fail_at_three, range(10), num_workers=num_workers))
    assert str(caught.value) == "file:3: bad; mend it"


def test_a_killed_worker_is_one_line() -> None:
    with pytest.raises(ResourceError, match="worker process was killed"):
        list(ordered_map(die, range(3), num_workers=2))


def test_workers_leave_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import time\n"
        "from polyseme.data.parallel import ordered_map\n"
        "if __name__ == '__main__':\n"
        "    for seconds in ordered_map(time.sleep, [0, 0, 600, 600], num_workers=2):\n"
        "        print('ready', flush=True)\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    parent.stdout.readline()
    children = psutil.Process(parent.pid).children(recursive=True)
    assert children
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive

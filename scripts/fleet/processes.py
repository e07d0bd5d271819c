"""The processes of one run, with all descendants."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import time
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
POLL_SECONDS = 0.5


class WaitedTooLong(Exception):
    """Something did not happen in time."""


class Processes:
    """All processes of one trial.

    This process becomes the parent of each descendant whose own parent is gone, so that none can be overlooked.
    """

    def __init__(self, logs: Path) -> None:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.logs = logs
        logs.mkdir(parents=True)

    def start(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> psutil.Popen:
        """Start a process in the background; its output goes to a file of that name."""
        with (self.logs / f"{name}.log").open("ab") as log:
            return psutil.Popen(
                [str(word) for word in command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str], seconds: float) -> int:
        """Run a process to its end; return its exit code."""
        return int(self.start(name, command, environment).wait(seconds))

    def output(self, name: str) -> str:
        """The output so far of the processes of that name."""
        return (self.logs / f"{name}.log").read_text(errors="replace")

    def alive(self) -> list[psutil.Process]:
        """All running descendants, except PostgreSQL's."""
        found = []
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if process.name() != "postgres" and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def end(self, seconds: float = 30) -> int:
        """End all with SIGTERM, then with SIGKILL; return how many did not end before."""
        for process in self.alive():
            with contextlib.suppress(psutil.Error):
                process.terminate()
        with contextlib.suppress(WaitedTooLong):
            wait_for("all processes to end", lambda: not self.alive(), seconds)
        left = self.alive()
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=10)
        return len(left)


def kill_tree(root: psutil.Process) -> list[str]:
    """Kill a process and all its descendants, as when a machine fails; return their commands.

    They are stopped first, so that none can start another or act on the death of its parent.
    """
    tree = [root]
    for process in tree:
        with contextlib.suppress(psutil.Error):
            process.suspend()
            tree += [child for child in process.children() if child not in tree]
    names = []
    for process in tree:
        with contextlib.suppress(psutil.Error):
            names.append(process.name())
            process.kill()
    psutil.wait_procs(tree, timeout=10)
    return names


def wait_for(what: str, condition: Callable[[], object], seconds: float) -> None:
    """Wait until a condition holds.

    Raises:
        WaitedTooLong: If it does not in that time.
    """
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise WaitedTooLong(f"Waited {seconds:.0f} s for {what}")
        time.sleep(POLL_SECONDS)


def plain_environment() -> dict[str, str]:
    """This process's environment, without the variables that configure Airflow, Meltano or the tap."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ", "TMPDIR") if name in os.environ}

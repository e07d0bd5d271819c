"""Starts the tap many times, each time in its own process, without importing it again.

Run as a program, this file is the fork server: it imports the tap, and forks for each job, a line of JSON. `ForkServer`
is its client. A job can change the tap's timings, so that a lasting fault takes seconds.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SHORT: dict[str, float] = {
    "rate_seconds": 0.02,
    "first_poll_seconds": 0.05,
    "lost_create_seconds": 0.1,
    "connect_seconds": 1.5,
    "read_seconds": 1.5,
    "longest_pause": 0.2,
    "longest_retry_after": 2.0,
    "tries": 5,
}
"""The tap's timings against a store without a rate limit."""


@dataclass
class Job:
    """One run of the tap."""

    arguments: list[str]
    stdout: Path
    stderr: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=lambda: SHORT)
    full_disk: tuple[int, int] | None = None
    """The number of stored files before the disk is full, and for how many it is full."""
    full_output: int | None = None
    """The number of writes before the disk of standard output is full."""
    file_limit: int | None = None
    """The size in bytes of the largest file that can be written, as if the disk were full then."""
    clock: tuple[int, float, bool] | None = None
    """The number of readings before the clock jumps, by how many seconds, and whether it jumps back and forth."""


class ForkServer:
    """A process that forks taps, one at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the calling program
        )
        self.pid = 0

    def begin(self, job: Job) -> None:
        """Start a run."""
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.write(json.dumps(vars(job), default=str) + "\n")
        self._process.stdin.flush()
        self.pid = self._answer("pid")

    def signal(self, number: int) -> None:
        """Send the run a signal. Its process id stays reserved until the next run begins, even if it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def end(self) -> int:
        """Wait for the run; return its exit code, negative where a signal ended it."""
        return self._answer("code")

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdout.close()

    def _answer(self, name: str) -> int:
        assert self._process.stdout is not None  # noqa: S101
        found: int = json.loads(self._process.stdout.readline())[name]
        return found


def _set(timings: Mapping[str, float]) -> None:
    """Change the tap's timings."""
    from tap_exports.clock import Timings  # noqa: PLC0415
    from tap_exports.tap import TapExports  # noqa: PLC0415

    TapExports.timings = Timings(**timings)  # type: ignore[arg-type]


def _fill_disk(after: int, files: int) -> None:
    """Simulate a full disk for the tap's files."""
    real: Any = tempfile.TemporaryFile
    kept_so_far = itertools.count()

    def kept(*arguments: Any, **named: Any) -> Any:
        if not after <= next(kept_so_far) < after + files:
            return real(*arguments, **named)
        tempfile.gettempdir()  # as for a real file: the error contains the name
        try:
            return Path("/dev/full").open("w+b", buffering=0)
        except FileNotFoundError:  # exists on Linux only
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None

    tempfile.TemporaryFile = kept


def _limit_output(after: int) -> None:
    """Simulate a full disk for standard output, from the n-th write on."""
    from tap_exports.singer.writer import MessageWriter  # noqa: PLC0415

    real, writes = MessageWriter.flush, itertools.count()

    def flush(writer: Any) -> None:
        if next(writes) == after:
            os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
        real(writer)

    MessageWriter.flush = flush  # type: ignore[method-assign,assignment]


def _jump(after: int, seconds: float, to_and_fro: bool) -> None:  # noqa: FBT001
    """Make the machine's wall clock jump; the monotonic clock is not affected."""
    from tap_exports.clock import Clock  # noqa: PLC0415

    real, readings = Clock.now, [0]

    def now(clock: Clock) -> Any:
        readings[0] += 1
        jumped = readings[0] > after and not (to_and_fro and readings[0] % 2)
        return real(clock) + timedelta(seconds=seconds if jumped else 0)

    Clock.now = now  # type: ignore[method-assign,assignment]


def _live(job: Mapping[str, Any]) -> None:
    """Execute one job in the forked process."""
    random.seed()
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, job["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, job["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.update(job["environment"])
    tempfile.tempdir = None
    _set(job["timings"])
    if job["full_disk"]:
        _fill_disk(*job["full_disk"])
    if job["full_output"] is not None:
        _limit_output(job["full_output"])
    if job["file_limit"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_limit"], job["file_limit"]))
    if job["clock"]:
        _jump(*job["clock"])
    sys.argv = ["tap-exports", *job["arguments"]]
    from tap_exports.__main__ import main  # noqa: PLC0415

    main()


def _serve() -> None:
    with suppress(ImportError):
        import waitress  # noqa: F401, PLC0415

    import tap_exports.__main__  # noqa: F401, PLC0415 - in the server's process only

    answers = os.fdopen(os.dup(1), "w")
    os.set_inheritable(answers.fileno(), False)  # noqa: FBT003 - has no keyword
    last = 0
    while line := sys.stdin.readline():
        if last:  # its id stays reserved until the next run, so that no signal reaches another process
            os.waitpid(last, 0)
        last = os.fork()
        if not last:
            answers.close()
            _live(json.loads(line))  # ends by SystemExit, as the command does
        answers.write(json.dumps({"pid": last}) + "\n")
        answers.flush()
        found = os.waitid(os.P_PID, last, os.WEXITED | os.WNOWAIT)
        code = 0 if found is None else found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        answers.write(json.dumps({"code": code}) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()

"""The tap's output through a real pipe to a reader, with a process in between that counts lines, as Meltano does."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from environment import WATCHDOG_SECONDS
from runs import Run, whole_lines

if TYPE_CHECKING:
    from environment import Ground

    from tap_exports.sandbox import Sandbox

_SMALL_PIPE = 4096


class Onward(Protocol):
    """The reader of the tap's output. It receives SIGKILL if a run hangs."""

    def write(self, line: bytes) -> None:
        """Receive a line, which may be incomplete.

        Raises:
            BrokenPipeError: If it no longer reads.
        """

    def signal(self, number: int) -> None:
        """Receive a signal."""


@dataclass(frozen=True)
class Point:
    """The place and the signal of an interruption."""

    where: str
    """request: when the store receives the n-th; lines: when the reader has read n and passed on all but the last."""
    at: int
    signal: int
    whom: str = "tap"
    """tap, target or both."""

    def __str__(self) -> str:
        place = f"at request {self.at}" if self.where == "request" else f"after line {self.at}"
        return f"{signal.Signals(self.signal).name} to {self.whom} {place}"


@dataclass(frozen=True)
class Interrupted:
    """A run that was interrupted."""

    run: Run
    seconds: float
    """Seconds from the interruption to the end."""

    @property
    def cut(self) -> bool:
        """Whether it ended within a line."""
        return bool(self.run.out) and not self.run.out.endswith("\n")


def small(pipe: int) -> None:
    """Make a pipe's buffer small, so that its writer is close to its reader."""
    fcntl.fcntl(pipe, getattr(fcntl, "F_SETPIPE_SZ", 1031), _SMALL_PIPE)


class _Reader(threading.Thread):
    """Reads the tap's output and passes it on; pauses after so many lines."""

    def __init__(self, pipe: Path, stop_after: int, onward: Onward | None) -> None:
        super().__init__(daemon=True)
        self._pipe, self._stop_after, self._onward = pipe, stop_after, onward
        self.lines: list[bytes] = []
        self.reached, self.go_on, self.ended = threading.Event(), threading.Event(), threading.Event()

    def run(self) -> None:
        """Read to the end, or until the reader ends: then the pipe breaks for the tap too, as in a shell."""
        with self._pipe.open("rb") as out:
            small(out.fileno())
            for line in out:
                self.lines.append(line)
                if len(self.lines) == self._stop_after:
                    self.reached.set()
                    self.go_on.wait()
                try:
                    if self._onward is not None:
                        self._onward.write(line)
                except BrokenPipeError:
                    break
        self.ended.set()


def through_pipe(
    ground: Ground, store: Sandbox, point: Point | None = None, onward: Onward | None = None, **more: Any
) -> Interrupted:
    """A run whose output goes through a pipe to `onward`, to its end or to an interruption."""
    pipe = Path(ground.place.name) / f"{threading.get_ident()}.pipe"
    if not pipe.exists():
        os.mkfifo(pipe)
    job = ground.job(store, stdout=pipe, **more)
    reader = _Reader(pipe, point.at if point and point.where == "lines" else 0, onward)
    reader.start()
    fork_server, hung = ground.fork_server, threading.Event()

    def kill() -> None:
        hung.set()
        for one in (fork_server, onward):
            if one is not None:
                one.signal(signal.SIGKILL)

    watchdog = threading.Timer(WATCHDOG_SECONDS, kill)
    watchdog.start()
    fork_server.begin(job)
    began = time.monotonic()
    if point is not None:
        while not reader.ended.is_set() and not (
            store.count() >= point.at if point.where == "request" else reader.reached.is_set()
        ):
            time.sleep(0.0005)
        began = time.monotonic()
        if point.whom != "target":
            fork_server.signal(point.signal)
        if point.whom != "tap" and onward is not None:
            onward.signal(point.signal)
    reader.go_on.set()
    code = fork_server.end()
    took = time.monotonic() - began
    reader.join()
    watchdog.cancel()
    text = b"".join(reader.lines).decode(errors="replace")
    log = job.stderr.read_text(errors="replace")
    return Interrupted(Run(whole_lines(text), code, log, text, hung.is_set()), took)

"""One stream's windows on their way to the reader, in order; those that are too full are made smaller."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_exports.errors import Stopped
from tap_exports.window import Window, plan

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from tap_exports.exports.fetch import CheckedExport
    from tap_exports.exports.stream_exports import StreamExports

_FULL = 0.8
"""How much of the cap a window that was made smaller is meant to fill."""
_KEPT = 0.7
"""How much what earlier windows held counts beside what the next one holds."""


@dataclass(frozen=True)
class SyncRange:
    """What of time the run asks for."""

    start: datetime
    end: datetime
    step: timedelta
    lookback: timedelta
    slack: timedelta
    """How much earlier than `end` a plan may stop with an export that is taken over."""


@dataclass(eq=False)
class WindowTask:
    """A window on its way to the reader."""

    window: Window
    pieces: int = 1
    """How many windows it is likely to become."""
    claimed: bool = False
    done: bool = False
    """Whether nobody works at it any more, and the reader has nothing to wait for."""
    result: CheckedExport | None = None
    error: BaseException | None = None

    def outcome(self) -> CheckedExport:
        """What came of a window that nobody works at any more.

        Raises:
            BaseException: What has gone wrong with it.
        """
        if self.result is None:
            raise self.error or Stopped()
        return self.result


@dataclass
class StreamQueue:
    """One stream's windows, in order. Whoever touches one holds the queue's lock."""

    source: StreamExports
    bookmark: datetime | None
    newest_only: bool = False
    """For a test of the connection: the last window alone."""
    ahead: bool = True
    """Whether windows may be taken before the reader has come to this stream."""
    reading: bool = False
    """Whether the reader is at this stream."""
    planned: bool = False
    planning: bool = False
    todo: deque[Window] = field(default_factory=deque)
    """Windows behind all tasks."""
    tasks: deque[WindowTask] = field(default_factory=deque)
    read: int = 0
    rows: float = 0.0
    """Of the windows since one was at the cap, the older ones counting less and less."""
    seconds: float = 0.0
    """The time that those rows are of."""
    searching: bool = False
    """Whether there may be any number more than that: no window was below the cap since."""

    def windows_of(self, sync_range: SyncRange, reusable: Iterable[Window]) -> list[Window]:
        """The plan of this stream.

        Args:
            sync_range: What of time the run asks for.
            reusable: Windows of exports that may be taken over.
        """
        windows = plan(
            start=sync_range.start,
            end=sync_range.end,
            step=sync_range.step,
            lookback=sync_range.lookback,
            slack=sync_range.slack,
            bookmark=self.bookmark,
            reusable=reusable,
        )
        return windows[-1:] if self.newest_only else windows

    @property
    def windows(self) -> int:
        """How many there are in all, as far as is known."""
        return self.read + sum(task.pieces for task in self.tasks) + len(self.todo)

    @property
    def unbegun(self) -> bool:
        """Whether nobody works at the window that is read next."""
        return not self.tasks or not self.tasks[0].claimed

    def next_task(self, cap: int) -> WindowTask | None:
        """The first window that nobody works at, if work on it may begin.

        Args:
            cap: Rows at which a file is taken as cut short.

        Returns:
            None where there is no such window now.
        """
        if self.searching and any(s.claimed and not s.done for s in self.tasks):
            return None  # that file tells how many rows to expect
        task = next((task for task in self.tasks if not task.claimed and not task.done), None)
        if task is None and self.todo:
            task = WindowTask(self.todo.popleft())
            self.tasks.append(task)
        if task is not None and self._is_free(task):
            self._join(task)
            self._cut(task, self._pieces(task.window, cap))
        return task

    def shrink(self, task: WindowTask, cap: int) -> None:
        """Put a smaller window in the place of one that was at the cap, and the rest of its time behind it.

        Args:
            task: The window's.
            cap: Rows at which a file is taken as cut short.

        Raises:
            TooManyRows: If the window is one second long.
        """
        half = len(task.window.halve())
        seconds = _seconds(task.window)
        if self.rows * seconds < cap * self.seconds or not self.seconds:  # it is fuller than was known
            self.rows, self.seconds = cap, seconds
        self.searching = True
        self._cut(task, max(half, self._pieces(task.window, cap)))

    def learn(self, window: Window, rows: int) -> None:
        """Take notice of how full a window was, where windows have had to be made smaller.

        Args:
            window: The window.
            rows: How many there were in it.
        """
        self.searching = False
        if self.seconds:
            # by their length: after a burst within seconds, the first long window that is all but empty says more
            self.rows = _KEPT * self.rows + rows
            self.seconds = _KEPT * self.seconds + _seconds(window)

    def give_up(self, failed: WindowTask) -> list[WindowTask]:
        """Let go of all that is behind a window that failed: the reader will not come past it.

        Args:
            failed: That window's; those before it are still wanted.

        Returns:
            The windows behind it, at some of which somebody may still work.
        """
        self.todo.clear()
        behind = []
        while self.tasks[-1] is not failed:
            behind.append(self.tasks.pop())
        return behind

    def _pieces(self, window: Window, cap: int) -> int:
        density = self.rows / self.seconds if self.seconds else 0.0
        return max(1, math.ceil(density * _seconds(window) / (cap * _FULL)))

    def _is_free(self, task: WindowTask) -> bool:
        """Whether a window may be changed: nobody works at it, and it is not that of an export to take over."""
        return not task.claimed and not task.done and not self.source.offers(task.window)

    def _join(self, task: WindowTask) -> None:
        """Put the pieces behind a window to it again, for all of it to be cut by what is known now."""
        behind = self.tasks.index(task) + 1
        while behind < len(self.tasks) and self._is_free(self.tasks[behind]):
            task.window = Window(task.window.start, self.tasks[behind].window.end)
            del self.tasks[behind]

    def _cut(self, task: WindowTask, pieces: int) -> None:
        """Leave a task the first of so many pieces; the others are one behind it until the next one is wanted."""
        task.window, *rest = task.window.cut(pieces)
        task.pieces = 1
        for window in rest:
            self.tasks.insert(self.tasks.index(task) + 1, WindowTask(window, pieces - 1))


def _seconds(window: Window) -> float:
    return (window.end - window.start).total_seconds()

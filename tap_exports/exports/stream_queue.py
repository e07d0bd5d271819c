"""The queue of one stream's windows. A window gets its length when work on it begins."""

from __future__ import annotations

from collections import deque
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple

from tap_exports.errors import Stopped
from tap_exports.exports.window_size import StreamMemory, WindowSize
from tap_exports.window import MINUTE, SECOND, Window, WindowLimits, newest_range, own_boundary, refresh_ranges, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_exports.exports.fetch import CheckedExport
    from tap_exports.exports.requester import StreamExports
    from tap_exports.store.models import Export


@dataclass(frozen=True)
class SyncRange:
    """The range of a run, for all streams."""

    start: datetime
    end: datetime
    slack: timedelta
    """How much earlier than `end` a stream may stop with an export that is reused."""
    limits: Callable[[str], WindowLimits]
    """The limits by stream."""


class PlannedWindow(NamedTuple):
    """A window that a sync would export. If it is open, it may become several, because the row density is not known."""

    window: Window
    reused: Export | None
    refresh: bool
    is_open: bool


@dataclass(eq=False)
class WindowTask:
    """A window to export. Before it is claimed, it is the whole remaining range; claiming it cuts off the rest."""

    window: Window
    refresh: bool = False
    claimed: bool = False
    done: bool = False
    """Whether the worker has finished."""
    result: CheckedExport | None = None
    error: BaseException | None = None

    def outcome(self) -> CheckedExport:
        """The file of a window that is done; or else the worker's error is raised."""
        if self.result is None:
            raise self.error or Stopped()
        return self.result


@dataclass
class StreamQueue:
    """One stream's windows, in order. The caller holds the scheduler's lock."""

    source: StreamExports
    bookmark: datetime | None
    memory: StreamMemory = field(default_factory=StreamMemory)
    newest_only: bool = False
    """For `--test`: the last window only, and no refresh."""
    ahead: bool = True
    """Whether work may begin before the reader reaches this stream."""
    reading: bool = False
    """Whether the reader is at this stream."""
    planned: bool = False
    failed: bool = False
    tasks: deque[WindowTask] = field(default_factory=deque)
    read: int = 0
    """Windows that the reader has passed."""
    _exported: list[Window] = field(default_factory=list)
    """Windows whose files are below the cap."""

    def plan(self, sync_range: SyncRange, cap: int, timeout_seconds: float) -> None:
        """Plan this run's ranges: the newest one, and those of the refresh."""
        limits, memory = sync_range.limits(self.source.code), self.memory
        self.size = WindowSize(limits, memory, cap, timeout_seconds)
        self._refresh_size = copy(self.size)
        self._remembered = copy(self.size)
        self._start = sync_range.start
        starts = {window.start for window in self.source.windows()}
        self._reusable_starts = sorted(s for s in starts if self.bookmark is None or s >= self.bookmark)
        self.planned = True
        newest = newest_range(sync_range.start, sync_range.end, self.bookmark, limits.lookback)
        if newest is None:
            return
        newest = Window(newest.start, self._end(newest, sync_range.slack))
        self._end_of_newest = newest.end
        if self.newest_only:
            start = own_boundary(newest.end - min(newest.length, self.size.length()))
            newest = Window(max(newest.start, start), newest.end)
        self.tasks.append(WindowTask(newest))
        if self.newest_only or self.bookmark is None or memory.refreshed_until is None or newest.start <= self._start:
            return
        moved = memory.refresh_start is not None and self._start < memory.refresh_start
        due = refresh_ranges(
            Window(self._start, newest.start),
            position=None if moved else memory.refresh,
            elapsed=newest.end - memory.refreshed_until,
            refresh=limits.refresh,
        )
        self.tasks.extend(WindowTask(window, refresh=True) for window in due)

    def _end(self, newest: Window, slack: timedelta) -> datetime:
        """Where the newest windows end: at the end of the range, or earlier, at the end of an export to reuse."""
        ends = [
            window.end
            for window in self.source.windows()
            if (window.start == newest.start or window.start in self._reusable_starts)
            and newest.start <= window.start
            and newest.end - slack <= window.end <= newest.end
            and (self.bookmark is None or window.end > self.bookmark)
        ]
        return max(ends, default=newest.end)

    def preview(self) -> list[PlannedWindow]:
        """The windows, as far as they are known without exporting any."""
        found = []
        while (task := self.next_task()) is not None:
            export = self.source.take(task.window)
            task.claimed = task.done = True
            found.append(PlannedWindow(task.window, export, task.refresh, is_open=False))
            rest = self._first_unclaimed()
            if rest is not None and not self.size.is_known and self.source.longest(rest.window) is None:
                rest.claimed = True
                found.append(PlannedWindow(rest.window, None, rest.refresh, is_open=True))
        return found

    @property
    def windows(self) -> int:
        """The number of windows, as far as known."""
        return self.read + sum(1 if task.claimed else task.window.parts(self.size.length()) for task in self.tasks)

    def _first_unclaimed(self) -> WindowTask | None:
        return next((task for task in self.tasks if not task.claimed), None)

    def next_task(self, parent: StreamQueue | None = None) -> WindowTask | None:
        """The next window, with its length, if work on it may begin; `parent` is the queue of a line-item's parent."""
        task = self._first_unclaimed()
        if task is None:
            return None
        size = self._size(task)
        in_flight = any(one.claimed and not one.done for one in self.tasks)
        if in_flight and (self.source.layout.current is None or not size.is_known):
            return None  # the next window depends on that file's columns and rows per second
        until = task.window.end if parent is None else parent.end_at(task.window.start, final=self.reading)
        if until is None:
            return None
        length = size.length()
        if in_flight and (size.is_growth(min(length, until - task.window.start)) or self.source.spans(task.window)):
            return None
        self._fit(task, length, until)
        return task

    def end_at(self, instant: datetime, *, final: bool) -> datetime | None:
        """The latest end of a line-item window that starts at an instant: the end of this stream's window there.

        The store's cap may count parents instead of lines, so a window of lines must not have more parents than the
        parents' window. While that is unknown, the end is an estimate with `final`, else None. Without a limit, it is
        the year 9999.
        """
        for window in reversed(self._exported):
            if window.start <= instant < window.end:
                return window.end
        at_it = (not task.done and task.window.start <= instant < task.window.end for task in self.tasks)
        if not final and not self.failed and (not self.planned or any(at_it)):
            return None
        if not self.planned or (self.failed and not self.size.is_known):
            return datetime.max.replace(tzinfo=timezone.utc)
        length = self.size.length()
        return own_boundary(instant + length + MINUTE) if length > 2 * MINUTE else instant + length // SECOND * SECOND

    def shrink(self, task: WindowTask) -> None:
        """Replace a window whose file is at the cap by a shorter one, and insert the rest behind it."""
        size = self._size(task)
        size.shrink(task.window.length)
        self._fit(task, size.length())

    def learn(self, task: WindowTask, rows: int, made_in: float | None) -> None:
        """Record a file below the cap, and the seconds in which the store made it, if known."""
        self._size(task).learn(task.window.length, rows, made_in)
        self._exported.append(task.window)

    def state_after(self, task: WindowTask) -> dict[str, str | float]:
        """The values for the state after the records of the first window."""
        if not task.refresh:  # in the order of reading, which does not depend on the workers' speed
            found = task.outcome()
            self._remembered.learn(task.window.length, found.checked.rows, found.made_in)
        kept: dict[str, str | float] = dict(self._remembered.state())
        if task.refresh:
            kept |= {"refresh": rfc3339(task.window.end), "refresh_start": rfc3339(self._start)}
        if len(self.tasks) == 1:
            until = self.memory.refreshed_until
            kept["refreshed_until"] = rfc3339(max(until, self._end_of_newest) if until else self._end_of_newest)
        return kept

    def reduce_after_timeout(self, task: WindowTask) -> dict[str, str | float]:
        """The values for the state if an export was not ready in time: the next run requests half of the window."""
        self._remembered.reduce_after_timeout(task.window.length)
        return dict(self._remembered.state())

    def abandon(self, failed: WindowTask) -> list[WindowTask]:
        """Remove and return all windows behind a failed one, which the reader will not reach."""
        self.failed = True
        behind = []
        while self.tasks[-1] is not failed:
            behind.append(self.tasks.pop())
        return behind

    def _size(self, task: WindowTask) -> WindowSize:
        return self._refresh_size if task.refresh else self.size

    def _fit(self, task: WindowTask, length: timedelta, until: datetime | None = None) -> None:
        """Shorten a task to its first window: the longest export to reuse, else at most a length, and up to `until`."""
        reused = self.source.longest(task.window)
        if reused is not None:
            first, rest = task.window.split(reused.end)
        else:
            first, rest = task.window.cut(length, equal=self._size(task).is_known)
            starts = () if task.refresh else self._reusable_starts
            if (next_start := next((s for s in starts if task.window.start < s < first.end), None)) is not None:
                first, rest = task.window.split(next_start)  # so that the next window can reuse that export
            if until is not None and first.end > until:
                first, rest = task.window.split(until)
        task.window = first
        if rest is None:
            return
        place = self.tasks.index(task) + 1
        behind = self.tasks[place] if place < len(self.tasks) else None
        if behind is not None and not behind.claimed and behind.window.start == rest.end:
            behind.window = Window(rest.start, behind.window.end)
        else:
            self.tasks.insert(place, WindowTask(rest, task.refresh))

"""Many windows at a time, ahead of the reader: every stream is a queue, read in order.

Workers take windows in the order in which they will be read and bring each to a checked file. Two limits apply:
exports pending at the store, and windows ahead of the reader, so that few files are on disk. The window that the
reader waits for is always taken first, so neither limit can block it.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tap_exports.errors import ExportStuck, LocalTrouble, Stopped, TapExportsError, Unauthorized
from tap_exports.exports.concurrency import ExportSlot, ExportSlots, GivenUp
from tap_exports.exports.progress import Progress, Standing
from tap_exports.exports.stream_queue import PlannedWindow, StreamQueue, SyncRange, WindowTask, parent_of
from tap_exports.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_exports.clock import Clock
    from tap_exports.exports.fetch import CheckedExport, Exporter

__all__ = ["ExportScheduler", "StreamQueue", "SyncRange"]

_DOWNLOADS = 2
"""Workers beyond those that wait for the store, which download and check meanwhile."""
_CLOSING_SECONDS = 0.5
"""How long the end waits for workers; one in the middle of a request is left behind, and holds no file."""


class ExportScheduler:
    """The windows of all streams, exported ahead of the reader.

    Args:
        exporter: Brings one window to a file.
        clock: Ends all waiting when the run ends.
        sync_range: What all streams have in common.
        max_pending: Exports pending at the store at one time.
        cap: Rows at which a file is treated as truncated.
        progress: Shows where the reader is.
    """

    def __init__(  # noqa: PLR0913 - each by its name
        self,
        exporter: Exporter,
        clock: Clock,
        sync_range: SyncRange,
        *,
        max_pending: int,
        cap: int,
        progress: Progress | None = None,
    ) -> None:
        self._progress = progress or Progress(clock)
        self._exporter = exporter
        self._clock = clock
        self._sync_range = sync_range
        self._cap = cap
        self._workers = max_pending + _DOWNLOADS
        self._max_ahead = 2 * max_pending + _DOWNLOADS
        self._queues: dict[str, StreamQueue] = {}
        self._news = threading.Condition()
        self._slots = ExportSlots(self._news, max_pending)
        self._claimed = 0
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._fatal: BaseException | None = None
        self._logger = logging.getLogger("tap-exports")

    def add(self, queue: StreamQueue) -> None:
        """Export a stream's windows; streams added first are read first."""
        with self._news:
            self._queues.setdefault(queue.source.code, queue)

    def preview(self, queue: StreamQueue) -> list[PlannedWindow]:
        """The windows that a sync would export, without creating any export.

        Raises:
            TapExportsError: If the store's list cannot be read.
        """
        self._set_up(queue)
        return queue.preview()

    def files(self, code: str) -> Iterator[CheckedExport]:
        """The checked files of a stream that was added, in order, all below the cap; the next closes the one before.

        Raises:
            TapExportsError: Of the first window that failed; later ones are given up.
            Stopped: If the run ends meanwhile.
        """
        queue = self._queues[code]
        try:
            while (task := self._await_first(queue)) is not None:
                if isinstance(task.error, ExportStuck):
                    task.error.state = queue.halve(task)
                result = task.outcome()
                with self._news:
                    state = queue.state_after(task)
                yield replace(result, refresh=task.refresh, state=state)
                with self._news:
                    if task in queue.tasks:  # else close() has been faster
                        queue.tasks.remove(task)
                        self._discard(task)
                    queue.read += 1
                    self._progress.show(self._standing(queue, 0.0))
                    self._news.notify_all()
        finally:
            with self._news:
                queue.planning, queue.ahead, queue.reading = True, False, False
                self._clear(queue)

    def close(self) -> None:
        """End the work and free all disk space. Waiting threads return at once."""
        with self._news:
            self._closing = True
            self._news.notify_all()
        self._clock.stop()
        until = time.monotonic() + _CLOSING_SECONDS
        for thread in self._threads:
            thread.join(timeout=max(0.0, until - time.monotonic()))
        with self._news:
            for queue in self._queues.values():
                self._clear(queue)

    def _clear(self, queue: StreamQueue) -> None:
        while queue.tasks:
            self._discard(queue.tasks.popleft())
        self._news.notify_all()

    def _discard(self, task: WindowTask) -> None:
        """Let go of a window that the reader is past; a worker that still has it lets go of it later."""
        if task.claimed and task.done:
            self._claimed -= 1
        if task.result is not None:
            task.result.csv.close()

    def _await_first(self, queue: StreamQueue) -> WindowTask | None:
        """Wait for the first window of a queue; None at its end."""
        began = self._clock.monotonic()
        with self._news:
            queue.ahead = queue.reading = True
            self._staff()
            self._news.notify_all()
            while True:
                if self._closing:
                    raise Stopped
                if self._fatal is not None:
                    raise self._fatal
                if queue.tasks and queue.tasks[0].done:
                    return queue.tasks[0]
                if queue.planned and not queue.tasks:
                    return None
                self._news.wait(timeout=0.25)
                self._clock.sleep(0)
                self._progress.show(self._standing(queue, self._clock.monotonic() - began))

    def _standing(self, queue: StreamQueue, waited: float) -> Standing:
        """Where the reader is; streams that are not planned yet count like the others."""
        planned = [one.windows for one in self._queues.values() if one.planned]
        unknown = len(self._queues) - len(planned)
        return Standing(
            stream=queue.source.code,
            window=queue.read + 1,
            windows=queue.windows,
            done=sum(one.read for one in self._queues.values()),
            total=sum(planned) + (unknown * sum(planned) // len(planned) if planned else unknown),
            pending=self._slots.pending,
            waited=waited,
            refresh=bool(queue.tasks) and queue.tasks[0].refresh,
        )

    def _staff(self) -> None:
        """Start the workers, when there is work.

        Raises:
            LocalTrouble: If the machine allows the process not a single one.
        """
        if self._threads:
            return
        for n in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"export-{n}", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                if not self._threads:
                    raise LocalTrouble(f"no thread can be started: {error}", "Let the process have more.") from None
                self._logger.warning("Exports are made by %d threads, not by %d: %s", n, self._workers, error)
                break
            self._threads.append(thread)

    def _work(self) -> None:
        """Plan streams and bring windows to files until the run ends."""
        try:
            while (task := self._claim()) is not None:
                task()
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - else the reader would wait for a window that never comes
            with self._news:
                self._fatal = error
                self._news.notify_all()

    def _claim(self) -> Callable[[], None] | None:
        """The next thing to do, in the order of reading; None when the run ends."""
        with self._news:
            while not self._closing and self._fatal is None:
                for queue in self._queues.values():
                    if not queue.ahead:
                        continue
                    if not queue.planned:
                        if queue.planning:
                            continue
                        queue.planning = True
                        return lambda queue=queue: self._plan(queue)  # type: ignore[misc]
                    if not self._slots.free or not self._may_claim(queue):
                        continue
                    task = queue.next_task(self._queues.get(parent_of(queue.source.code)))
                    if task is not None:
                        task.claimed = self._slots.take()
                        self._claimed += 1
                        return lambda queue=queue, task=task: self._bring(queue, task)  # type: ignore[misc]
                self._news.wait()
            return None

    def _may_claim(self, queue: StreamQueue) -> bool:
        """Whether another file fits on disk; the one that the reader waits for always does."""
        return self._claimed < self._max_ahead or (queue.reading and queue.unbegun)

    def _set_up(self, queue: StreamQueue) -> None:
        """Find the exports to reuse, then plan."""
        self._exporter.requester.look_up(queue.source)
        with self._news:
            if queue.ahead and not queue.planned:
                queue.plan(self._sync_range, self._cap, self._exporter.timeout_seconds)

    def _plan(self, queue: StreamQueue) -> None:
        error: BaseException | None = None
        try:
            self._set_up(queue)
        except TapExportsError as failed:
            error = failed.at(f"stream {queue.source.code}")
        except Exception as failed:  # noqa: BLE001 - the reader raises it, in its own thread
            error = failed
        with self._news:
            if error is not None:
                whole = Window(self._sync_range.start, self._sync_range.end)
                task = WindowTask(whole, done=True, error=error)
                queue.tasks.append(task)
                self._fail(queue, task)
            self._news.notify_all()

    def _bring(self, queue: StreamQueue, task: WindowTask) -> None:
        """Bring one window to a file, or its first part where it is at the cap."""

        def go_on() -> None:
            if self._closing:
                raise Stopped
            if task not in queue.tasks:
                raise GivenUp

        slot = ExportSlot(self._slots, go_on)
        result: CheckedExport | None = None
        error: BaseException | None = None
        try:
            result = self._below_cap(queue, task, slot)
        except TapExportsError as failed:
            error = failed.at(f"stream {queue.source.code}, window {task.window}")
        except Exception as failed:  # noqa: BLE001 - the reader raises it, in its own thread
            error = failed
        slot.release()
        with self._news:
            task.done, task.result, task.error = True, result, error
            if task not in queue.tasks:  # the reader has given this stream up meanwhile
                self._discard(task)
            elif error is not None:
                self._fail(queue, task)
            else:
                found = task.outcome()
                queue.learn(task, found.checked.rows, found.made_in)
            self._news.notify_all()

    def _below_cap(self, queue: StreamQueue, task: WindowTask, slot: ExportSlot) -> CheckedExport | None:
        """The file of a window that may have been made shorter; None where it is not wanted any more."""
        full: list[CheckedExport] = []
        while True:
            try:
                result = self._exporter.fetch(queue.source, task.window, slot)
            except GivenUp:
                return None
            if not result.checked.capped:
                return replace(result, halved=tuple(full))
            result.csv.close()
            full.append(result)
            with self._news:
                if task not in queue.tasks:
                    return None
                self._logger.info(
                    "%s: the export of %s is at the cap of %d rows; its window is made shorter",
                    queue.source.code, task.window, self._cap,
                )  # fmt: skip
                queue.shrink(task)
                self._news.notify_all()

    def _fail(self, queue: StreamQueue, task: WindowTask) -> None:
        for given_up in queue.give_up(task):
            self._discard(given_up)
        if isinstance(task.error, Unauthorized):
            self._fatal = task.error

"""The scheduler: several windows are exported at once, ahead of the reader. Each stream is a queue.

Workers claim windows in the order in which they are read, and turn each into a checked file. Two limits apply: exports
pending at the store, and windows ahead of the reader, which bounds the files on disk. The window that the reader waits
for is claimed first, so neither limit can block it.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tap_exports.errors import ExportStuck, LocalTrouble, Stopped, TapExportsError, Unauthorized
from tap_exports.exports.concurrency import ExportSlot, ExportSlots, StreamAbandoned
from tap_exports.exports.progress import Progress, ReaderPosition
from tap_exports.exports.stream_queue import WindowTask, parent_of
from tap_exports.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_exports.clock import Clock
    from tap_exports.exports.fetch import CheckedExport, Exporter
    from tap_exports.exports.stream_queue import PlannedWindow, StreamQueue, SyncRange

_DOWNLOADS = 2
"""Workers that download and check while the others wait for the store."""
_CLOSING_SECONDS = 0.5
"""How long `close` waits for workers; one that is still in a request is abandoned, and has no file."""


class ExportScheduler:
    """Exports the windows of all streams ahead of the reader.

    At most `max_pending` exports are pending at the store. A file with `cap` rows is treated as truncated.
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
        self._changed = threading.Condition()
        self._slots = ExportSlots(self._changed, max_pending)
        self._claimed = 0
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._fatal: BaseException | None = None
        self._logger = logging.getLogger("tap-exports")

    def add(self, queue: StreamQueue) -> None:
        """Export a stream's windows; streams added first are read first."""
        with self._changed:
            self._queues.setdefault(queue.source.code, queue)

    def preview(self, queue: StreamQueue) -> list[PlannedWindow]:
        """The windows that a sync would export, without creating any export.

        Raises:
            TapExportsError: If the store's list cannot be read.
        """
        self._set_up(queue)
        return queue.preview()

    def files(self, code: str) -> Iterator[CheckedExport]:
        """The checked files of a stream that was added, in order, all below the cap. Getting the next closes one.

        Raises:
            TapExportsError: Of the first window that failed; later ones are abandoned.
            Stopped: If the run ends meanwhile.
        """
        queue = self._queues[code]
        try:
            while (task := self._await_first(queue)) is not None:
                if isinstance(task.error, ExportStuck):
                    task.error.state = queue.reduce_after_timeout(task)
                result = task.outcome()
                with self._changed:
                    state = queue.state_after(task)
                yield replace(result, refresh=task.refresh, state=state)
                with self._changed:
                    if task in queue.tasks:  # close() may have removed it
                        queue.tasks.remove(task)
                        self._discard(task)
                    queue.read += 1
                    self._show_progress(queue, 0.0)
                    self._changed.notify_all()
        finally:
            with self._changed:
                queue.planning, queue.ahead, queue.reading = True, False, False
                self._clear(queue)

    def close(self) -> None:
        """Stop the workers and delete all files. Waiting threads return at once."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._clock.stop()
        until = time.monotonic() + _CLOSING_SECONDS
        for thread in self._threads:
            thread.join(timeout=max(0.0, until - time.monotonic()))
        with self._changed:
            for queue in self._queues.values():
                self._clear(queue)

    def _clear(self, queue: StreamQueue) -> None:
        while queue.tasks:
            self._discard(queue.tasks.popleft())
        self._changed.notify_all()

    def _discard(self, task: WindowTask) -> None:
        """Release a window that the reader has passed; a worker that still has it releases it later."""
        if task.claimed and task.done:
            self._claimed -= 1
        if task.result is not None:
            task.result.csv.close()

    def _await_first(self, queue: StreamQueue) -> WindowTask | None:
        """Wait for the first window of a queue; None at its end."""
        began = self._clock.monotonic()
        with self._changed:
            queue.ahead = queue.reading = True
            self._start_workers()
            self._changed.notify_all()
            while True:
                if self._closing:
                    raise Stopped
                if self._fatal is not None:
                    raise self._fatal
                if queue.tasks and queue.tasks[0].done:
                    return queue.tasks[0]
                if queue.planned and not queue.tasks:
                    return None
                self._changed.wait(timeout=0.25)
                self._clock.sleep(0)
                self._show_progress(queue, self._clock.monotonic() - began)

    def _show_progress(self, queue: StreamQueue, waited: float) -> None:
        self._progress.show(ReaderPosition.of(queue, self._queues.values(), self._slots.pending, waited))

    def _start_workers(self) -> None:
        """Start the workers.

        Raises:
            LocalTrouble: If no thread can be started.
        """
        if self._threads:
            return
        for n in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"export-{n}", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                if not self._threads:
                    raise LocalTrouble(
                        f"no thread can be started: {error}", "Raise the limit of threads for the process."
                    ) from None
                self._logger.warning("Only %d of %d threads could be started: %s", n, self._workers, error)
                break
            self._threads.append(thread)

    def _work(self) -> None:
        """Plan streams and export windows until the run ends."""
        try:
            while (task := self._claim()) is not None:
                task()
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - otherwise the reader would wait forever
            with self._changed:
                self._fatal = error
                self._changed.notify_all()

    def _claim(self) -> Callable[[], None] | None:
        """The next job, in the order of reading; None when the run ends."""
        with self._changed:
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
                        return lambda queue=queue, task=task: self._export(queue, task)  # type: ignore[misc]
                self._changed.wait()
            return None

    def _may_claim(self, queue: StreamQueue) -> bool:
        """Whether another file may be on disk; the one that the reader waits for always may."""
        return self._claimed < self._max_ahead or (queue.reading and queue.unbegun)

    def _set_up(self, queue: StreamQueue) -> None:
        """Find the exports to reuse, and plan the stream."""
        self._exporter.requester.look_up(queue.source)
        with self._changed:
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
        with self._changed:
            if error is not None:
                whole = Window(self._sync_range.start, self._sync_range.end)
                task = WindowTask(whole, done=True, error=error)
                queue.tasks.append(task)
                self._fail(queue, task)
            self._changed.notify_all()

    def _export(self, queue: StreamQueue, task: WindowTask) -> None:
        """Export one window, or its first part if it is at the cap."""

        def check() -> None:
            if self._closing:
                raise Stopped
            if task not in queue.tasks:
                raise StreamAbandoned

        slot = ExportSlot(self._slots, check)
        result: CheckedExport | None = None
        error: BaseException | None = None
        try:
            result = self._below_cap(queue, task, slot)
        except TapExportsError as failed:
            error = failed.at(f"stream {queue.source.code}, window {task.window}")
        except Exception as failed:  # noqa: BLE001 - the reader raises it, in its own thread
            error = failed
        slot.release()
        with self._changed:
            task.done, task.result, task.error = True, result, error
            if task not in queue.tasks:  # the reader has abandoned the stream meanwhile
                self._discard(task)
            elif error is not None:
                self._fail(queue, task)
            else:
                found = task.outcome()
                queue.learn(task, found.checked.rows, found.made_in)
            self._changed.notify_all()

    def _below_cap(self, queue: StreamQueue, task: WindowTask, slot: ExportSlot) -> CheckedExport | None:
        """The file of a window, which may have become shorter; None where it is no longer needed."""
        full: list[CheckedExport] = []
        while True:
            try:
                result = self._exporter.fetch(queue.source, task.window, slot)
            except StreamAbandoned:
                return None
            if not result.checked.capped:
                return replace(result, at_cap=tuple(full))
            result.csv.close()
            full.append(result)
            with self._changed:
                if task not in queue.tasks:
                    return None
                self._logger.info(
                    "%s: the export of %s reaches the cap of %d rows; exporting a shorter window",
                    queue.source.code, task.window, self._cap,
                )  # fmt: skip
                queue.shrink(task)
                self._changed.notify_all()

    def _fail(self, queue: StreamQueue, task: WindowTask) -> None:
        for abandoned in queue.abandon(task):
            self._discard(abandoned)
        if isinstance(task.error, Unauthorized):
            self._fatal = task.error

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
from functools import partial
from typing import TYPE_CHECKING

from tap_exports.errors import ExportStuck, LocalTrouble, Stopped, TapExportsError, Unauthorized
from tap_exports.exports.fetch import ExportSlot
from tap_exports.exports.progress import Progress, ReaderPosition
from tap_exports.exports.stream_queue import WindowTask
from tap_exports.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_exports.exports.fetch import CheckedExport, Exporter
    from tap_exports.exports.stream_queue import PlannedWindow, StreamQueue, SyncRange

_DOWNLOADS = 2
"""Workers that download and check while the others wait for the store."""
_CLOSING_SECONDS = 0.5
"""How long `close` waits for workers; one that is still in a request is abandoned, and has no file."""


class _StreamAbandoned(Exception):
    """The reader has abandoned the stream for which a worker waits."""


class ExportScheduler:
    """Exports the windows of all streams ahead of the reader, with at most `max_pending` pending at the store."""

    def __init__(self, exporter: Exporter, sync_range: SyncRange, max_pending: int, progress: Progress) -> None:
        self._exporter = exporter
        self._clock = exporter.client.clock
        self._progress = progress
        self._sync_range = sync_range
        self._max_pending = max_pending
        self._workers = max_pending + _DOWNLOADS
        self._max_ahead = 2 * max_pending + _DOWNLOADS
        self._queues: dict[str, StreamQueue] = {}
        self._changed = threading.Condition()
        self._pending: set[WindowTask] = set()
        """Windows with a slot: an export of theirs is pending at the store, or will be."""
        self._on_disk: set[WindowTask] = set()
        """Windows that were claimed and not read."""
        self._threads: list[threading.Thread] = []
        self._ended_by: BaseException | None = None
        """Stopped, or the error that ends the run."""
        self._logger = logging.getLogger("tap-exports")

    def add(self, queue: StreamQueue) -> None:
        """Export a stream's windows; streams added first are read first."""
        with self._changed:
            self._queues.setdefault(queue.source.code, queue)

    def preview(self, queue: StreamQueue) -> list[PlannedWindow]:
        """The windows that a sync would export, without creating any export."""
        self._set_up(queue)
        return queue.preview()

    def files(self, code: str) -> Iterator[CheckedExport]:
        """A stream's checked files below the cap, in order, up to the first error. Getting the next closes one."""
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
                    self._changed.notify_all()
        finally:
            with self._changed:
                queue.ahead = queue.reading = False
                self._clear(queue)

    def close(self) -> None:
        """Stop the workers and delete all files. Waiting threads return at once."""
        with self._changed:
            self._ended_by = Stopped()
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
        if task.done:
            self._on_disk.discard(task)
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
                waited = self._clock.monotonic() - began
                self._progress.show(ReaderPosition.of(queue, self._queues.values(), len(self._pending), waited))
                if self._ended_by is not None:
                    raise self._ended_by
                if queue.tasks and queue.tasks[0].done:
                    return queue.tasks[0]
                if queue.planned and not queue.tasks:
                    return None
                self._changed.wait(timeout=0.25)
                self._clock.sleep(0)

    def _start_workers(self) -> None:
        if self._threads:
            return
        for n in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"export-{n}", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                if not self._threads:
                    hint = "Raise the limit of threads for the process."
                    raise LocalTrouble(f"no thread can be started: {error}", hint) from None
                self._logger.warning("Only %d of %d threads could be started: %s", n, self._workers, error)
                break
            self._threads.append(thread)

    def _work(self) -> None:
        """Plan streams and export windows until the run ends."""
        try:
            self._exporter.requester.read_list()  # before any stream is planned, under the lock
            while (job := self._claim()) is not None:
                self._export(*job)
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - otherwise the reader would wait forever
            with self._changed:
                self._ended_by = error
                self._changed.notify_all()

    def _claim(self) -> tuple[StreamQueue, WindowTask] | None:
        """The next window, in the order of reading; None when the run ends."""
        with self._changed:
            while self._ended_by is None:
                for queue in self._queues.values():
                    if not queue.ahead:
                        continue
                    if not queue.planned and not queue.failed:
                        self._plan(queue)
                    if self._may_claim(queue):
                        parent = queue.source.code.removesuffix("_line_items") + "_list"  # other types have none
                        if (task := queue.next_task(self._queues.get(parent))) is not None:
                            task.claimed = True
                            self._pending.add(task)
                            self._on_disk.add(task)
                            return queue, task
                self._changed.wait()
            return None

    def _may_claim(self, queue: StreamQueue) -> bool:
        """Whether another export and file are allowed; the file that the reader waits for always is."""
        awaited = queue.reading and not (queue.tasks and queue.tasks[0].claimed)
        return len(self._pending) < self._max_pending and (awaited or len(self._on_disk) < self._max_ahead)

    def _set_up(self, queue: StreamQueue) -> None:
        """Find the exports to reuse, and plan the stream."""
        self._exporter.requester.look_up(queue.source)
        queue.plan(self._sync_range, self._exporter.options.cap, self._exporter.options.timeout_seconds)

    def _plan(self, queue: StreamQueue) -> None:
        try:
            self._set_up(queue)
        except Exception as error:  # noqa: BLE001 - the reader raises it, in its own thread
            task = WindowTask(Window(self._sync_range.start, self._sync_range.end), claimed=True, done=True)
            queue.tasks.append(task)
            self._fail(queue, task, error, f"stream {queue.source.code}")
        self._changed.notify_all()

    def _export(self, queue: StreamQueue, task: WindowTask) -> None:
        """Export one window, or its first part if it is at the cap."""
        failure: Exception | None = None
        try:
            task.result = self._below_cap(queue, task)
        except Exception as error:  # noqa: BLE001 - the reader raises it, in its own thread
            failure = error
        with self._changed:
            task.done = True
            self._pending.discard(task)
            if task not in queue.tasks:  # the reader has abandoned the stream meanwhile
                self._discard(task)
            elif failure is not None:
                self._fail(queue, task, failure, f"stream {queue.source.code}, window {task.window}")
            else:
                queue.learn(task, task.outcome().checked.rows, task.outcome().made_in)
            self._changed.notify_all()

    def _below_cap(self, queue: StreamQueue, task: WindowTask) -> CheckedExport:
        """The file of a window, which may have become shorter."""
        full: list[CheckedExport] = []
        slot = ExportSlot(partial(self._acquire, queue, task), partial(self._release, task))
        while True:
            result = self._exporter.fetch(queue.source, task.window, slot)
            if not result.checked.capped:
                return replace(result, at_cap=tuple(full))
            result.csv.close()
            full.append(result)
            with self._changed:
                self._check_needed(queue, task)
                self._logger.info(
                    "%s: the export of %s reaches the cap of %d rows; exporting a shorter window",
                    queue.source.code, task.window, self._exporter.options.cap,
                )  # fmt: skip
                queue.shrink(task)
                self._changed.notify_all()

    def _acquire(self, queue: StreamQueue, task: WindowTask) -> None:
        """Wait for a slot, which a window has when it is claimed."""
        with self._changed:
            self._check_needed(queue, task)
            while task not in self._pending and len(self._pending) >= self._max_pending:
                self._changed.wait()
                self._check_needed(queue, task)
            self._pending.add(task)

    def _release(self, task: WindowTask) -> None:
        with self._changed:
            self._pending.discard(task)
            self._changed.notify_all()

    def _check_needed(self, queue: StreamQueue, task: WindowTask) -> None:
        if self._ended_by is not None:
            raise self._ended_by
        if task not in queue.tasks:
            raise _StreamAbandoned

    def _fail(self, queue: StreamQueue, task: WindowTask, error: Exception, where: str) -> None:
        task.error = error.at(where) if isinstance(error, TapExportsError) else error
        for abandoned in queue.abandon(task):
            self._discard(abandoned)
        if isinstance(error, Unauthorized):
            self._ended_by = error
        self._changed.notify_all()

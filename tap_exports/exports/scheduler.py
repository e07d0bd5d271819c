"""Many windows at a time, ahead of the reader: every stream is a queue, read in order.

Workers take windows in the order in which they will be read and bring each to a checked file. Two bounds
hold them: exports pending at the store, and windows ahead of the reader, so that the number of files on
disk stays small. The window that the reader waits for is always the first to be taken, so neither bound
can block it.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tap_exports.errors import LocalTrouble, Stopped, TapExportsError, Unauthorized
from tap_exports.exports.concurrency import ExportSlot, ExportSlots, GivenUp
from tap_exports.exports.progress import Progress, Standing
from tap_exports.exports.stream_queue import StreamQueue, SyncRange, WindowTask
from tap_exports.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_exports.clock import Clock
    from tap_exports.exports.fetch import CheckedExport, Exporter
    from tap_exports.store.models import Export

__all__ = ["ExportScheduler", "StreamQueue", "SyncRange"]

_DOWNLOADS = 2
"""Workers beyond those that wait for the store, which download and check meanwhile."""
_CLOSING_SECONDS = 0.5
"""How long the end waits for workers; one in the midst of a request is left behind, and holds no file."""


class ExportScheduler:
    """The windows of all streams, made ahead of the reader.

    Args:
        exporter: Brings one window to a file.
        clock: Ends all waiting when the run ends.
        sync_range: What of time the run asks for.
        max_pending: Exports pending at the store at one time.
        cap: Rows at which a file is taken as cut short.
        progress: Tells where the reader is.
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
        self._slots = ExportSlots(self._news, max_pending, exporter.pace)
        self._claimed = 0
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._fatal: BaseException | None = None
        self._logger = logging.getLogger("tap-exports")

    def add(self, queue: StreamQueue) -> None:
        """Let a stream's windows be worked at.

        Args:
            queue: The stream; those added first are read first.
        """
        with self._news:
            self._queues.setdefault(queue.source.code, queue)

    def preview(self, queue: StreamQueue) -> list[tuple[Window, Export | None]]:
        """What a sync would ask for, without requester for it.

        Args:
            queue: The stream.

        Returns:
            Its windows, each with the export that would be taken over for it, if there is one.

        Raises:
            TapExportsError: If the store's list cannot be read.
        """
        return [
            (window, queue.source.take(window))
            for window in queue.windows_of(self._sync_range, self._exporter.requester.look_up(queue.source))
        ]

    def files(self, code: str) -> Iterator[CheckedExport]:
        """The checked files of a stream's windows, in order; each is closed when the next is asked for.

        Args:
            code: The stream, which was added.

        Yields:
            Files below the cap.

        Raises:
            TapExportsError: Of the first window that failed; later ones are given up.
            Stopped: If the run ends meanwhile.
        """
        queue = self._queues[code]
        try:
            while (task := self._await_first(queue)) is not None:
                yield task.outcome()
                with self._news:
                    if task in queue.tasks:  # else close() has been faster
                        queue.tasks.remove(task)
                        self._discard(task)
                    queue.read += 1
                    self._progress.show(self._standing(queue, 0.0))
                    self._news.notify_all()
        finally:
            with self._news:
                queue.planned, queue.ahead, queue.reading = True, False, False
                queue.todo.clear()
                self._clear(queue)

    def close(self) -> None:
        """End the work and give all disk space back. Whoever waits lets go at once."""
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
        """Let go of a window that the reader is past; one that is worked at lets go of itself later."""
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
                if queue.planned and not queue.tasks and not queue.todo:
                    return None
                self._news.wait(timeout=0.25)
                self._clock.sleep(0)
                self._progress.show(self._standing(queue, self._clock.monotonic() - began))

    def _standing(self, queue: StreamQueue, waited: float) -> Standing:
        """Where the reader is; streams of which no plan is made yet are taken to be like the others."""
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
        )

    def _staff(self) -> None:
        """Start the workers, when there is work.

        Raises:
            LocalTrouble: If this machine lets the process have not a single one.
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
        """A worker's life: plan scheduler and bring windows to files until the run ends."""
        try:
            while (task := self._claim()) is not None:
                task()
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - else the reader would wait for a window that nobody brings
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
                    task = queue.next_task(self._cap)
                    if task is not None:
                        task.claimed = self._slots.take()
                        self._claimed += 1
                        return lambda queue=queue, task=task: self._bring(queue, task)  # type: ignore[misc]
                self._news.wait()
            return None

    def _may_claim(self, queue: StreamQueue) -> bool:
        """Whether another file fits on disk; the one that the reader waits for always does."""
        return self._claimed < self._max_ahead or (queue.reading and queue.unbegun)

    def _plan(self, queue: StreamQueue) -> None:
        sync_range = self._sync_range
        todo: list[Window] = []
        error: BaseException | None = None
        try:
            todo = queue.windows_of(self._sync_range, self._exporter.requester.look_up(queue.source))
        except TapExportsError as failed:
            error = failed.at(f"stream {queue.source.code}")
        except Exception as failed:  # noqa: BLE001 - it is the reader's to raise, in its own thread
            error = failed
        with self._news:
            if error is not None:
                task = WindowTask(Window(sync_range.start, sync_range.end), done=True, error=error)
                queue.tasks.append(task)
                self._fail(queue, task)
            elif not queue.planned:
                queue.todo.extend(todo)
            queue.planned = True
            self._news.notify_all()

    def _bring(self, queue: StreamQueue, task: WindowTask) -> None:
        """Bring one window to a file; where it is at the cap, its first part, the others being for all."""

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
        except Exception as failed:  # noqa: BLE001 - it is the reader's to raise, in its own thread
            error = failed
        slot.release()
        with self._news:
            task.done, task.result, task.error = True, result, error
            if task not in queue.tasks:  # the reader has given this stream up meanwhile
                self._discard(task)
            elif error is not None:
                self._fail(queue, task)
            else:
                queue.learn(task.window, task.outcome().checked.rows)
            self._news.notify_all()

    def _below_cap(self, queue: StreamQueue, task: WindowTask, slot: ExportSlot) -> CheckedExport | None:
        """The file of a window that may have been made smaller; None where nobody wants it any more."""
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
                    "%s: the export of %s is at the cap of %d rows; its window is made smaller",
                    queue.source.code, task.window, self._cap,
                )  # fmt: skip
                queue.shrink(task, self._cap)
                self._news.notify_all()

    def _fail(self, queue: StreamQueue, task: WindowTask) -> None:
        for given_up in queue.give_up(task):
            self._discard(given_up)
        if isinstance(task.error, Unauthorized):
            self._fatal = task.error

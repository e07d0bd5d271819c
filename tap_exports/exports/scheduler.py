"""Many windows at a time, ahead of the reader: every stream is a lane, read in order.

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

from tap_exports.errors import BadToken, LocalTrouble, Stopped, TapExportsError
from tap_exports.exports.concurrency import GivenUp, Permit, Permits
from tap_exports.exports.progress import Progress, Standing
from tap_exports.exports.stream_queue import Lane, Slot, Span
from tap_exports.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_exports.clock import Clock
    from tap_exports.exports.fetch import CheckedExport, Exporter
    from tap_exports.store.models import Export

__all__ = ["Lane", "Lanes", "Span"]

_DOWNLOADS = 2
"""Workers beyond those that wait for the store, which download and check meanwhile."""
_CLOSING_SECONDS = 0.5
"""How long the end waits for workers; one in the midst of a request is left behind, and holds no file."""


class Lanes:
    """The windows of all streams, made ahead of the reader.

    Args:
        exporter: Brings one window to a file.
        clock: Ends all waiting when the run ends.
        span: What of time the run asks for.
        most_pending: Exports pending at the store at one time.
        cap: Rows at which a file is taken as cut short.
        progress: Tells where the reader is.
    """

    def __init__(  # noqa: PLR0913 - each by its name
        self,
        exporter: Exporter,
        clock: Clock,
        span: Span,
        *,
        most_pending: int,
        cap: int,
        progress: Progress | None = None,
    ) -> None:
        self._progress = progress or Progress(clock)
        self._exporter = exporter
        self._clock = clock
        self._span = span
        self._cap = cap
        self._workers = most_pending + _DOWNLOADS
        self._most_ahead = 2 * most_pending + _DOWNLOADS
        self._lanes: dict[str, Lane] = {}
        self._news = threading.Condition()
        self._permits = Permits(self._news, most_pending, exporter.pace)
        self._claimed = 0
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._fatal: BaseException | None = None
        self._logger = logging.getLogger("tap-exports")

    def add(self, lane: Lane) -> None:
        """Let a stream's windows be worked at.

        Args:
            lane: The stream; those added first are read first.
        """
        with self._news:
            self._lanes.setdefault(lane.source.code, lane)

    def preview(self, lane: Lane) -> list[tuple[Window, Export | None]]:
        """What a sync would ask for, without asking for it.

        Args:
            lane: The stream.

        Returns:
            Its windows, each with the export that would be taken over for it, if there is one.

        Raises:
            TapExportsError: If the store's list cannot be read.
        """
        return [
            (window, lane.source.take(window))
            for window in lane.windows_of(self._span, self._exporter.asking.look_up(lane.source))
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
        lane = self._lanes[code]
        try:
            while (slot := self._await_first(lane)) is not None:
                yield slot.outcome()
                with self._news:
                    if slot in lane.slots:  # else close() has been faster
                        lane.slots.remove(slot)
                        self._discard(slot)
                    lane.read += 1
                    self._progress.show(self._standing(lane, 0.0))
                    self._news.notify_all()
        finally:
            with self._news:
                lane.planned, lane.ahead, lane.reading = True, False, False
                lane.todo.clear()
                self._clear(lane)

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
            for lane in self._lanes.values():
                self._clear(lane)

    def _clear(self, lane: Lane) -> None:
        while lane.slots:
            self._discard(lane.slots.popleft())
        self._news.notify_all()

    def _discard(self, slot: Slot) -> None:
        """Let go of a window that the reader is past; one that is worked at lets go of itself later."""
        if slot.claimed and slot.done:
            self._claimed -= 1
        if slot.result is not None:
            slot.result.csv.close()

    def _await_first(self, lane: Lane) -> Slot | None:
        """Wait for the first window of a lane; None at its end."""
        began = self._clock.monotonic()
        with self._news:
            lane.ahead = lane.reading = True
            self._staff()
            self._news.notify_all()
            while True:
                if self._closing:
                    raise Stopped
                if self._fatal is not None:
                    raise self._fatal
                if lane.slots and lane.slots[0].done:
                    return lane.slots[0]
                if lane.planned and not lane.slots and not lane.todo:
                    return None
                self._news.wait(timeout=0.25)
                self._clock.sleep(0)
                self._progress.show(self._standing(lane, self._clock.monotonic() - began))

    def _standing(self, lane: Lane, waited: float) -> Standing:
        """Where the reader is; streams of which no plan is made yet are taken to be like the others."""
        planned = [one.windows for one in self._lanes.values() if one.planned]
        unknown = len(self._lanes) - len(planned)
        return Standing(
            stream=lane.source.code,
            window=lane.read + 1,
            windows=lane.windows,
            done=sum(one.read for one in self._lanes.values()),
            total=sum(planned) + (unknown * sum(planned) // len(planned) if planned else unknown),
            pending=self._permits.pending,
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
        """A worker's life: plan lanes and bring windows to files until the run ends."""
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
                for lane in self._lanes.values():
                    if not lane.ahead:
                        continue
                    if not lane.planned:
                        if lane.planning:
                            continue
                        lane.planning = True
                        return lambda lane=lane: self._plan(lane)  # type: ignore[misc]
                    if not self._permits.free or not self._may_claim(lane):
                        continue
                    slot = lane.next_slot(self._cap)
                    if slot is not None:
                        slot.claimed = self._permits.take()
                        self._claimed += 1
                        return lambda lane=lane, slot=slot: self._bring(lane, slot)  # type: ignore[misc]
                self._news.wait()
            return None

    def _may_claim(self, lane: Lane) -> bool:
        """Whether another file fits on disk; the one that the reader waits for always does."""
        return self._claimed < self._most_ahead or (lane.reading and lane.unbegun)

    def _plan(self, lane: Lane) -> None:
        span = self._span
        todo: list[Window] = []
        error: BaseException | None = None
        try:
            todo = lane.windows_of(self._span, self._exporter.asking.look_up(lane.source))
        except TapExportsError as failed:
            error = failed.at(f"stream {lane.source.code}")
        except Exception as failed:  # noqa: BLE001 - it is the reader's to raise, in its own thread
            error = failed
        with self._news:
            if error is not None:
                slot = Slot(Window(span.start, span.end), done=True, error=error)
                lane.slots.append(slot)
                self._fail(lane, slot)
            elif not lane.planned:
                lane.todo.extend(todo)
            lane.planned = True
            self._news.notify_all()

    def _bring(self, lane: Lane, slot: Slot) -> None:
        """Bring one window to a file; where it is at the cap, its first part, the others being for all."""

        def go_on() -> None:
            if self._closing:
                raise Stopped
            if slot not in lane.slots:
                raise GivenUp

        permit = Permit(self._permits, go_on)
        result: CheckedExport | None = None
        error: BaseException | None = None
        try:
            result = self._below_cap(lane, slot, permit)
        except TapExportsError as failed:
            error = failed.at(f"stream {lane.source.code}, window {slot.window}")
        except Exception as failed:  # noqa: BLE001 - it is the reader's to raise, in its own thread
            error = failed
        permit.release()
        with self._news:
            slot.done, slot.result, slot.error = True, result, error
            if slot not in lane.slots:  # the reader has given this stream up meanwhile
                self._discard(slot)
            elif error is not None:
                self._fail(lane, slot)
            else:
                lane.learn(slot.window, slot.outcome().checked.rows)
            self._news.notify_all()

    def _below_cap(self, lane: Lane, slot: Slot, permit: Permit) -> CheckedExport | None:
        """The file of a window that may have been made smaller; None where nobody wants it any more."""
        full: list[CheckedExport] = []
        while True:
            try:
                result = self._exporter.fetch(lane.source, slot.window, permit)
            except GivenUp:
                return None
            if not result.checked.capped:
                return replace(result, halved=tuple(full))
            result.csv.close()
            full.append(result)
            with self._news:
                if slot not in lane.slots:
                    return None
                self._logger.info(
                    "%s: the export of %s is at the cap of %d rows; its window is made smaller",
                    lane.source.code, slot.window, self._cap,
                )  # fmt: skip
                lane.shrink(slot, self._cap)
                self._news.notify_all()

    def _fail(self, lane: Lane, slot: Slot) -> None:
        for given_up in lane.give_up(slot):
            self._discard(given_up)
        if isinstance(slot.error, BadToken):
            self._fatal = slot.error

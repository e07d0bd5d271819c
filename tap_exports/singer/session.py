"""The session of a run: what begins before the sync, and ends or is reported after it, however the run ends."""

from __future__ import annotations

import logging
import os
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics

from tap_exports.errors import SettingsError, TapExportsError, Unauthorized, lines_of
from tap_exports.singer.own_streams import EXPORT_LOG, REMOVED_OBJECTS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, MutableMapping

    from singer_sdk import Tap

    from tap_exports.clock import Clock
    from tap_exports.context import RunContext
    from tap_exports.singer.writer import MessageWriter


class StreamsFailed(Exception):
    """Some streams failed; the others are complete and their state is written."""


@contextmanager
def session(run: RunContext, *, is_sync: bool) -> Iterator[None]:
    """Close everything at the end, and report failures; around a sync, also receive webhooks and log a summary.

    Raises:
        StreamsFailed: If some streams failed; each was reported.
        Unauthorized: If the store does not accept the token.
    """
    with ExitStack() as ending:
        if is_sync:
            ending.callback(lambda: run.summary.log(run.failures, run.client.request_counter.total()))
            ending.enter_context(run.webhook())
        ending.callback(_report_failures, run.failures)
        ending.callback(_report_requests, run.client.request_counter)
        ending.callback(run.close_ledger)
        ending.callback(run.scheduler.close)
        ending.callback(run.progress.close)
        yield
    if run.failures:
        raise next((error for error in run.failures.values() if isinstance(error, Unauthorized)), StreamsFailed())


def report_unlisted(tap: Tap, failures: MutableMapping[str, TapExportsError]) -> None:
    """Fail the streams that the catalog selects and the store does not list, and warn of other bookmarks."""
    listed = {*tap.streams, EXPORT_LOG, REMOVED_OBJECTS}  # the last one exists only with a ledger
    for name, entry in sorted((tap.input_catalog or {}).items()):
        if name not in listed and entry.metadata.resolve_selection().get((), True):
            failures[name] = SettingsError(
                "the catalog selects a stream that the store does not list",
                "Deselect it, or run --discover again if the store renamed it.",
            ).at(f"stream {name}")
    for name in sorted(tap.state.get("bookmarks", {}).keys() - listed - failures.keys()):
        tap.logger.warning("The state has a bookmark of the stream %s, which the store does not list", name)


def end_process(clock: Clock, writer: MessageWriter, code: int) -> None:
    """End all waiting, so that the sync ends with Stopped; end the process if it has not ended in time."""
    clock.stop()
    late = time.monotonic() + clock.timings.finish_line_seconds
    time.sleep(clock.timings.grace_seconds)
    while writer.is_writing and time.monotonic() < late:  # finish the line for a slow target
        time.sleep(0.05)
    os._exit(code)


def _report_failures(failures: Mapping[str, TapExportsError]) -> None:
    """Log an ERROR line for each cause of streams' failures; the command reports an invalid token."""
    logger = logging.getLogger("tap-exports")
    failed = {stream: error for stream, error in failures.items() if not isinstance(error, Unauthorized)}
    for line in lines_of(failed):
        logger.error("%s", line)
    for stream, error in failed.items():
        logger.debug("Traceback of %s:", stream, exc_info=error)


def _report_requests(counter: Counter[tuple[str, int]]) -> None:
    """Log a metric for each endpoint and status; 0 is a request without a response."""
    for (endpoint, status), count in sorted(counter.items()):
        tags: dict[str, Any] = {
            metrics.Tag.ENDPOINT: endpoint,
            metrics.Tag.HTTP_STATUS_CODE: status,
            metrics.Tag.PID: os.getpid(),
        }
        point = metrics.Point("counter", metrics.Metric.HTTP_REQUEST_COUNT, count, tags)
        metrics.log(metrics.get_metrics_logger(), point)

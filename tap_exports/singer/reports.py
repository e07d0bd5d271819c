"""Reports at the end of a run: failures, and metrics of requests."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics

from tap_exports.errors import TapExportsError, Unauthorized, lines_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_exports.store.request_counter import RequestCounter


def report_failures(failures: Mapping[str, TapExportsError]) -> None:
    """Log an ERROR line for each cause of streams' failures; the command reports an invalid token."""
    logger = logging.getLogger("tap-exports")
    failed = {stream: error for stream, error in failures.items() if not isinstance(error, Unauthorized)}
    for line in lines_of(failed):
        logger.error("%s", line)
    for stream, error in failed.items():
        logger.debug("Traceback of %s:", stream, exc_info=error)


def report_requests(counter: RequestCounter) -> None:
    """Log a metric for each endpoint and status; 0 is a request without a response."""
    for endpoint, status, count in counter:
        tags: dict[str, Any] = {
            metrics.Tag.ENDPOINT: endpoint,
            metrics.Tag.HTTP_STATUS_CODE: status,
            metrics.Tag.PID: os.getpid(),
        }
        point = metrics.Point("counter", metrics.Metric.HTTP_REQUEST_COUNT, count, tags)
        metrics.log(metrics.get_metrics_logger(), point)

"""The lines of `--plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_exports.store.rate_limit import RATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_exports.exports.stream_queue import PlannedWindow

_OTHER_REQUESTS = 4
"""Types, definitions, the store's zone, and the list of exports."""
_CREATE_REQUESTS = 4
"""For an export that is created: create, two polls on average, link. A reused one needs the link only."""


def plan_lines(planned: Mapping[str, Sequence[PlannedWindow]]) -> Iterator[str]:
    """A line for each window, by stream, and the total."""
    windows = [window for found in planned.values() for window in found]
    for stream, found in planned.items():
        for window, export, is_refresh, is_open in found:
            line = f"{stream:24} {window}  " + ("create" if export is None else f"reuse export {export.id}")
            line += ", refresh" if is_refresh else ""
            yield line + (", in one or more windows, by the row count" if is_open else "")
    created = sum(window.reused is None for window in windows)
    more = " or more" if any(window.is_open for window in windows) else ""
    reused = len(windows) - created
    requests = _OTHER_REQUESTS + _CREATE_REQUESTS * created + reused
    yield (
        f"{len(planned)} streams, {len(windows)} windows: {created} exports{more} to create, {reused} to reuse;"
        f" about {requests} requests, which take {requests / RATE:.0f} s or more. Nothing was requested."
    )

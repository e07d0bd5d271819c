"""The state that a run is given, checked before anything is asked of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_exports.config.documents import find_unencodable
from tap_exports.errors import SettingsError, shortened
from tap_exports.schema.values import to_instant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_HINT = "Mend it, or take the stream's entry out to start it over from start_date."
_NO_BOOKMARKS = 'Give what the tap has written, {"bookmarks": {stream: {…}}}; an empty state is {}.'


def check_state(state: Any) -> None:  # noqa: ANN401 - whatever the file holds
    """Refuse a state that cannot be read.

    Args:
        state: The decoded JSON. A bookmark of another tap's stream is of no account.

    Raises:
        SettingsError: If it is no Singer state, or a bookmark is no time.
    """
    if not isinstance(state, dict):
        raise SettingsError("the state is no JSON object", _HINT)
    if fault := find_unencodable(state):
        raise SettingsError(f"the state cannot be used: {fault}", _HINT)
    if state and "bookmarks" not in state:
        names = shortened(", ".join(sorted(state)), 80)
        raise SettingsError(f'the state has no "bookmarks" but {names}', _NO_BOOKMARKS)
    bookmarks = state.get("bookmarks", {})
    if not isinstance(bookmarks, dict) or not all(isinstance(entry, dict) for entry in bookmarks.values()):
        raise SettingsError('the state has no bookmarks as {"bookmarks": {stream: {…}}}', _HINT)
    for stream, entry in bookmarks.items():
        partitions = entry.get("partitions", [])
        parts = partitions if isinstance(partitions, list) else [None]
        if not all(map(_has_whole_progress, (entry, *parts))):
            name = shortened(stream, 80)
            raise SettingsError(f"the state of stream {name} has progress_markers or partitions that are none", _HINT)
        bookmark_of(state, stream)


def _has_whole_progress(entry: Any) -> bool:  # noqa: ANN401
    """Whether the SDK can clear the marks that its unsorted streams leave, other taps' among them."""
    return isinstance(entry, dict) and isinstance(entry.get("progress_markers", {}), dict)


def bookmark_of(state: Mapping[str, Any], stream: str) -> datetime | None:
    """The `date_to` of the last window whose every record is out.

    Args:
        state: The state.
        stream: The stream's name.

    Returns:
        In UTC; None where the stream has no bookmark on `date_to`.

    Raises:
        SettingsError: If it is no time.
    """
    entry = state.get("bookmarks", {}).get(stream, {})
    value = entry.get("replication_key_value")
    if entry.get("replication_key") != "date_to" or value is None:
        return None
    try:
        return to_instant(value)
    except ValueError:
        told = shortened(repr(value), 80)
        raise SettingsError(
            f"the bookmark of stream {shortened(stream, 80)} in the state is {told}, which is no time", _HINT
        ) from None

"""The state that a run is given, checked before anything is asked of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_exports.errors import SettingsError
from tap_exports.values import to_instant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_HINT = "Mend it, or take the stream's entry out to start it over from start_date."


def check_state(state: Any) -> None:  # noqa: ANN401 - whatever the file holds
    """Refuse a state that cannot be read.

    Args:
        state: The decoded JSON. A bookmark of another tap's stream is of no account.

    Raises:
        SettingsError: If it is no Singer state, or a bookmark is no time.
    """
    if not isinstance(state, dict):
        raise SettingsError("the state is no JSON object", _HINT)
    bookmarks = state.get("bookmarks", {})
    if not isinstance(bookmarks, dict) or not all(isinstance(entry, dict) for entry in bookmarks.values()):
        raise SettingsError('the state has no bookmarks as {"bookmarks": {stream: {…}}}', _HINT)
    for stream in bookmarks:
        bookmark_of(state, stream)


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
        raise SettingsError(
            f"the bookmark of stream {stream} in the state is {value!r}, which is no time", _HINT
        ) from None

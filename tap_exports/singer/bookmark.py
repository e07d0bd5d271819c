"""Bookmark: a stream's entry in the Singer state, and the check of a state before any request."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from tap_exports.errors import SettingsError, shortened
from tap_exports.schema.names import EXPORT_LINE
from tap_exports.schema.stream_layout import Key
from tap_exports.schema.values import to_instant
from tap_exports.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

REPLICATION_KEY = "date_to"

_VALUE = "replication_key_value"
_TIME = (datetime, "a time")
_TEXT = (str, "a string")
_NUMBER = (Annotated[float, msgspec.Meta(ge=0, le=1e15)], "a number of 0 or more")
_FIELDS: dict[str, tuple[Any, str]] = {
    "key": (tuple[str, ...], "a list of column names"),
    "line_identity": _TEXT,
    "refresh": _TIME,
    "refresh_start": _TIME,
    "refreshed_until": _TIME,
    "rows_per_day": _NUMBER,
    "longest_days": _NUMBER,
    "growth": _NUMBER,
    "ledger": _TEXT,
}
"""The tap's own fields of an entry: the type of each, and a description of it."""
_HINT = "Correct it, or remove the stream's entry from the state to start over from start_date."
_FORM = 'Pass a state that the tap has written, {"bookmarks": {stream: {…}}}; an empty state is {}.'


class Bookmark:
    """A stream's entry in the Singer state.

    Reading a malformed field raises SettingsError. `state` is the whole state, which the next STATE message contains.
    """

    def __init__(self, stream: str, state: Any) -> None:  # noqa: ANN401 - the SDK has a TypedDict of its own
        self._stream = stream
        self._state = state

    @property
    def _entry(self) -> dict[str, Any]:
        """For reading only: the state has no entry for the stream until a field is set."""
        entry: dict[str, Any] = self._state.get("bookmarks", {}).get(self._stream, {})
        return entry

    def _set(self, field: str, value: object) -> None:
        self._state.setdefault("bookmarks", {}).setdefault(self._stream, {})[field] = value

    @property
    def position(self) -> datetime | None:
        """The `date_to` of the last window whose records are all written, in UTC; None before the first one."""
        position: datetime | None = None
        if self._entry.get("replication_key") == REPLICATION_KEY:
            position = self._read(_VALUE, *_TIME)
        return position

    def advance(self, end: datetime) -> bool:
        """Move the position forward to the end of a window; return whether it moved. It never moves back."""
        known = self.position
        if known is not None and end <= known:
            return False
        self._set("replication_key", REPLICATION_KEY)
        self._set(_VALUE, rfc3339(end))
        return True

    @property
    def key(self) -> Key | None:
        """The key that an earlier run chose; without columns for no key, None before the first choice."""
        columns = self.get("key")
        return None if columns is None else Key(columns, self.get("line_identity") or None)

    def remember_key(self, key: Key) -> None:
        """Keep the stream's key for later runs."""
        self._set("key", list(key.columns))
        if EXPORT_LINE in key.columns:
            self._set("line_identity", key.line_identity or "")

    def get(self, field: str) -> Any:  # noqa: ANN401 - the field's type
        """A field of the entry; None where it is missing or null."""
        return self._read(field, *_FIELDS[field])

    def update(self, fields: Mapping[str, str | float]) -> None:
        """Set fields. A fraction becomes text, because target-postgres cannot return one in a state."""
        for field, value in fields.items():
            self._set(field, f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else value)

    def clear_ledger(self) -> bool:
        """Clear the ledger position, because records are written without being recorded; return whether it was set."""
        was_set = bool(self.get("ledger"))
        if was_set:
            self._set("ledger", "")
        return was_set

    @property
    def unusable(self) -> str | None:
        """Why the entry has no position although it has other fields, for a warning; else None."""
        if self.position is not None or not self._entry.keys() - _FIELDS:
            return None
        key = self._entry.get("replication_key")
        if key is None:
            return "it has no replication_key"
        if key != REPLICATION_KEY:
            return f"its replication_key is {shortened(repr(key), 80)}, not {REPLICATION_KEY}"
        return f"it has no {_VALUE}"

    def _read(self, field: str, kind: Any, words: str) -> Any:  # noqa: ANN401
        value = self._entry.get(field)
        if value is None:
            return None
        try:
            return to_instant(value) if kind is datetime else msgspec.convert(value, kind, strict=False)
        except (ValueError, msgspec.ValidationError):
            given, stream = shortened(repr(value), 80), shortened(self._stream, 80)
            raise SettingsError(f"the state of stream {stream}: {field} is {given}, not {words}", _HINT) from None


def check_state(state: Any) -> None:  # noqa: ANN401 - whatever the file holds
    """Raise SettingsError if this is not a Singer state, or an entry has a malformed field."""
    if not isinstance(state, dict):
        raise SettingsError("the state is not a JSON object", _FORM)
    if state and "bookmarks" not in state:
        names = shortened(", ".join(sorted(state)), 80)
        raise SettingsError(f'the state has no "bookmarks" but {names}', _FORM)
    bookmarks = state.get("bookmarks", {})
    if not isinstance(bookmarks, dict) or not all(isinstance(entry, dict) for entry in bookmarks.values()):
        raise SettingsError('the state does not have the form {"bookmarks": {stream: {…}}}', _FORM)
    for bookmark in (Bookmark(stream, state) for stream in bookmarks):
        for field in _FIELDS:
            bookmark.get(field)
        bookmark.position  # noqa: B018 - reading checks it

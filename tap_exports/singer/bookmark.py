"""Bookmark: a stream's entry in the Singer state, and the check of a state before any request."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_exports.errors import SettingsError, shortened
from tap_exports.schema.names import EXPORT_LINE
from tap_exports.schema.values import to_instant
from tap_exports.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

REPLICATION_KEY = "date_to"

_VALUE = "replication_key_value"
_INFINITE = 1e15
_LONGEST_NUMBER = 40
_HINT = "Correct it, or remove the stream's entry from the state to start over from start_date."
_FORM = 'Pass a state that the tap has written, {"bookmarks": {stream: {…}}}; an empty state is {}.'


def _names(value: Any) -> tuple[str, ...]:  # noqa: ANN401
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("not a list of names")
    return tuple(value)


def _number(value: Any) -> float:  # noqa: ANN401
    if isinstance(value, Decimal) or (isinstance(value, str) and len(value) < _LONGEST_NUMBER):
        value = float(value)  # see set(); the SDK reads fractions as Decimal
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _INFINITE:
        raise ValueError("not a number of 0 or more")
    return float(value)


def _text(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise ValueError("not a string")  # noqa: TRY004 - one kind of error for every reader
    return value


_FIELDS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "key": (_names, "a list of column names"),
    "line_identity": (_text, "a string"),
    "refresh": (to_instant, "a time"),
    "refresh_start": (to_instant, "a time"),
    "refreshed_until": (to_instant, "a time"),
    "rows_per_day": (_number, "a number of 0 or more"),
    "longest_days": (_number, "a number of 0 or more"),
    "growth": (_number, "a number of 0 or more"),
    "ledger": (_text, "a string"),
}
"""The tap's own fields of an entry: the function that reads each, and a description of its value."""


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

    def _update(self, fields: dict[str, Any]) -> None:
        self._state.setdefault("bookmarks", {}).setdefault(self._stream, {}).update(fields)

    @property
    def position(self) -> datetime | None:
        """The `date_to` of the last window whose records are all written, in UTC; None before the first one."""
        if self._entry.get("replication_key") != REPLICATION_KEY:
            return None
        position: datetime | None = self._read(_VALUE, to_instant, "a time")
        return position

    def advance(self, end: datetime) -> bool:
        """Move the position forward to the end of a window; return whether it moved. It never moves back."""
        known = self.position
        if known is not None and end <= known:
            return False
        self._update({"replication_key": REPLICATION_KEY, _VALUE: rfc3339(end)})
        return True

    @property
    def key(self) -> tuple[str, ...] | None:
        """The key that an earlier run chose; empty for no key, None before the first choice."""
        key: tuple[str, ...] | None = self.get("key")
        return key

    @property
    def line_identity(self) -> str | None:
        """The column for `export_line` that says what a line is."""
        return self.get("line_identity") or None

    def remember_key(self, key: Sequence[str], line_identity: str | None = None) -> None:
        """Keep the stream's key for later runs."""
        self._update({"key": list(key)} | ({"line_identity": line_identity or ""} if EXPORT_LINE in key else {}))

    def get(self, field: str) -> Any:  # noqa: ANN401 - as the field's reader returns it
        """A field of the entry, of its own type; None where it is missing or null."""
        return self._read(field, *_FIELDS[field])

    def set(self, field: str, value: str | float | list[str]) -> None:
        """Set a field of the entry. A fraction becomes text, because target-postgres cannot return one in a state."""
        assert field in _FIELDS  # noqa: S101
        if isinstance(value, float):
            value = f"{value:.6f}".rstrip("0").rstrip(".")
        self._update({field: value})

    @property
    def unusable(self) -> str | None:
        """Why the entry has no position although it has other fields, for a warning; else None."""
        others = sorted(set(self._entry) - set(_FIELDS))
        if self.position is not None or not others:
            return None
        key = self._entry.get("replication_key")
        if key is None:
            return "it has no replication_key"
        if key != REPLICATION_KEY:
            return f"its replication_key is {shortened(repr(key), 80)}, not {REPLICATION_KEY}"
        return f"it has no {_VALUE}"

    def check(self) -> None:
        """Read every field.

        Raises:
            SettingsError: If a field is malformed.
        """
        for field in _FIELDS:
            self.get(field)
        self.position  # noqa: B018 - reading checks it

    def _read(self, field: str, read: Callable[[Any], Any], kind: str) -> Any:  # noqa: ANN401
        value = self._entry.get(field)
        if value is None:
            return None
        try:
            return read(value)
        except ValueError:
            given, stream = shortened(repr(value), 80), shortened(self._stream, 80)
            raise SettingsError(f"the state of stream {stream}: {field} is {given}, not {kind}", _HINT) from None


def check_state(state: Any) -> None:  # noqa: ANN401 - whatever the file holds
    """Check the whole state.

    Raises:
        SettingsError: If it is not a Singer state, or an entry has a malformed field.
    """
    if not isinstance(state, dict):
        raise SettingsError("the state is not a JSON object", _FORM)
    if state and "bookmarks" not in state:
        names = shortened(", ".join(sorted(state)), 80)
        raise SettingsError(f'the state has no "bookmarks" but {names}', _FORM)
    bookmarks = state.get("bookmarks", {})
    if not isinstance(bookmarks, dict) or not all(isinstance(entry, dict) for entry in bookmarks.values()):
        raise SettingsError('the state does not have the form {"bookmarks": {stream: {…}}}', _FORM)
    for stream, entry in bookmarks.items():
        partitions = entry.get("partitions", [])
        parts = partitions if isinstance(partitions, list) else [None]
        if not all(map(_has_whole_progress, (entry, *parts))):
            name = shortened(stream, 80)
            raise SettingsError(f"the state of stream {name} has malformed progress_markers or partitions", _HINT)
        Bookmark(stream, state).check()


def _has_whole_progress(entry: Any) -> bool:  # noqa: ANN401
    """Whether the SDK can clear the progress markers of unsorted streams, also of other taps."""
    return isinstance(entry, dict) and isinstance(entry.get("progress_markers", {}), dict)

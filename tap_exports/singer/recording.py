"""Recording: which records of a stream are written with a ledger, and the ledger position in the state."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from tap_exports.ledger import Export, StreamLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_exports.context import RunContext
    from tap_exports.exports.fetch import CheckedExport
    from tap_exports.schema.layout import Layout
    from tap_exports.singer.bookmark import Bookmark

    Batches = Callable[[], Iterable[list[dict[str, Any]]]]

_POSITION = "ledger"
_UNRECORDED = ""
_FORM_OF_RECORDS = ("stream_map", "faker_", "flattening_", "batch_")
"""Prefixes of the SDK's settings that change the form of the records."""


def fingerprint_of(config: Mapping[str, Any], version: str) -> str:
    """A digest of everything, besides the record, that changes the form in which a target receives it."""
    form = {name: value for name, value in config.items() if name.startswith(_FORM_OF_RECORDS)}
    return sha256(json.dumps([version, form], sort_keys=True, default=str).encode()).hexdigest()


class Recording:
    """The records of one stream, in one run.

    Before records are sent without being recorded, the position in the state is reset, so that the next run with the
    ledger sends everything. `write_state` writes a STATE message immediately.
    """

    def __init__(  # noqa: PLR0913 - keyword arguments
        self,
        stream: str,
        run: RunContext,
        bookmark: Bookmark,
        *,
        fingerprint: str,
        incremental: bool,
        write_state: Callable[[], None],
    ) -> None:
        self._stream = stream
        self._run = run
        self._bookmark = bookmark
        self._fingerprint = fingerprint
        self._incremental = incremental
        self._write_state = write_state
        self._stream_ledger: StreamLedger | None = None
        self._is_unrecorded = False

    @property
    def is_on(self) -> bool:
        """Whether the run records what it sends, as far as known before the first file."""
        return self._incremental and self._run.ledger is not None and not self._run.ledger.failed

    def clear_position(self) -> bool:
        """Clear the position, because records are sent without being recorded; return whether it was set."""
        if not self._bookmark.get(_POSITION):
            return False
        self._bookmark.set(_POSITION, _UNRECORDED)
        return True

    def to_write(
        self, export: CheckedExport, layout: Layout | None, selected: set[str], batches: Batches
    ) -> Iterator[list[dict[str, Any]]]:
        """The records of an export to write; each is recorded before it is returned."""
        found = Export(export.export.id, export.window, self._run.client.time.now())
        if layout is None and self._run.ledger is not None and self.is_on:  # zero bytes, so there are no records
            self._run.ledger.cover_empty(self._stream, found)
            return
        ledger = self._ledger_of(layout, selected) if layout else None
        for batch in batches() if ledger is None else ledger.changed(found, batches):
            if not self._is_recorded and not self._is_unrecorded:
                self._send_unrecorded()
            yield batch

    def _ledger_of(self, layout: Layout, selected: set[str]) -> StreamLedger | None:
        if self._stream_ledger is None and self.is_on and layout.keys and self._run.ledger is not None:
            types = {column.name: column.type.value for column in layout.columns}
            key = [
                layout.line_identity if layout.numbered else None,
                *((name, types.get(name)) for name in layout.keys),
            ]
            self._stream_ledger = StreamLedger(
                self._run.ledger,
                self._stream,
                position=self._bookmark.get(_POSITION),
                keys=layout.keys,
                parent=layout.parent_columns(selected),
                identity=json.dumps(key),
                fingerprint=self._fingerprint,
            )
        return self._stream_ledger

    @property
    def _is_recorded(self) -> bool:
        return self._stream_ledger is not None and self.is_on

    def _send_unrecorded(self) -> None:
        self._is_unrecorded = True
        if self._run.ledger is not None:
            self._run.ledger.forget(self._stream)
        if self.clear_position():
            self._write_state()

    def finish(self) -> None:
        """Set the position for the next STATE, after a window's last record."""
        if self._stream_ledger is not None:
            self._bookmark.set(_POSITION, self._stream_ledger.finish())

    def write_removals(self) -> None:
        """Find and write removed objects, after the stream's last window."""
        if self.is_on and not self._is_unrecorded and (removed := self._run.removed_objects) is not None:
            removed.write(self._stream)

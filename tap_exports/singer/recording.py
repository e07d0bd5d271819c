"""Recording: which records of a stream are written with a ledger, and the ledger position in the state."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from tap_exports.ledger import Export, StreamLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from tap_exports.ledger import Ledger
    from tap_exports.schema.layout import Layout
    from tap_exports.singer.bookmark import Bookmark

    Batches = Callable[[], Iterable[list[dict[str, Any]]]]

_FORM_OF_RECORDS = ("stream_map", "faker_", "flattening_", "batch_")
"""Prefixes of the SDK's settings that change the form of the records."""


def fingerprint_of(config: Mapping[str, Any], version: str) -> str:
    """A digest of everything, besides the record, that changes the form in which a target receives it."""
    form = {name: value for name, value in config.items() if name.startswith(_FORM_OF_RECORDS)}
    return sha256(json.dumps([version, form], sort_keys=True, default=str).encode()).hexdigest()


class Recording:
    """The records of one stream, in one run with a ledger.

    Before records are written without being recorded, because the stream has no key or the ledger has failed, the
    position in the state is cleared, so that the next run writes everything. `write_state` writes a STATE message.
    """

    def __init__(
        self, ledger: Ledger, stream: str, bookmark: Bookmark, fingerprint: str, write_state: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._stream = stream
        self._bookmark = bookmark
        self._fingerprint = fingerprint
        self._write_state = write_state
        self._stream_ledger: StreamLedger | None = None
        self.is_complete = True
        """Whether all records so far are recorded."""

    def to_write(
        self, export: Export, layout: Layout | None, selected: Collection[str], batches: Batches
    ) -> Iterator[list[dict[str, Any]]]:
        """The records of an export to write; each is recorded before it is returned."""
        if layout is None:  # zero bytes, so there are no records
            self._ledger.cover_empty(self._stream, export)
            return
        if self._stream_ledger is None and layout.keys:
            self._stream_ledger = self._begin(layout, selected)
        ledger = self._stream_ledger
        for batch in batches() if ledger is None else ledger.changed(export, batches):
            if self.is_complete and (ledger is None or self._ledger.failed):
                self.is_complete = False
                self._ledger.forget(self._stream)
                if self._bookmark.clear_ledger():
                    self._write_state()
            yield batch

    def _begin(self, layout: Layout, selected: Collection[str]) -> StreamLedger:
        types = {column.name: column.type.value for column in layout.columns}
        identity = [
            layout.line_identity if layout.numbered else None,
            *((name, types.get(name)) for name in layout.keys),
        ]
        return StreamLedger(
            self._ledger,
            self._stream,
            position=self._bookmark.get("ledger"),
            keys=layout.keys,
            parent=layout.parent_columns(selected),
            identity=json.dumps(identity),
            fingerprint=self._fingerprint,
        )

    def finish(self) -> None:
        """Set the position for the next STATE, after a window's last record."""
        if self._stream_ledger is not None:
            self._bookmark.update({"ledger": self._stream_ledger.finish()})

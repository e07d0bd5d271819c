"""OwnStream: a stream of the tap's own records, which are written during the sync of other streams."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_exports.singer.mapped_stream import MappedStream

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk import Tap
    from singer_sdk.batch import BaseBatchFileEncoding
    from singer_sdk.helpers.types import Context, Record

    from tap_exports.context import RunContext
    from tap_exports.singer.compat import BatchConfig


def column(name: str, kind: Any, description: str, *, required: bool = False) -> th.Property[Any]:  # noqa: ANN401
    """A column of the stream's schema."""
    return th.Property(name, kind, description=description, required=required)


class OwnStream(MappedStream):
    """A stream that the store does not have. Its records are messages, also with `batch_config`."""

    def __init__(self, tap: Tap, name: str, run: RunContext) -> None:
        super().__init__(tap, name, run)
        self._has_schema = False

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """Never, because targets would delete the records of earlier runs."""
        return False

    @override
    def begin(self) -> None:
        if not self._has_schema:  # the first record may precede the sync of this stream
            self.write_schema()
            self._has_schema = True

    def write_own(self, record: dict[str, Any]) -> None:
        """Write a record, after the first SCHEMA message.

        Raises:
            SettingsError: If a map of this stream fails.
        """
        self.begin()
        with self.mapping("fails at a record"):
            self.write_record(record)

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        for _ in self.sync_records():
            pass
        yield from ()

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        return ()

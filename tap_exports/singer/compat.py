"""All private names of the Singer SDK that the tap uses.

`SdkStream` gives those of `Stream` public names. A test fails if the SDK drops one of them, or if another module uses
one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.helpers._batch import BatchConfig, StorageTarget
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.streams import Stream
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from singer_sdk.helpers.types import Context, Record

__all__ = ["BatchConfig", "SdkStream", "StorageTarget", "get_selected_schema", "parse_environment_config"]

PRIVATE_NAMES = (
    "_input_schema", "_mask", "_metadata", "_schema", "_stream_maps", "_stream_version",
    "_sync_records", "_write_record_message", "_write_schema_message",
)  # fmt: skip
"""Of `Stream`."""

PRIVATE_TAP_NAMES = ("_config", "_env_var_prefix", "_handle_termination", "_mapper", "_validate_config")
"""Of `Tap`, used in `tap.py` to validate settings and to handle signals."""


class SdkStream(Stream):
    """The SDK's stream. A subclass defines `begin` and `sync_records`, which `Stream.sync` calls in this order."""

    def begin(self) -> None:
        """Write the first SCHEMA message, if the columns are known."""

    def sync_records(self) -> Iterator[Record]:
        """Write the records and the state. `--test` counts the records that are yielded."""
        raise NotImplementedError

    @property
    def version(self) -> int | None:
        """The table version, in a full-table sync with ACTIVATE_VERSION messages."""
        return self._stream_version

    def write_schema(self) -> None:
        """Write a SCHEMA message for each of the stream's maps."""
        super()._write_schema_message()

    def write_record(self, record: dict[str, Any]) -> None:
        """Write a record through the stream's maps."""
        self._write_record_message(record)

    def reset_maps(self) -> None:
        """Read the stream's maps from the mapper again."""
        self._stream_maps = None

    def set_schema(self, schema: dict[str, Any], *, keep_metadata: bool) -> None:
        """Use a schema in place of the one before and of the catalog's; derive metadata from it if not kept."""
        self._schema = schema
        self._input_schema = self._stream_maps = None
        if not keep_metadata:
            self._metadata = self._mask = None

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Not called, because `sync_records` does not use it."""
        raise NotImplementedError

    @override
    def _write_schema_message(self) -> None:
        self.begin()

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[Record, Any, Any]:
        yield from self.sync_records()

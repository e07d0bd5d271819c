"""SdkStream, the base of the tap's streams; and all private names of the Singer SDK that the tap uses.

A test fails if the SDK drops one of them, or if another module uses one.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.helpers._batch import BatchConfig, StorageTarget
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.streams import Stream
from typing_extensions import override

from tap_exports.config.sdk_settings import NOTHING
from tap_exports.errors import InvalidSettings, SettingsError, TapExportsError, UnexpectedError, shortened

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_exports.context import RunContext

__all__ = ["BatchConfig", "SdkStream", "StorageTarget", "read_environment"]

PRIVATE_NAMES = (
    "_input_schema", "_mask", "_metadata", "_schema", "_stream_maps", "_stream_version",
    "_sync_records", "_write_record_message", "_write_schema_message",
)  # fmt: skip
"""Of `Stream`."""

PRIVATE_TAP_NAMES = ("_config", "_env_var_prefix", "_handle_termination", "_mapper", "_validate_config")
"""Of `Tap`, used in `tap.py` to validate settings and to handle signals."""


def read_environment(schema: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The settings from environment variables with a prefix; an empty variable is not set."""
    found: dict[str, Any] = {}
    errors = []
    for name, setting in schema["properties"].items():
        if os.environ.get(f"{prefix}{name.upper()}"):
            try:
                found |= parse_environment_config({"properties": {name: setting}}, prefix)
            except ValueError:
                expected = "a plain whole number" if "integer" in setting["type"] else "valid JSON"
                errors.append(f"{name}: the environment variable is not {expected}")
    if errors:
        raise InvalidSettings(errors)
    return found


class SdkStream(Stream):
    """A stream whose maps follow its current schema, and whose failure does not stop the others.

    A subclass defines `begin` and `sync_records`, which `Stream.sync` calls in this order.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # records fit the schema

    def __init__(self, tap: Tap, name: str, run: RunContext) -> None:
        self.tap = tap
        self.run = run
        super().__init__(tap, name=name)

    def begin(self) -> None:
        """Write the first SCHEMA message, if the columns are known."""

    def sync_records(self) -> Iterator[Record]:
        """Write the records and the state. `--test` counts the records that are yielded."""
        raise NotImplementedError

    @override
    def _write_schema_message(self) -> None:
        self.begin()

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[Record, Any, Any]:
        yield from self.sync_records()

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Not called, because `sync_records` does not use it."""
        raise NotImplementedError

    # Messages

    @property
    def version(self) -> int | None:
        """The table version, in a full-table sync with ACTIVATE_VERSION messages."""
        return self._stream_version

    def write_schema(self) -> None:
        """Write a SCHEMA message for each of the stream's maps."""
        super()._write_schema_message()

    def write_record(self, record: dict[str, Any]) -> None:
        """Write a record through the stream's maps; raise SettingsError if one fails."""
        with self._mapping("fails at a record"):
            self._write_record_message(record)

    def write_state(self) -> None:
        """Write a STATE message, if the state has changed."""
        self.tap.state_writer.write_state(self.tap_state)

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """Not for a stream that has failed, because a target would delete its rows."""
        return super().emit_activate_version_messages and self.name not in self.run.failures

    # Schema and maps

    def set_schema(self, schema: dict[str, Any], *, keep_metadata: bool) -> None:
        """Use a schema in place of the one before and of the catalog's; derive metadata from it if not kept."""
        self._schema = schema
        self._input_schema = self._stream_maps = None
        if not keep_metadata:
            self._metadata = self._mask = None

    @property
    def is_removed(self) -> bool:
        """Whether the maps remove the stream; then it is not requested, and its bookmark does not move."""
        mapper = self.tap.mapper
        removed = mapper.default_mapper_type is RemoveRecordTransform
        for name, stream_map in mapper.stream_maps_dict.items():
            source = stream_map.get("__source__") if isinstance(stream_map, dict) else None
            if fnmatch(self.name, str(source or name)):
                if source:  # another stream is made of this one
                    return False
                removed = stream_map in (None, NOTHING)
        return removed

    def register_maps(self) -> None:
        """Create the stream's maps for the current schema; raise SettingsError if one cannot be used."""
        schema = get_selected_schema(self.name, self.schema, self.mask)
        self.tap.mapper.stream_maps.pop(self.name, None)  # left by a map that failed
        with self._mapping("cannot be used"):
            self.tap.mapper.register_raw_stream_schema(self.name, schema, self.primary_keys)
            for stream_map in self.tap.mapper.stream_maps[self.name]:
                if not isinstance(stream_map.stream_alias, str):
                    raise TypeError(f"__alias__ makes {stream_map.stream_alias!r}, which is not a name")
        self._stream_maps = None

    @property
    def is_plain(self) -> bool:
        """Whether records are written unchanged: no stream map, no flattening."""
        maps = self.stream_maps
        return len(maps) == 1 and type(maps[0]) is SameRecordTransform and not maps[0].flattening_enabled

    @contextmanager
    def _mapping(self, what: str) -> Iterator[None]:
        """Convert any exception of a user's expression to SettingsError."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - an expression may raise anything
            reason = shortened(f"{type(error).__name__}: {error}")
            raise SettingsError(
                f"the map of stream {self.name} {what}: {reason}", "Correct stream_maps, or the flattening settings."
            ) from None

    # Errors and state

    @contextmanager
    def failing_alone(self) -> Iterator[None]:
        """Let an error end this stream only; the others continue, and the exit code is 1."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the other streams continue
            known = error if isinstance(error, TapExportsError) else UnexpectedError(error)
            self.run.failures[self.name] = known.at(f"stream {self.name}")
            self.logger.warning("%s failed; the other streams continue", self.name)

    @property
    @override
    def partitions(self) -> None:
        """None: the SDK would otherwise continue another tap's partitions from the state."""

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """None: the bookmark is the end of a window, which may be later than the SDK's clock."""

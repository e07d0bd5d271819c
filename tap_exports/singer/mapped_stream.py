"""MappedStream: stream maps for the current schema, and failures that do not stop other streams."""

from __future__ import annotations

from contextlib import contextmanager
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import RemoveRecordTransform
from typing_extensions import override

from tap_exports.config.sdk_settings import NOTHING
from tap_exports.errors import SettingsError, TapExportsError, UnexpectedError, shortened
from tap_exports.singer.compat import SdkStream, get_selected_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from tap_exports.context import RunContext


class MappedStream(SdkStream):
    """A stream whose maps follow its current schema, and whose failure does not stop the others."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # records fit the schema

    def __init__(self, tap: Tap, name: str, run: RunContext) -> None:
        self.tap = tap
        self.run = run
        super().__init__(tap, name=name)

    @property
    def has_columns(self) -> bool:
        """Whether the columns are known before the first file."""
        return True

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
        """Create the stream's maps for the current schema.

        Raises:
            SettingsError: If a map cannot be used.
        """
        schema = get_selected_schema(self.name, self.schema, self.mask)
        self.tap.mapper.stream_maps.pop(self.name, None)  # left by a map that failed
        with self._mapping("cannot be used"):
            self.tap.mapper.register_raw_stream_schema(self.name, schema, self.primary_keys)
            for stream_map in self.tap.mapper.stream_maps[self.name]:
                if not isinstance(stream_map.stream_alias, str):
                    raise TypeError(f"__alias__ makes {stream_map.stream_alias!r}, which is not a name")
        self.reset_maps()

    @override
    def write_record(self, record: dict[str, Any]) -> None:
        with self._mapping("fails at a record"):
            super().write_record(record)

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
    def emit_activate_version_messages(self) -> bool:
        """Not for a stream that has failed, because a target would delete its rows."""
        return super().emit_activate_version_messages and self.name not in self.run.failures

    @property
    @override
    def partitions(self) -> None:
        """None: the SDK would otherwise continue another tap's partitions from the state."""

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """None: the bookmark is the end of a window, which may be later than the SDK's clock."""

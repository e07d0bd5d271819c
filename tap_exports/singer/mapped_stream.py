"""What all streams have in common: records that fit their schema as they are, the SDK's maps of them, and their end."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import RemoveRecordTransform
from singer_sdk.streams import Stream

from tap_exports.config.documents import find_unencodable
from tap_exports.config.sdk_settings import NOTHING
from tap_exports.errors import SettingsError, TapExportsError, UnexpectedError, shortened

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from tap_exports.context import RunContext


class MappedStream(Stream):
    """A stream whose maps are made from the schema in force, and which keeps no state by the SDK's own ways."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # records are made to fit the schema

    def __init__(self, tap: Tap, name: str, run: RunContext) -> None:
        self.tap = tap
        self.run = run
        super().__init__(tap, name=name)

    @property
    def is_removed(self) -> bool:
        """Whether the maps take the stream out altogether: then nothing is asked for, and no bookmark moves."""
        mapper = self.tap.mapper
        removed, more = mapper.default_mapper_type is RemoveRecordTransform, False
        for name, stream_map in mapper.stream_maps_dict.items():
            is_more = isinstance(stream_map, dict) and "__source__" in stream_map
            source = stream_map["__source__"] if is_more and isinstance(stream_map, dict) else name
            if fnmatch(self.name, source):
                removed, more = (removed, True) if is_more else (stream_map in (None, NOTHING), more)
        return removed and not more

    @property
    def is_wanted(self) -> bool:
        """Whether anything of the stream is to go out."""
        return self.selected and not self.is_removed

    def register_maps(self) -> None:
        """Make the stream maps anew from the schema in force."""
        schema = get_selected_schema(self.name, self.schema, self.mask)
        self.tap.mapper.stream_maps.pop(self.name, None)  # one that failed has left records as they are in its place
        with self._mapping("cannot be used"):
            self.tap.mapper.register_raw_stream_schema(self.name, schema, self.primary_keys)
            for stream_map in self.tap.mapper.stream_maps[self.name]:
                if not isinstance(stream_map.stream_alias, str):
                    raise TypeError(f"__alias__ makes {stream_map.stream_alias!r}, which is no name")
                if fault := find_unencodable([stream_map.stream_alias, stream_map.transformed_schema]):
                    raise ValueError(fault)
        self._stream_maps = None

    @contextmanager
    def _mapping(self, what: str) -> Iterator[None]:
        """The SDK's mappers raise whatever a user's expression does."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is
            reason = shortened(f"{type(error).__name__}: {error}")
            raise SettingsError(
                f"the map of stream {self.name} {what}: {reason}", "Mend stream_maps, or the settings of flattening."
            ) from None

    @override  # type: ignore[misc]  # final in the SDK, which lets one stream's failure end them all
    def sync(self, context: Context | None = None) -> None:
        if self.is_removed:
            self.logger.info("%s is left out: stream_maps removes it", self.name)
            return
        with self._failing_alone():
            super().sync(context)

    @contextmanager
    def _failing_alone(self) -> Iterator[None]:
        """What goes wrong in here ends this stream; the others go on."""
        try:
            yield
        except TapExportsError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - unforeseen, and no reason to stop the others
            self._fail(UnexpectedError(error))

    def _fail(self, error: TapExportsError) -> None:
        """End this stream alone; the others go on."""
        if not error.where:
            error.at(f"stream {self.name}")
        self.run.failures[self.name] = error
        self.logger.warning("%s has failed, the other streams go on", self.name)

    @property
    @override
    def partitions(self) -> None:
        """None, whatever a state says: the SDK would finish those of another tap."""

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """None: the bookmark is a window's own end, which no clock bounds."""

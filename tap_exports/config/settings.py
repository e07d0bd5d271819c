"""The settings with their types: values from files and the environment are read, and defaults applied."""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any

from tap_exports.config.schema import EVERY_STREAM, INTEGERS, MAPS, NUMBERS, SETTINGS
from tap_exports.schema.types import ColumnType
from tap_exports.schema.values import to_instant
from tap_exports.window import WindowLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Settings:
    """The settings of a run, which are valid."""

    raw: Mapping[str, Any] = field(repr=False)
    """By name, as `coerce` returns them."""

    @cached_property
    def api_url(self) -> str:
        """The Admin API's address, ending in `/`."""
        url: str = self.raw.get("api_url") or f"https://{self.raw['store']}.29next.store/api/admin/"
        return url if url.endswith("/") else f"{url}/"

    @cached_property
    def start_date(self) -> datetime:
        """Where a stream without a bookmark starts; a time without an offset is UTC."""
        return to_instant(self.raw["start_date"])

    @cached_property
    def end_date(self) -> datetime | None:
        """Where to stop, for a bounded backfill."""
        return to_instant(self.raw["end_date"]) if self.raw.get("end_date") else None

    def window_limits(self, stream: str) -> WindowLimits:
        """The settings of one stream that are given in days."""
        return WindowLimits(*(timedelta(days=self._days(name, stream)) for name in MAPS))

    def _days(self, name: str, stream: str) -> float:
        """A stream's number of days: the map's, else the default's."""
        for days in (self.raw[name], SETTINGS[name]["default"]):
            if not isinstance(days, dict):
                return float(days)
            found = days.get(stream, days.get(EVERY_STREAM))
            if found is not None:
                return float(found)
        raise KeyError(name)

    def streams_named(self) -> Iterator[tuple[str, set[str]]]:
        """Each setting that is given by stream, and the streams that the user names in it."""
        yield "column_types", set(self.column_types)
        yield "primary_keys", set(self.primary_keys)
        for name in MAPS:
            if isinstance(days := self.raw[name], dict):
                default = SETTINGS[name]["default"]
                yield name, set(days) - {EVERY_STREAM, *(default if isinstance(default, dict) else ())}

    @cached_property
    def settle(self) -> timedelta:
        """The delay between now and the end of the newest window."""
        return timedelta(minutes=self.raw["settle_minutes"])

    @cached_property
    def reuse(self) -> timedelta:
        """The maximum age of an export to reuse."""
        return timedelta(minutes=self.raw["reuse_exports_minutes"])

    @cached_property
    def column_types(self) -> dict[str, dict[str, ColumnType]]:
        """The user's own types, by stream and column."""
        given = self.raw.get("column_types") or {}
        return {s: {c: ColumnType(kind) for c, kind in columns.items()} for s, columns in given.items()}

    @cached_property
    def primary_keys(self) -> dict[str, tuple[str, ...]]:
        """The user's own keys, by stream."""
        return {s: tuple(columns) for s, columns in (self.raw.get("primary_keys") or {}).items()}


def coerce(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are set, with numbers that are text, as in environment variables, read.

    It is a deep copy, because the SDK changes it. Text that is not a number stays as it is, and is reported as invalid.
    """
    coerced = {name: deepcopy(value) for name, value in config.items() if value is not None}
    for name in MAPS:
        if isinstance(text := coerced.get(name), str) and text.lstrip().startswith("{"):
            with suppress(ValueError):
                coerced[name] = json.loads(text)
        if isinstance(days := coerced.get(name), dict):
            coerced[name] = {stream: _number(value) for stream, value in days.items()}
    for name in NUMBERS:
        if name in coerced:
            coerced[name] = _number(coerced[name])
    for name in INTEGERS:
        if isinstance(number := coerced.get(name), float) and number.is_integer():
            coerced[name] = int(number)
    return coerced


def _number(value: Any) -> Any:  # noqa: ANN401
    """A number that is text, or a Decimal, which the SDK makes of fractions in a file; anything else is unchanged."""
    number = float(value) if isinstance(value, Decimal) else value
    if isinstance(value, str):
        for read in (float, int):
            with suppress(ValueError):
                number = read(value)
    return str(value) if isinstance(number, float) and not isfinite(number) else number  # JSON schema accepts NaN

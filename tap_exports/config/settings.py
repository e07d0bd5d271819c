"""The settings: their JSON schema, and their values checked and typed before any request is made."""

from __future__ import annotations

import codecs
import json
import re
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tap_exports.config.schema import CONFIG_SCHEMA
from tap_exports.config.sdk_settings import sdk_validation_errors
from tap_exports.errors import shortened
from tap_exports.schema.keys import fault_of_key
from tap_exports.schema.types import ColumnType
from tap_exports.schema.values import to_instant
from tap_exports.window import WindowLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from urllib.parse import SplitResult

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_CHOICES = {"on_invalid_value": ("keep", "fail"), "on_new_column": ("add", "ignore", "fail")}
_SHORTEST_WINDOW = 0.04
"""In days, about an hour. Windows with too many rows are made shorter all the same."""
EVERY_STREAM = "*"
"""In a map, the streams that are not named."""
MAPS = ("window_days", "max_window_days", "lookback_days", "refresh_days")
"""Settings that are a number of days, or a map of such numbers by stream."""
_MORE_THAN_ZERO = ("poll_interval_seconds", "export_timeout_minutes")
_AT_LEAST_ZERO = ("lookback_days", "refresh_days", "settle_minutes", "reuse_exports_minutes")
_AT_LEAST_ONE = ("max_concurrent_exports", "max_export_rows")
_LARGEST = {
    **dict.fromkeys(MAPS, 36_525),
    "max_concurrent_exports": 1_000,
    "settle_minutes": 1_000_000,
    "reuse_exports_minutes": 1_000_000,
    "export_timeout_minutes": 1_000_000,
    "poll_interval_seconds": 86_400,
}
NUMBERS = ("window_days", "max_window_days", *_MORE_THAN_ZERO, *_AT_LEAST_ZERO, *_AT_LEAST_ONE)
SECRETS = ("access_token", "webhook_secret")
UNTOLD = (*SECRETS, "batch_config", "stream_map_config", "faker_config")
"""Settings whose values are in no line: they are secrets, or may hold some."""

_OF_NO_FILE = frozenset({"utf-7", "unicode-escape", "raw-unicode-escape", "punycode", "idna", "undefined"})
"""Text encodings of Python's that no CSV is in; what some of them make of bytes cannot be written as UTF-8."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SUBDOMAIN = re.compile(_LABEL, re.IGNORECASE)
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_NOT_IN_ADDRESS = re.compile(r"[\s\\\x00-\x1f\x7f]")
_PORT = re.compile(r"[0-9]{1,5}")
_BRACKETS = re.compile(r"(?:[^@]*@)?\[[0-9a-f:.]+(?:%[^\]\s]+)?\](?::[0-9]*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """The settings of a run, checked."""

    raw: Mapping[str, Any] = field(repr=False)
    """As they were given, the token among them."""

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
        """What the maps say of one stream."""
        return WindowLimits(*(timedelta(days=self._days(name, stream)) for name in MAPS))

    def _days(self, name: str, stream: str) -> float:
        """A stream's number of days; streams that a map leaves out have the default."""
        for days in (self.raw[name], CONFIG_SCHEMA["properties"][name]["default"]):
            if not isinstance(days, dict):
                return float(days)
            found = days.get(stream, days.get(EVERY_STREAM))
            if found is not None:
                return float(found)
        raise KeyError(name)

    def streams_named(self) -> Iterator[tuple[str, set[str]]]:
        """Each setting that is given by stream, and the streams that it names, but for those of its default."""
        yield "column_types", set(self.column_types)
        yield "primary_keys", set(self.primary_keys)
        for name in MAPS:
            if isinstance(days := self.raw[name], dict):
                default = CONFIG_SCHEMA["properties"][name]["default"]
                yield name, set(days) - {EVERY_STREAM, *(default if isinstance(default, dict) else ())}

    @cached_property
    def settle(self) -> timedelta:
        """How far behind now the newest window ends."""
        return timedelta(minutes=self.raw["settle_minutes"])

    @cached_property
    def reuse(self) -> timedelta:
        """How recently an export has to have been made to be taken over."""
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
    """Read numbers that came as text, as they do from environment variables, and drop what is not set.

    Args:
        config: Settings as they were given.

    Returns:
        A copy through and through, for the SDK takes parts out of it. Text that is no number stays, for the
        check to name it; a count such as `4.0` is made whole.
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
    for name in _AT_LEAST_ONE:
        if isinstance(number := coerced.get(name), float) and number.is_integer():
            coerced[name] = int(number)
    return coerced


def _number(value: Any) -> Any:  # noqa: ANN401
    """A number that may be text, or a Decimal, as the SDK reads fractions in a file; anything else as it is."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, str):
        for read in (int, float):
            with suppress(ValueError):
                return read(value)
    return value


def validation_errors(config: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with settings whose kinds are right: a line for each fault.

    Args:
        config: Settings that fit the JSON schema, defaults filled in.

    Yields:
        Lines that name the setting, its value unless that may be a secret, and what is wanted.
    """
    for check in (_address, _range, _numbers, _words, _columns, _webhook, sdk_validation_errors):
        yield from check(config)


def _address(config: Mapping[str, Any]) -> Iterator[str]:
    if not config.get("api_url") and not config.get("store"):
        yield "store: this or api_url is required; it is the subdomain in {store}.29next.store"
    if config.get("store") and not _SUBDOMAIN.fullmatch(config["store"]):
        yield f"store: {config['store']!r} is no subdomain; give the first part of {{store}}.29next.store alone"
    token = config.get("access_token")
    if token is not None and (not token.strip() or not token.isascii() or not token.isprintable() or " " in token):
        yield "access_token: it is blank or has characters that no token has"
    if not config.get("api_url"):
        return
    url = _web_address(config["api_url"])
    if not url:
        yield "api_url: it is no address such as https://example.29next.store/api/admin/"
        return
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        yield "api_url: http would send the token in the clear; only https will do, except on this machine itself"
    if url.username or url.password or url.query or url.fragment:
        yield "api_url: it may not hold a user, a password, a query or a fragment"


def _range(config: Mapping[str, Any]) -> Iterator[str]:
    moments = {}
    for name in ("start_date", "end_date"):
        if config.get(name) or (name == "start_date" and name in config):
            try:
                moments[name] = to_instant(config[name])
            except ValueError:
                yield f"{name}: {config[name]!r} is no date or time, such as 2025-01-01 or 2025-01-01T00:00:00Z"
    if len(moments) == 2 and moments["start_date"] > moments["end_date"]:  # noqa: PLR2004
        yield f"start_date: {config['start_date']} is after end_date {config['end_date']}"


def _numbers(config: Mapping[str, Any]) -> Iterator[str]:
    bounds: dict[str, tuple[Callable[[float], bool], str]] = {
        **dict.fromkeys(MAPS[:2], (lambda n: n >= _SHORTEST_WINDOW, f"{_SHORTEST_WINDOW} or more")),
        **{name: (lambda n: n > 0, "more than 0") for name in _MORE_THAN_ZERO},
        **{name: (lambda n: n >= 0, "0 or more") for name in _AT_LEAST_ZERO},
        **{name: (lambda n: n >= 1, "1 or more") for name in _AT_LEAST_ONE},
    }
    for name, (fits, wanted) in bounds.items():
        given = config[name]  # each has a default
        by_stream = isinstance(given, dict)
        for key, value in ((f"{name}.{k}", v) for k, v in given.items()) if by_stream else [(name, given)]:
            if not fits(value):  # not a number, as JSON's NaN is, does not fit either
                yield f"{shortened(key, 80)}: {value} is not {wanted}"
            elif value > _LARGEST.get(name, value):
                yield f"{shortened(key, 80)}: {value} is more than {_LARGEST[name]:,}"


def _words(config: Mapping[str, Any]) -> Iterator[str]:
    for name, choices in _CHOICES.items():
        if config.get(name) not in (None, *choices):
            yield f"{name}: {config[name]!r} is none of {', '.join(choices)}"
    if (zone := config.get("timezone")) and zone_of(zone) is None:
        yield f"timezone: {zone!r} is no IANA time zone, such as America/New_York"
    try:
        codec = codecs.lookup(config.get("encoding", "utf-8"))
        text = codec._is_text_encoding and codec.name not in _OF_NO_FILE  # noqa: SLF001
        text = text and (codec.name.startswith(("utf-16", "utf-32")) or ",\n".encode(codec.name).endswith(b",\n"))
    except (LookupError, ValueError):
        text = False
    if not text:
        yield f"encoding: {config['encoding']!r} is no encoding that Python knows"
    for name in ("user_agent", "api_version"):
        value = config.get(name) or ""
        if not value.isascii() or not value.isprintable():
            yield f"{name}: {value!r} has characters that no header may have"


def _columns(config: Mapping[str, Any]) -> Iterator[str]:
    kinds = [kind.value for kind in ColumnType]
    for stream, columns in (config.get("column_types") or {}).items():
        for column, kind in columns.items():
            if kind not in kinds:
                yield f"column_types: {stream}.{column} is {kind!r}, which is none of {', '.join(kinds)}"
    for stream, columns in (config.get("primary_keys") or {}).items():
        if len(set(columns)) != len(columns):
            yield f"primary_keys: {stream} names a column twice"
        if fault := fault_of_key(columns):
            yield f"primary_keys: {stream} has {fault}"


def _webhook(config: Mapping[str, Any]) -> Iterator[str]:
    listen, target = config.get("webhook_listen"), config.get("webhook_target_url")
    if listen:
        host, _, port = listen.rpartition(":")
        if not _is_host(host.strip("[]")) or not _PORT.fullmatch(port) or int(port) > 65535:  # noqa: PLR2004
            yield f"webhook_listen: {listen!r} is not host:port, such as 127.0.0.1:8080"
    if target and not listen:
        yield "webhook_target_url: it needs webhook_listen, the address to receive on"
    if target and not _web_address(target):
        yield "webhook_target_url: it is no http or https address"
    if listen and not target and not config.get("webhook_secret"):
        yield "webhook_secret: without webhook_target_url the webhook is yours, and its secret has to be given"


def _web_address(text: str) -> SplitResult | None:
    """The parts of an address that a request can be sent to; None where it is none."""
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        return None
    fits = url.scheme in ("http", "https") and not _NOT_IN_ADDRESS.search(text) and _is_host(url.hostname or "")
    if "[" in url.netloc and not _BRACKETS.fullmatch(url.netloc):
        return None
    return url if fits else None


def _is_host(text: str) -> bool:
    """Whether a text can name a host: labels that a name may have, or an IP's address."""
    try:
        ip_address(text)
    except ValueError:
        try:
            return _HOST.fullmatch(text.encode("idna").decode()) is not None
        except UnicodeError:
            return False
    return True


def zone_of(name: str) -> ZoneInfo | None:
    """The zone of an IANA name.

    Args:
        name: Such as `America/New_York`.

    Returns:
        None where there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None

"""The check of the settings' values before any request: one line for each error."""

from __future__ import annotations

import codecs
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from singer_sdk.plugin_base import JSONSchemaValidator

from tap_exports.config.schema import CONFIDENTIAL, CONFIG_SCHEMA
from tap_exports.config.sdk_settings import sdk_validation_errors
from tap_exports.errors import shortened
from tap_exports.schema.keys import key_error
from tap_exports.schema.types import ColumnType
from tap_exports.schema.values import to_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from urllib.parse import SplitResult

    from jsonschema import ValidationError  # type: ignore[import-untyped]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_OUT_OF_RANGE = ("minimum", "exclusiveMinimum", "maximum", "enum")
"""The JSON schema's conditions that a value of the right type may violate."""
_NOT_IN_FILES = frozenset({"utf-7", "unicode-escape", "raw-unicode-escape", "punycode", "idna", "undefined"})
"""Python's text encodings that no CSV uses."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SUBDOMAIN = re.compile(_LABEL, re.IGNORECASE)
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_NOT_IN_ADDRESS = re.compile(r"[\s\\\x00-\x1f\x7f]")
_PORT = re.compile(r"[0-9]{1,5}")
_BRACKETS = re.compile(r"(?:[^@]*@)?\[[0-9a-f:.]+(?:%[^\]\s]+)?\](?::[0-9]*)?", re.IGNORECASE)


def validation_errors(
    config: Mapping[str, Any],
    schema: Mapping[str, Any] = CONFIG_SCHEMA,
    *more: Callable[[Mapping[str, Any]], Iterator[str]],
) -> list[str]:
    """One line for each error: the setting, its value unless that may be a secret, and what is expected.

    Defaults are added to `config`. `more` are further checks; like those here, they need values of the right types.
    """
    misfits = list(JSONSchemaValidator(schema).iter_errors(config))
    lines = [*dict.fromkeys(map(_described, misfits))]  # one value can cause the same message twice
    if all(error.validator in _OUT_OF_RANGE for error in misfits):
        for check in (_address, _range, _words, _columns, _webhook, sdk_validation_errors, *more):
            lines += check(config)
    return lines


def _described(error: ValidationError) -> str:
    """The line for a misfit; without the value, if that may be a secret."""
    path, message, schema = error.absolute_path, shortened(error.message), error.schema
    if not path:
        return message
    name = shortened(".".join(map(str, path)), 80)
    if path[0] not in CONFIDENTIAL:
        return f"{name}: {message}"
    if "enum" in schema:
        return f"{name}: it must be {' or '.join(schema['enum'])}"
    return f"{name}: it must be of the type {' or '.join(kind for kind in _kinds(schema) if kind != 'null')}"


def _kinds(schema: Mapping[str, Any]) -> Iterator[str]:
    """The types that a JSON schema allows."""
    kinds = schema.get("type", ())
    yield from [kinds] if isinstance(kinds, str) else kinds
    for one in schema.get("oneOf", ()):
        yield from _kinds(one)


def _address(config: Mapping[str, Any]) -> Iterator[str]:
    if not config.get("api_url") and not config.get("store"):
        yield "store: this or api_url is required; it is the subdomain in {store}.29next.store"
    if config.get("store") and not _SUBDOMAIN.fullmatch(config["store"]):
        yield f"store: {config['store']!r} is not a subdomain; give the first part of {{store}}.29next.store only"
    token = config.get("access_token")
    if token is not None and (not token.strip() or not token.isascii() or not token.isprintable() or " " in token):
        yield "access_token: it is blank or contains invalid characters"
    if not config.get("api_url"):
        return
    url = _web_address(config["api_url"])
    if not url:
        yield "api_url: it is not an address such as https://example.29next.store/api/admin/"
        return
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        yield "api_url: it must be https, or http on a loopback host, because http sends the token unencrypted"
    if url.username or url.password or url.query or url.fragment:
        yield "api_url: it must not contain a user, a password, a query or a fragment"


def _range(config: Mapping[str, Any]) -> Iterator[str]:
    moments = {}
    for name in ("start_date", "end_date"):
        if config.get(name) or (name == "start_date" and name in config):
            try:
                moments[name] = to_instant(config[name])
            except ValueError:
                yield f"{name}: {config[name]!r} is not a date or time such as 2025-01-01 or 2025-01-01T00:00:00Z"
    if len(moments) == 2 and moments["start_date"] > moments["end_date"]:  # noqa: PLR2004
        yield f"start_date: {config['start_date']} is after end_date {config['end_date']}"


def _words(config: Mapping[str, Any]) -> Iterator[str]:
    if (zone := config.get("timezone")) and zone_of(zone) is None:
        yield f"timezone: {zone!r} is not an IANA time zone such as America/New_York"
    try:
        codec = codecs.lookup(config.get("encoding", "utf-8"))
        text = codec._is_text_encoding and codec.name not in _NOT_IN_FILES  # noqa: SLF001
        text = text and (codec.name.startswith(("utf-16", "utf-32")) or ",\n".encode(codec.name).endswith(b",\n"))
    except (LookupError, ValueError):
        text = False
    if not text:
        yield f"encoding: {config['encoding']!r} is not a text encoding that Python has"
    for name in ("user_agent", "api_version"):
        value = config.get(name) or ""
        if not value.isascii() or not value.isprintable():
            yield f"{name}: {value!r} contains characters that a header cannot have"


def _columns(config: Mapping[str, Any]) -> Iterator[str]:
    kinds = [kind.value for kind in ColumnType]
    for stream, columns in (config.get("column_types") or {}).items():
        for column, kind in columns.items():
            if kind not in kinds:
                yield f"column_types: {stream}.{column} is {kind!r}, not one of {', '.join(kinds)}"
    for stream, columns in (config.get("primary_keys") or {}).items():
        if len(set(columns)) != len(columns):
            yield f"primary_keys: {stream} names a column twice"
        if error := key_error(columns):
            yield f"primary_keys: {stream}: {error}"


def _webhook(config: Mapping[str, Any]) -> Iterator[str]:
    listen, target = config.get("webhook_listen"), config.get("webhook_target_url")
    if listen:
        host, _, port = listen.rpartition(":")
        if not _is_host(host.strip("[]")) or not _PORT.fullmatch(port) or int(port) > 65535:  # noqa: PLR2004
            yield f"webhook_listen: {listen!r} is not host:port, such as 127.0.0.1:8080"
    if target and not listen:
        yield "webhook_target_url: it requires webhook_listen, the address to receive on"
    if target and not _web_address(target):
        yield "webhook_target_url: it is not an http or https address"
    if listen and not target and not config.get("webhook_secret"):
        yield "webhook_secret: required without webhook_target_url, because you register the webhook yourself"


def _web_address(text: str) -> SplitResult | None:
    """The parts of an http or https address; None where it is not one."""
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
    """Whether a text is a host's name or an IP address."""
    try:
        ip_address(text)
    except ValueError:
        try:
            return _HOST.fullmatch(text.encode("idna").decode()) is not None
        except UnicodeError:
            return False
    return True


def zone_of(name: str) -> ZoneInfo | None:
    """The zone of an IANA name such as `America/New_York`; None where there is no such zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None

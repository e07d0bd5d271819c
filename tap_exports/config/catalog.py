"""The check of the catalog before any request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib import Catalog

from tap_exports.errors import SettingsError, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEW = "Make a new one with --discover."
_METHODS = ("INCREMENTAL", "FULL_TABLE")


def check_catalog(catalog: dict[str, Any]) -> None:
    """Reject a catalog that the SDK cannot read, or of which the tap would ignore a part.

    Raises:
        SettingsError: Names the stream and each mistake in it.
    """
    try:
        Catalog.from_dict({"streams": [*catalog["streams"]]})
        errors = {entry["tap_stream_id"]: list(_errors(entry)) for entry in catalog["streams"]}
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        reason = shortened(f"{type(error).__name__}: {error}")
        raise SettingsError(f"the catalog is not a Singer catalog ({reason})", _NEW) from None
    for name, found in errors.items():
        if found:
            raise SettingsError(shortened(f"stream {name} of the catalog: {'; '.join(found)}"), _NEW)


def _errors(entry: dict[str, Any]) -> Iterator[str]:
    yield from _key_and_method(entry, "key_properties", "replication_method")
    for item in entry.get("metadata", []):
        breadcrumb, metadata = item["breadcrumb"], item["metadata"]
        for name in ("selected", "selected-by-default"):
            if (chosen := metadata.get(name)) is not None and not isinstance(chosen, bool):
                where = f" of {'.'.join(breadcrumb[1:])}" if breadcrumb else ""
                yield f"{name}{where} is {chosen!r}, not true or false"
        if not breadcrumb:
            yield from _key_and_method(metadata, "table-key-properties", "forced-replication-method")


def _key_and_method(found: dict[str, Any], key: str, method: str) -> Iterator[str]:
    names = found.get(key)
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        yield f"{key} is not a list of column names"
    if found.get(method) not in (None, *_METHODS):
        yield f"{method} is {found[method]!r}, not {' or '.join(_METHODS)}"

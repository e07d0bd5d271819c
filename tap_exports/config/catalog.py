"""The catalog that a run is given, checked before anything is asked of the store. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_exports.config.documents import find_unencodable
from tap_exports.errors import SettingsError, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANEW = "Make a new one with --discover."
_METHODS = ("INCREMENTAL", "FULL_TABLE")


def check_catalog(catalog: Any) -> None:  # noqa: ANN401 - whatever the file holds
    """Refuse a catalog that the SDK would stumble over, or of which the tap would do something else than it says.

    Args:
        catalog: The decoded JSON.

    Raises:
        SettingsError: If it is no Singer catalog, naming the stream and what is wrong with it.
    """
    streams = catalog.get("streams") if isinstance(catalog, dict) else None
    if not isinstance(streams, list):
        raise SettingsError('the catalog has no list "streams"', _ANEW)
    if fault := find_unencodable(streams):
        raise SettingsError(f"the catalog cannot be used: {fault}", _ANEW)
    for n, entry in enumerate(streams, start=1):
        if validation_errors := list(_faults(entry)):
            name = entry.get("tap_stream_id", n) if isinstance(entry, dict) else n
            told = f"the catalog's stream {shortened(str(name), 80)} has {'; '.join(validation_errors)}"
            raise SettingsError(shortened(told), _ANEW)


def _faults(entry: Any) -> Iterator[str]:  # noqa: ANN401
    if not isinstance(entry, dict):
        yield "no object"
        return
    if not isinstance(entry.get("tap_stream_id"), str):
        yield "no tap_stream_id"
    schema = entry.get("schema", {})
    if not isinstance(schema, dict) or not isinstance(schema.get("properties", {}), dict):
        yield "a schema that is none"
        return
    for name, prop in schema.get("properties", {}).items():
        if not _is_schema(prop):
            yield f"a schema that is none for the column {shortened(name, 80)}"
    if not _is_schema(schema):
        yield "a schema that is none"
    yield from _key_and_method(entry, "key_properties", "replication_method")
    metadata = entry.get("metadata", [])
    if not isinstance(metadata, list) or not all(map(_is_metadata, metadata)):
        yield "metadata that is none"
        return
    for item in metadata:
        yield from _metadata(item["breadcrumb"], item["metadata"])


def _metadata(breadcrumb: list[str], metadata: dict[str, Any]) -> Iterator[str]:
    for name in ("selected", "selected-by-default"):
        if (chosen := metadata.get(name)) is not None and not isinstance(chosen, bool):
            where = f" of {shortened('.'.join(breadcrumb[1:]), 80)}" if breadcrumb else ""
            yield f"{_told(chosen)} for {name}{where}, where true or false should be"
    if not breadcrumb:
        yield from _key_and_method(metadata, "table-key-properties", "forced-replication-method")


def _key_and_method(found: dict[str, Any], keys: str, method: str) -> Iterator[str]:
    if not _are_names(found.get(keys)):
        yield f"{keys} that are no list of names"
    if found.get(method) not in (None, *_METHODS):
        yield f"the {method} {_told(found[method])}, where the tap knows {' and '.join(_METHODS)}"


def _is_schema(schema: Any) -> bool:  # noqa: ANN401
    """Whether this is a JSON schema as far as anybody looks into it: the tap, and the SDK's own model of one."""
    if not isinstance(schema, dict):
        return False
    kinds, options, properties = schema.get("type"), schema.get("anyOf"), schema.get("properties")
    return (
        (isinstance(kinds, str) or _are_names(kinds))
        and (options is None or (isinstance(options, list) and all(map(_is_schema, options))))
        and (properties is None or (isinstance(properties, dict) and all(map(_is_schema, properties.values()))))
        and (schema.get("items") is None or _is_schema(schema["items"]))
    )


def _are_names(names: Any) -> bool:  # noqa: ANN401
    return names is None or (isinstance(names, list) and all(isinstance(name, str) for name in names))


def _is_metadata(item: Any) -> bool:  # noqa: ANN401
    return (
        isinstance(item, dict)
        and isinstance(item.get("breadcrumb"), list)
        and all(isinstance(part, str) for part in item["breadcrumb"])
        and isinstance(item.get("metadata"), dict)
    )


def _told(value: Any) -> str:  # noqa: ANN401
    return shortened(repr(value), 80)

"""Batch files, if `batch_config` is set.

The SDK reports an incomplete `batch_config` only during a run, and accepts some that lose rows or write deselected
columns. So it is validated before any request.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fsspec import get_filesystem_class  # type: ignore[import-untyped]  # the SDK's own storage
from singer_sdk.batch import Batcher
from upath import UPath

from tap_exports.errors import LocalTrouble, TapExportsError, shortened
from tap_exports.singer.compat import StorageTarget

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_exports.singer.compat import BatchConfig

_KNOWN = {
    "batch_config": ("encoding", "storage", "batch_size"),
    "batch_config.encoding": ("format", "compression"),
    "batch_config.storage": ("root", "prefix", "params"),
}
_MAPS = ("stream_maps", "flattening_enabled")


def validation_errors(config: Mapping[str, Any]) -> Iterator[str]:
    """A line for each error in `batch_config`, without its value, because an address may contain a password."""
    given = config.get("batch_config")
    if not given:
        return
    encoding, storage = given.get("encoding") or {}, given.get("storage") or {}
    for (name, known), part in zip(_KNOWN.items(), (given, encoding, storage), strict=True):
        for word in sorted(set(part) - set(known)):
            yield f"{name}.{word}: unknown; the known ones are {', '.join(known)}"
    yield from _encoding_errors(encoding)
    if not storage.get("root"):
        yield "batch_config.storage.root: required with batch_config; an address such as file:///tmp/shop"
    elif error := _address_error(storage["root"]):
        yield f"batch_config.storage.root: {error}"
    size = given.get("batch_size")
    if size is not None and (type(size) is not int or size < 1):
        yield "batch_config.batch_size: not an integer of 1 or more"
    for name in _MAPS:
        if config.get(name):
            yield f"batch_config: {name} has no effect on batch files; use one of the two"


def _encoding_errors(encoding: Mapping[str, Any]) -> Iterator[str]:
    form = encoding.get("format")
    if not form:
        yield "batch_config.encoding.format: required with batch_config; jsonl or parquet"
    elif form == "jsonl" and encoding.get("compression") != "gzip":
        yield "batch_config.encoding.compression: must be gzip where the format is jsonl"
    elif form == "parquet" and find_spec("pyarrow") is None:
        yield "batch_config.encoding.format: parquet needs pyarrow: pip install pyarrow"


def _address_error(root: str) -> str | None:
    """Why an address cannot be used; None if it can."""
    try:
        StorageTarget(root).get_url("")
        for one in root.split("::"):  # fsspec chains addresses with ::
            get_filesystem_class(UPath(one).protocol)  # creating one might connect
    except ImportError as error:  # its text names the library to install
        return str(error)
    except Exception:  # noqa: BLE001 - each storage has its own errors
        return "not an address of a writable storage, such as file:///tmp/shop"
    return None


def written(tap: str, stream: str, batch_config: BatchConfig, records: Iterator[dict[str, Any]]) -> Iterator[list[str]]:
    """Write records to files; yield the addresses of finished files, or raise LocalTrouble."""
    try:
        yield from Batcher(tap, stream, batch_config).get_batches(records)
    except TapExportsError:  # from the records
        raise
    except ImportError as error:
        raise LocalTrouble(f"a batch file cannot be written: {error}", "Install it in the tap's environment.") from None
    except Exception as error:  # noqa: BLE001 - each storage has its own errors
        # Without the library's text, which may contain an address with a password or a signature.
        reason = shortened(getattr(error, "strerror", None) or type(error).__name__)
        hint = "Check batch_config.storage.root, its free space and its permissions."
        raise LocalTrouble(f"a batch file cannot be written: {reason}", hint) from None

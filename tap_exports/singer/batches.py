"""Files of records in place of messages, where `batch_config` asks for them.

The SDK takes a `batch_config` as it is, and learns in the midst of a run what it lacks. Some of what it takes would
lose rows or show columns without a word, so all of it is checked before any request is made.
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
    """What is wrong with `batch_config`, if there is one: a line for each fault.

    Args:
        config: Settings that fit the JSON schema.

    Yields:
        Lines that name the setting and what is wanted, and no value: an address may hold a password.
    """
    given = config.get("batch_config")
    if not given:
        return
    encoding, storage = given.get("encoding") or {}, given.get("storage") or {}
    for (name, known), part in zip(_KNOWN.items(), (given, encoding, storage), strict=True):
        for word in sorted(set(part) - set(known)):
            yield f"{name}.{word}: it is not known; there are {', '.join(known)}"
    yield from _encoding(encoding)
    yield from _storage(storage)
    size = given.get("batch_size")
    if size is not None and (type(size) is not int or size < 1):
        yield "batch_config.batch_size: it is not a whole number of 1 or more"
    for name in _MAPS:
        if config.get(name):
            yield f"batch_config: {name} has no effect on batch files, the SDK maps records alone; use one of the two"


def _encoding(encoding: Mapping[str, Any]) -> Iterator[str]:
    form = encoding.get("format")
    if not form:
        yield "batch_config.encoding.format: it is required where batch_config is used; jsonl or parquet"
    elif form == "jsonl" and encoding.get("compression") != "gzip":
        yield "batch_config.encoding.compression: it has to be gzip where the format is jsonl, as such files are"
    elif form == "parquet" and find_spec("pyarrow") is None:
        yield "batch_config.encoding.format: parquet needs pyarrow beside the tap: pip install pyarrow"


def _storage(storage: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(storage.get("params") or {}, dict):
        yield "batch_config.storage.params: it is no object"
    if not storage.get("root"):
        yield "batch_config.storage.root: it is required where batch_config is used; an address such as file:///tmp/shop"
        return
    if "\0" in storage["root"]:
        yield "batch_config.storage.root: it has a NUL character, which no address has"
        return
    try:
        StorageTarget(storage["root"]).get_url("")
        for one in storage["root"].split("::"):  # fsspec's chains, each of which has a library of its own
            get_filesystem_class(UPath(one).protocol)  # to make one might connect already
    except ImportError as error:  # it says which library to install
        yield f"batch_config.storage.root: {error}"
    except Exception:  # noqa: BLE001 - each kind of storage raises its own
        yield "batch_config.storage.root: it is no address of a storage that can be written to, such as file:///tmp/shop"


def written(tap: str, stream: str, batch_config: BatchConfig, records: Iterator[dict[str, Any]]) -> Iterator[list[str]]:
    """Write records into files.

    Args:
        tap: Its name, for the files' names.
        stream: The stream's, likewise.
        batch_config: What files, and where.
        records: They are taken as files need them.

    Yields:
        The addresses of files that are whole.

    Raises:
        LocalTrouble: If one cannot be written.
    """
    try:
        yield from Batcher(tap, stream, batch_config).get_batches(records)
    except TapExportsError:  # of the records
        raise
    except ImportError as error:
        raise LocalTrouble(f"a batch file cannot be written: {error}", "Install it beside the tap.") from None
    except Exception as error:  # noqa: BLE001 - each kind of storage raises its own
        # No other words: those of a storage's library may hold its address, with a password or a signature in it.
        reason = shortened(getattr(error, "strerror", None) or type(error).__name__)
        hint = "Look at batch_config.storage.root, and at the room and the rights there."
        raise LocalTrouble(f"a batch file cannot be written: {reason}", hint) from None

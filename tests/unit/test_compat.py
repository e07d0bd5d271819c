"""The private names of the SDK that the streams use: all in one module, and all still there."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from singer_sdk.streams import Stream

from tap_exports.singer import compat

PACKAGE = Path(compat.__file__).parent.parent
MODULES = [*(PACKAGE / "singer").glob("*.py"), PACKAGE / "streams.py"]
SDK_NAMES = {
    name for name in {*dir(Stream), *Stream.__init__.__code__.co_names} if name.startswith("_") and name[1] != "_"
}


def private_names(path):
    """Private attributes that a module uses or defines, and private modules that it imports from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("singer_sdk"):
            yield from (part for part in node.module.split(".") if part.startswith("_"))


@pytest.mark.parametrize("name", compat.PRIVATE_NAMES)
def test_the_sdk_still_has_it(name):
    assert name in SDK_NAMES


def test_the_sdk_calls_the_hooks_in_the_order_that_the_streams_rely_on():
    body = inspect.getsource(Stream.sync)
    assert 0 < body.index("_write_schema_message") < body.index("get_batch_config") < body.index("_sync_records")


def test_compat_lists_what_it_uses():
    used = set(private_names(Path(compat.__file__))) & SDK_NAMES
    assert used == set(compat.PRIVATE_NAMES)


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "compat.py"], ids=lambda path: path.name)
def test_no_other_module_uses_one(path):
    assert set(private_names(path)) & (SDK_NAMES | {"_batch", "_catalog"}) == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_final_method_is_overridden(path):
    final = {name for name, value in vars(Stream).items() if getattr(value, "__final__", False)}
    assert "sync" in final
    defined = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
    assert defined & final == set()

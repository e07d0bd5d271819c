"""The private names of the SDK that the tap uses are listed in one module, and still exist."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from singer_sdk import Tap
from singer_sdk.plugin_base import PluginBase
from singer_sdk.streams import Stream

from tap_exports.singer import compat
from tap_exports.tap import TapExports

PACKAGE = Path(compat.__file__).parent.parent
MODULES = [*(PACKAGE / "singer").glob("*.py"), PACKAGE / "streams.py"]
TAP = PACKAGE / "tap.py"


def private_names_of(*kinds):
    """Private names of the SDK's classes: of the class, and those that its __init__ sets."""
    names = {name for kind in kinds for name in {*dir(kind), *kind.__init__.__code__.co_names}}
    return {name for name in names if name.startswith("_") and name[1] != "_"}


SDK_NAMES = private_names_of(Stream)
TAP_NAMES = private_names_of(Tap, PluginBase)


def private_names(path):
    """Private attributes that a module uses or defines, and private modules that it imports from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("singer_sdk"):
            yield from (part for part in node.module.split(".") if part.startswith("_"))


def test_the_sdk_calls_the_hooks_in_the_order_that_the_streams_rely_on():
    body = inspect.getsource(Stream.sync)
    assert 0 < body.index("_write_schema_message") < body.index("get_batch_config") < body.index("_sync_records")


def test_invoke_does_what_the_sdks_does():
    options = set(inspect.signature(Tap.invoke).parameters)
    assert set(inspect.signature(TapExports.invoke).parameters) == options | {"plan"}


def test_compat_lists_the_private_names_that_are_used_and_the_sdk_still_has_them():
    assert set(private_names(PACKAGE / "singer" / "compat.py")) & SDK_NAMES == set(compat.PRIVATE_NAMES)
    assert set(private_names(TAP)) & TAP_NAMES == set(compat.PRIVATE_TAP_NAMES)


def test_no_other_module_uses_one():
    used = {name for path in MODULES if path.name != "compat.py" for name in private_names(path)}
    assert used & (SDK_NAMES | {"_batch", "_catalog", "_dict_config"}) == set()


@pytest.mark.parametrize(("paths", "kind"), [(MODULES, Stream), ([TAP], Tap)], ids=["stream", "tap"])
def test_no_final_method_is_overridden(paths, kind):
    final = {name for name, value in inspect.getmembers(kind) if getattr(value, "__final__", False)}
    assert {"sync", "sync_all"} & final
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text()))]
    assert {node.name for node in nodes if isinstance(node, ast.FunctionDef)} & final == set()

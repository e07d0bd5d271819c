"""An export flows one way: each file imports only from files above it in the list."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "tap_exports"
FLOW = (
    "errors", "documents", "clock", "windows", "names", "values", "column_types", "bulk", "keys", "columns",
    "drift", "csvfile", "api", "transport", "tally", "sending", "client", "download", "source", "asking",
    "waiting", "permits", "exports", "progress", "lane", "lanes", "discovery", "connections", "webhook",
    "records", "sdk_settings", "settings", "config_schema", "state", "catalog", "inputs", "stations",
    "messages", "batch_files", "mapped", "export_log", "streams", "tap", "__main__",
)  # fmt: skip
PURE = {
    "errors", "documents", "windows", "names", "values", "column_types", "bulk", "keys", "columns", "lane",
    "sdk_settings", "catalog",
}  # fmt: skip
SDK = {"config_schema", "messages", "batch_files", "mapped", "export_log", "streams", "tap", "__main__"}
HTTP = {"transport", "sending", "download"}


def imports_of(path):
    """The modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own(found):
    return {name.split(".")[1] for name in found if name.startswith("tap_exports.")}


def test_the_list_has_every_module():
    assert sorted(FLOW) == sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("module", FLOW)
def test_a_module_imports_only_from_above(module):
    above = set(FLOW[: FLOW.index(module)])
    if module in {"mapped", "export_log", "streams"}:
        above.add("tap")  # for its type alone: a stream knows the tap that it belongs to
    assert own(imports_of(PACKAGE / f"{module}.py")) & set(FLOW) <= above


@pytest.mark.parametrize("module", FLOW)
def test_who_knows_the_sdk_and_who_speaks_http(module):
    roots = {name.split(".")[0] for name in imports_of(PACKAGE / f"{module}.py")}
    assert ("singer_sdk" in roots) is (module in SDK)
    assert ("requests" in roots) is (module in HTTP)
    if module in PURE:
        assert not roots & {"requests", "threading", "time", "os", "logging", "socket", "tempfile"}


def test_nothing_above_imports_the_practice_store():
    for path in PACKAGE.glob("*.py"):
        assert not any(name.startswith("tap_exports.sandbox") for name in imports_of(path)), path


def test_the_practice_store_uses_nothing_of_the_tap():
    for path in (PACKAGE / "sandbox").glob("*.py"):
        assert own(imports_of(path)) <= {"sandbox"}, path

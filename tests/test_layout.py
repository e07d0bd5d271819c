"""The packages depend on one another in one direction, and no module is part of an import cycle."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "tap_exports"
BASE = {"errors", "clock", "window"}
PARTS = {"schema", "config", "store", "files", "exports", "ledger"}
ALLOWED = {
    "errors": {"window"},
    "clock": {"errors"},
    "window": {"errors"},
    "schema": BASE,
    **dict.fromkeys(("config", "store", "files", "ledger"), BASE | {"schema"}),
    "exports": BASE | {"schema", "store", "files"},
    "context": BASE | PARTS,
    "singer": BASE | PARTS | {"context"},
    "streams": BASE | PARTS | {"context", "singer"},
    "tap": BASE | PARTS | {"context", "singer", "streams"},
    "__main__": BASE | {"singer", "tap"},
    "sandbox": set(),
}
"""The imports that each folder or top-level module may have, besides its own."""
USES_SDK = {"config.catalog", "config.schema", "config.validation", "streams", "tap", "__main__"}
"""Modules outside `singer` that import the Singer SDK."""
USES_HTTP = "store"


MODULES = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}
"""Every module, by its dotted name below the package."""


@cache
def imports_of(path):
    """The names that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own_imports(path):
    """The tap's modules that a file imports."""
    for name in imports_of(path):
        _, _, dotted = name.partition("tap_exports.")
        if name.startswith("tap_exports."):
            yield dotted if dotted in MODULES else dotted.rpartition(".")[0]


def test_a_folder_imports_only_what_lies_before_it():
    for module, path in MODULES.items():
        top = module.split(".")[0]
        used = {name.split(".")[0] for name in own_imports(path) if name}
        assert top == "__init__" or used - {top} <= ALLOWED[top], module


def test_there_is_no_import_cycle():
    names = set(MODULES)
    graph = {name: set(own_imports(MODULES[name])) & names - {name} for name in names}
    while free := {name for name, targets in graph.items() if not targets & graph.keys()}:
        for name in free:
            del graph[name]
    assert not graph


def test_only_some_modules_use_the_sdk_and_only_the_store_speaks_http():
    for module, path in MODULES.items():
        roots = {name.split(".")[0] for name in imports_of(path)}
        if "singer_sdk" in roots and not module.startswith("sandbox"):
            assert module.startswith("singer.") or module in USES_SDK, module
        if "requests" in roots and not module.startswith("sandbox"):
            assert module.startswith(f"{USES_HTTP}."), module

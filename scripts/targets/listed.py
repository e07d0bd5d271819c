"""The targets to test, with their settings and known differences."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import plumbing

from targets import readers
from targets.environments import no_server, object_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path


@dataclass(frozen=True)
class Target:
    """A target to test.

    Attributes:
        name: Its command.
        requirements: What pip installs.
        upserts: Whether it keeps one row for each key.
        config: Its settings; `{folder}` is its output folder, `{server}` its server.
        read: The function that reads its tables, from its environment's Python, the folder and the server.
        how: The difference from other tests of the same target.
        quirks: The known differences, as in `Finding.differences`.
        tap: Settings of the tap; `{folder}` is a folder of the recording.
        mapper: Settings of a mapper between the tap and the target.
        server: Starts its server.
        python: Its interpreter.
        on_start: A line of Python that runs before the target.
    """

    name: str
    requirements: tuple[str, ...]
    upserts: bool
    config: dict[str, Any]
    read: Callable[[Path, Path, str], readers.Tables]
    how: str = ""
    quirks: frozenset[str] = frozenset()
    tap: dict[str, Any] = field(default_factory=dict)
    mapper: dict[str, Any] = field(default_factory=dict)
    server: Callable[[], AbstractContextManager[str]] = no_server
    python: str = sys.executable
    on_start: str = ""

    @property
    def package(self) -> str:
        """The package's name."""
        return self.requirements[0].split("==")[0]

    @property
    def version(self) -> str:
        """The package's version."""
        return self.requirements[0].split("==")[1]

    @property
    def title(self) -> str:
        """Package, version and `how`."""
        return f"{self.package} {self.version}" + (f" {self.how}" if self.how else "")


ROUNDS = frozenset({"number"})  # to about 15 digits
LOSES_ROWS = frozenset({"rows", "missing row", "new column", "string", "date-time", "integer"})  # and what had changed
NEVER_RUNS = frozenset({"exit", "state", "rows", "missing row", "new column"})
NEVER_INSTALLS = frozenset({"install"})

BATCHES = {
    "batch_config": {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": "file://{folder}"}}
}
JSONL = Target(
    "target-jsonl",
    tuple(plumbing.pins("target-jsonl")),
    upserts=False,
    config={"destination_path": "{folder}"},
    read=readers.read_jsonl,
)
MAPPER = ("meltano-map-transform==0.12.3",)
MAPPED = replace(
    JSONL,
    how="behind the mapper",
    mapper={"stream_maps": {"customer_list": {"email": None, "email_hash": "md5(email or '')"}}},
)
POSTGRES = Target(
    "target-postgres",
    (plumbing.pins("target-postgres")[0],),
    upserts=True,
    config={"sqlalchemy_url": "{server}", "default_target_schema": "shop", "load_method": "upsert"},
    read=readers.read_postgres,
    server=plumbing.postgres,
)
DUCKDB = Target(
    "target-duckdb",
    ("target-duckdb==0.8.0", "duckdb==1.2.2"),
    upserts=True,
    config={"path": "{folder}/out.duckdb", "default_target_schema": "shop"},
    read=readers.read_duckdb,
    quirks=ROUNDS,
)
CSV = Target(
    "target-csv",
    ("meltanolabs-target-csv==0.5.0",),
    upserts=False,
    config={
        "output_path": "{folder}",
        "file_naming_scheme": "{stream_name}-{timestamp}.csv",
        "timestamp_format": "%Y%m%dT%H%M%S%f",
    },
    read=readers.read_csv,
)
PARQUET = Target(
    "target-s3",
    ("plinxore-target-s3==0.1.7",),
    upserts=False,
    config={
        "format": {"format_type": "parquet", "format_parquet": {"get_schema_from_tap": False}},
        "cloud_provider": {
            "cloud_provider_type": "aws",
            "aws": {
                "aws_access_key_id": "key",
                "aws_secret_access_key": "secret",
                "aws_region": "us-east-1",
                "aws_bucket": "shop",
                "aws_endpoint_override": "{server}",
            },
        },
        "prefix": "exports",
    },
    read=readers.read_parquet,
    server=object_store,
)
# Python 3.10 removed this name, which the next two targets and an old SQLAlchemy use.
OLD_NAME = "import collections, collections.abc; collections.MutableMapping = collections.abc.MutableMapping"
SQLITE = Target(
    "target-sqlite",
    # Its metadata pins SQLAlchemy, jsonschema and inflection; the other packages are pinned here.
    (
        "target-sqlite==0.2.0",
        "singer-python==6.8.0",
        "backoff==2.2.1",
        "ciso8601==2.4.1",
        "python-dateutil==2.9.0.post0",
        "pytz==2026.6",
        "setuptools==80.9.0",
        "simplejson==3.20.2",
        "six==1.17.0",
    ),
    upserts=True,
    config={"database": "{folder}/out"},
    read=readers.read_sqlite,
    how="with the line for newer Pythons",
    on_start=OLD_NAME,
    quirks=ROUNDS,
)
OLD_CSV = Target(
    "target-csv",
    ("target-csv==0.3.0", "setuptools==80.9.0"),
    upserts=False,
    config={"destination_path": "{folder}", "disable_collection": True},
    read=readers.read_csv,
    how="with the line for newer Pythons",
    on_start=OLD_NAME,
    quirks=ROUNDS | {"new column"},
)
UNIVERSAL = Target(
    "target-universal-file",
    ("target-universal-file==0.0.1",),
    upserts=False,
    config={"protocol": "local", "file_type": "csv", "path": "{folder}"},
    read=readers.read_csv,
    quirks=frozenset({"rows", "missing row"}),
)

TARGETS = [
    JSONL,
    replace(JSONL, how="with batches", tap=BATCHES, quirks=NEVER_RUNS),
    MAPPED,
    POSTGRES,
    replace(POSTGRES, how="with batches", tap=BATCHES),
    DUCKDB,
    replace(
        DUCKDB,
        how="with the amount as text",
        tap={"column_types": {"customer_list": {"total_spent": "string"}}},
        quirks=frozenset(),
    ),
    replace(
        DUCKDB,
        how="with a newer DuckDB",
        requirements=(DUCKDB.requirements[0], "duckdb==1.4.5"),
        quirks=ROUNDS | LOSES_ROWS,
    ),
    CSV,
    replace(CSV, how="with batches", tap=BATCHES),
    replace(
        CSV,
        how="with one name for all",
        config={"output_path": "{folder}"},
        quirks=frozenset({"rows", "missing row", "new column"}),
    ),
    PARQUET,
    replace(
        PARQUET,
        how="with the tap's types",
        config=PARQUET.config
        | {"format": {"format_type": "parquet"}, "flattening_enabled": True, "flattening_max_depth": 1},
        quirks=frozenset({"number", "date-time"}),
    ),
    replace(
        PARQUET,
        how="with its defaults",
        config=PARQUET.config | {"format": {"format_type": "parquet"}},
        quirks=NEVER_RUNS,
    ),
    SQLITE,
    replace(SQLITE, how="on Python 3.9", python="python3.9", on_start=""),
    replace(SQLITE, how="on Python 3.10 or newer, as it is", on_start="", quirks=NEVER_RUNS),
    OLD_CSV,
    UNIVERSAL,
    replace(UNIVERSAL, how="with Parquet", config=UNIVERSAL.config | {"file_type": "parquet"}, quirks=NEVER_RUNS),
    Target(
        "target-parquet",
        ("target-parquet==0.0.1",),
        upserts=False,
        config={},
        read=readers.read_csv,
        quirks=NEVER_INSTALLS,
    ),
]

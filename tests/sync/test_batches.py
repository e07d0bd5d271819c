"""batch_config: files of records instead of messages, or one line that names what is missing."""

from __future__ import annotations

import gzip
import json
import signal
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlparse

import pytest

from .conftest import fixed, line_of, only, rest_of


@pytest.fixture
def batch_config(tmp_path):
    """Make a valid one with these parts changed; None removes a part."""

    def make(*, encoding=None, storage=None, **more):
        parts = {
            "encoding": {"format": "jsonl", "compression": "gzip"} | (encoding or {}),
            "storage": {"root": f"file://{tmp_path}/batches", "prefix": "batch-"} | (storage or {}),
        }
        return {name: {k: v for k, v in part.items() if v is not None} for name, part in parts.items()} | more

    return make


def test_batch_files_contain_the_same_records(make_store, sync, batch_config):
    store = make_store(frozen=True)
    end = (store.now - timedelta(hours=1)).isoformat()  # so that both runs have the same windows
    config = store.config | {**fixed(15), "reuse_exports_minutes": 0, "end_date": end}
    plain = sync(config, streams=["order_list"])
    run = sync(config | {"batch_config": batch_config()}, streams=["order_list"])
    records = []
    for message in run.messages:
        if message["type"] == "BATCH":
            for address in message["manifest"]:
                lines = gzip.decompress(Path(urlparse(address).path).read_bytes()).splitlines()
                records += [json.loads(line, parse_float=str) for line in lines]
        if message["type"] == "STATE" and (entry := message["value"]["bookmarks"].get("order_list")) and len(entry) > 1:
            claimed = [r for r in plain.records("order_list") if r["date_to"] <= entry["replication_key_value"]]
            assert len(records) >= len(claimed)
    assert run.of("RECORD") == []
    assert [r["order_number"] for r in records] == [r["order_number"] for r in plain.records("order_list")]
    assert [r["total_incl_tax"] for r in records] == [r["total_incl_tax"] for r in plain.records("order_list")]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"encoding": {"format": None}}, "batch_config.encoding.format: required"),
        ({"storage": {"root": None}}, "batch_config.storage.root: required"),
        (
            {"encoding": {"compression": "none"}},
            "batch_config.encoding.compression: must be gzip where the format",
        ),
        ({"batch_size": 0}, "batch_config.batch_size: not an integer of 1 or more"),
        ({"batchsize": 500}, "batch_config.batchsize: unknown"),
        ({"storage": {"root": ""}}, "batch_config.storage.root: required"),
        ({"storage": {"root": "file:///a\0b"}}, "batch_config.storage.root: contains a NUL character"),
        ({"storage": {"path": "/tmp"}}, "batch_config.storage.path: unknown"),
        ({"storage": {"params": "anon"}}, "batch_config.storage.params: not an object"),
        ({"storage": {"root": "s3://bucket/shop"}}, "batch_config.storage.root: Install s3fs to access S3"),
        (
            {"storage": {"root": "webdav://me:key@host/x"}},
            "storage.root: not an address of a writable storage",
        ),
    ],
    ids=lambda v: str(v) if isinstance(v, dict) else "",
)
def test_an_invalid_batch_config_is_refused_before_any_request(make_store, inside, batch_config, change, line):
    """With a size of 0 the SDK would write no file and move the bookmark."""
    store = make_store()
    run = inside(store.config | {"batch_config": batch_config(**change)})
    assert run.code == 1
    assert [line in error for error in run.errors] == [True], run.log
    assert "me:key" not in run.log
    assert store.count() == 0


@pytest.mark.parametrize(
    "given",
    [{"stream_maps": {"customer_list": {"email": None}}}, {"flattening_enabled": True, "flattening_max_depth": 1}],
)
def test_maps_and_batches_exclude_one_another(make_store, inside, batch_config, given):
    """A column that a map drops would be in the files."""
    store = make_store()
    run = inside(store.config | given | {"batch_config": batch_config()})
    assert run.code == 1
    (fault,) = run.errors
    assert f"batch_config: {next(iter(given))} has no effect on batch files" in fault
    assert store.count() == 0


@pytest.mark.parametrize("nothing", [{}, {"stream_maps": {"customer_list": {"email": None}}, "batch_config": {}}])
def test_an_empty_batch_config_is_ignored(make_store, sync, nothing):
    run = sync(make_store(days=5).config | nothing, streams=["customer_list"])
    assert run.records("customer_list")
    assert run.of("BATCH") == []


def test_parquet_requires_a_library(make_store, inside, batch_config):
    store = make_store()
    run = inside(store.config | {"batch_config": batch_config(encoding={"format": "parquet"})})
    assert run.code == 1
    (fault,) = run.errors
    assert "batch_config.encoding.format: parquet needs pyarrow" in fault
    assert "pip install pyarrow" in fault
    assert store.count() == 0


def test_a_signal_ends_a_run_between_two_batches(make_store, discover, command, batch_config):
    store = make_store(days=30, orders_per_day=100)
    config = store.config | {**fixed(30), "batch_config": batch_config(batch_size=1)}
    process = command(config, catalog=only(discover(store.config), "order_list"), wait=False, patience=3600)
    while '"BATCH"' not in line_of(process):
        pass
    process.send_signal(signal.SIGTERM)
    out, err = rest_of(process)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Stopped by a signal" in err
    assert out.count('"BATCH"') < 1000  # of 2,300 in the first window


@pytest.mark.parametrize(
    ("root", "reason"),
    [("file:///dev/null", "FileExistsError"), ("file:///proc/nowhere", "No such file or directory")],
    ids=["a file", "no place"],
)
def test_batch_files_that_cannot_be_written_fail_the_streams_in_one_line(
    make_store, inside, batch_config, root, reason
):
    store = make_store(days=5)
    run = inside(store.config | {"batch_config": batch_config(storage={"root": root})})
    assert run.code == 1
    assert run.of("BATCH") == []
    assert run.bookmark("order_list") is None
    (error,) = run.errors
    assert f"a batch file cannot be written: {reason}" in error
    assert "Check batch_config.storage.root" in error
    assert [code for code in store.types if f" {code}" not in error] == []

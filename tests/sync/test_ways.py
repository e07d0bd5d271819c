"""How records are written: the fast path, stream maps, metrics, and batch files in place of messages."""

from __future__ import annotations

import json
import signal
from datetime import timedelta

import pytest

from tap_exports.streams import ExportStream

from .conftest import Run, assert_fails, fixed, line_of, lines_of_batches, only, rest_of


def written(run):
    """The messages without time_extracted and export_id."""
    for message in run.of("RECORD"):
        assert message.pop("time_extracted").endswith("Z")
        message["record"].pop("export_id")
    return run.messages


def test_the_fast_path_and_the_sdks_path_write_the_same_messages(make_store, sync, monkeypatch):
    store = make_store(frozen=True, days=12)
    end = (store.now - timedelta(hours=1)).isoformat()  # so that both runs have the same windows
    config = store.config | {**fixed(5), "reuse_exports_minutes": 0, "end_date": end}
    fast = sync(config, streams=store.types)
    monkeypatch.setattr(ExportStream, "is_plain", property(lambda self: False))
    slow = sync(config, streams=store.types)
    assert len({m["stream"] for m in fast.of("RECORD")}) == 13
    assert written(fast) == written(slow)


def test_stream_maps_rename_filter_hash_and_copy(make_store, sync):
    store = make_store()
    maps = {
        "order_list": {
            "__alias__": "orders",
            "__filter__": "record['currency'] == 'USD'",
            "order_number": "order_number",
            "email_hash": "md5(record['customer_email'])",
            "__else__": None,
        },
        "orders_again": {"__source__": "order_list", "order_number": "order_number", "__else__": None},
    }
    run = sync(store.config | {"stream_maps": maps, "batch_config": {}}, streams=["order_list"])
    assert {m["stream"] for m in run.of("SCHEMA")} == {"orders", "orders_again"}
    assert set(run.records("orders")[0]) == {"order_number", "email_hash"}
    assert len(run.records("orders")[0]["email_hash"]) == 32
    assert 0 < len(run.records("orders")) <= len(run.records("orders_again"))


def test_map_results_that_json_lacks_are_text(make_store, sync):
    maps = {"order_list": {"seen": "datetime.datetime(2026, 1, 2, 3, 4)", "zone": "datetime.timezone.utc"}}
    run = sync(make_store(days=10).config | {"stream_maps": maps}, streams=["order_list"])
    assert {(r["seen"], r["zone"]) for r in run.records("order_list")} == {("2026-01-02T03:04:00", "UTC")}


def test_metrics_have_the_sdks_names(make_store, sync, caplog):
    with caplog.at_level("INFO", logger="singer_sdk.metrics"):
        run = sync(make_store(days=10).config, streams=["order_list"])
    points = [json.loads(line.removeprefix("METRIC: ")) for line in caplog.messages if line.startswith("METRIC")]
    counted = sum(p["value"] for p in points if p["metric"] == "record_count")
    assert counted == len(run.records("order_list")) > 0
    asked = {
        (p["tags"]["endpoint"], p["tags"]["http_status_code"]): p["value"] for p in points if "http" in p["metric"]
    }
    assert asked["POST exports/", 201] == 1
    assert asked["GET exports/{id}/download/", 200] == 1
    assert any(p["metric"] == "sync_duration" and p["tags"]["status"] == "succeeded" for p in points)


def changed(batch_config, encoding=(), storage=(), **more):
    """A batch_config with some parts changed; None removes a part."""
    parts = {"encoding": batch_config["encoding"] | dict(encoding), "storage": batch_config["storage"] | dict(storage)}
    return {name: {k: v for k, v in part.items() if v is not None} for name, part in parts.items()} | more


def test_batch_files_contain_the_same_records(make_store, sync, batch_config):
    store = make_store(frozen=True)
    end = (store.now - timedelta(hours=1)).isoformat()  # so that both runs have the same windows
    config = store.config | {**fixed(15), "reuse_exports_minutes": 0, "end_date": end}
    plain = sync(config, streams=["order_list"])
    run = sync(config | {"batch_config": batch_config}, streams=["order_list"])
    records = []
    for message in run.messages:
        records += [json.loads(line, parse_float=str) for line in lines_of_batches(Run([message]))]
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
        ({"encoding": {"compression": "none"}}, "batch_config.encoding.compression: must be gzip where the format"),
        ({"batch_size": 0}, "batch_config.batch_size: not an integer of 1 or more"),
        ({"batchsize": 500}, "batch_config.batchsize: unknown"),
        ({"storage": {"path": "/tmp"}}, "batch_config.storage.path: unknown"),
        ({"encoding": {"format": "parquet"}}, "encoding.format: parquet needs pyarrow: pip install pyarrow"),
        ({"storage": {"root": "s3://bucket/shop"}}, "batch_config.storage.root: Install s3fs to access S3"),
        ({"storage": {"root": "webdav://me:key@host/x"}}, "storage.root: not an address of a writable storage"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_an_invalid_batch_config_is_refused_before_any_request(make_store, inside, batch_config, change, line):
    """With a size of 0 the SDK would write no file and move the bookmark."""
    store = make_store()
    run = inside(store.config | {"batch_config": changed(batch_config, **change)})
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
    run = inside(store.config | given | {"batch_config": batch_config})
    assert_fails(run, f"batch_config: {next(iter(given))} has no effect on batch files")
    assert store.count() == 0


def test_a_signal_ends_a_run_between_two_batches(make_store, discover, command, batch_config):
    store = make_store("order_list", days=30, orders_per_day=100)
    config = store.config | {**fixed(30), "batch_config": batch_config | {"batch_size": 1}}
    process = command(config, catalog=only(discover(store.config), "order_list"), wait=False, patience=3600)
    while '"BATCH"' not in line_of(process):
        pass
    process.send_signal(signal.SIGTERM)
    out, err = rest_of(process)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Stopped by a signal" in err
    assert out.count('"BATCH"') < 1000  # of 2,300 in the first window


def test_batch_files_that_cannot_be_written_fail_the_streams_in_one_line(make_store, inside, batch_config):
    store = make_store("customer_list", "order_list", days=5)
    run = inside(store.config | {"batch_config": changed(batch_config, storage={"root": "file:///proc/nowhere"})})
    assert_fails(
        run,
        "a batch file cannot be written: No such file",
        "Check batch_config.storage.root",
        "customer_list, order_list",
    )
    assert run.of("BATCH") == []
    assert run.bookmark("order_list") is None

"""The fast path writes the same as the SDK's; maps, flattening and metrics work."""

from __future__ import annotations

import json
from datetime import timedelta

from tap_exports.streams import ExportStream

from .conftest import fixed


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

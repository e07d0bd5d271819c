"""The token, the webhook's secret and signed links are in no output, and in no log at any level."""

from __future__ import annotations

import json

import pytest
from ports import free_port

from tap_exports.sandbox import Fault

SECRET = "wh-secret-0123456789"
FORMATTERS = {
    "structured": {"()": "singer_sdk.logging.StructuredFormatter"},
    "plain": {"format": "%(asctime)s | %(levelname)-8s | %(name)s | %(message)s"},
}
LIBRARIES = (
    "urllib3",
    "urllib3.connectionpool",
    "urllib3.util.retry",
    "requests",
    "singer_sdk",
    "waitress",
    "tap-exports",
)


@pytest.fixture
def loud(tmp_path):
    """The environment for logs of all libraries at debug level."""

    def make(formatter="plain"):
        handler = {"class": "logging.StreamHandler", "formatter": formatter, "stream": "ext://sys.stderr"}
        logs = {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": FORMATTERS,
            "handlers": {"console": handler},
            "root": {"level": "DEBUG", "handlers": ["console"]},
            "loggers": {name: {"level": "DEBUG"} for name in LIBRARIES},
        }
        path = tmp_path / "logging.yaml"
        path.write_text(json.dumps(logs))
        return {"SINGER_SDK_LOG_CONFIG": str(path), "LOGLEVEL": "DEBUG", "TAP_EXPORTS_LOGLEVEL": "DEBUG"}

    return make


def assert_untold(store, *texts):
    for text in texts:
        for secret in (store.token, SECRET, "Signature=", "Expires="):
            assert secret not in text


@pytest.mark.parametrize(
    ("arguments", "formatter"), [([], "plain"), ([], "structured"), (["--discover"], "plain")], ids=str
)
def test_no_logger_at_any_level_reveals_a_secret(make_store, command, loud, arguments, formatter):
    """With urllib3, requests, waitress and the SDK at debug level, as SINGER_SDK_LOG_CONFIG can set it."""
    store = make_store("customer_list", "order_list", days=10, orders_per_day=1)
    for fault in ({"kind": "cut", "times": 2}, {"kind": "status", "status": 403}):
        store.add_fault(Fault("file", **fault))
    hook = {"webhook_listen": f"127.0.0.1:{free_port()}", "webhook_secret": SECRET}
    process = command(store.config | hook, *arguments, wait=False, environment=loud(formatter))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "urllib3.connectionpool" in err
    assert "/api/admin/exports/types/" in err
    assert_untold(store, out, err)


def test_only_the_api_receives_the_token(make_store, sync):
    store = make_store("customer_list", "order_list", days=10, orders_per_day=1)
    sync(store.config)
    for entry in store.log:
        credential = entry.headers.get("Authorization")
        assert credential == (f"Bearer {store.token}" if entry.host == "api" else None)
        assert "Cookie" not in entry.headers
    assert {entry.host for entry in store.log} == {"api", "file"}

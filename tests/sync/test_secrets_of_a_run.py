"""The token, the webhook's secret and signed links are in no output, and in no log at any level."""

from __future__ import annotations

import pytest
from ports import free_port

from tap_exports.sandbox import Fault

SECRET = "wh-secret-0123456789"
LOUD = """
version: 1
disable_existing_loggers: false
formatters:
  structured: {"()": singer_sdk.logging.StructuredFormatter}
  plain: {format: "%(asctime)s | %(levelname)-8s | %(name)s | %(message)s"}
handlers:
  console: {class: logging.StreamHandler, formatter: FORMAT, stream: "ext://sys.stderr"}
root: {level: DEBUG, handlers: [console]}
loggers:
  urllib3: {level: DEBUG}
  urllib3.connectionpool: {level: DEBUG}
  urllib3.util.retry: {level: DEBUG}
  requests: {level: DEBUG}
  singer_sdk: {level: DEBUG}
  tap-exports: {level: DEBUG}
  waitress: {level: DEBUG}
"""


@pytest.fixture
def loud(tmp_path):
    """The environment for logs of all libraries at debug level."""

    def make(formatter="plain"):
        path = tmp_path / "logging.yaml"
        path.write_text(LOUD.replace("FORMAT", formatter))
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

"""The SDK's own tests of a tap, against a practice store."""

from __future__ import annotations

import contextlib
import io
import json

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_exports.sandbox import Sandbox
from tap_exports.tap import TapExports

from .conftest import NOW, QUICK, list_types

pytestmark = pytest.mark.xdist_group("standard")  # one sync for all of these tests

store = Sandbox(now=NOW, rate_limit=None, days=10)
store.__enter__()
list_types(store, "customer_list", "order_line_items", "order_list")
with contextlib.redirect_stdout(io.StringIO()) as out, pytest.MonkeyPatch.context() as quick:
    quick.setattr(TapExports, "timings", QUICK)
    TapExports(config=dict(store.config), setup_mapper=False).run_discovery()
catalog = json.loads(out.getvalue())
for entry in catalog["streams"]:  # the SDK tests every stream
    for item in entry["metadata"]:
        item["metadata"]["selected"] = True


@pytest.fixture(scope="module", autouse=True)
def _stopped_at_the_end():
    yield
    store.__exit__(None, None, None)


TestTapExports = get_tap_test_class(
    TapExports,
    config=store.config | {"window_days": 60},
    catalog=catalog,
    suite_config=SuiteConfig(max_records_limit=None),  # a limit would run a test of the connection
)

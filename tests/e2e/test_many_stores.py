"""docs/many-stores.md: two stores in one project, each with its own tables and state."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone

import plumbing
import pytest
import yaml

from tap_exports.sandbox import Sandbox

pytestmark = pytest.mark.e2e

NOW = datetime(2026, 3, 3, 12, 34, 56, tzinfo=timezone.utc)
PAGE = (plumbing.ROOT / "docs" / "many-stores.md").read_text()


def block_with(word):
    """The page's YAML block with one part of meltano.yml."""
    blocks = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
    (found,) = [block for block in blocks if word in block]
    return found


@pytest.fixture
def stores():
    """Two stores with different data."""
    options = {"now": NOW, "frozen": True, "rate_limit": None, "days": 12}
    with Sandbox(**options, orders_per_day=2) as north, Sandbox(**options, orders_per_day=5, seed=7) as south:
        yield {"north": north, "south": south}


@pytest.fixture
def project(meltano, database, stores):
    """This repository's project with the page's additions."""
    variables = {"TAP_EXPORTS__SELECT": '["order_list.*"]', "TAP_EXPORTS_LOOKBACK_DAYS": "3"}
    for name, store in stores.items():
        variables[f"SHOP_{name.upper()}_TOKEN"] = store.token
        variables[f"SHOP_{name.upper()}_API_URL"] = store.config["api_url"]
        variables[f"SHOP_{name.upper()}_START_DATE"] = store.config["start_date"]
    made = meltano({}, TARGET_POSTGRES_SQLALCHEMY_URL=plumbing.sqlalchemy(database), **variables)
    path = made.folder / "meltano.yml"
    document = yaml.safe_load(path.read_text())
    document["plugins"]["extractors"] += block_with("plugins")["plugins"]["extractors"]
    document["jobs"] += block_with("jobs")["jobs"]
    document["schedules"] += block_with("jobs")["schedules"]
    path.write_text(yaml.safe_dump(document))
    return made


def test_each_store_has_its_own_tables_and_state(project, database, stores):
    for name in stores:
        project.run("schedule", "run", f"{name}-nightly", timeout=180)
    for name, store in stores.items():
        numbers = plumbing.query(database, f"SELECT order_number FROM shop_{name}.order_list")
        rows = store.rows("order_list", store.start_date, store.now)
        assert {number for (number,) in numbers} <= {row["Order Number"] for row in rows}
        assert len(set(numbers)) == len(numbers) >= len(rows) - 1 > 10
        schema = f"SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop_{name}'"
        assert plumbing.query(database, schema) == [("order_list",)]
        state = json.loads(project.run("state", "get", f"dev:shop-{name}-to-target-postgres", timeout=60))
        assert state["singer_state"]["bookmarks"]["order_list"]["replication_key_value"]
    both = re.search(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]
    assert {store for store, *_ in plumbing.query(database, both)} == set(stores)

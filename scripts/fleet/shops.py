"""Practice stores, and Meltano projects with an extractor for each."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import plumbing
import yaml  # type: ignore[import-untyped]

from tap_exports.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from tap_exports.sandbox import Export

DAYS = 6
"""Days of history: less than the look-back, so that the second night reads all of it again."""
OLD_DAYS = 6
"""Days of older history, where a backfill loads it."""
WINDOW_DAYS = 4
RATE_LIMIT = 4


@dataclass
class Shop:
    """One practice store, and how it is loaded."""

    name: str
    store: Sandbox
    token: str
    backfill: bool = False
    seen: int = 0
    """Exports made before the present night."""
    seen_requests: int = 0
    unused: frozenset[int] = frozenset()
    """Ids of exports that showed the columns only: they begin before the nightly loads do."""

    def next_night(self) -> None:
        """Advance the store by a day, and start new counts of exports and requests."""
        if not self.seen:
            self.unused = frozenset(one.id for one in self.store.exports if one.date_from < self.start)
        self.seen, self.seen_requests = len(self.store.exports), len(self.store.log)
        self.store.advance(timedelta(days=1))

    @property
    def plugin(self) -> str:
        """The name of its extractor."""
        return f"shop-{self.name}"

    @property
    def schema(self) -> str:
        """Where its tables are."""
        return self.plugin.replace("-", "_")

    @property
    def start(self) -> datetime:
        """Where the nightly loads start."""
        return self.store.start_date + timedelta(days=OLD_DAYS if self.backfill else 0)

    @property
    def settings(self) -> dict[str, str]:
        """Variables for its extractor, and for that of its backfill."""
        prefix = self.schema.upper()
        found = {
            self.token: self.store.token,
            f"{prefix}_API_URL": self.store.api_url,
            f"{prefix}_START_DATE": self.start.isoformat(),
            f"{prefix}_WINDOW_DAYS": str(WINDOW_DAYS),
            f"{prefix}_POLL_INTERVAL_SECONDS": "2",
        }
        if self.backfill:
            found[f"{prefix}_BACKFILL_START_DATE"] = self.store.start_date.isoformat()
            found[f"{prefix}_BACKFILL_LOOKBACK_DAYS"] = "0"
            found[f"{prefix}_BACKFILL_REFRESH_DAYS"] = "0"
        return found

    @property
    def exports(self) -> list[Export]:
        """The exports of the present night."""
        return self.store.exports[self.seen :]

    @property
    def repeated(self) -> int:
        """Exports of the present night that were requested twice: another one of their type has the same start."""
        made = Counter((one.type, one.date_from) for one in self.exports)
        return sum(times - 1 for times in made.values())

    @property
    def entry(self) -> dict[str, object]:
        """Its entry in stores.yml."""
        found: dict[str, object] = {"name": self.name, "token": self.token}
        if self.backfill:
            start = self.store.start_date
            days = {"start": f"{start:%Y-%m-%d}", "end": f"{self.start:%Y-%m-%d}"}
            # Pieces of OLD_DAYS / 2.
            middle = start + timedelta(days=OLD_DAYS / 2)
            found["backfill"] = days | {"every": f"0 0 {start.day},{middle.day},{self.start.day} * *"}
        return found


@contextmanager
def open_shops(names: Sequence[str], tokens: dict[str, str], backfill: str) -> Iterator[list[Shop]]:
    """Start a practice store for each name.

    Args:
        names: The stores' names.
        tokens: Stores that have the token of another one.
        backfill: The store with older history.
    """
    with ExitStack() as stack:
        shops = []
        for seed, name in enumerate(names, start=1):
            days = DAYS + (OLD_DAYS if name == backfill else 0)
            owner = tokens.get(name, name)
            store = Sandbox(
                seed=seed, days=days, orders_per_day=4, rate_limit=RATE_LIMIT, ready_seconds=0.3, token=f"token-{owner}"
            )
            shops.append(Shop(name, stack.enter_context(store), f"SHOP_{owner.upper()}_TOKEN", name == backfill))
        yield shops


def project(folder: Path, shops: Sequence[Shop]) -> Path:
    """A Meltano project with the plugins of this checkout and an extractor for each store."""
    system = folder / ".meltano"
    system.mkdir(parents=True)
    for kind in ("extractors", "loaders"):
        (system / kind).symlink_to(plumbing.PLUGINS / kind)
    document = yaml.safe_load((plumbing.ROOT / "meltano.yml").read_text())
    for shop in shops:
        inherited = {"inherit_from": "tap-exports", "load_schema": shop.schema}
        config = {"access_token": f"${shop.token}"}
        document["plugins"]["extractors"].append({"name": shop.plugin, **inherited, "config": config})
        if shop.backfill:
            more = {"name": f"{shop.plugin}-backfill", "inherit_from": shop.plugin, "load_schema": shop.schema}
            document["plugins"]["extractors"].append(more)
    (folder / "meltano.yml").write_text(yaml.safe_dump(document))
    return folder


def write_dags(folder: Path, source: Path, shops: Sequence[Shop], wrong: Sequence[dict[str, object]]) -> Path:
    """The example's DAG files, with these stores and some entries that are wrong."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    stores = [*(shop.entry for shop in shops), *wrong]
    (folder / "stores.yml").write_text(yaml.safe_dump({"stores": stores}))
    return folder


def leftovers(folder: Path) -> list[Path]:
    """Files with settings that runs have left in a project."""
    return [path for path in (folder / ".meltano" / "run").glob("*/*config*.json") if path.is_file()]

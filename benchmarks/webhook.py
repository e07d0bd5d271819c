"""The delay between an export being ready and its download, with a webhook and without."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tap_exports.sandbox import Sandbox

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
from ports import free_port


def late(seconds: float, *, webhook: bool) -> tuple[float, int]:
    """Sync one window of one type, for which the store takes some seconds.

    Returns the seconds from ready to the request for the file's link, and the number of polls.
    """
    with Sandbox(ready_seconds=seconds, days=10) as store, tempfile.TemporaryDirectory() as place:
        config = store.config | {"stream_maps": {}, "poll_interval_seconds": 120}
        if webhook:
            port = free_port()
            config |= {
                "webhook_listen": f"127.0.0.1:{port}",
                "webhook_target_url": f"http://127.0.0.1:{port}/exports/",
            }
        stream = {"tap_stream_id": "order_list", "stream": "order_list", "key_properties": ["order_number"]}
        stream["schema"] = {"type": "object", "properties": {"order_number": {"type": ["string"]}}}
        stream["metadata"] = [{"breadcrumb": [], "metadata": {"selected": True}}]
        for name, document in (("config", config), ("catalog", {"streams": [stream]})):
            (Path(place) / f"{name}.json").write_text(json.dumps(document))
        subprocess.run(
            [sys.executable, "-m", "tap_exports", "--config", "config.json", "--catalog", "catalog.json"],
            cwd=place,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        (export,) = store.exports
        link = min(entry.time for entry in store.log if entry.place == "link")
        return (link - export.ready_at).total_seconds(), store.count(place="poll")


def main() -> None:
    """Print two rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="the time that the store takes for the export")
    seconds = parser.parse_args().seconds
    for label, webhook in (("with a webhook", True), ("without", False)):
        after, polls = late(seconds, webhook=webhook)
        print(f"  {label:16} downloaded {after:5.2f} s after it was ready, {polls} polls")


if __name__ == "__main__":
    main()

"""A practice store for tap-exports: the whole Exports API over HTTP on this machine, with generated data.

```python
with Sandbox(ready_seconds=0.1, time_format="iso_naive") as store:
    store.add_fault(Fault("create", "lost"))
    run_tap(store.config)
    assert store.count(place="create") == len(store.exports)
```
"""

from __future__ import annotations

from tap_exports.sandbox.faults import Fault
from tap_exports.sandbox.options import Options
from tap_exports.sandbox.records import Delivery, Export, Request, Webhook
from tap_exports.sandbox.sandbox import Sandbox

__all__ = ["Delivery", "Export", "Fault", "Options", "Request", "Sandbox", "Webhook"]

"""A practice store for tap-exports: the whole Exports API over HTTP on this machine, with generated data.

```python
with Sandbox(ready_seconds=0.1, time_format="iso_naive") as store:
    store.add_fault(Fault("create", "lost"))
    run_tap(store.config)
    assert store.count(place="create") == len(store.exports)
```
"""

from __future__ import annotations

from tap_exports.sandbox.export import Export, Status
from tap_exports.sandbox.faults import Fault, FaultKind, Place
from tap_exports.sandbox.merchant import MetadataType
from tap_exports.sandbox.options import (
    Options,
    Scope,
)
from tap_exports.sandbox.request_log import Request
from tap_exports.sandbox.sandbox import Sandbox
from tap_exports.sandbox.webhook_sender import Delivery, Webhook

__all__ = [
    "Delivery",
    "Export",
    "Fault",
    "FaultKind",
    "MetadataType",
    "Options",
    "Place",
    "Request",
    "Sandbox",
    "Scope",
    "Status",
    "Webhook",
]

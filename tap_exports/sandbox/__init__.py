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
    ApiTimes,
    BooleanFormat,
    EmptyFile,
    Gzip,
    HeaderStyle,
    ListOrder,
    MetadataHeaders,
    MoneyFormat,
    NextLinks,
    Options,
    OwnKey,
    RangeField,
    Scope,
    StoreShape,
    TimeFormat,
    WebhookMoment,
    WebhookSigns,
)
from tap_exports.sandbox.request_log import Request
from tap_exports.sandbox.sandbox import Sandbox
from tap_exports.sandbox.webhook_sender import Delivery, Webhook

__all__ = [
    "ApiTimes",
    "BooleanFormat",
    "Delivery",
    "EmptyFile",
    "Export",
    "Fault",
    "FaultKind",
    "Gzip",
    "HeaderStyle",
    "ListOrder",
    "MetadataHeaders",
    "MetadataType",
    "MoneyFormat",
    "NextLinks",
    "Options",
    "OwnKey",
    "Place",
    "RangeField",
    "Request",
    "Sandbox",
    "Scope",
    "Status",
    "StoreShape",
    "TimeFormat",
    "Webhook",
    "WebhookMoment",
    "WebhookSigns",
]

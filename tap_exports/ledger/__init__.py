"""The ledger: which records were sent, so that unchanged ones are not sent again and removed objects are noticed.

It only saves work: in any doubt, everything is sent.

**Positions.** Each window that the ledger records has a position, a number that only grows, in random steps. The STATE
after the window carries it as `"<ledger id>:<position>"`. A position is known if the ledger has it for that stream. So
a state from another ledger, or from after the point at which a copy was made, is not recognized.

**One window**, in this order:

1. `begin`: the window gets its position.
2. Each record is compared with the digest of its key. Those to be sent are stored with their new digest and the
   window's position, and the transaction is committed. Only then are they handed out.
3. `finish`: the range is marked as covered; committed. Only then does STATE carry the position.

**One run**, per stream: `StreamLedger` receives the position of the state that the run was given.

- Known: digests with a later position are forgotten.
- Empty, unknown or missing, or the fingerprint differs: all digests of the stream are forgotten.

**Why no interruption loses a record.** A record is withheld only if its digest is stored with a position that the
given state includes. That record was sent before the STATE with that position, so a target that returned this STATE
has it. Anything sent to the key afterwards was stored, with a later position, before it was sent; the digest is then
a different one or forgotten, and the record is sent. This holds wherever the process, the target or both end: before
the commit nothing was sent, between commit and STATE the position is later than the one of the given state. Forgetting
is permanent and positions are never reused, so runs with different states, such as development and production, cannot
confuse their entries. What is sent without being recorded gets the position `""`, after which everything is sent. If
the file fails during a run, its digests are forgotten, or else it is deleted.

**Line items** are compared by parent: the digest of a parent combines its lines in a file, in any order.

**Removed objects.** The ledger has, for each object, the export that last contained it, and for each stream, the export
that last covered each range of time. An object is removed when every range was covered by a later export than the one
that last contained it. This concerns the store, not any target, so forgetting digests does not affect it.
"""

from tap_exports.ledger.coverage import Export
from tap_exports.ledger.database import Ledger
from tap_exports.ledger.removed import RemovedObjects
from tap_exports.ledger.stream_ledger import StreamLedger

__all__ = ["Export", "Ledger", "RemovedObjects", "StreamLedger"]

"""The ledger: which records were sent, so that unchanged ones are not sent again and removed objects are noticed.

It saves work and is never proof: whenever in doubt, everything is sent.

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
given state includes. That record was sent before the STATE with that position, so a target that gave this STATE back
holds it. Anything sent to the key afterwards was stored, with a later position, before it was sent; the digest is then
a different one or forgotten, and the record is sent. This holds wherever the process, the target or both end: before
the commit nothing was sent, between commit and STATE the position is later than the one of the given state. Forgetting
is permanent and positions are never reused, so runs with different states (development and production, say) cannot
take one another's entries for their own. What is sent without being recorded gets the position `""`, after which
everything is sent; and if the file fails in the midst of a run, its digests are forgotten, or else it is deleted.

**Line items** are compared by parent: the digest of a parent combines its lines in a file, whatever their order.

**Removed objects.** Each object knows the export that last held it, and each stream which export last covered each
range of time. An object is removed when every range was covered by a later export than the one that held it. This is
knowledge about the store, so it does not depend on what any target received, and forgetting digests does not touch it.
"""

from tap_exports.ledger.database import Ledger
from tap_exports.ledger.removed import RemovedObject, RemovedObjects
from tap_exports.ledger.stream_ledger import Export, StreamLedger

__all__ = ["Export", "Ledger", "RemovedObject", "RemovedObjects", "StreamLedger"]

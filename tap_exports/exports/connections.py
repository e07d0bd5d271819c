"""The bounds of the webhook listener's connections, which its server has not: how long one may last, and how many.

A delivery is a small request that is answered at once. Whoever opens connections and sends nothing, or a byte a
minute, would otherwise hold them for ever, and a hundred of them would keep the store out.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

LONGEST_SECONDS = 20.0
"""How long one lasts: the store itself gives a delivery up by then."""
MOST = 100
"""How many there are at one time; one more, and the oldest has to go."""


def bounded_protocol() -> type[asyncio.Protocol]:
    """Uvicorn's protocol with these bounds; each class of it counts connections of its own.

    Returns:
        What uvicorn takes as its `http`.
    """
    from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: PLC0415 - uvicorn is an extra

    open_now: OrderedDict[asyncio.Transport, asyncio.TimerHandle] = OrderedDict()

    class Bounded(H11Protocol):
        def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as uvicorn has it
            super().connection_made(transport)
            open_now[transport] = self.loop.call_later(LONGEST_SECONDS, transport.abort)
            if len(open_now) > MOST:
                oldest, timer = open_now.popitem(last=False)
                timer.cancel()
                oldest.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            if (timer := open_now.pop(self.transport, None)) is not None:
                timer.cancel()
            super().connection_lost(exc)

        def shutdown(self) -> None:
            super().shutdown()
            self.transport.abort()  # from Python 3.12 on the server would wait for it

    return Bounded

"""Ports that must be known before a server listens on them."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """A free port of this machine, below the range from which Linux, macOS and Windows assign ports themselves."""
    source = random.SystemRandom()  # not seeded: programs that run at the same time need different ports
    while True:
        port = source.randrange(15_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port

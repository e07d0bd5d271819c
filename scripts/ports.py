"""Ports for whoever has to know one before it is listened on."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """A port of this machine that nobody has, and that nobody is given by chance.

    Ports that the system chooses by itself, for every connection too, lie above these on Linux, macOS and Windows:
    one of those may be gone again before it is listened on.
    """
    dice = random.SystemRandom()  # a seeded one would give programs that run side by side the same ports
    while True:
        port = dice.randrange(15_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port

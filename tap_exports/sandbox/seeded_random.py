"""Random values that depend only on a name, not on the order of calls for other names."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

SPENT = 1 << 64
"""Below this, values from the pool would be uneven."""


class SeededRandom:
    """Random values for a name, such as `(seed, "order", 17)`."""

    def __init__(self, *name: object) -> None:
        self._name = "/".join(map(str, name))
        self._refills = 0
        self._pool = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit - 1`."""
        if self._pool < SPENT:
            text = f"{self._name}#{self._refills}"
            self._pool = int.from_bytes(blake2b(text.encode()).digest(), "big")
            self._refills += 1
        self._pool, value = divmod(self._pool, limit)
        return value

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """True with a probability in percent."""
        return self.below(100) < percent

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return choices[self.below(len(choices))]

    def digits(self, count: int) -> str:
        """A number of digits, leading zeros included."""
        return str(self.below(10**count)).zfill(count)

    def hex(self, count: int) -> str:
        """A number of hexadecimal digits."""
        return f"{self.below(16**count):0{count}x}"

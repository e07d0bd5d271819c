"""Chance that comes out the same for the same seed, in whatever order it is asked."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

# Below this the pool has too little left in it to be even.
SPENT = 1 << 64


class SeededRandom:
    """One object's own chance.

    Args:
        name: What it is for, such as `(seed, "order", 17)`: same name, same throws.
    """

    __slots__ = ("_name", "_pool", "_refills")

    def __init__(self, *name: object) -> None:
        self._name = "/".join(map(str, name))
        self._refills = 0
        self._pool = 0
        self._refill()

    def _refill(self) -> None:
        text = f"{self._name}#{self._refills}"
        self._pool = int.from_bytes(blake2b(text.encode(), digest_size=64).digest(), "big")
        self._refills += 1

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit - 1`."""
        if self._pool < SPENT:
            self._refill()
        self._pool, thrown = divmod(self._pool, limit)
        return thrown

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred throws."""
        return self.below(100) < percent

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return choices[self.below(len(choices))]

    def digits(self, count: int) -> str:
        """So many digits, leading zeros included."""
        return str(self.below(10**count)).zfill(count)

    def hex(self, count: int) -> str:
        """So many hexadecimal digits."""
        return f"{self.below(16**count):0{count}x}"

"""An interruption with a real target: its rows after the second run are compared with the store.

The first run's output goes through a pipe into a real target. The tap, the target, or both receive a signal. The second
run loads into the same target, from the state that the *target* returned, as with Meltano.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipe import Point, through_pipe
from runs import bookmark
from table import Table, compare
from verifier import Finding, stopped_well

if TYPE_CHECKING:
    from environment import Ground
    from loaders import Target
    from pipe import Interrupted
    from runs import Run

    from tap_exports.sandbox import Sandbox


@dataclass
class Landing:
    """The result of one interruption with a real target."""

    target: str
    upserts: bool
    point: Point
    finding: Finding
    table: Table
    came: bool
    """Whether anything was interrupted."""
    cut: bool
    """Whether the tap ended within a line."""
    resumed: bool
    """Whether the target had written a state."""
    log: str = ""

    def __str__(self) -> str:
        return f"{self.target}, {self.point}: {self.table}"


def land(ground: Ground, target: Target, point: Point) -> Landing:
    """Interrupt a run into an empty target, run again from the target's state, and compare the target's rows."""
    finding = Finding()
    with ground.store() as store:
        began = store.now
        first = _load(ground, store, target, point=point)
        finding.emitted(ground, first.run)
        second = _load(ground, store, target, state=first.state)
        finding.emitted(ground, second.run)
        for wrong in [*stopped_well(first.tap, point), *_wrong_state(first), *_ended_badly(second)]:
            finding.say(wrong)
        finding.arrived(ground, store, began, second.run)
        finding.exports(store)
        finding.secrets(store, first.run, second.run)
        until = bookmark(second.state)
        table = compare(store, until, target.rows()) if until else Table()
    for number, what in ((table.lost, "lost"), (table.wrong, "wrong"), (target.upserts and table.doubled, "doubled")):
        if number:
            finding.say(f"{number} rows are {what}; {'; '.join(table.examples[:3])}")
    log = f"{first.run.log}\n{first.log}\n{second.run.log}\n{second.log}" if finding.violations else ""
    return Landing(
        target=target.name,
        upserts=target.upserts,
        point=point,
        finding=finding,
        table=table,
        came=first.run.code != 0 or first.code != 0,
        cut=first.tap.cut,
        resumed=first.state is not None,
        log=log,
    )


@dataclass(frozen=True)
class _Load:
    """One run of the tap into a target."""

    tap: Interrupted
    code: int | None
    """The target's exit code; None if it hung."""
    state: dict[str, Any] | None
    log: str

    @property
    def run(self) -> Run:
        """The tap's output."""
        return self.tap.run


def _load(
    ground: Ground,
    store: Sandbox,
    target: Target,
    *,
    point: Point | None = None,
    state: dict[str, Any] | None = None,
) -> _Load:
    loader = target.begin()
    tap = through_pipe(ground, store, point, loader, state=state)
    code = loader.end()
    return _Load(tap, code, loader.state, loader.log)


def _wrong_state(load: _Load) -> list[str]:
    """What is wrong with a target's end and with the state that it wrote."""
    found = [] if load.code is not None else ["the target hung"]
    states = [message["value"] for message in load.run.messages if message["type"] == "STATE"]
    return (
        found if load.state is None or load.state in states else [*found, "the target's state is not one of the tap's"]
    )


def _ended_badly(load: _Load) -> list[str]:
    """What is wrong with a run without an interruption."""
    found = []
    if load.run.code or load.run.errors:
        found.append(f"the second run failed: {' '.join(load.run.errors)}")
    if load.code != 0:
        found.append(f"the target's second run ended with {load.code}: {load.log[-300:]}")
    if load.state is None or load.state != load.run.state:
        found.append("the target did not return the second run's last state")
    return found

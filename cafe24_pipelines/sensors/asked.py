"""Runs that a sensor asked for, followed until they end: what was lost with its process is asked for again.

A cursor moves when a run is asked for, not when it has done its work. A run that fails by its own steps says why, and
waits for a person; one whose process was killed, and its retry too, says nothing, and its events would wait for the
next one of the same mall. Does not belong here: which events a run is for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import dagster as dg

AGAIN: Final = 5
"""Times that a lost run is asked for again; each is retried once by the daemon."""
LOOKED_AT: Final = 100
"""Runs that one tick looks at; the others wait for the next."""
_AHEAD: Final = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)

# Tags that Dagster documents; their constants are private.
_KEY: Final = "dagster/run_key"
_REASON: Final = "dagster/failure_reason"
_RETRIED: Final = "dagster/will_retry"


@dataclass(frozen=True)
class Asked:
    """The run of a mall: the key it was first asked for by, and how often since."""

    key: str
    again: int = 0

    @property
    def run_key(self) -> str:
        """The key of the latest of them."""
        return f"{self.key}~{self.again}" if self.again else self.key


@dataclass
class Followed:
    """Where runs are: under way, of those the ones that have not begun, and lost ones, to be asked for again."""

    under_way: dict[str, Asked] = field(default_factory=dict)
    ahead: set[str] = field(default_factory=set)
    lost: dict[str, Asked] = field(default_factory=dict)


def read_waiting(held: Mapping[str, Any]) -> dict[str, Asked]:
    """What a cursor holds of runs that were asked for, by mall; unreadable ones are forgotten."""
    found = {}
    for mall, pair in held.items():
        try:
            found[mall] = Asked(str(pair[0]), int(pair[1]))
        except (TypeError, ValueError, IndexError, KeyError):
            continue
    return found


def write_waiting(waiting: Mapping[str, Asked]) -> dict[str, Any]:
    """The same for the cursor."""
    return {mall: [one.key, one.again] for mall, one in waiting.items()}


def followed(instance: dg.DagsterInstance, waiting: Mapping[str, Asked]) -> Followed:
    """Where the runs are that were asked for."""
    found = Followed()
    for n, (mall, asked) in enumerate(sorted(waiting.items())):
        runs = instance.get_runs(dg.RunsFilter(tags={_KEY: asked.run_key})) if n < LOOKED_AT else ()
        if n >= LOOKED_AT or _goes_on(runs):
            found.under_way[mall] = asked
            if any(run.status in _AHEAD for run in runs):
                found.ahead.add(mall)
        elif _lost(runs) and asked.again < AGAIN:
            found.lost[mall] = Asked(asked.key, asked.again + 1)
    return found


def _goes_on(runs: Any) -> bool:
    """Whether one of them, newest first, is not at its end, or the newest will be retried."""
    if any(not run.is_finished for run in runs):
        return True
    newest = next(iter(runs), None)
    return newest is not None and newest.is_failure and newest.tags.get(_RETRIED) == "true"


def _lost(runs: Any) -> bool:
    """Whether the newest failed by nothing that its steps did; runs that somebody deleted are nobody's."""
    newest = next(iter(runs), None)
    if newest is None or newest.status != dg.DagsterRunStatus.FAILURE:
        return False
    return newest.tags.get(_REASON) != "STEP_FAILURE"

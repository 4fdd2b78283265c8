"""Watching a state of each mall: one run a change, none for what is as it was.

A cursor holds what was last asked for, mall by mall, so that a restart asks for nothing twice; run keys are the belt.
Does not belong here: what a state is (each sensor says that).
"""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import dagster as dg

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.settings import Settings

VERSION: Final = 1
CAP: Final = 25
"""Runs that one tick asks for; the other malls wait for the next."""


def registered_malls(instance: dg.DagsterInstance, settings: "Settings") -> "dict[str, Mall]":
    """Malls that have a partition and are registered, in order: one that is being removed is not."""
    from cafe24_pipelines.cafe24.malls import known_malls

    registered = known_malls(settings.home)
    return {m: registered[m] for m in sorted(instance.get_dynamic_partitions("malls")) if m in registered}


def read_asked(cursor: str | None) -> dict[str, str]:
    """Mall to the state last asked for; empty for no cursor or one of another version."""
    try:
        read = json.loads(cursor) if cursor else {}
        return dict(read["asked"]) if read.get("v") == VERSION else {}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def write_asked(asked: Mapping[str, str]) -> str:
    """The cursor of `read_asked`."""
    return json.dumps({"v": VERSION, "asked": dict(sorted(asked.items()))})


def state(*parts: str) -> str:
    """A short name of a state: equal exactly when all parts are."""
    return sha256("\0".join(parts).encode()).hexdigest()[:16]


def runs_for_changes(
    context: dg.SensorEvaluationContext,
    states: Mapping[str, str],
    request: Callable[[str, str], dg.RunRequest],
    *,
    nothing: str,
) -> dg.SensorResult | dg.SkipReason:
    """A run for every mall whose state is not the one asked for last, at most `CAP` a tick.

    Args:
        states: mall to its state now; a mall without one is left out, and forgotten.
        request: the run of a mall and its state.
        nothing: why a tick without a change is skipped.
    """
    before = read_asked(context.cursor)
    asked = {mall: seen for mall, seen in before.items() if mall in states}
    changed = sorted(mall for mall, now in states.items() if asked.get(mall) != now)[:CAP]
    if not changed and asked == before:
        return dg.SkipReason(nothing)
    if not changed:  # a mall is gone: the cursor is the last place that holds its id
        return dg.SensorResult(skip_reason=nothing, cursor=write_asked(asked))
    runs = [request(mall, states[mall]) for mall in changed]
    return dg.SensorResult(run_requests=runs, cursor=write_asked(asked | {mall: states[mall] for mall in changed}))

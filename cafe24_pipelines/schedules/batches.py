"""Which malls a tick is about, and the runs that carry them: many light looks in one run instead of a process a mall.

A mall that is suspended, has left or is being removed is in none: nobody is told of a shop that is not served.
Does not belong here: what such a run does (`batch_jobs.py`).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import dagster as dg

from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.watching import state

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import EventLog

MOST_MALLS: Final = 50
"""Malls that one run carries: its start-up (some 10 s when embedded) is shared, and a run that dies repeats few."""


def served_malls(context: dg.ScheduleEvaluationContext, log: "EventLog") -> tuple[list[str], list[str]]:
    """Malls that have a partition and are served, in order; and the others, each with its stage."""
    from cafe24_pipelines.lifecycle.state import MallState, mall_states

    states, served, left_out = mall_states(log), [], []
    for mall_id in sorted(context.instance.get_dynamic_partitions("malls")):
        found = states.get(mall_id, MallState(mall_id))
        if found.served:
            served.append(mall_id)
        else:
            left_out.append(f"{mall_id} is {found.stage}")
    if left_out:
        context.log.info("left out: %s", "; ".join(left_out))
    return served, left_out


def each_batch(
    context: dg.ScheduleEvaluationContext, events: EventsResource, op: str
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run a batch of served malls, for the job whose one op is `op`.

    The key is the tick and the malls themselves, not the batch's number: a tick that is evaluated again after malls
    came or went misses none of them.
    """
    served, left_out = served_malls(context, events.log())
    if not served:
        yield dg.SkipReason("; ".join(left_out) or "there is no mall")
    at = context.scheduled_execution_time.isoformat()
    for first in range(0, len(served), MOST_MALLS):
        batch = served[first : first + MOST_MALLS]
        config = dg.RunConfig(ops={op: {"config": {"malls": batch}}})
        yield dg.RunRequest(run_key=f"{batch[0]}+{len(batch) - 1}:{at}:{state(*batch)}", run_config=config)

"""How a run goes through its malls: each is looked at, what was found is logged as the asset's materialisation of it.

One mall's trouble keeps no other waiting: it is noted without anybody's data, and the run fails at its end and names
the malls. Passing trouble is tried again after a while, for the malls that are still missing alone; a permanent one
is not. Does not belong here: what is looked at (`batch_jobs.py`), or who is told (`sensors/failures.py`).
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from cafe24_pipelines.assets import policies
from cafe24_pipelines.sensors.run_history import FAILED_MALLS, made_in

if TYPE_CHECKING:
    from cafe24_pipelines.operations.trouble import Trouble
    from cafe24_pipelines.stores.events import EventLog

IN_A_ROW: Final = 3
"""Malls in a row with the same passing trouble after which the rest wait for the next try: what they share is down,
and asking fifty times, each with its client's patience, would hold the run for an hour."""
UNTRIED: Final = f"not tried: the {IN_A_ROW} malls before it had the same trouble"
_NAMED: Final = 10
_PACKAGE: Final = Path(__file__).parents[1]

Look = Callable[[str], Mapping[str, Any]]
"""What is found of a mall, as the metadata of its materialisation."""


def go_through(context: dg.OpExecutionContext, log: "EventLog", malls: Sequence[str], asset: str, look: Look) -> None:
    """Look at every mall once and log what was found; malls that this run has done before stay as they are.

    A mall that is not served (any more) is left out.

    Raises:
        RetryRequested: some trouble passes, and a try is left.
        Failure: malls failed; its metadata names each with its reason.
    """
    made = made_in(context.instance, context.run.run_id)
    waiting = [m for m in dict.fromkeys(malls) if m not in made]
    first = context.retry_number * IN_A_ROW % max(len(waiting), 1)  # another first one in each try
    order = waiting[first:] + waiting[:first]
    tried = _Try(context, asset, sorted(made))
    for place, mall_id in enumerate(order):
        tried.look_at(mall_id, log, look)
        if tried.in_a_row == IN_A_ROW:
            tried.give_up(order[place + 1 :])
            break
    context.add_output_metadata({"malls": len(tried.done), "left_out": dg.MetadataValue.json(tried.left_out)})
    if tried.failed:
        tried.fail()


@dataclass
class _Try:
    """What came of a step's try: malls that are done, those left out with their stage, those that failed and how.

    `in_a_row` counts the latest malls that had the same passing trouble.
    """

    context: dg.OpExecutionContext
    asset: str
    done: list[str]
    left_out: dict[str, str] = field(default_factory=dict)
    failed: dict[str, "Trouble"] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    in_a_row: int = 0
    latest: "Trouble | None" = None

    def look_at(self, mall_id: str, log: "EventLog", look: Look) -> None:
        """One mall's turn."""
        from cafe24_pipelines.lifecycle.state import mall_state
        from cafe24_pipelines.operations.trouble import judge, links_of

        try:
            state = mall_state(log, mall_id)
            if not state.served:
                self.left_out[mall_id] = state.stage
                self.context.log.info("left out: %s is %s", mall_id, state.stage)
                return
            metadata = look(mall_id)
            self.context.log_event(dg.AssetMaterialization(self.asset, partition=mall_id, metadata=metadata))
            self.done.append(mall_id)
            self.in_a_row, self.latest = 0, None
        except Exception as e:  # whatever one mall has, the next is looked at
            self._noted(mall_id, judge(links_of(e)), place_of(e))

    def _noted(self, mall_id: str, trouble: "Trouble", place: str) -> None:
        same = trouble.soon and self.latest is not None and self.latest.name == trouble.name
        self.in_a_row = self.in_a_row + 1 if same else int(trouble.soon)
        self.latest, self.failed[mall_id], self.places[mall_id] = trouble, trouble, place
        self.context.log.warning("%s", self._line(mall_id))

    def give_up(self, rest: Sequence[str]) -> None:
        """The others have the trouble of the latest, without being asked."""
        from cafe24_pipelines.operations.trouble import Trouble

        if self.latest is not None:
            latest = self.latest
            self.failed |= {m: Trouble(latest.kind, latest.name, UNTRIED, latest.soon) for m in rest}

    def fail(self) -> None:
        """Ask for another try, or end the step and name the malls."""
        tried, malls = self.context.retry_number, sorted(self.failed)
        lines = [self._line(m) for m in malls[:_NAMED]]
        lines += [f"and {len(malls) - _NAMED} more"] if len(malls) > _NAMED else []
        total = len(malls) + len(self.done) + len(self.left_out)
        failure = dg.Failure(
            f"{len(malls)} of {total} malls failed: {'; '.join(lines)}", allow_retries=False,
            metadata={FAILED_MALLS: dg.MetadataValue.json(self._reasons()), "done": len(self.done)},
        )  # fmt: skip
        if tried < policies.RETRIES and any(t.soon for t in self.failed.values()):
            wait = policies.WAITS[min(tried, len(policies.WAITS) - 1)]
            raise dg.RetryRequested(max_retries=policies.RETRIES, seconds_to_wait=wait) from failure
        for mall_id in malls:
            _attempted(self.context, self.asset, mall_id)
        raise failure

    def _line(self, mall_id: str) -> str:
        """A mall and its trouble; an error's words only where they are ours."""
        trouble, place = self.failed[mall_id], self.places.get(mall_id, "")
        said = f": {trouble.words}" if trouble.words else f" at {place}" if place else ""
        return f"{mall_id} ({trouble.name}{said})"

    def _reasons(self) -> dict[str, dict[str, str]]:
        """Why each mall failed, as the failure's metadata holds it."""
        return {
            m: {"kind": t.kind, "error": t.name, "message": t.words, "at": self.places.get(m, "")}
            for m, t in sorted(self.failed.items())
        }


def place_of(error: BaseException) -> str:
    """Where in this package an error came from, as `watch/day.py:88`; its values are left out."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(_PACKAGE):
            return f"{path.relative_to(_PACKAGE)}:{frame.lineno}"
    return ""


def _attempted(context: dg.OpExecutionContext, asset: str, mall_id: str) -> None:
    """Tell Dagster that this run was to make the mall's partition, which shows as failed then, as after its own run.

    A run of an asset job plans its partitions itself; for an op there is no public way, so the class of that event's
    data is found by its name.
    """
    events = import_module(dg.DagsterEvent.__module__)
    planned = events.AssetMaterializationPlannedData(dg.AssetKey(asset), partition=mall_id)
    event = dg.DagsterEvent.build_asset_materialization_planned_event(context.job_name, context.op_def.name, planned)
    context.instance.report_dagster_event(event, context.run.run_id)

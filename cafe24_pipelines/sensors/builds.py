"""Sensors that watch what has landed against what was built from it.

The decision is a plain function over two mappings; the sensor only reads and asks for runs.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.jobs import after_landing, discovery, whole_chain
from cafe24_pipelines.names import DATA_TEAM
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.sensors.run_history import PARTITION
from cafe24_pipelines.sensors.watching import CAP, registered_malls
from cafe24_pipelines.settings import Settings

REST: Final = timedelta(hours=6)
"""Between two rebuilds of a mall: a shop that sells every hour needn't be rebuilt every hour."""
REBUILDS: Final = frozenset({whole_chain.name, after_landing.name, discovery.name})
"""Jobs that stage the graph of the newest lake and publish it, whoever starts them."""
GRAPH: Final = dg.AssetKey("ontology_graph")
_IN_PROGRESS: Final = [
    dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING,
]  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """What the sensor knows of a mall: the build asked for or found there, and when it asked (ISO; "" never)."""

    build: str
    at: str = ""


def stale_malls(
    wanted: Mapping[str, str], seen: Mapping[str, Seen], built: Callable[[str], str | None], now: datetime,
    busy: Collection[str] = (),
) -> tuple[list[str], dict[str, Seen]]:  # fmt: skip
    """Malls to rebuild now, at most `CAP`, and what is known of every mall then.

    A mall is due when its wanted build is neither asked for nor there, and it has no graph at all or its last rebuild
    was asked for `REST` ago.

    Args:
        wanted: mall id to the build id that the lake and the ontology call for now.
        built: the build id that is staged for a mall, None when there is none; looked up only for malls that
            changed, because it checks a file as large as the graph.
        busy: malls that a run in progress rebuilds; they are looked at again when it has ended, however it ended.
    """
    due: list[str] = []
    known = {m: s for m, s in seen.items() if m in wanted}
    for mall in sorted(m for m, build in wanted.items() if m not in known or known[m].build != build):
        if mall in busy:
            continue
        before = known.get(mall, Seen(""))
        rested = not before.at or now - datetime.fromisoformat(before.at) >= REST
        there = built(mall)
        if there == wanted[mall]:
            known[mall] = Seen(wanted[mall], before.at)
        elif (rested or there is None) and len(due) < CAP:
            due.append(mall)
            known[mall] = Seen(wanted[mall], now.isoformat())
    return due, known


def read_seen(cursor: str | None) -> dict[str, Seen]:
    """The sensor's cursor; empty for none, or for one of another version (looking again is safe)."""
    try:
        read = json.loads(cursor) if cursor else {}
        return {m: Seen(*pair) for m, pair in read["seen"].items()} if read.get("v") == 2 else {}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def in_progress(instance: dg.DagsterInstance) -> set[str]:
    """Malls whose graph a run that is queued or at work will rebuild: one query, however many malls there are."""
    found = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=_IN_PROGRESS)):
        chosen = run.asset_selection
        rebuilds = GRAPH in chosen if chosen else run.job_name in REBUILDS
        if rebuilds and (mall := run.tags.get(PARTITION)):
            found.add(mall)
    return found


@dg.sensor(
    name="ontology_builder",
    job=after_landing,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    tags={WORKFLOW_TAG: "infrastructure"},
    owners=[DATA_TEAM],
    description="When data, documents or domain.yaml changed: rebuilds graph and all after, every 6 hours at most.",
    metadata=about(
        reads="digests of the lake, the documentation (a page behind an address: looked at every 6 hours) and "
        "ontology/domain.yaml; the staged graph's; runs in progress",
        writes="vectors, graph, analyses, patterns, answers and the data set of each changed mall",
        remedy="readers keep the last complete build: mend what the run says and launch `after_landing` for the mall",
    ),
)
def ontology_builder(context: dg.SensorEvaluationContext, graph: GraphResource) -> dg.SensorResult:
    """Ask for one run a mall whose published graph is not of its lake."""
    from cafe24_pipelines.knowledge.source_seen import fingerprint, is_address, is_other
    from cafe24_pipelines.knowledge.source_watch import look
    from cafe24_pipelines.ontology.build import facts_build_id
    from cafe24_pipelines.parts import mall_lake

    settings = Settings.from_env(home=graph.home or None)
    malls = registered_malls(context.instance, settings)
    source = settings.api_docs_source
    documentation = fingerprint(source)
    page = look(settings.home.research / "_visits", source) if malls and is_address(source) else None
    lakes = {m: mall_lake(settings, m) for m in malls}
    other = {m: is_other(lake, documentation, page) for m, lake in lakes.items()}
    wanted = {
        m: facts_build_id(lake, malls[m]) + (f"+{documentation}{page.page if page else ''}" if other[m] else "")
        for m, lake in lakes.items() if lake.counts().get("documents")
    }  # fmt: skip
    busy = in_progress(context.instance)  # after the lakes were looked at: who begins now reads them as they are
    due, seen = stale_malls(wanted, read_seen(context.cursor), graph.store.staged, datetime.now(UTC), busy)
    cursor = json.dumps({"v": 2, "seen": {m: [s.build, s.at] for m, s in sorted(seen.items())}})
    if not due:
        waiting = sum(m in busy and (m not in seen or seen[m].build != wanted[m]) for m in wanted)
        reason = (
            f"{len(wanted)} malls: every graph is of its lake, or was rebuilt within {REST.seconds // 3600} hours"
            + (f"; {waiting} wait for the end of a run that rebuilds them" if waiting else "")
            + (f"; the page of CAFE24_API_DOCS can't be looked at: {page.problem}" if page and page.problem else "")
        )
        return dg.SensorResult(skip_reason=reason, cursor=cursor)
    requests = [dg.RunRequest(run_key=f"{m}:{wanted[m]}", partition_key=m) for m in due]
    return dg.SensorResult(run_requests=requests, cursor=cursor)


all_sensors = [ontology_builder]

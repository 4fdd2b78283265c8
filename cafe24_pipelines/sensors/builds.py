"""Sensors that watch what has landed against what was built from it.

The decision is a plain function over two mappings; the sensor only reads and asks for runs.
"""

import json
from collections.abc import Mapping

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.jobs import after_landing
from cafe24_pipelines.names import DATA_TEAM
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.settings import Settings


def stale_malls(wanted: Mapping[str, str], built: Mapping[str, str | None], asked: Mapping[str, str]) -> list[str]:
    """Malls whose wanted build is neither published nor asked for already, in order.

    Args:
        wanted: mall id to the build id that the lake and the ontology call for now.
        built: mall id to the build id that is published, None when there is none.
        asked: mall id to the build id this sensor last asked for.
    """
    return sorted(m for m, build in wanted.items() if built.get(m) != build and asked.get(m) != build)


@dg.sensor(
    name="ontology_builder",
    job=after_landing,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    tags={WORKFLOW_TAG: "infrastructure"},
    owners=[DATA_TEAM],
    description="When landed data or domain.yaml changed: rebuilds the graph and everything after it.",
    metadata=about(
        reads="digests of the lake and of ontology/domain.yaml, the build id of the staged graph",
        writes="vectors, graph, analyses, patterns, answers and the data set of each changed mall",
        remedy="readers keep the last complete build: mend what the run says and launch `after_landing` for the mall",
    ),
)
def ontology_builder(context: dg.SensorEvaluationContext, graph: GraphResource) -> dg.SensorResult | dg.SkipReason:
    """Ask for one run a mall whose published graph is not of its lake."""
    from cafe24_pipelines.cafe24.malls import known_malls
    from cafe24_pipelines.ontology.build import facts_build_id
    from cafe24_pipelines.parts import mall_lake

    settings = Settings.from_env(home=graph.home or None)
    registered = known_malls(settings.home)
    malls = sorted(m for m in context.instance.get_dynamic_partitions("malls") if m in registered)
    lakes = {m: mall_lake(settings, m) for m in malls}
    wanted = {m: facts_build_id(lake, registered[m]) for m, lake in lakes.items() if lake.counts().get("documents")}
    built = {m: graph.store.staged(m) for m in wanted}
    asked: dict[str, str] = json.loads(context.cursor)["asked"] if context.cursor else {}
    stale = stale_malls(wanted, built, asked)
    cursor = json.dumps({"v": 1, "asked": asked | {m: wanted[m] for m in stale}})
    if not stale:
        return dg.SkipReason(f"{len(wanted)} malls, every graph is of its lake")
    requests = [dg.RunRequest(run_key=f"{m}:{wanted[m]}", partition_key=m) for m in stale]
    return dg.SensorResult(run_requests=requests, cursor=cursor)


all_sensors = [ontology_builder]

"""The sensor that puts malls beside the research when either has changed.

The decision is a plain function over digests; the sensor only reads them and asks for runs.
"""

from collections.abc import Mapping

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.jobs import discovery, research_summary
from cafe24_pipelines.names import CRM_TEAM
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.watching import registered_malls, runs_for_changes, state

Digests = tuple[str, str]
"""Of the claims that stand, and of a mall's patterns."""


def stale_comparisons(wanted: Mapping[str, Digests], made: Mapping[str, Digests | None]) -> dict[str, str]:
    """Malls whose comparison is not of what stands now, each with a name of that state.

    The state names the comparison that stands too: research that changes and changes back is two states.
    """
    return {m: state(*now, *(made.get(m) or ())) for m, now in wanted.items() if made.get(m) != now}


@dg.sensor(
    name="cross_pattern_v2",
    jobs=[discovery, research_summary],
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.STOPPED,
    tags={WORKFLOW_TAG: "cross_pattern"},
    owners=[CRM_TEAM],
    description="When web research or a mall's patterns changed: compares the two, stores what is new, and alerts.",
    metadata=about(
        reads="claims that stand (`research.*` events), digests of each mall's patterns and of its comparison",
        writes="`benchmark_comparison`, patterns of kind web_research, events `research.alert`",
        remedy="the comparison of before stays: mend what the run says and launch `research_summary` for the mall",
    ),
)
def cross_pattern_v2(context: dg.SensorEvaluationContext, events: EventsResource) -> dg.SensorResult | dg.SkipReason:
    """New claims: discovery again with them, the comparison included. New patterns without one: that alone.

    Discovery by the clock and after landing compares in its own run, so the second is rare.
    """
    from cafe24_pipelines.discovery.patterns import PatternBook
    from cafe24_pipelines.research.book import claims_digest, standing_claims
    from cafe24_pipelines.research.comparison import ComparisonBook

    settings = events.settings()
    claims = standing_claims(events.log())
    if not claims:
        return dg.SkipReason("no web source has claimed anything yet: start morning_research")
    digest = claims_digest(claims)
    patterns, book = PatternBook(settings.home.patterns), ComparisonBook(settings.home.research)
    malls = registered_malls(context.instance, settings)
    wanted = {m: (digest, found) for m in malls if (found := patterns.digest(m))}
    made = {m: book.made_from(m) for m in wanted}

    def request(mall_id: str, now: str) -> dg.RunRequest:
        before = made[mall_id]
        job = research_summary if before is not None and before[0] == digest else discovery
        return dg.RunRequest(run_key=f"{mall_id}:{now}", partition_key=mall_id, job_name=job.name)

    nothing = f"{len(wanted)} malls, every comparison is of the research and patterns as they are"
    return runs_for_changes(context, stale_comparisons(wanted, made), request, nothing=nothing)


all_sensors = [cross_pattern_v2]

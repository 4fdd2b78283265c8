"""The sensor that puts malls beside the research when either has changed.

The decision is a plain function over digests; the sensor only reads them and asks for runs.
"""

import json
from collections.abc import Mapping
from typing import Final

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.jobs import discovery, research_summary
from cafe24_pipelines.names import CRM_TEAM
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.settings import Settings

MOST_MALLS: Final = 20
"""Malls asked for in one tick; the rest follow in the next."""

Digests = tuple[str, str]
"""Of the claims that stand, and of a mall's patterns."""


def due(wanted: Mapping[str, Digests], made: Mapping[str, Digests | None], asked: Mapping[str, Digests]) -> list[str]:
    """Malls whose comparison is not of what stands now and was not asked for already, in order."""
    return sorted(m for m, now in wanted.items() if made.get(m) != now and asked.get(m) != now)


def read_asked(cursor: str | None) -> dict[str, Digests]:
    """Mall to what was last asked for; empty for no cursor, or for one that is not ours (asking again is safe)."""
    try:
        read = json.loads(cursor) if cursor else {}
        return {m: (str(v[0]), str(v[1])) for m, v in read["asked"].items()} if read.get("v") == 1 else {}
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        return {}


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
    from cafe24_pipelines.cafe24.malls import known_malls
    from cafe24_pipelines.discovery.patterns import PatternBook
    from cafe24_pipelines.research.book import claims_digest, standing_claims
    from cafe24_pipelines.research.comparison import ComparisonBook

    settings = Settings.from_env(home=events.home or None)
    claims = standing_claims(events.log())
    if not claims:
        return dg.SkipReason("no web source has claimed anything yet: start morning_research")
    digest = claims_digest(claims)
    patterns, book = PatternBook(settings.home.patterns), ComparisonBook(settings.home.research)
    registered = known_malls(settings.home)
    malls = [m for m in context.instance.get_dynamic_partitions("malls") if m in registered]
    wanted = {m: (digest, found) for m in malls if (found := patterns.digest(m))}
    made = {m: book.made_from(m) for m in wanted}
    asked = {m: v for m, v in read_asked(context.cursor).items() if m in wanted}
    chosen = due(wanted, made, asked)[:MOST_MALLS]
    if not chosen:
        return dg.SkipReason(f"{len(wanted)} malls, every comparison is of the research and patterns as they are")
    requests = [_request(m, wanted[m], made[m]) for m in chosen]
    cursor = {"v": 1, "asked": asked | {m: wanted[m] for m in chosen}}
    return dg.SensorResult(run_requests=requests, cursor=json.dumps(cursor))


def _request(mall_id: str, wanted: Digests, made: Digests | None) -> dg.RunRequest:
    known = made is not None and made[0] == wanted[0]
    job = research_summary if known else discovery
    return dg.RunRequest(run_key=f"{mall_id}:{wanted[0]}:{wanted[1]}", partition_key=mall_id, job_name=job.name)


all_sensors = [cross_pattern_v2]

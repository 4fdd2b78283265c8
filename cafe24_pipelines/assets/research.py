"""Research stage: what allowed web sources claim (once an installation), and each mall beside it."""

import dagster as dg

from cafe24_pipelines.assets.metadata import preview
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.names import CRM_TEAM, RESEARCH
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.events import EventsResource


@dg.asset(group_name=RESEARCH, kinds={"python", "sqlite"}, owners=[CRM_TEAM], code_version="1")
def web_research(events: EventsResource) -> dg.MaterializeResult:
    """Visit the allowed sources on e-commerce CRM and log their dated, cited benchmarks; one for all malls."""
    from cafe24_pipelines.research.book import claim_book, claims_digest
    from cafe24_pipelines.research.claims import number_text
    from cafe24_pipelines.research.run import collect_research

    report = collect_research(events.settings(), events.log())
    standing = [known.claim for known in claim_book(events.log()).standing()]
    if report.silent:
        first = next((p for s in report.sources for p in s.problems), "")
        raise Cafe24Error(
            f"none of {len(report.sources)} web sources could be read: {first}",
            remedy="check this machine's way to the internet, then the list (CAFE24_RESEARCH_SOURCES)",
        )
    problems = [{"source": s.source, "problem": p} for s in report.sources for p in s.problems]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(standing),
            "content_digest": claims_digest(standing),
            "claimed": report.claimed,
            "retired": report.retired,
            "sources": preview({k: v for k, v in vars(s).items() if k != "problems"} for s in report.sources),
            "problems": preview(problems[:20]),
            "preview": preview(
                {"metric": c.metric, "value": number_text(c), "source": c.publisher, "published": c.published}
                for c in standing[:20]
            ),
        }
    )


@dg.asset(
    deps=["patterns", "web_research"],
    group_name=RESEARCH,
    kinds={"python"},
    owners=[CRM_TEAM],
    code_version="1",
    partitions_def=malls,
)
def benchmark_comparison(context: dg.AssetExecutionContext, events: EventsResource) -> dg.MaterializeResult:
    """Put the mall beside the research: claims side by side, what discovery says of it, and what is new as events."""
    from cafe24_pipelines.discovery.patterns import PatternBook
    from cafe24_pipelines.research.book import claim_book
    from cafe24_pipelines.research.comparison import ComparisonBook, compare_and_tell

    settings, mall_id = events.settings(), context.partition_key
    patterns = PatternBook(settings.home.patterns)
    rows, alerts = compare_and_tell(
        events.log(), ComparisonBook(settings.home.research), mall_id, claim_book(events.log()).standing(),
        patterns=patterns.current(mall_id), patterns_digest=patterns.digest(mall_id),
    )  # fmt: skip
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            "alerts": preview({"kind": a.kind, "title": a.title} for a in alerts),
            "preview": preview(
                {
                    "metric": row.title, "claims": len(row.claims), "conflicts": len(row.conflicts),
                    "mall": "; ".join(c["title"] for c in row.compared) or row.note,
                }
                for row in rows
            ),
        }
    )  # fmt: skip

"""Learning stage: what feedback taught, code that was asked for, recipes mined from it, settings that were tried.

Candidates are part of the chain, ahead of the data set; the others run when their workflow asks for them.
"""

from collections import Counter
from typing import TYPE_CHECKING, Any

import dagster as dg

from cafe24_pipelines.assets.metadata import counts_table, preview
from cafe24_pipelines.names import ANSWERS, API_DOCS, CRM_KNOWLEDGE, LEARNING, LLM_POOL, ML_TEAM
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.resources.lake import LakeResource
from cafe24_pipelines.resources.vectors import VectorsResource

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import EventLog

_SHOWN = 5


@dg.asset(
    deps=["verified_answers"],
    group_name=ANSWERS,
    kinds={"python"},
    owners=[ML_TEAM],
    code_version="1",
    partitions_def=malls,
)
def learning_candidates(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    graph: GraphResource,
    vectors: VectorsResource,
    events: EventsResource,
) -> dg.MaterializeResult:
    """Feedback judged, each piece once: verified answers, retrieval fixes and proven corrections that stand."""
    from cafe24_pipelines.learning.candidates import candidates
    from cafe24_pipelines.learning.loop import asks_of, learn
    from cafe24_pipelines.parts import services

    mall_id, settings, log = context.partition_key, lake.settings(), events.log()
    done = learn(log, mall_id, lambda: asks_of(lambda: services(settings, mall_id, graph.store, vectors.store)))
    found = candidates(log, mall_id)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(found.verified) + len(found.corrections),
            "judged_now": done.accepted + done.refused,
            "verified_answers": len(found.verified),
            "corrections": len(found.corrections),
            "contested": found.contested,
            "unreadable": done.unreadable,
            "retrieval_fixes": counts_table(found.fixes_by_class, name="class", value="fixes"),
            "refused": counts_table(found.refused, name="reason", value="feedback"),
            "taught": preview(_taught(one) for one in (*found.verified, *found.corrections)[:_SHOWN]),
            "to_fix": preview(_to_fix(one) for one in found.fixes[-_SHOWN:]),
        }
    )


@dg.asset(
    deps=[API_DOCS],
    group_name=LEARNING,
    kinds={"python"},
    owners=[ML_TEAM],
    code_version="1",
    partitions_def=malls,
    pool=LLM_POOL,
)
def generated_code(context: dg.AssetExecutionContext, events: EventsResource) -> dg.MaterializeResult:
    """Requests for code from the inbox, each answered once: written, checked, run against the sandbox mall."""
    from cafe24_pipelines.learning.code_requests import work

    done = work(events.settings(), events.log(), context.partition_key)
    if done.trouble:  # what was answered stays; the rest is still pending
        raise dg.Failure(f"{len(done.trouble)} requests wait: {done.trouble[0]}")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(done.by_status.values()),
            "unreadable": done.unreadable,
            "verdicts": counts_table(done.by_status, name="verdict", value="requests"),
            "preview": preview(done.shown),
        }
    )


@dg.asset(
    group_name=LEARNING,
    kinds={"python"},
    owners=[ML_TEAM],
    code_version="1",
    partitions_def=malls,
)
def api_recipes(context: dg.AssetExecutionContext, events: EventsResource) -> dg.MaterializeResult:
    """Chains of Admin API calls that generated code proved to work, with support, success and a snippet."""
    return dg.MaterializeResult(metadata=recipes_of(events.log(), context.partition_key))


def recipes_of(log: "EventLog", mall_id: str) -> dict[str, Any]:
    """Mine a mall's recipes, as `api_recipes`; for many malls in one run too (`schedules/batch_jobs.py`)."""
    from cafe24_pipelines.learning.recipes import MIN_SUPPORT, recipes

    found = recipes(log, mall_id)
    best = f"```python\n{found[0].snippet}\n```" if found else "_no recipe yet_"
    return {
        "dagster/row_count": len(found),
        "minimum_support": MIN_SUPPORT,
        "recipes": preview(_recipe(one.to_json()) for one in found[: 2 * _SHOWN]),
        "scopes": counts_table(Counter(s for r in found for s in r.scopes), name="scope", value="recipes"),
        "most_supported": dg.MetadataValue.md(best),
    }


@dg.asset(
    deps=[API_DOCS, CRM_KNOWLEDGE],
    group_name=LEARNING,
    kinds={"python"},
    owners=[ML_TEAM],
    code_version="1",
    partitions_def=malls,
)
def retrieval_settings(
    context: dg.AssetExecutionContext, events: EventsResource, vectors: VectorsResource
) -> dg.MaterializeResult:
    """Retrieval settings tried offline: searched on the tuned half, confirmed on the held-out, promoted or not."""
    from cafe24_pipelines.learning.bounds import bounds
    from cafe24_pipelines.learning.improve import improve
    from cafe24_pipelines.learning.offline import Offline, corpus_of
    from cafe24_pipelines.parts import retriever

    mall_id, allowed = context.partition_key, bounds()
    searcher = retriever(events.settings(), vectors.store, mall_id)
    tuned, heldout = (Offline(searcher, half, allowed, context.log.info) for half in ("tuned", "heldout"))
    outcome = improve(events.log(), mall_id, tuned, heldout, corpus=corpus_of(searcher))
    told = outcome.to_json()
    return dg.MaterializeResult(
        metadata={
            "status": outcome.status,
            "version": outcome.active.number,
            "tuned_gain": told["tuned_gain"],
            "settings_looked_at": outcome.proposal.looked_at,
            "settings": preview({"setting": k, "value": v} for k, v in told["active"]["settings"].items()),
            "evidence": dg.MetadataValue.json(told.get("evidence", {})),
        }
    )


def _taught(one: dict[str, Any]) -> dict[str, Any]:
    return {"kind": one["kind"], "question": one["question"], "text": one.get("text") or one.get("answer", "")}


def _to_fix(one: dict[str, Any]) -> dict[str, Any]:
    found = ", ".join(one.get("retrieved", [])[:2])
    return {"class": one.get("class", ""), "question": one.get("question", ""), "found": found,
            "wanted": one.get("wanted", "")}  # fmt: skip


def _recipe(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "operations": " → ".join(one["operations"]), "support": one["support"], "questions": one["questions"],
        "worked": f"{one['worked']}/{one['run']}", "dry_run": one["dry_run"],
        "share": one["share"], "low": one["low"], "high": one["high"],
        "parameters": ", ".join(one["parameters"]),
    }  # fmt: skip

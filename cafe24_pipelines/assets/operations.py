"""Operations stage: assets without partitions that are about the installation, not about a mall."""

import dagster as dg

from cafe24_pipelines.names import DATA_TEAM, ML_TEAM, OPERATIONS
from cafe24_pipelines.resources.events import EventsResource


@dg.asset(group_name=OPERATIONS, kinds={"python", "sqlite"}, owners=[DATA_TEAM], code_version="1")
def heartbeat(events: EventsResource) -> dg.MaterializeResult:
    """Proof of life: the daemon started a run, and event log and lake take a write and give it back."""
    from cafe24_pipelines.operations.heartbeat import beat

    found = beat(events.settings(), events.log())
    return dg.MaterializeResult(metadata={"at": found.at.isoformat(), "free_gb": round(found.free_bytes / 1e9, 1)})


@dg.asset(group_name=OPERATIONS, kinds={"python"}, owners=[DATA_TEAM], code_version="1")
def readiness(context: dg.AssetExecutionContext, events: EventsResource) -> dg.MaterializeResult:
    """What is not green, why, and what mends it: workflows, assets, checks, stores, models. A change is told."""
    from datetime import UTC, datetime

    from cafe24_pipelines.definitions import build_defs
    from cafe24_pipelines.instance_facts import readiness_facts
    from cafe24_pipelines.operations.notify import notifier
    from cafe24_pipelines.operations.posting import tell_readiness
    from cafe24_pipelines.operations.readiness import readiness as judge
    from cafe24_pipelines.operations.readiness_text import headline, markdown

    settings = events.settings()
    found = judge(readiness_facts(settings, context.instance, build_defs()), datetime.now(UTC))
    told = tell_readiness(settings, events.log(), notifier(settings), found)
    return dg.MaterializeResult(
        metadata={
            "in_short": headline(found),
            "green": found.green,
            "red": len(found.red),
            "table": dg.MetadataValue.md(markdown(found)),
            "readiness": dg.MetadataValue.json(found.to_json()),
            "told": dg.MetadataValue.json(vars(told)),
        }
    )


@dg.asset(group_name=OPERATIONS, kinds={"python"}, owners=[ML_TEAM], code_version="1")
def model_warmth(context: dg.AssetExecutionContext, events: EventsResource) -> dg.MaterializeResult:
    """One tiny completion of the fine-tuned model: was it warm, how long did it take, what did it cost."""
    from cafe24_pipelines.operations.traffic import last_traffic
    from cafe24_pipelines.operations.warmup import warm, why_not
    from cafe24_pipelines.parts import finetuned_model

    settings, log = events.settings(), events.log()
    model, reason = finetuned_model(settings), why_not(settings, log, last_use=last_traffic(settings))
    if model is None or reason:
        return dg.MaterializeResult(metadata={"state": "skipped", "reason": reason})
    found = warm(settings, log, model, key=context.run.run_id)
    return dg.MaterializeResult(metadata={k: v for k, v in vars(found).items() if v is not None})

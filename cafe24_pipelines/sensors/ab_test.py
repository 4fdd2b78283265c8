"""The three arms of the comparison: each runs again when its question set, its model or its prompt changed.

A request in the inbox (`comparison.requested`) runs an arm again as well; what was answered under the same
conditions is kept, so it costs nothing where nothing changed. Does not belong here: arms, questions, scores
(`experiments/`).
"""

from typing import Final

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.jobs import comparison
from cafe24_pipelines.names import ML_TEAM
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.watching import registered_malls, runs_for_changes, state

REQUESTED: Final = "comparison.requested"
_WORDS: Final = {
    "baseline": ("ab_a_baseline", "arm A (the model alone)"),
    "rag": ("ab_b_rag_only", "arm B (retrieved passages)"),
    "ontology": ("ab_c_ontology_plus", "arm C (passages, graph, exact aggregates)"),
}


def arm_states(malls: list[str], arm: str, events: EventsResource) -> dict[str, str]:
    """Mall to the conditions of an arm: question set, model, prompt wording, latest request for it.

    A mall without a question set has none: the job `comparison_report` makes one.
    """
    from cafe24_pipelines.answers.prompts import prompt_version
    from cafe24_pipelines.experiments.store import ExperimentBook

    settings, log = events.settings(), events.log()
    book, found = ExperimentBook(settings.home.experiments), {}
    for mall in malls:
        questions = book.meta(mall, "questions").get("set")
        if questions:
            asked = [e for e in log.latest(mall, (REQUESTED,)) if arm in (e.payload.get("arms") or [arm])]
            latest = asked[0].event_id if asked else ""
            found[mall] = state(str(questions), settings.llm_model, prompt_version(), latest)
    return found


def _arm_sensor(arm: str) -> dg.SensorDefinition:
    name, what = _WORDS[arm]

    @dg.sensor(
        name=name,
        job=comparison,
        minimum_interval_seconds=300,
        default_status=dg.DefaultSensorStatus.STOPPED,
        tags={WORKFLOW_TAG: "ab_test"},
        owners=[ML_TEAM],
        description=f"When question set, model or prompt changed, or when asked for: {what} answers and is scored.",
        metadata=about(
            reads="the published question set, LLM_MODEL, the prompt files, inbox `comparison.requested`",
            writes=f"`ab_answers` and `ab_scores` of the partition mall|{arm}",
            remedy="answers made so far are kept: mend what the run says (key, limit, budget) and launch it again",
        ),
    )
    def watch(context: dg.SensorEvaluationContext, events: EventsResource) -> dg.SensorResult | dg.SkipReason:
        """One run a mall whose conditions are not those last asked for."""
        malls = list(registered_malls(context.instance, events.settings()))

        def request(mall: str, seen: str) -> dg.RunRequest:
            key = dg.MultiPartitionKey({"mall": mall, "arm": arm})
            return dg.RunRequest(run_key=f"{name}:{mall}:{seen}", partition_key=key)

        return runs_for_changes(
            context, arm_states(malls, arm, events), request, nothing="no question set, model or prompt has changed"
        )

    return watch


ab_test_sensors = [_arm_sensor(arm) for arm in _WORDS]

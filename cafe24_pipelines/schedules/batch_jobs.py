"""The jobs of the light clock-driven workflows: each is one op that carries a batch of malls through one run.

It calls, mall by mall, the function that the asset calls too, so a materialisation is the same wherever it was made.
Launched by hand, a job takes the malls as its configuration; a single mall's asset can be materialised as well.
Does not belong here: how a run goes through its malls (`batch_run.py`), when and with which (`batches.py`).
"""

from functools import partial

import dagster as dg
from pydantic import Field

from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.resources.slack import SlackResource
from cafe24_pipelines.schedules.batch_run import go_through
from cafe24_pipelines.sensors.run_history import BATCH_TAG


class Batch(dg.Config):
    """The malls of one run."""

    malls: list[str] = Field(description="Mall ids; one that is suspended or has left is left out.")


@dg.op(description="Checks the graphs of a batch of malls; an alarm where one fell, each told once.")
def ontology_health_batch(
    context: dg.OpExecutionContext, config: Batch, graph: GraphResource, events: EventsResource
) -> None:
    """The asset `ontology_health` of every mall."""
    from cafe24_pipelines.assets.watch import health_of

    settings, log = events.settings(), events.log()

    def look(mall_id: str) -> dict[str, object]:
        # Opened in each mall's turn: a store that is down is tried again, and fifty graphs are not held at once.
        try:
            return health_of(settings, log, graph.store, mall_id)
        finally:
            graph.let_go()

    go_through(context, log, config.malls, "ontology_health", look)


@dg.op(description="Sums up the day of each of a batch of malls, beside what is usual.")
def day_summary_batch(context: dg.OpExecutionContext, config: Batch, events: EventsResource) -> None:
    """The asset `day_summary` of every mall."""
    from cafe24_pipelines.assets.watch import day_of

    log = events.log()
    go_through(context, log, config.malls, "day_summary", partial(day_of, events.settings(), log))


@dg.op(description="Looks back on the week of each of a batch of malls, and on the promises of the week before.")
def week_retrospective_batch(context: dg.OpExecutionContext, config: Batch, events: EventsResource) -> None:
    """The asset `week_retrospective` of every mall."""
    from cafe24_pipelines.assets.watch import week_of

    log = events.log()
    go_through(context, log, config.malls, "week_retrospective", partial(week_of, events.settings(), log))


@dg.op(description="Mines recipes from the generated code of each of a batch of malls.")
def api_recipes_batch(context: dg.OpExecutionContext, config: Batch, events: EventsResource) -> None:
    """The asset `api_recipes` of every mall."""
    from cafe24_pipelines.assets.learning import recipes_of

    log = events.log()
    go_through(context, log, config.malls, "api_recipes", partial(recipes_of, log))


@dg.op(description="Tells the news of each of a batch of malls, at most one message a finding.")
def insight_digest_batch(
    context: dg.OpExecutionContext, config: Batch, events: EventsResource, slack: SlackResource
) -> None:
    """The asset `insight_digest` of every mall."""
    from cafe24_pipelines.assets.reports import digest_of

    settings, log = events.settings(), events.log()

    def look(mall_id: str) -> dict[str, object]:
        # Nothing of it into the run's log, which outlives a mall's removal when it carries others too.
        return digest_of(settings, log, slack.sink(mall_id, lambda _text: None), mall_id)

    go_through(context, log, config.malls, "insight_digest", look)


@dg.job(tags={BATCH_TAG: "ontology_health"}, description="The graphs of a batch of malls checked.")
def health_watch() -> None:
    """One op."""
    ontology_health_batch()


@dg.job(tags={BATCH_TAG: "day_summary"}, description="The day of each of a batch of malls beside what is usual.")
def day_analysis() -> None:
    """One op."""
    day_summary_batch()


@dg.job(tags={BATCH_TAG: "week_retrospective"}, description="The week of each of a batch of malls, looked back on.")
def week_review() -> None:
    """One op."""
    week_retrospective_batch()


@dg.job(tags={BATCH_TAG: "api_recipes"}, description="Recipes mined from the code of each of a batch of malls.")
def code_analysis() -> None:
    """One op."""
    api_recipes_batch()


@dg.job(
    tags={BATCH_TAG: "insight_digest"},
    description="What is new of each of a batch of malls to Slack, or to its file where no webhook is set.",
)
def digest_publication() -> None:
    """One op."""
    insight_digest_batch()

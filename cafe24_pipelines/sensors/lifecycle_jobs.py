"""Jobs that the sensors of a mall's life ask for: looking after tokens, and seeing a mall off.

Each is one op that calls a plain function of `lifecycle/`; what it did is an event. They are no assets: `whole_chain`
must never remove a mall. Does not belong here: when they run (see `lifecycle.py`).
"""

from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field

from cafe24_pipelines.resources.events import EventsResource


class Step(Enum):
    """What is done with a mall that has left."""

    EXPORT = "export"
    REMOVE = "remove"


class TokenCare(dg.Config):
    """Which malls' tokens are looked after."""

    malls: list[str] = Field(description="Mall ids.")


class Departure(dg.Config):
    """Which mall leaves, and how far."""

    mall_id: str = Field(description="The mall.")
    left_by: str = Field(default="", description="Id of the event of the uninstallation.")
    step: Step = Field(description="export: its results packed, contact fields removed. remove: everything removed.")


@dg.op(description="Proves and rotates the tokens of a batch of malls; logs what came of it.")
def care_for_tokens(context: dg.OpExecutionContext, config: TokenCare, events: EventsResource) -> None:
    """One mall's trouble keeps no other waiting."""
    from cafe24_pipelines.lifecycle.tokens import look_after_all

    done = look_after_all(events.settings(), events.log(), config.malls)
    context.add_output_metadata({care.mall_id: care.outcome for care in done})


@dg.job(description="Tokens of a batch of malls: proved after a consent, rotated before their end.")
def token_care() -> None:
    """One op."""
    care_for_tokens()


@dg.op(description="Packs a mall's results and drops its contact fields, or removes everything of it, with proof.")
def see_off(context: dg.OpExecutionContext, config: Departure, events: EventsResource) -> None:
    """The mall itself is asked first whether the app is really gone."""
    from cafe24_pipelines.lifecycle.departure import begin_leaving, complete_removal
    from cafe24_pipelines.sensors.run_history import forget_mall, under_way

    settings = events.settings()
    if config.step is Step.EXPORT:
        left: dict[str, Any] = begin_leaving(settings, events.log(), config.mall_id, config.left_by)
    elif run_id := under_way(context.instance, config.mall_id):
        left = {"mall": config.mall_id, "done": f"postponed: run {run_id} is at work on it"}
    else:
        left = complete_removal(
            settings, events.log(), config.mall_id, config.left_by,
            history=lambda mall_id: forget_mall(context.instance, settings, mall_id), progress=context.log.info,
        )  # fmt: skip
    context.add_output_metadata(left)


@dg.job(description="A mall that has left: its results packed at once, all of it removed after the grace days.")
def mall_departure() -> None:
    """One op."""
    see_off()

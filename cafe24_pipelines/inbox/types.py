"""The types of event that a client may put, each with its schema, its size and its rate.

A new type is one class with the decorator. Unknown fields are refused, texts are bounded, so that a sensor that
reads an event knows what it holds. Does not belong here: storing events (see `post.py`), or acting on them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from cafe24_pipelines.errors import BadInput

LARGEST: Final = 16 * 1024
"""Bytes of an event's JSON."""

S = TypeVar("S", bound=type[msgspec.Struct])

Text = Annotated[str, msgspec.Meta(max_length=2000)]
Question = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
Name = Annotated[str, msgspec.Meta(max_length=128)]


@dataclass(frozen=True)
class EventType:
    """A type of event: its schema, and how many of it one mall may put in a minute."""

    name: str
    schema: type[msgspec.Struct]
    per_minute: int

    def read(self, payload: dict[str, Any]) -> Any:
        """The payload as its struct.

        Raises:
            BadInput: a field is missing, unknown, or not what the schema says.
        """
        try:
            return msgspec.convert(payload, self.schema)
        except msgspec.ValidationError as e:
            fields = ", ".join(self.schema.__struct_fields__)
            raise BadInput(f"{self.name}: {e}", remedy=f"its fields are: {fields or 'none'}") from e


EVENT_TYPES: Final[dict[str, EventType]] = {}
"""Every type by its name."""


def event_type(name: str, *, per_minute: int = 60) -> Callable[[S], S]:
    """Register the schema of a type."""

    def register(schema: S) -> S:
        EVENT_TYPES[name] = EventType(name, schema, per_minute)
        return schema

    return register


@event_type("feedback.received", per_minute=120)
class FeedbackReceived(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a merchant says of an answer."""

    answer_id: Name
    verdict: Literal["positive", "negative", "correction"]
    text: Text = ""
    question: Text = ""
    arm: Name = ""
    build: Name = ""


@event_type("generate.requested", per_minute=20)
class GenerateRequested(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Code for a question is asked for."""

    question: Question
    execute: bool = True


@event_type("comparison.requested", per_minute=6)
class ComparisonRequested(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An arm is to be run over the question set again; without arms, all of them."""

    arms: Annotated[list[Literal["baseline", "rag", "ontology", "finetuned"]], msgspec.Meta(max_length=4)] = []


@event_type("plan.changed", per_minute=6)
class PlanChanged(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The mall's plan is another one from now on."""

    plan: Literal["free", "basic", "pro"]


def known_type(name: str) -> EventType:
    """The type of this name.

    Raises:
        BadInput: there is none.
    """
    if name not in EVENT_TYPES:
        raise BadInput(f"no event type is called {name!r}", remedy=f"use one of: {', '.join(sorted(EVENT_TYPES))}")
    return EVENT_TYPES[name]

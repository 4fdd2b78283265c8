"""The types of event that a client may put, each with its schema, its size and its rate.

A new type is one class with the decorator. Unknown fields are refused, texts are bounded, so that a sensor that
reads an event knows what it holds. Does not belong here: storing events (see `post.py`), or acting on them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from cafe24_pipelines.errors import BadInput

if TYPE_CHECKING:
    from cafe24_pipelines.lifecycle.plan import What

LARGEST: Final = 16 * 1024
"""Bytes of an event's JSON."""

S = TypeVar("S", bound=type[msgspec.Struct])

Text = Annotated[str, msgspec.Meta(max_length=2000)]
Question = Annotated[str, msgspec.Meta(pattern=r"[^\W_]", max_length=1000)]
Name = Annotated[str, msgspec.Meta(max_length=128)]


@dataclass(frozen=True)
class EventType:
    """A type of event: its schema, how many of it a mall may put in a minute, what one spends of its plan
    (`read` spends nothing, and is asked for where results may be read)."""

    name: str
    schema: type[msgspec.Struct]
    per_minute: int
    spends: "What | None" = None

    def read(self, payload: dict[str, Any]) -> Any:
        """The payload as its struct.

        Raises:
            BadInput: a field is missing, unknown, or not what the schema says.
        """
        try:
            return msgspec.convert(payload, self.schema)
        except msgspec.ValidationError as e:
            fields = ", ".join(_told(*one) for one in get_type_hints(self.schema).items())
            raise BadInput(str(e), where=f"event {self.name}", remedy=f"its fields are: {fields or 'none'}") from e


def _told(field: str, hint: Any) -> str:
    """A field's name, with the values that it may have where they are few."""
    values = [str(v) for one in (hint, *get_args(hint)) if get_origin(one) is Literal for v in get_args(one)]
    return f"{field} ({' | '.join(values)})" if values else field


EVENT_TYPES: Final[dict[str, EventType]] = {}
"""Every type by its name."""


def event_type(name: str, *, per_minute: int = 60, spends: "What | None" = None) -> Callable[[S], S]:
    """Register the schema of a type."""

    def register(schema: S) -> S:
        EVENT_TYPES[name] = EventType(name, schema, per_minute, spends)
        return schema

    return register


@event_type("feedback.received", per_minute=120, spends="read")
class FeedbackReceived(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a merchant says of an answer."""

    answer_id: Name
    verdict: Literal["positive", "negative", "correction"]
    text: Text = ""
    question: Text = ""
    arm: Name = ""
    build: Name = ""
    sender: Name = ""
    """Who said it, as far as is known: `key:` and the API key's id, or `cli`; never a person's name."""


@event_type("generate.requested", per_minute=20, spends="snippet")
class GenerateRequested(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Code for a question is asked for."""

    question: Question
    execute: bool = True


@event_type("comparison.requested", per_minute=6, spends="question")
class ComparisonRequested(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An arm is to be run over the question set again; without arms, all of them."""

    arms: Annotated[list[Literal["baseline", "rag", "ontology", "finetuned"]], msgspec.Meta(max_length=4)] = []


@event_type("plan.changed", per_minute=6)
class PlanChanged(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The mall's plan is another one from now on."""

    plan: Literal["free", "basic", "pro"]


class AppEvent(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is logged of a webhook about the app or the mall itself (`cafe24/webhooks.py`), personal data left out.

    `this_app` is False for an event of another app of the same mall: it concerns nobody here.
    """

    event_no: int | None = None
    shop_no: int | None = None
    this_app: bool = True
    unreadable_ids: int = 0
    other_keys: list[str] = []
    member_keys: list[str] = []
    product_nos: list[str] = []
    variant_codes: list[str] = []
    coupon_nos: list[str] = []
    board_nos: list[str] = []
    article_nos: list[str] = []
    category_nos: list[str] = []


for _name in (
    "app.uninstalled", "app.expired", "app.renewed", "app.paid", "app.refund_requested", "app.refunded",
    "mall.deleted", "mall.deactivated", "mall.reactivated", "mall.blocked",
):  # fmt: skip
    event_type(_name, per_minute=60)(AppEvent)


@event_type("app.installed", per_minute=6)
class AppInstalled(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The mall has the app: written by the callback of its first consent, since Cafe24 sends no webhook for it."""

    via: Literal["consent", "operator"] = "consent"


@event_type("oauth.authorized", per_minute=30)
class Authorized(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The mall's operator consented: what was asked for and what was granted; never a token."""

    scopes: list[Name] = []
    asked: list[Name] = []


def known_type(name: str) -> EventType:
    """The type of this name.

    Raises:
        BadInput: there is none.
    """
    if name not in EVENT_TYPES:
        raise BadInput(f"no event type is called {name!r}", remedy=f"use one of: {', '.join(sorted(EVENT_TYPES))}")
    return EVENT_TYPES[name]

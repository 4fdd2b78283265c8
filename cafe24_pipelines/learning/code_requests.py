"""Requests for code in the inbox: each is answered once, and its one effect is the verdict, `code.verified`.

The event's id is made of the request's, so a request that is worked on twice has one. Does not belong here: making
code (`codegen/`).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.codegen.record import CODE_VERIFIED, record
from cafe24_pipelines.errors import BadInput, Cafe24Error
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.codegen.generated import Generated
    from cafe24_pipelines.inbox.types import GenerateRequested
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog

REQUESTED: Final = "generate.requested"
SHOWN: Final = 5

Make = Callable[["GenerateRequested", str], "Generated"]
"""Of a request and a mall: its code with the verdict."""


@dataclass
class Worked:
    """What one pass over a mall's requests did; `trouble` holds what could not be worked on and stays pending."""

    by_status: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    shown: list[dict[str, Any]] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)


def effect_id(request_id: str) -> str:
    """The id of a request's verdict."""
    return f"{CODE_VERIFIED}:{request_id}"


def work(settings: "Settings", log: "EventLog", mall_id: str, make: Make | None = None) -> Worked:
    """Answer every request of a mall that has no verdict yet, oldest first.

    A question that can't be used is refused, which is a verdict too; where the installation is at fault (no
    documents, no model), the request stays pending and the others are worked on.
    """
    done, make = Worked(), make or _maker(settings)
    answered = {e.event_id for e in log.read_all(mall_id, types=(CODE_VERIFIED,))}
    for request in log.read_all(mall_id, types=(REQUESTED,)):
        effect = effect_id(request.event_id)
        if effect not in answered and not log.known(effect):  # another worker may have been faster meanwhile
            _one(log, request, make, done)
    return done


def _one(log: "EventLog", request: Event, make: Make, done: Worked) -> None:
    from cafe24_pipelines.codegen.generated import Generated, Verdict
    from cafe24_pipelines.inbox.types import known_type

    try:
        asked: GenerateRequested = known_type(REQUESTED).read(request.payload)
    except BadInput:  # the inbox sets it aside
        done.unreadable += 1
        return
    try:
        made = make(asked, request.mall_id)
    except BadInput as e:
        made = Generated(asked.question, "", Verdict("refused", e.what))
    except Cafe24Error as e:
        done.trouble.append(str(e))
        return
    record(log, request.mall_id, made, request=request.event_id)
    done.by_status[made.verdict.status] += 1
    if len(done.shown) < SHOWN:
        operations = " → ".join(op.id for op in made.operations)
        done.shown.append({"operations": operations or "-", "status": made.verdict.status, "model": made.model})


def _maker(settings: "Settings") -> Make:
    from cafe24_pipelines.codegen.generate import generate

    return lambda asked, mall_id: generate(asked.question, settings, mall_id, execute=asked.execute)

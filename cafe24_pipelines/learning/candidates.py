"""What was learnt, from the effects in the log: candidates that stand, by kind, and what was refused and why.

Voices for and against one answer are netted, whatever order they came in: an answer is a candidate while more voices
are for it than against it, its correction while more are against it; a correction is such a voice. Candidates teach
only what comes out again when the data set is built (`learned_answers`), so nothing of an older day, or of a member
who was erased since, is taught. Does not belong here: judging (`judge.py`), the data set (`finetune/`).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.learning.corrections import personal, unproven
from cafe24_pipelines.learning.judge import CORRECTION, FIX, VERIFIED
from cafe24_pipelines.learning.loop import ACCEPTED, asks_of, effects

if TYPE_CHECKING:
    from cafe24_pipelines.answers.ask import Services
    from cafe24_pipelines.answers.verified import VerifiedAnswer
    from cafe24_pipelines.stores.events import EventLog

_FOR: Final = {"positive": 1, "negative": -1, "correction": -1}
_NEEDS: Final = {VERIFIED: ("question", "source"), CORRECTION: ("question", "text")}


@dataclass(frozen=True)
class Candidates:
    """What stands. Every row is the payload of an accepted effect; `net` is by answer id.

    Attributes:
        verified: questions whose answer was praised and verified, each once.
        fixes: what retrieval found for questions whose answer was no good.
        corrections: corrected texts that were proven, each once.
        contested: verified answers and proven corrections that don't stand, because voices differ.
        refused: how many for which reason.
        fixes_by_class: negative voices by the class of their question.
    """

    verified: tuple[dict[str, Any], ...]
    fixes: tuple[dict[str, Any], ...]
    corrections: tuple[dict[str, Any], ...]
    contested: int
    net: dict[str, int]
    refused: dict[str, int]
    fixes_by_class: dict[str, int]


def candidates(log: "EventLog", mall_id: str) -> Candidates:
    """The mall's candidates; the same effects give the same, in whatever order they were made.

    An effect that lost a field since (an erasure takes fields that name a member) counts as a voice and teaches
    nothing.
    """
    voices: dict[str, dict[str, Any]] = {}  # each once: two passes at the same time may both have let one in
    refused: Counter[str] = Counter()
    for effect in effects(log, mall_id):
        if effect.type == ACCEPTED:
            voices.setdefault(str(effect.payload.get("voice", effect.event_id)), effect.payload)
        else:
            refused[str(effect.payload.get("reason", "?"))] += 1
    accepted = list(voices.values())
    net: Counter[str] = Counter()
    for one in accepted:
        net[str(one.get("answer_id", ""))] += _FOR.get(str(one.get("verdict")), 0)
    praised, corrected = _of_kind(accepted, VERIFIED), _of_kind(accepted, CORRECTION)
    praise = [one for one in praised if net[one["answer_id"]] > 0]
    against = [one for one in corrected if net[one["answer_id"]] < 0]
    fixes = sorted((o for o in accepted if o.get("kind") == FIX), key=lambda o: str(o.get("feedback")))
    return Candidates(
        verified=_once(praise, ("question",)), fixes=tuple(fixes),
        corrections=_once(against, ("question", "text")),
        contested=len(praised) - len(praise) + len(corrected) - len(against),
        net=dict(sorted(net.items())), refused=dict(sorted(refused.items())),
        fixes_by_class=dict(sorted(Counter(str(o.get("class", "unknown")) for o in fixes).items())),
    )  # fmt: skip


def learned_answers(log: "EventLog", mall_id: str, services: "Callable[[], Services]") -> "list[VerifiedAnswer]":
    """What the candidates teach now: each asked again and verified, corrections proven again.

    Args:
        services: opens the mall's published services; not called when there is no candidate.

    Raises:
        NotBuilt: there are candidates and nothing is published for this mall.
    """
    found = candidates(log, mall_id)
    if not (found.verified or found.corrections):
        return []
    taught = []
    with asks_of(services) as asks:
        for one in found.verified:
            again = asks.ask(one["question"])
            if again.verified is not None:
                taught.append(again.verified)
        for one in found.corrections:
            again = asks.ask(one["question"])
            if again.verified is not None and not unproven(one["text"], one["question"], again.material):
                taught.append(replace(again.verified, answer=one["text"], kind="correction"))
    return [one for one in taught if not personal(f"{one.question}\n{one.answer}")]


def _of_kind(accepted: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    needed = ("answer_id", *_NEEDS[kind])
    return [one for one in accepted if one.get("kind") == kind and all(one.get(name) for name in needed)]


def _once(rows: list[dict[str, Any]], names: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    """One row for each value of these fields (spaces and case aside), in their order."""
    by_key: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda r: str(r.get("feedback"))):
        by_key.setdefault(tuple(" ".join(str(row[n]).lower().split()) for n in names), row)
    return tuple(by_key[key] for key in sorted(by_key))

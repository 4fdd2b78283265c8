"""Findings as a report tells them: effect and interval in a unit that a person knows, and what is new among them.

Does not belong here: judging findings (see `discovery/run.py`), or the history itself (`discovery/history.py`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cafe24_pipelines.discovery.history import PatternHistory
    from cafe24_pipelines.discovery.patterns import Pattern

QUERY_SHOWN: Final = 240
"""Characters of a finding's query that a report shows; the whole of it is in `cafe24 patterns --json`."""


def effect_unit(name: str) -> str:
    """How an effect is read: `points` (a difference of shares), `share`, `times`, `pieces` or `number`."""
    if name.endswith(("_lift", "_ratio")) or name == "lift" or "_ratio_" in name:
        return "times"
    if name.endswith("_units"):
        return "pieces"
    if name.endswith(("_difference", "_step", "_per_delivery_day", "_through_low_ratings")) or "_gap_" in name:
        return "points"
    return "share" if name.endswith("_share") else "number"


def neutral(unit: str) -> float | None:
    """The value of an effect that would mean "no difference", where the unit has one."""
    return {"points": 0.0, "pieces": 0.0, "times": 1.0}.get(unit)


def effect_text(value: float, unit: str, lang: str = "ko") -> str:
    """An effect's value in its unit."""
    if unit == "points":
        return f"{value * 100:+.1f}%p"
    if unit == "share":
        return f"{value * 100:.1f}%"
    if unit == "times":
        return f"{value:.2f}배" if lang == "ko" else f"×{value:.2f}"
    if unit == "pieces":
        return f"{value:,.0f}개" if lang == "ko" else f"{value:,.0f} pieces"
    return f"{value:.3g}"


def findings_of(patterns: "list[Pattern]", histories: "Mapping[str, PatternHistory]") -> list[dict[str, Any]]:
    """Confirmed findings, the surest first, then retracted ones and those without data; no tentative ones.

    `turn` counts retractions: a finding that is confirmed again is told again, once.
    """
    told = [p for p in patterns if p.status == "confirmed" or p.retracted_at or p.status == "insufficient_data"]
    turns = {key: len(one.retractions) for key, one in histories.items()}
    return [{**_told(p), "turn": turns.get(p.id, 0)} for p in sorted(told, key=_rank)]


def state_of(pattern: "Pattern") -> str:
    """What a report says of a pattern: retracted, or its status."""
    return "retracted" if pattern.retracted_at else pattern.status


def what_changed(patterns: "list[Pattern]", histories: "Mapping[str, PatternHistory]") -> dict[str, Any]:
    """Findings that are new, moved or were retracted, against the data before the latest.

    `first` says that there is nothing to compare with: all observations are of one day of data.
    """
    days = sorted({one.as_of for h in histories.values() for one in h.observations})
    if not days:
        return {"source": "patterns", "first": True, "as_of": "", "new": [], "moved": [], "retracted": []}
    latest, first = days[-1], len(days) == 1
    new, moved, retracted = [], [], []
    for pattern in sorted(patterns, key=lambda p: p.id):
        history = histories.get(pattern.id)
        if pattern.retracted_at:
            retracted.append({"id": pattern.id, "title": pattern.title})
        if history is None or first or pattern.status != "confirmed" or not history.observations:
            continue
        confirmed = [one for one in history.observations if one.status == "confirmed"]
        if not confirmed or confirmed[-1].as_of != latest:
            continue
        before = confirmed[-2] if len(confirmed) > 1 else None
        if before is None:
            new.append({"id": pattern.id, "title": pattern.title})
        elif before.as_of != latest and before.effect.value is not None:
            was = {"from": before.effect.value, "from_day": before.as_of, "to": pattern.effect.value}
            moved.append({"id": pattern.id, "title": pattern.title, "effect": pattern.effect.name, **was})
    return {
        "source": "patterns", "first": first, "as_of": latest, "new": new, "moved": moved, "retracted": retracted,
    }  # fmt: skip


def _rank(pattern: "Pattern") -> tuple[Any, ...]:
    order = ("confirmed", "retracted", "insufficient_data").index(state_of(pattern))
    return order, 1.0 if pattern.q is None else pattern.q, pattern.id


def _told(pattern: "Pattern") -> dict[str, Any]:
    effect = pattern.effect
    return {
        "source": "patterns", "id": pattern.id, "state": state_of(pattern), "detector": pattern.detector,
        "kind": pattern.kind, "title": pattern.title, "summary": pattern.summary, "action": pattern.action,
        "effect": {
            "name": effect.name, "unit": effect_unit(effect.name), "value": effect.value, "low": effect.ci_low,
            "high": effect.ci_high,
        },
        "q": pattern.q, "n": pattern.n, "discovered_at": pattern.discovered_at, "retracted_at": pattern.retracted_at,
        "query": short_query(pattern.evidence.query), "language": pattern.evidence.language,
    }  # fmt: skip


def short_query(query: str, limit: int = QUERY_SHOWN) -> str:
    """A query on one line, cut."""
    text = " ".join(query.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

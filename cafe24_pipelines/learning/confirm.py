"""Looks at the held-out half: whether proposed settings are better, and whether promoted ones got worse since.

A proposal is tested at the mall's level for that look: the k-th at alpha / (k (k + 1)), which sums to alpha over all
looks there can ever be, so repeated tries don't win by chance. Going back is the safe direction: settings that do
worse than the ones before them over new documents are taken back at plain alpha. Does not belong here: what is
proposed (`improve.py`), how a score is made (`offline.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.knowledge.ranking import Ranking
from cafe24_pipelines.learning.active import roll_back, settings_history
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.experiments.statistics import Comparison
    from cafe24_pipelines.learning.bounds import Bounds
    from cafe24_pipelines.stores.events import EventLog

RECHECKED: Final = "settings.rechecked"

Scorer = Callable[[Ranking], Sequence[float]]
"""Settings to one score a family of questions (higher is better), always of the same in the same order."""


@dataclass(frozen=True)
class Decision:
    """What the held-out half said of the first arm against the second; `comparison.adjusted` is p over all looks."""

    promoted: bool
    look: int
    alpha: float
    comparison: "Comparison"

    def to_json(self) -> dict[str, Any]:
        """What an event keeps as evidence."""
        return {"look": self.look, "alpha": self.alpha, **_figures(self.comparison)}


def alpha_of(look: int, alpha: float) -> float:
    """The level of a mall's look number `look` (from 1): all levels together are `alpha`."""
    return alpha / (look * (look + 1))


def confirm(new: Sequence[float], old: Sequence[float], look: int, allowed: "Bounds") -> Decision:
    """Whether the new settings are better: by the exact two-sided sign test over families of questions at the level
    of this look, by a gain of at least the floor, and by an interval of the gain that lies above 0.
    """
    found = _compared(new, old)
    level = alpha_of(look, allowed.alpha)
    found = replace(found, adjusted=min(1.0, found.p * look * (look + 1)))
    surely = found.wins > found.losses and found.p <= level and found.low > 0
    return Decision(surely and found.difference >= allowed.effect_floor, look, level, found)


def recheck(
    log: "EventLog", mall_id: str, heldout: Scorer, *, corpus: str, allowed: "Bounds"
) -> dict[str, Any] | None:
    """Compare the settings in force with those before them, once over each corpus that they were not promoted on.

    Returns:
        The evidence, when they did worse and were taken back; else None.
    """
    history = settings_history(log, mall_id)
    active = history.active
    if active.number == 0 or (active.evidence or {}).get("corpus") == corpus:
        return None
    event_id = f"{RECHECKED}:{active.event_id}:{corpus}"
    known = next((e for e in log.read_all(mall_id, types=(RECHECKED,)) if e.event_id == event_id), None)
    if known is None:
        found = _compared(heldout(active.ranking), heldout(history.versions[-2].ranking))
        worse = found.losses > found.wins and found.p <= allowed.alpha and -found.difference >= allowed.effect_floor
        evidence = {**_figures(found), "alpha": allowed.alpha, "corpus": corpus}
        payload = {"of": active.event_id, "hash": active.digest, "worse": worse, "evidence": evidence}
        known = Event(event_id, mall_id, RECHECKED, datetime.now(UTC), payload)
        log.append([known])
    if not known.payload["worse"]:
        return None
    roll_back(log, mall_id, evidence=known.payload["evidence"], ends=active.event_id)  # again after a kill, too
    return dict(known.payload["evidence"])


def _compared(new: Sequence[float], old: Sequence[float]) -> "Comparison":
    from cafe24_pipelines.experiments.statistics import compare_ranks

    scores = {"candidate": [float(x) for x in new], "active": [float(x) for x in old]}
    return compare_ranks("candidate", "active", scores, measure="ndcg@10")


def _figures(found: "Comparison") -> dict[str, Any]:
    seen = asdict(found)
    kept = ("measure", "wins", "losses", "ties", "difference", "low", "high", "p", "adjusted")
    return {name: seen[name] for name in kept}

"""Trying settings: a seeded search on the tuned half, one confirmation on the held-out half, promotion or not.

Nothing but numbers within bounds is ever proposed, and nothing but an event is written. The held-out half is looked
at once a trial, for one candidate, and each look is logged before it is taken, so that its number counts even if the
run dies; a trial that was killed is finished as it was begun. Does not belong here: scoring (`offline.py`), what the
held-out half says (`confirm.py`), versions (`active.py`).
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import Cafe24Error, ConfigError
from cafe24_pipelines.knowledge.ranking import Ranking
from cafe24_pipelines.learning.active import PROMOTED, Version, promote, settings_history
from cafe24_pipelines.learning.bounds import Bounds, bounds, fingerprint, ranking_of, values_of
from cafe24_pipelines.learning.confirm import Scorer, confirm, recheck
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import EventLog

TRIED: Final = "settings.tried"
REJECTED: Final = "settings.rejected"
_LEAST: Final = 1e-9


@dataclass(frozen=True)
class Proposal:
    """The best that a search found on the tuned half, and by how much it is ahead of what is in force there."""

    ranking: Ranking
    gain: float
    looked_at: int


@dataclass(frozen=True)
class Outcome:
    """What one round did.

    `status`: nothing_better, tried_before, rejected, promoted, superseded (proven, but other settings came into force
    meanwhile, so it was not promoted) or taken_back (what was in force does worse over new documents).
    """

    status: str
    active: Version
    proposal: Proposal
    evidence: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        found = {
            "status": self.status, "active": self.active.to_json(), "proposed": values_of(self.proposal.ranking),
            "tuned_gain": round(self.proposal.gain, 6), "looked_at": self.proposal.looked_at,
        }  # fmt: skip
        return found if self.evidence is None else found | {"evidence": self.evidence}


def search(
    score: Scorer, start: Ranking, allowed: Bounds, seed: int, unwanted: frozenset[str] = frozenset()
) -> Proposal:
    """Coordinate search: one setting at a time goes to another place of its grid, and stays there if that is better.

    Moves are drawn with the seed, near ones as often as far ones; the budget counts different settings. Those whose
    digests are `unwanted` are passed over.
    """
    draw = random.Random(seed)  # noqa: S311 - a search, no secret
    grid = {name: one.values(name) for name, one in sorted(allowed.ranges.items())}
    first = best = _mean(score(start))
    here, seen = start, {fingerprint(start)}
    for _ in range(20 * allowed.budget):
        if len(seen) > allowed.budget:
            break
        moved = _moved(here, grid, draw)
        if fingerprint(moved) in seen | unwanted:
            continue
        seen.add(fingerprint(moved))
        reached = _mean(score(moved))
        if reached > best + _LEAST:
            here, best = moved, reached
    return Proposal(here, best - first, len(seen) - 1)


def improve(log: "EventLog", mall_id: str, tuned: Scorer, heldout: Scorer, *, corpus: str, seed: int = 0) -> Outcome:
    """One round for a mall: look again at what was promoted, search, and confirm what is worth it.

    Args:
        tuned, heldout: scores on the two halves; `heldout` is asked only by a confirmation or a recheck.
        corpus: names what the scores are of; a candidate is confirmed once against the same settings over it.
        seed: of the search; the number of trials is added, so that each searches elsewhere.

    Raises:
        ConfigError: the bounds can't be used.
        Cafe24Error: a score is no number; a trial that had begun is finished by the next round.
    """
    allowed, tuned, heldout = bounds(), _finite(tuned, "tuned"), _finite(heldout, "held-out")
    history = settings_history(log, mall_id)
    active = history.active
    if (worse := recheck(log, mall_id, heldout, corpus=corpus, allowed=allowed)) is not None:
        taken_back = Proposal(active.ranking, 0.0, 0)
        return Outcome("taken_back", settings_history(log, mall_id).active, taken_back, worse)
    trials = list(log.read_all(mall_id, types=(TRIED,)))
    if (begun := _open(log, trials, active, allowed)) is not None:
        trial, ranking = begun
        return _confirmed(log, active, Proposal(ranking, trial.payload["gain"], 0), trial, heldout)
    proposal = search(tuned, active.ranking, allowed, seed + len(trials), history.unwanted)
    if proposal.gain < allowed.effect_floor:
        return Outcome("nothing_better", active, proposal)
    payload = {
        "new": values_of(proposal.ranking), "hash": fingerprint(proposal.ranking), "old_hash": active.digest,
        "corpus": corpus, "gain": proposal.gain, "look": len(trials) + 1,
    }  # fmt: skip
    if any(all(t.payload[k] == payload[k] for k in ("hash", "old_hash", "corpus")) for t in trials):
        return Outcome("tried_before", active, proposal)
    trial = Event(f"{TRIED}:{mall_id}:{len(trials) + 1}", mall_id, TRIED, datetime.now(UTC), payload)
    if not log.append([trial]):  # another run made this look; what it finds is in the log
        return Outcome("tried_before", active, proposal)
    return _confirmed(log, active, proposal, trial, heldout)


def _confirmed(log: "EventLog", active: Version, proposal: Proposal, trial: Event, heldout: Scorer) -> Outcome:
    """The look at the held-out half, and the event that follows."""
    found = confirm(heldout(proposal.ranking), heldout(active.ranking), trial.payload["look"], bounds())
    evidence = found.to_json() | {"tuned_gain": trial.payload["gain"], "corpus": trial.payload["corpus"]}
    if found.promoted:
        promote(log, trial.mall_id, active, proposal.ranking, evidence=evidence, key=trial.event_id)
    else:
        _reject(log, trial, evidence)
    now = settings_history(log, trial.mall_id)
    status = "rejected"
    if found.promoted:
        in_force = any(one.event_id == f"{PROMOTED}:{trial.event_id}" for one in now.versions)
        status = "promoted" if in_force else "superseded"
    return Outcome(status, now.active, proposal, evidence)


def _open(log: "EventLog", trials: Sequence[Event], active: Version, allowed: Bounds) -> tuple[Event, Ranking] | None:
    """A trial of what is in force that was begun and not ended, and its settings.

    One whose settings the bounds no longer allow (the file was edited meanwhile) is ended here, unlooked at.
    """
    for trial in trials:
        ended = any(log.known(f"{kind}:{trial.event_id}") for kind in (PROMOTED, REJECTED))
        if ended or trial.payload["old_hash"] != active.digest:
            continue
        try:
            return trial, ranking_of(trial.payload["new"], allowed)
        except ConfigError as e:
            _reject(log, trial, {"look": trial.payload["look"], "reason": e.what})
    return None


def _reject(log: "EventLog", trial: Event, evidence: dict[str, Any]) -> None:
    said = {"hash": trial.payload["hash"], "old_hash": trial.payload["old_hash"], "evidence": evidence}
    log.append([Event(f"{REJECTED}:{trial.event_id}", trial.mall_id, REJECTED, datetime.now(UTC), said)])


def _finite(score: Scorer, half: str) -> Scorer:
    """The scorer, which fails before anything rests on a score that is no number."""

    def checked(ranking: Ranking) -> Sequence[float]:
        scores = score(ranking)
        if not all(map(math.isfinite, scores)):
            what, remedy = f"a score of the {half} half is no number", "see that every question has graded answers"
            raise Cafe24Error(what, where="retrieval evaluation", remedy=remedy)
        return scores

    return checked


def _moved(here: Ranking, grid: dict[str, list[float]], draw: random.Random) -> Ranking:
    name = draw.choice(list(grid))
    values = grid[name]
    near = min(range(len(values)), key=lambda i: abs(values[i] - getattr(here, name)))
    place = near + draw.choice((-2, -1, 1, 2)) if draw.random() < 1 / 2 else draw.randrange(len(values))
    return ranking_of(values_of(here) | {name: values[max(0, min(place, len(values) - 1))]})


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores) if scores else 0.0

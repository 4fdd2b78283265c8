"""Statistics that take turns: those of one day, a day at a time, and pieces sold, a product at a time.

One answer speaks of one day or product alone, so reading all of them would make every sync long: so many are read a
run, and the report says how many were read so far. A reading counts when the next is equal; the first of the two may
be what an earlier run landed. Nothing is removed because its day or product is no longer in reach: what was sold was
sold. Does not belong here: lists that say their day (`ledgers.py`), or that add up over days (`shelf.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from cafe24_pipelines.cafe24.admin_api.errors import NotFound
from cafe24_pipelines.cafe24.sync.agreement import Outcome, agree_by_repetition
from cafe24_pipelines.cafe24.sync.failures import is_gone
from cafe24_pipelines.cafe24.sync.lists import Parent, ParentWalk
from cafe24_pipelines.cafe24.sync.reading import Listing, Pages, Shifted
from cafe24_pipelines.cafe24.sync.rows import Rows
from cafe24_pipelines.cafe24.sync.run import Landing, Run
from cafe24_pipelines.cafe24.sync.windows import KST, ORDER_SPAN

FRESH: Final = 3
"""Days that every run reads again: today, which is not over, and those whose orders are still being paid."""
VOLUMES: Final = 2 * ORDER_SPAN - timedelta(days=1)
"""How far back pieces sold are read at most: two calls a product, for no longer span is known to be taken."""
_DAY: Final = timedelta(days=1)


def sync_turns(run: Run, landing: Landing, shop_no: int) -> None:
    """Read the days or products of a shop whose turn it is."""
    by_day = landing.resource.turns == "day"
    read_at: dict[str, int] = landing.state.setdefault("turns", {}).setdefault(str(shop_no), {})
    turns, total = (_days if by_day else _products)(run, landing, shop_no, read_at)
    TurnWalk(
        run, landing, turns, part=str(shop_no), budget=len(turns), complete=False, total=total,
        what="days" if by_day else "units sold by product",
    ).sync()  # fmt: skip


@dataclass(frozen=True)
class Turn(Parent):
    """A day or a product whose turn it is.

    Attributes:
        further: more lists of the same, read after the first.
        since: only rows dated from this day on are listed ("": all of them).
        over: the time that it speaks of is over, so that two readings can be equal.
        known: an earlier run read it, so that what has landed is a reading.
    """

    further: tuple[Listing, ...] = ()
    since: str = ""
    over: bool = True
    known: bool = False


class TurnWalk(ParentWalk):
    """The turns of one run; see `ParentWalk` for the arguments."""

    def _load(self) -> None:
        """What we hold of them, with digests. Keys begin with shop and day, or shop, product and day."""
        self._held: dict[str, set[str]] = {}
        self._digests: dict[str, dict[str, str]] = {}
        since = {parent.prefix: parent.since for parent in self.parents if isinstance(parent, Turn)}
        for key, digest in self.landing.store.known(prefix=f"{self.part}/").items():
            parts = key.split("/", 3)
            prefix = "/".join(parts[:2])
            if prefix in since and (not since[prefix] or parts[2] >= since[prefix]):
                self._held.setdefault(prefix, set()).add(key)
                self._digests.setdefault(prefix, {})[key] = digest

    def _read(self, parent: Parent, pages: Pages) -> Outcome:
        assert isinstance(parent, Turn)  # noqa: S101 - for mypy: nothing else is given to this walk
        try:
            whole = self._one_list(parent, parent.listing, pages)
            for listing in parent.further:
                more = self._one_list(parent, listing, self.run.reader.start(listing, 1))
                whole.rows.add(more.rows)
                whole = Outcome(whole.rows, len(whole.rows), whole.agreed and more.agreed, whole.why or more.why)
        except NotFound as e:
            if not is_gone(e):
                raise
            self._held.pop(parent.prefix, None)  # a product that was deleted; what it sold stays
            whole = Outcome(Rows(), 0, True)
        return whole

    def _one_list(self, turn: Turn, listing: Listing, pages: Pages) -> Outcome:
        if turn.over:
            before = self._digests.get(turn.prefix, {}) if turn.known and not turn.further else None
            return agree_by_repetition(
                self.run.reader, listing, pages=pages, tries=self.run.tuning.tries, before=before
            )
        try:
            rows = pages.rows()
        except Shifted as e:
            return Outcome(Rows(), -1, False, str(e))
        return Outcome(rows, len(rows), True)


def _days(run: Run, landing: Landing, shop_no: int, read_at: dict[str, int]) -> tuple[list[Turn], int]:
    """Days, newest first: those of late, those never read, then those within the look-back that wait longest."""
    today = run.now.astimezone(KST).date()
    every = [(today - n * _DAY).isoformat() for n in range(run.tuning.reports // _DAY + 1)]
    chosen = every
    if not run.whole:
        recent, waited = set(every[: run.tuning.look_back // _DAY + 1]), run.tuning.whole_every.total_seconds()
        never = [day for day in every[FRESH:] if day not in read_at]
        again = [d for d in every[FRESH:] if d in read_at and d in recent and _now(run) - read_at[d] >= waited]
        chosen = [*every[:FRESH], *never, *sorted(again, key=read_at.__getitem__)][: run.tuning.days]
    turns = [
        Turn(
            day, Listing(landing.resource, shop_no, params=_span(day, day), parent={"date": day}), f"{shop_no}/{day}",
            over=day < today.isoformat(), known=read_at.get(day, 0) >= _end_of(day),
        )
        for day in chosen
    ]  # fmt: skip
    return turns, len({*every, *read_at})


def _products(run: Run, landing: Landing, shop_no: int, read_at: dict[str, int]) -> tuple[list[Turn], int]:
    """Products that wait longest: all of the past the first time, then from the look-back before the last time on."""
    numbers, waited = run.parents("products", shop_no), run.tuning.whole_every.total_seconds()
    due = [n for n in numbers if run.whole or _now(run) - read_at.get(n, 0) >= waited]
    chosen = sorted(due, key=lambda n: (read_at.get(n, 0), n))[: None if run.whole else run.tuning.volumes]
    return [_volume(run, landing, shop_no, n, read_at) for n in chosen], len(numbers)


def _volume(run: Run, landing: Landing, shop_no: int, number: str, read_at: dict[str, int]) -> Turn:
    begun = run.now - min(run.tuning.reports, VOLUMES)
    if number in read_at and not run.whole:
        begun = max(begun, datetime.fromtimestamp(read_at[number], UTC) - run.tuning.look_back)
    first, today = (moment.astimezone(KST).date() for moment in (begun, run.now))
    lists = [
        Listing(landing.resource, shop_no, params={"product_no": number, **_span(a.isoformat(), b.isoformat())},
                parent={"product_no": int(number)})
        for a, b in _stretches(first, today)
    ]  # fmt: skip
    return Turn(
        number, lists[0], f"{shop_no}/{number}", further=tuple(lists[1:]), since=first.isoformat(),
        known=number in read_at,
    )  # fmt: skip


def _stretches(first: date, last: date) -> Sequence[tuple[date, date]]:
    """Stretches of days, both ends included, none longer than the API takes elsewhere."""
    found = []
    while first <= last:
        end = min(first + ORDER_SPAN - _DAY, last)
        found.append((first, end))
        first = end + _DAY
    return found


def _span(first: str, last: str) -> dict[str, str]:
    return {"start_date": first, "end_date": last}


def _now(run: Run) -> float:
    return run.now.timestamp()


def _end_of(day: str) -> float:
    """When a day (Korean time) is over, epoch seconds: a reading of before is none of the whole day."""
    return (datetime.fromisoformat(day).replace(tzinfo=KST) + _DAY).timestamp()

"""When each step of an order happened: paid, placed, shipped, delivered, confirmed, and the stamps of its claim.

The generator says how an order ended and when it arrived; the steps between are drawn here, so that at the end of the
two years every order stands exactly where the generator left it. Does not belong here: codes of the steps
(`statuses.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cafe24_pipelines.sandbox import seasons
from cafe24_pipelines.sandbox.baskets import (
    CANCELLED,
    CONFIRMED,
    EXCHANGED,
    PAID,
    RETURNED,
    UNPAID,
)
from cafe24_pipelines.sandbox.mall.moments import NEVER
from cafe24_pipelines.sandbox.mall.statuses import AUTO, BUYER, CANCEL, EXCHANGE, RETURN
from cafe24_pipelines.sandbox.seasons import DAY, FINISH

if TYPE_CHECKING:
    import numpy as np

    from cafe24_pipelines.sandbox.baskets import Parcels

HOUR: Final = 3600
STAMPS: Final = (
    "ordered", "paid", "placed", "shipped", "delivered", "confirmed", "requested", "accepted", "completed",
    "refunded",
)  # fmt: skip


def stamps_of(
    rng: np.random.Generator, at: np.ndarray, parcels: Parcels, lines: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The stamps of orders made at `at` (by the names of `STAMPS`) and the kind of each one's claim (0: none).

    `lines` is how many lines each order has: of an exchanged order the others are confirmed.
    """
    import numpy as np

    size, status = at.size, parcels.status
    arrived = parcels.delivered != seasons.NEVER
    room = np.maximum(np.where(arrived, parcels.delivered, FINISH - 1) - at, 0)

    def after(moment: np.ndarray, low: int, high: int, share: int = 6) -> np.ndarray:
        return moment + np.minimum(rng.integers(low, high, size), room // share)

    cash = rng.random(size) < 0.18
    paid = np.where(cash, after(at, 600, 20 * HOUR), after(at, 5, 90))
    placed = after(paid, HOUR, 8 * HOUR)
    shipped = after(placed, 2 * HOUR, 20 * HOUR)
    t = {"ordered": at, "paid": paid, "placed": placed, "shipped": shipped}
    t["delivered"] = np.where(arrived, parcels.delivered, NEVER)
    _settle(rng, t, status, lines)
    claim = np.select([status == RETURNED, status == EXCHANGED], [RETURN, EXCHANGE], 0)
    _claim_after_delivery(rng, t, claim)
    _cancel(rng, t, claim, status)
    t["paid"] = np.where((status == UNPAID) | np.isin(claim, (AUTO, BUYER)), NEVER, t["paid"])
    idle = np.isin(status, (UNPAID, CANCELLED)) | ((status == PAID) & (rng.random(size) < 0.4))
    t["placed"] = np.where(idle, NEVER, t["placed"])
    t["shipped"] = np.where(np.isin(status, (UNPAID, CANCELLED, PAID)), NEVER, t["shipped"])
    return t, claim


def _settle(rng: np.random.Generator, t: dict[str, np.ndarray], status: np.ndarray, lines: np.ndarray) -> None:
    """Confirmation one to seven days after delivery; beside an exchange only what was not exchanged, later."""
    import numpy as np

    soon = t["delivered"] + rng.integers(DAY, 7 * DAY, status.size)
    late = np.minimum(t["delivered"] + rng.integers(3 * DAY, 7 * DAY, status.size), FINISH - 1)
    confirmed = np.where(status == CONFIRMED, soon, NEVER)
    t["confirmed"] = np.where((status == EXCHANGED) & (lines > 1), late, confirmed)


def _claim_after_delivery(rng: np.random.Generator, t: dict[str, np.ndarray], claim: np.ndarray) -> None:
    """Returns and exchanges: all steps within three days of delivery, for the generator settles them in that time."""
    import numpy as np

    asked = claim > 0
    at = t["delivered"]
    for name, low, high in (("requested", 2, 24), ("accepted", 1, 12), ("completed", 4, 20), ("refunded", 1, 12)):
        at = at + rng.integers(low * HOUR, high * HOUR, claim.size)
        t[name] = np.where(asked, at, NEVER)
    t["refunded"] = np.where(claim == RETURN, t["refunded"], NEVER)


def _cancel(rng: np.random.Generator, t: dict[str, np.ndarray], claim: np.ndarray, status: np.ndarray) -> None:
    """Cancelled orders: most were never paid and closed by the mall, some by the buyer; the others are paid back."""
    import numpy as np

    size, at = status.size, t["ordered"]
    void, u = status == CANCELLED, rng.random(size)
    claim[void] = np.select([u < 0.4, u < 0.55], [AUTO, BUYER], CANCEL)[void]
    end = np.maximum(FINISH - 1, at)
    steps = (("requested", 900, DAY), ("accepted", 600, 10 * HOUR), ("completed", 60, 4 * HOUR))
    moment = t["paid"]
    for name, low, high in (*steps, ("refunded", HOUR, 3 * DAY)):
        moment = np.minimum(moment + rng.integers(low, high, size), end)
        t[name] = np.where(claim == CANCEL, moment, t[name])
    closed = np.where(claim == AUTO, at + rng.integers(3 * DAY, 7 * DAY, size), at + rng.integers(300, DAY, size))
    t["completed"] = np.where(np.isin(claim, (AUTO, BUYER)), np.minimum(closed, end), t["completed"])

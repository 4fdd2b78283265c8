"""The dice of faults: what goes wrong with an answer, a row or a webhook.

Seeded, so that the same calls in the same order meet the same faults. Does not belong here: how a fault looks on the
wire (`answer.py`), rates (`config.py`).
"""

import random
import zlib
from collections import Counter
from typing import Any, Final, Literal

from cafe24_pipelines.sandbox.server.config import ServerConfig

Fault = Literal["500", "503", "504", "timeout", "truncate", "slow"]
_ERRORS: Final[tuple[Fault, ...]] = ("500", "503", "504")
_TARGETS: Final = [
    "order_id",
    "order_date",
    "member_id",
    "created_date",
    "product_no",
    "price",
    "quantity",
    "coupon_no",
    "issue_no",
    "issued_date",
    "refund_code",
    "accepted_refund_date",
    "article_no",
    "issue_date",
    "category_no",
    "group_no",
    "collection_date",
    "variant_code",
    "shop_no",
]
"""Keys that a malformed row breaks: those that a reader can't do without."""
_UNHEARD_OF: Final[dict[str, Any]] = {
    "sandbox_new_field": "unheard of",
    "sandbox_new_object": {"since": "2026-06-01", "list": [1]},
}
_CHANGING: Final = ("price", "quantity", "group_no", "shop_no")
_TEXT_IDS: Final = ("order_id", "member_id", "coupon_no", "issue_no", "refund_code", "variant_code")


class Dice:
    """Every chance of a server. Used from the event loop's thread, except `rows`, which depends on its row alone."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  faults, not secrets
        self.thrown: Counter[str] = Counter()

    def answer(self, config: ServerConfig) -> Fault | None:
        """What goes wrong with the next answer, if anything."""
        at = self._random.random()
        for fault, rate in (
            ("error", config.error_rate),
            ("timeout", config.timeout_rate),
            ("truncate", config.truncate_rate),
            ("slow", config.slow_rate),
        ):
            if at < rate:
                return self._count(self._random.choice(_ERRORS) if fault == "error" else fault)  # type: ignore[arg-type]
            at -= rate
        return None

    def chance(self, name: str, rate: float) -> bool:
        """Whether the fault `name` happens now; counted if it does."""
        if rate and self._random.random() < rate:
            self.thrown[name] += 1
            return True
        return False

    def salt(self) -> int:
        """A number for faults that must differ from call to call."""
        return self._random.getrandbits(32)

    def pick(self, n: int) -> int:
        """A number from 0 to n - 1."""
        return self._random.randrange(n)

    def _count(self, fault: Fault) -> Fault:
        self.thrown[fault] += 1
        return fault


def spoil(
    config: ServerConfig, resource: str, rows: list[dict[str, Any]], salt: int
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Copies of `rows` with some malformed and some carrying unknown fields, and how many of each.

    With `malformed_sticky` it is a function of seed, resource and row, so a row that is malformed once always is;
    otherwise `salt` decides anew.
    """
    done: Counter[str] = Counter()
    if not (config.malformed_rate or config.unknown_field_rate):
        return rows, done
    spoilt = []
    for number, original in enumerate(rows):
        known = _identity(original) if config.malformed_sticky else f"{salt}:{number}"
        dice = random.Random(zlib.crc32(f"{config.faults_seed}:{resource}:{known}".encode()))  # noqa: S311
        row = original
        if dice.random() < config.malformed_rate:
            row = _malformed(original, dice)
            done["malformed"] += 1
        if dice.random() < config.unknown_field_rate:
            row = {**row, **_UNHEARD_OF}
            done["unknown_field"] += 1
        spoilt.append(row)
    return spoilt, done


def _identity(row: dict[str, Any]) -> str:
    return "|".join(str(row[k]) for k in _TARGETS if k in row and k not in _CHANGING)


def _malformed(row: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """`row` with one key that matters gone, of another type, or nonsense."""
    names = [k for k in _TARGETS if row.get(k) is not None and k != "shop_no"] or list(row)[:1]
    if not names:
        return row
    name, kind = dice.choice(names), dice.randrange(3)
    if kind == 0:
        return {k: v for k, v in row.items() if k != name}
    nonsense = kind == 2 and name not in _TEXT_IDS  # any text might be an id, so an id becomes an object instead
    return {**row, name: "??" if nonsense else {"unexpected": True}}

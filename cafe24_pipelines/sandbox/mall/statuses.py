"""The item status codes of an order's life: which code each stamp brings, for SQL and for Python from one table.

Does not belong here: when the stamps fall (`timelines.py`).
"""

from __future__ import annotations

from typing import Final

CANCEL, RETURN, EXCHANGE, AUTO, BUYER = range(1, 6)
"""Kinds of claim: cancelled after payment, returned, exchanged (the first line); never paid and closed by the mall,
or by the buyer."""

NORMAL: Final = (
    ("confirmed", "N50"), ("delivered", "N40"), ("shipped", "N30"), ("placed", "N20"), ("paid", "N10"),
)  # fmt: skip
"""Highest first: the first stamp that has come decides; before all of them an order is N00."""

CLAIMS: Final[dict[int, tuple[tuple[str, str], ...]]] = {
    CANCEL: (("refunded", "C40"), ("completed", "C41"), ("accepted", "C10"), ("requested", "C00")),
    RETURN: (("refunded", "R40"), ("completed", "R41"), ("accepted", "R10"), ("requested", "R00")),
    EXCHANGE: (("completed", "E40"), ("accepted", "E10"), ("requested", "E00")),
    AUTO: (("completed", "C48"),),
    BUYER: (("completed", "C47"),),
}
"""What stands above `NORMAL` for an order with that claim."""

NAMES: Final = {
    "N00": "입금전", "N10": "상품준비중", "N20": "배송준비중", "N30": "배송중", "N40": "배송완료", "N50": "구매확정",
    "C00": "취소신청", "C10": "취소접수", "C41": "취소완료-환불전", "C40": "취소완료-환불완료",
    "C47": "입금전취소-구매자", "C48": "입금전취소-자동취소",
    "R00": "반품신청", "R10": "반품접수", "R41": "반품완료-환불전", "R40": "반품완료-환불완료",
    "E00": "교환신청", "E10": "교환접수", "E40": "교환완료",
}  # fmt: skip
"""The admin's own words for the codes."""


def _ladder(rungs: tuple[tuple[str, str], ...]) -> str:
    return " ".join(f"WHEN o.{stamp} <= :at THEN '{code}'" for stamp, code in rungs)


REST_SQL: Final = f"CASE {_ladder(NORMAL)} ELSE 'N00' END"
"""The status, at `:at`, of an order's lines that have no claim; `o` is the order."""

FIRST_SQL: Final = (
    "CASE "
    + " ".join(
        f"WHEN o.claim = {kind} THEN CASE {_ladder(rungs)} {_ladder(NORMAL)} ELSE 'N00' END"
        for kind, rungs in CLAIMS.items()
    )
    + f" ELSE {REST_SQL} END"
)
"""The status of an order's first line at `:at`; but of an exchange, all lines share it."""

"""From Cafe24's item status codes to the shop's eight words, for lines and for orders.

The API gives no status for an order: each line has its own `order_status`. What the codes become:

| codes | word |
|---|---|
| N00, N03 (an exchange that waits for its card payment) | unpaid |
| N01 (an exchange's new line), N02, N10, N20, N21, N22 | paid |
| N30 / N40 / N50 | shipping / delivered / confirmed |
| C40-C49 | cancelled |
| R40-R43 | returned |
| E40 | exchanged |
| any other C, R, E code | a claim that is open, refused or on hold: what the line was before it |

What a line was before its claim is in `order_status_before_cs`; where that is empty its dates tell (confirmed,
delivered, shipped), and where there are none, whether the order was paid.

An order is what remains of it: cancelled when every line is, returned when none remains and one came back, exchanged
when a line was, else the least advanced of its remaining lines (half delivered is still on its way). So a claim on
part of an order leaves the order's word, and the line carries its own.

An exchange may add a line for the new goods (`status_code` N2, naming the old one in `original_item_no`). The old
line then counts as returned, or goods and money would count twice; without a new line it stays exchanged, a sale.
"""

from typing import Final

CODES: Final = {
    "unpaid": ("N00", "N03"),
    "paid": ("N01", "N02", "N10", "N20", "N21", "N22"),
    "shipping": ("N30",),
    "delivered": ("N40",),
    "confirmed": ("N50",),
    "cancelled": ("C40", "C41", "C42", "C43", "C47", "C48", "C49"),
    "returned": ("R40", "R41", "R42", "R43"),
    "exchanged": ("E40",),
}
"""Words by the codes that say them outright."""

BEFORE_PAYMENT: Final = ("C47", "C48", "C49")
"""Cancelled without ever having been paid."""

ADVANCE: Final = ("unpaid", "paid", "shipping", "delivered", "confirmed")
"""Words of a line that remains, in the order in which it passes through them."""


def word(code: str) -> str:
    """SQL: the word that a code says outright, else null."""
    cases = " ".join(f"WHEN {code} IN ({_texts(codes)}) THEN '{name}'" for name, codes in CODES.items())
    return f"CASE {cases} END"


def line_status() -> str:
    """SQL over a line `l` of an order that `paid` tells about: its word, whatever its code."""
    return f"""coalesce(
        {word("upper(filled(l.order_status))")}, {word("upper(filled(l.order_status_before_cs))")},
        CASE WHEN filled(l.purchaseconfirmation_date) IS NOT NULL THEN 'confirmed'
             WHEN filled(l.delivered_date) IS NOT NULL THEN 'delivered'
             WHEN filled(l.shipped_date) IS NOT NULL THEN 'shipping'
             WHEN paid THEN 'paid' ELSE 'unpaid' END)"""


def order_status() -> str:
    """SQL over the lines of one order, as an aggregate of `status` and `exchanged`: the order's word."""
    ranks = " ".join(f"WHEN '{name}' THEN {rank}" for rank, name in enumerate(ADVANCE))
    words = ", ".join(f"'{name}'" for name in ADVANCE)
    return f"""CASE
        WHEN bool_and(status = 'cancelled') THEN 'cancelled'
        WHEN bool_or(exchanged) THEN 'exchanged'
        WHEN bool_and(status IN ('cancelled', 'returned')) THEN 'returned'
        ELSE list_extract([{words}], 1 + min(CASE status {ranks} END)) END"""


def _texts(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)

"""Sums and differences of money columns that may have gaps: exact, as the lake's decimals.

Does not belong here: reading an amount (see `values.py`).
"""

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def total(amounts: "list[pa.ChunkedArray]") -> "pa.ChunkedArray":
    """The sum where at least one of the amounts is there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from cafe24_pipelines.stores.schemas import MONEY

    found = amounts[0]
    for amount in amounts[1:]:
        zero = pa.scalar(Decimal(0), MONEY)
        both = pc.add(pc.coalesce(found, zero), pc.coalesce(amount, zero)).cast(MONEY)
        found = pc.if_else(pc.and_(pc.is_null(found), pc.is_null(amount)), pa.scalar(None, MONEY), both)
    return found


def less(amount: "pa.ChunkedArray", discount: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """The amount without the discount; a discount may be written with a minus."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from cafe24_pipelines.stores.schemas import MONEY

    return pc.subtract(amount, pc.coalesce(pc.abs(discount), pa.scalar(Decimal(0), MONEY))).cast(MONEY)


def no_money(rows: int) -> "pa.ChunkedArray":
    """A money column in which no amount is there."""
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import MONEY

    return pa.chunked_array([pa.nulls(rows, MONEY)])

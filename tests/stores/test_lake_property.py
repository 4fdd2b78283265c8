"""Any sequence of landings ends equal to a plain dictionary that was treated the same way."""

import shutil
import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cafe24_pipelines.stores.lake import MallLake
from cafe24_pipelines.stores.schemas import TABLES

LINE = st.tuples(st.integers(0, 4), st.integers(1, 3))  # order, line
ROWS = st.dictionaries(LINE, st.integers(-3, 9), max_size=6)  # the value is a quantity
STEP = st.one_of(
    st.tuples(st.just("land"), ROWS), st.tuples(st.just("snapshot"), ROWS), st.tuples(st.just("compact"), st.just({}))
)


def treat(
    model: dict[tuple[int, int], int], step: str, rows: dict[tuple[int, int], int]
) -> dict[tuple[int, int], int]:
    """The same step on a dictionary: a landing replaces whole orders, a snapshot everything."""
    if step == "compact":
        return model
    if step == "snapshot":
        return dict(rows)
    mentioned = {order for order, _ in rows}
    return {key: q for key, q in model.items() if key[0] not in mentioned} | rows


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, max_size=7))
def test_landings_equal_a_dictionary(lake_rows, steps):
    root = Path(tempfile.mkdtemp())
    try:
        lake, model = MallLake(root / "lake", "shop"), {}
        for step, rows in steps:
            model = treat(model, step, rows)
            if step == "compact":
                lake.compact("order_items")
                continue
            lines = [lake_rows.item(o, n, quantity=q, price="0.5") for (o, n), q in rows.items()]
            empty = TABLES["order_items"].schema.empty_table()
            landed = lake.land(
                "order_items", lake_rows.items(*lines) if lines else empty, snapshot=step == "snapshot"
            )  # fmt: skip
            assert landed.rows == len(model)
        found = lake.read("order_items").to_pylist()
        assert {(int(r["order_id"][1:]), r["line_no"]): r["quantity"] for r in found} == model
        assert all(r["amount"] == Decimal("0.5") * r["quantity"] for r in found)
        fresh = MallLake(root / "fresh", "shop")
        if lake.counts():
            fresh.land("order_items", lake.read("order_items"), snapshot=True)
        assert fresh.digest() == lake.digest()  # the digest tells nothing but the content
    finally:
        shutil.rmtree(root)

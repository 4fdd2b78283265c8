"""The funnel on events reckoned by hand and against loops over every unit's events."""

import numpy as np
import pandas as pd
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.funnel import funnel
from cafe24_pipelines.crm.shop import FrameShop, frames
from cafe24_pipelines.discovery.statistics import wilson

MALL = Mall("m")
START = pd.Timestamp("2025-01-30 15:00", tz="UTC")  # midnight in Seoul
Row = tuple[str | None, str, str | None, float]  # member, event, product, minutes


def shop_of(rows: list[Row], **tables: pd.DataFrame) -> FrameShop:
    frame = pd.DataFrame(rows, columns=["member_key", "event", "product_no", "minute"])
    frame["at"] = START + pd.to_timedelta(frame.pop("minute"), unit="m")
    frame["event_id"] = [f"e{k}" for k in range(len(frame))]
    return frames(events=frame.astype({"member_key": "string", "product_no": "string"}), **tables)


def counts(table: pd.DataFrame, level: str = "total", unit: str = "member", key: str = "전체") -> list[int]:
    table = table.set_index(["level", "unit", "key"])
    return table.loc[(level, unit, key), ["views", "carts", "purchases", "out_of_order"]].tolist()


ROWS: list[Row] = [
    ("a", "view", "p", 0), ("a", "cart", "p", 5), ("a", "purchase", "p", 9),
    ("b", "view", "p", 0), ("b", "cart", "p", 50), ("b", "purchase", "p", 60),  # the cart in a session of its own
    ("c", "cart", "p", 0), ("c", "view", "p", 3),  # a cart before the only view
    ("d", "purchase", "p", 0),  # nothing before it
    ("e", "view", "p", 1430), ("e", "cart", "p", 1450),  # midnight, and the month's end, between them
    ("f", "view", "p", 0), ("f", "cart", "q", 1), ("f", "cart", "q", 1),
    (None, "view", "p", 0),
]  # fmt: skip


def test_steps_count_in_order_and_odd_ones_beside() -> None:
    outcome = funnel(shop_of(ROWS), MALL)
    table = outcome.table
    assert counts(table) == [5, 4, 2, 2]  # a, b, c, e and f viewed; c and d are out of order
    # b's two sessions: one view; a cart and a purchase without one. e's session crosses midnight whole.
    assert counts(table, unit="session") == [5, 3, 1, 3]
    assert counts(table, "month", "member", "2025-01") == [5, 3, 2, 2]  # e viewed in January and carted in February
    assert counts(table, "month", "member", "2025-02") == [0, 0, 0, 1]
    assert counts(table, "product", "member", "p") == [5, 3, 2, 2]
    assert counts(table, "product", "member", "q") == [0, 0, 0, 1]  # f put q in the cart but never viewed it
    summary = outcome.to_json()
    assert summary["events_without_member"] == 1
    assert summary["members"]["view_to_cart"] == 0.8
    assert [one.have for one in outcome.lacking] == [5]


def test_purchases_are_orders_where_events_have_none() -> None:
    times = [START + pd.Timedelta(minutes=9), START - pd.Timedelta(days=3)]
    orders = pd.DataFrame({"order_id": ["1", "2"], "member_key": ["a", "b"], "ordered_at": times}).assign(
        status="paid", paid_amount=1.0
    )
    lines = pd.DataFrame({"order_id": ["1", "2"], "product_no": "p", "quantity": 1, "unit_price": 1.0})
    shop = shop_of([row for row in ROWS if row[1] != "purchase"], orders=orders, order_items=lines)
    outcome = funnel(shop, MALL)
    assert counts(outcome.table) == [5, 4, 1, 1]  # b's order is older than the first event
    assert outcome.summary["purchases_from"] == "orders"


def test_counts_equal_loops_on_random_events() -> None:
    rng = np.random.default_rng(4)
    rows: list[Row] = [
        (f"m{rng.integers(80)}", str(rng.choice(["view", "cart", "purchase"], p=[0.6, 0.25, 0.15])),
         f"p{rng.integers(6)}", float(rng.integers(0, 60 * 24 * 50)))
        for _ in range(1500)
    ]  # fmt: skip

    def walk(chosen: list[Row]) -> tuple[bool, bool, bool, bool]:
        view = min((r[3] for r in chosen if r[1] == "view"), default=np.inf)
        cart = min((r[3] for r in chosen if r[1] == "cart" and r[3] >= view), default=np.inf)
        bought = any(r[1] == "purchase" and r[3] >= cart for r in chosen)
        odd = (cart == np.inf and any(r[1] == "cart" for r in chosen)) or (
            not bought and any(r[1] == "purchase" for r in chosen)
        )
        return view < np.inf, cart < np.inf, bought, odd

    table, groups = funnel(shop_of(rows), MALL).table, {}
    for row in rows:
        groups.setdefault((row[0], row[2]), []).append(row)
    for product in ("p0", "p5"):
        found = np.array([walk(part) for (_, p), part in groups.items() if p == product]).sum(axis=0)
        assert counts(table, "product", "member", product) == found.tolist()
    assert table["view_to_cart"].notna().any()
    for row in table[table["views"] > 0].to_dict("records"):
        bounds = wilson(row["carts"], row["views"])
        assert (row["view_to_cart"], row["view_to_cart_low"], row["view_to_cart_high"]) == pytest.approx(bounds)
    assert (table["carts"] <= table["views"]).all()
    assert (table["purchases"] <= table["carts"]).all()


def test_no_events_say_so() -> None:
    assert funnel(frames(), MALL).status == "insufficient_data"

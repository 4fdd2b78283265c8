"""Stock alerts on products reckoned by hand, on steady sellers of which one stops, and on steady sellers alone."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.stats import gamma

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm import charts
from cafe24_pipelines.crm.shop import FrameShop, frames
from cafe24_pipelines.crm.stock_alerts import stock_alerts

MALL = Mall("m")
START = pd.Timestamp("2025-01-01 03:00", tz="UTC")


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "_svg", lambda figure: "<svg/>")


def shop_of(sales: list[tuple[float, str, int]], products: pd.DataFrame | None = None) -> FrameShop:
    """An order of one line a (day, product, quantity)."""
    frame = pd.DataFrame(sales, columns=["day", "product_no", "quantity"])
    frame["order_id"] = [f"o{k:06d}" for k in range(len(frame))]
    times = START + pd.to_timedelta((frame["day"] * 86400).round(), unit="s")
    orders = frame[["order_id"]].assign(ordered_at=times, status="confirmed", paid_amount=1.0)
    lines = frame[["order_id", "product_no", "quantity"]].assign(unit_price=1.0)
    given = {} if products is None else {"products": products.assign(product_name="상품 " + products["product_no"])}
    return frames(orders=orders, order_items=lines, **given)


def test_rates_and_days_left_reckoned_by_hand() -> None:
    """Two products over 90 days (too few to learn a prior from: 0.5 sales in no time)."""
    sales = [(day, "a", 2) for day in range(0, 90, 2)] + [(89.0, "b", 1)]
    products = pd.DataFrame({"product_no": ["a", "b", "c", "d"], "stock_quantity": [13, 0, None, 400],
                             "selling": [True, True, None, False]})  # fmt: skip
    table = stock_alerts(shop_of(sales, products), MALL).table.set_index("product_no")
    a = table.loc["a"]
    assert (a["units_28"], a["units_90"], a["last_sold"]) == (28, 90, date(2025, 3, 30))
    assert a["rate_90"] == pytest.approx(45.5 / 90 * 2)  # 45 orders of two
    assert a["rate_90_low"] == pytest.approx(gamma.ppf(0.025, 45.5) / 90 * 2)
    assert a["days_left"] == pytest.approx(13 / (45.5 / 90 * 2))
    assert a["days_left_high"] == pytest.approx(13 / a["rate_90_low"])
    assert table["alert"].to_dict() == {"a": "임박", "b": "품절", "c": "재고 모름", "d": "판매 중지"}
    assert table.loc["b", "days_left"] == 0


def test_units_that_come_in_lumps_make_a_wider_interval() -> None:
    single = stock_alerts(shop_of([(float(d), "a", 1) for d in range(90)]), MALL).table.iloc[0]
    lumps = stock_alerts(shop_of([(float(d), "a", 9 if d % 9 == 0 else 0) for d in range(90)]), MALL).table.iloc[0]
    assert single["units_90"] == lumps["units_90"] == 90
    width = [row["rate_90_high"] / row["rate_90_low"] for row in (single, lumps)]
    assert width[1] > 1.8 * width[0]


def steady(seed: int, products: int = 60, days: int = 300) -> list[tuple[float, str, int]]:
    rng = np.random.default_rng(seed)
    rate = rng.gamma(2.0, 0.15, products)
    return [
        (float(day), f"p{p:03d}", 1)
        for p in range(products)
        for day in rng.uniform(0, days, rng.poisson(rate[p] * days))
    ]  # fmt: skip


def test_the_one_that_stops_is_found_without_a_stock_number() -> None:
    sales = [sale for sale in steady(1) if not (sale[1] == "p007" and sale[0] > 270)]
    sales += [(d + 0.2, "p007", 1) for d in range(0, 270, 2)]  # a steady seller, silent for a month
    outcome = stock_alerts(shop_of(sales), MALL)
    found = outcome.table[outcome.table["suspected_stock_out"]]
    assert found["product_no"].tolist() == ["p007"]
    assert found["silent_days"].iloc[0] >= 29
    assert outcome.summary["stopped_long_ago"] == 0
    gone = stock_alerts(shop_of([s for s in sales if s[1] != "p007" or s[0] < 180]), MALL)
    assert not gone.table["suspected_stock_out"].any()  # after four months it has left the shop
    assert gone.summary["stopped_long_ago"] == 1
    assert outcome.status == "ok" and outcome.lacking  # there is no stock number, and it says so
    assert set(outcome.table["alert"]) == {"재고 모름"}


def test_a_shop_that_closed_accuses_no_product() -> None:
    """All products stop for 60 days, then one sells once: on the shop's clock hardly any time has passed."""
    sales = [sale for sale in steady(2) if sale[0] < 240] + [(299.0, "p001", 1)]
    outcome = stock_alerts(shop_of(sales), MALL)
    assert outcome.summary["tested_for_stock_out"] > 30
    assert not outcome.table["suspected_stock_out"].any()


def test_steady_sellers_are_left_alone_and_their_p_values_are_even() -> None:
    tables = [stock_alerts(shop_of(steady(seed)), MALL).table for seed in range(10, 16)]
    assert sum(bool(table["suspected_stock_out"].any()) for table in tables) <= 1  # of 6, at 5 % each
    p = pd.concat([table["p"].dropna() for table in tables])
    assert len(p) > 200
    for level in (0.05, 0.1, 0.3):  # whole ticks make p a little large; those that sold on the last day lie at 1
        assert level / 3 < (p < level).mean() < level + 0.03

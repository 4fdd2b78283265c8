"""The detectors that merchants act on, on the sandbox mall: what is planted is confirmed, traps are not.

The mall is shared by the tests and read only; each detector runs once on it.
"""

from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from cafe24_pipelines.discovery.patterns import Pattern
from cafe24_pipelines.sandbox import truth
from cafe24_pipelines.sandbox.generator import sandbox_tables
from cafe24_pipelines.stores.lake import Lake, MallLake
from cafe24_pipelines.stores.schemas import TABLES

DETECTORS = (
    "gateway_products", "category_migration", "co_purchase", "discount_sensitivity", "coupon_effect",
    "seasonality_change", "stock_out", "review_repurchase", "delivery_delay",
)  # fmt: skip


def landed(root: pytest.TempPathFactory, name: str, tables: dict[str, pa.Table]) -> MallLake:
    lake = Lake(root.mktemp(name)).mall("sandbox")
    for resource, table in tables.items():
        names = ["member_key" if c == "member_id" else c for c in table.column_names]
        kept = table.rename_columns(names)
        lake.land(resource, kept.select([c for c in names if c in TABLES[resource].schema.names]), snapshot=True)
    return lake


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return sandbox_tables(customers=2400, seed=20260401)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, tables: dict[str, pa.Table]) -> MallLake:
    return landed(tmp_path_factory, "sandbox", tables)


@pytest.fixture(scope="module")
def found(lake: MallLake, shops: SimpleNamespace) -> list[Pattern]:
    return shops.findings(lake, *DETECTORS)


def of(found: list[Pattern], detector: str, status: str = "confirmed") -> list[Pattern]:
    return [p for p in found if p.detector == detector and p.status == status]


def said(patterns: list[Pattern]) -> set[str]:
    return {v for p in patterns for row in p.evidence.rows for v in row.values() if isinstance(v, str)}


def test_the_gateway_kit_and_the_pair_are_found_and_nothing_else_is(found: list[Pattern]) -> None:
    [kit] = of(found, "gateway_products")
    assert truth.GATEWAY in said([kit])
    assert kit.effect.ci_low > 0.1
    [pair] = of(found, "co_purchase")
    assert set(truth.PAIR) <= said([pair])
    assert pair.effect.ci_low > 5


def test_the_win_back_coupon_works_and_the_season_coupon_does_not(found: list[Pattern]) -> None:
    [works] = of(found, "coupon_effect")
    assert truth.WINBACK_COUPON in works.title
    assert works.effect.ci_low < truth.WINBACK_UPLIFT < works.effect.ci_high
    [trap] = of(found, "coupon_effect", "tentative")
    assert truth.SEASON_COUPON in trap.title
    assert trap.effect.ci_low < 0 < trap.effect.ci_high


def test_gift_season_and_change_point_are_found_with_their_dates(found: list[Pattern]) -> None:
    sure = {p.effect.name: p for p in of(found, "seasonality_change")}
    assert set(sure) == {"weekday_ratio", "holiday_share_ratio", "share_ratio_after_change"}
    assert "월요일" in sure["weekday_ratio"].title
    assert truth.GIFT_CATEGORY in sure["holiday_share_ratio"].title
    assert sure["holiday_share_ratio"].effect.ci_low < truth.GIFT_FACTOR < sure["holiday_share_ratio"].effect.ci_high
    change = sure["share_ratio_after_change"]
    assert truth.CHANGE_CATEGORY in change.title
    assert any(str(truth.CHANGE_FROM + timedelta(days=k)) in change.title for k in range(-21, 22))
    # lines rose by the factor; the share in orders, which hold other things too, by a little less
    assert change.effect.ci_low < truth.CHANGE_FACTOR < change.effect.ci_high
    # the first weeks are full of first orders, which hold trial kits
    [mix] = [p for p in of(found, "seasonality_change", "tentative") if "트라이얼" in p.title]
    assert "심슨" in mix.summary


def test_the_stock_out_is_found_to_the_day_and_its_customers_stayed(found: list[Pattern]) -> None:
    [run] = of(found, "stock_out")
    assert f"{truth.STOCKOUT_FROM}부터 {truth.STOCKOUT_TO}까지" in run.title
    assert truth.BESTSELLER in said([run])
    assert run.effect.ci_low > 10
    [stayed] = of(found, "stock_out", "tentative")
    assert stayed.effect.ci_low < 0 < stayed.effect.ci_high


def test_late_parcels_and_the_fragile_product_cost_repurchase(found: list[Pattern]) -> None:
    late = {p.effect.name: p for p in of(found, "delivery_delay")}
    assert set(late) == {"repurchase_90d_per_delivery_day", "repurchase_90d_step"}
    assert f"{truth.LATE_DAYS}일을 넘으면" in late["repurchase_90d_step"].title
    assert late["repurchase_90d_step"].effect.ci_high < -0.2
    low = of(found, "review_repurchase")
    assert [p for p in low if "candle" in p.title or truth.FRAGILE in said([p])]
    assert all(p.effect.ci_high < 0 for p in low)


def test_prices_that_never_move_are_a_shortage(found: list[Pattern]) -> None:
    [none] = [p for p in found if p.detector == "discount_sensitivity"]
    assert none.status == "insufficient_data"
    assert "가격이 바뀌고" in none.summary
    assert of(found, "category_migration") == []


def test_evidence_runs_again_and_says_nothing_of_members(found: list[Pattern], lake: MallLake) -> None:
    assert len({p.id for p in found}) == len(found)
    for p in found:
        assert p.evidence.rows, p.title
        rows = lake.query(p.evidence.query).to_pylist()[:20]
        assert [list(r) for r in rows] == [list(r) for r in p.evidence.rows]
        counts = [[v for v in r.values() if type(v) is int] for r in rows]
        assert counts == [[v for v in r.values() if type(v) is int] for r in p.evidence.rows], p.title
        assert not any("member" in column and column != "members" for r in rows for column in r)
        for text in (p.title, p.summary, p.action):
            assert "nan" not in text
            assert "None" not in text


def test_a_run_repeats_itself(found: list[Pattern], lake: MallLake, shops: SimpleNamespace) -> None:
    names = ("gateway_products", "co_purchase", "stock_out")
    again = {p.id: p for p in shops.findings(lake, *names)}
    for p in found:
        if p.detector in names:
            assert (p.effect, p.p, p.evidence) == (again[p.id].effect, again[p.id].p, again[p.id].evidence)


def test_shuffled_labels_leave_nothing_but_the_week(
    tmp_path_factory: pytest.TempPathFactory, tables: dict[str, pa.Table], shops: SimpleNamespace
) -> None:
    """Goods dealt anew over all lines, delivery times and stars over orders, coupons over members."""
    rng = np.random.default_rng(7)
    shuffled = dict(tables)
    lines = tables["order_items"]
    goods = lines.select(["product_no", "product_name", "category", "unit_price"]).take(rng.permutation(len(lines)))
    for name in goods.column_names:
        lines = lines.set_column(lines.schema.get_field_index(name), lines.schema.field(name), goods.column(name))
    shuffled["order_items"] = lines
    shuffled["orders"] = _late_at_random(tables["orders"], rng)
    reviews = tables["reviews"]
    for name in ("rating", "product_no"):
        mixed = reviews.column(name).take(rng.permutation(len(reviews)))
        reviews = reviews.set_column(reviews.schema.get_field_index(name), reviews.schema.field(name), mixed)
    shuffled["reviews"] = reviews
    issues = tables["coupon_issues"].to_pandas()
    everyone = tables["customers"].column("member_id").to_pandas().to_numpy()
    issues["member_id"] = rng.permutation(np.resize(everyone, len(issues)))
    shuffled["coupon_issues"] = pa.Table.from_pandas(issues, tables["coupon_issues"].schema, preserve_index=False)
    found = shops.findings(landed(tmp_path_factory, "shuffled", shuffled), *DETECTORS)
    sure = [p for p in found if p.status == "confirmed" and p.effect.name != "weekday_ratio"]
    assert [p.title for p in sure] == []


def _late_at_random(orders: pa.Table, rng: np.random.Generator) -> pa.Table:
    frame = orders.to_pandas()
    known = frame["delivered_at"].notna()
    wait = (frame.loc[known, "delivered_at"] - frame.loc[known, "ordered_at"]).to_numpy()
    frame.loc[known, "delivered_at"] = frame.loc[known, "ordered_at"] + rng.permutation(wait)
    return pa.Table.from_pandas(frame, orders.schema, preserve_index=False)


def test_the_windows_of_this_file_lie_where_the_sandbox_has_them() -> None:
    assert date(2025, 7, 14) == truth.STOCKOUT_FROM
    assert truth.LATE_DAYS % 2 == 0  # a border between the bands of `delivery_delay`

"""Churn: nothing of the future in its features, labels by brute force, and claims that its intervals carry."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Outcome, analysis_named
from cafe24_pipelines.crm.churn import BANDS, churn
from cafe24_pipelines.crm.churn_model.cuts import LONGEST, SHORTEST, Plan, plan_cuts
from cafe24_pipelines.crm.churn_model.features import KNOWN, features, prepare
from cafe24_pipelines.crm.churn_model.labels import churned
from cafe24_pipelines.crm.shop import FrameShop, frames
from cafe24_pipelines.sandbox.generator import sandbox_latent, sandbox_tables
from cafe24_pipelines.stores.lake import Lake, MallLake
from cafe24_pipelines.stores.schemas import TABLES

MALL = Mall("m")
ZONE = MALL.time_zone
START = pd.Timestamp("2025-01-01T03:00", tz="UTC")


def random_tables(seed: int, *, members: int = 300, days: int = 400, rate: float = 1 / 35) -> dict[str, pd.DataFrame]:
    """Buyers at one common rate of whom some stop; with reviews, deliveries, views, returns and credits."""
    rng = np.random.default_rng(seed)
    rows = []
    for member in range(members):
        day, stop = rng.uniform(0, days * 0.6), rng.exponential(200)
        first = day
        while day < min(days, first + stop):
            rows.append((f"m{member:04d}", day))
            day += rng.exponential(1 / rate)
    orders = pd.DataFrame(rows, columns=["member_key", "day"])
    n = len(orders)
    orders["order_id"] = [f"o{k:05d}" for k in range(n)]
    orders["ordered_at"] = START + pd.to_timedelta((orders["day"] * 86400).round(), unit="s")
    orders["status"] = rng.choice(["confirmed", "returned", "cancelled"], n, p=[0.9, 0.06, 0.04])
    orders["paid_amount"] = rng.integers(1, 50, n) * 1000.0
    orders.loc[(orders["status"] == "cancelled") & (rng.random(n) < 0.5), "paid_amount"] *= -1
    orders["coupon_no"] = np.where(rng.random(n) < 0.3, "k", None)
    orders["delivered_at"] = orders["ordered_at"] + pd.to_timedelta(rng.integers(1, 9, n), unit="D")
    items = orders[["order_id"]].assign(product_no=[f"p{p}" for p in rng.integers(0, 9, n)], quantity=1)
    items["unit_price"] = orders["paid_amount"].abs()
    reviewed = orders[rng.random(n) < 0.4]
    reviews = pd.DataFrame(
        {
            "review_no": "r" + reviewed["order_id"], "product_no": "p0", "member_key": reviewed["member_key"],
            "rating": rng.integers(1, 6, len(reviewed)),
            "created_at": reviewed["delivered_at"] + pd.to_timedelta(rng.integers(0, 60, len(reviewed)), unit="D"),
        }
    )  # fmt: skip
    seen = rng.uniform(0, days, 3 * members)
    events = pd.DataFrame(
        {
            "event_id": [f"e{k}" for k in range(len(seen))], "event": rng.choice(["view", "cart"], len(seen)),
            "member_key": [f"m{m:04d}" for m in rng.integers(0, members, len(seen))], "product_no": "p0",
            "at": START + pd.to_timedelta((seen * 86400).round(), unit="s"),
        }
    )  # fmt: skip
    return {"orders": orders.drop(columns="day"), "order_items": items, "reviews": reviews, "events": events}


@contextmanager
def history(tables: dict[str, pd.DataFrame]) -> Iterator:
    with frames(**tables).duckdb(zone=ZONE) as db:
        prepare(db)
        yield db


def known_at(tables: dict[str, pd.DataFrame], cut: date) -> pd.DataFrame:
    with history(tables) as db:
        return features(db, cut, horizon=60, zone=ZONE).set_index("member_key")


def local(times: pd.Series) -> pd.Series:
    return times.dt.tz_convert(ZONE).dt.date


# -- features and labels ------------------------------------------------------------------------------------------


def test_nothing_after_a_cut_changes_a_feature_and_anything_before_it_does() -> None:
    tables, cut = random_tables(1), date(2025, 9, 1)
    before = known_at(tables, cut)
    assert len(before) > 150
    assert all(before[name].nunique() > 1 for name in KNOWN)
    instant = pd.Timestamp(cut, tz=ZONE)
    orders = tables["orders"]
    past = orders[orders["ordered_at"] < instant]
    late = past["delivered_at"] >= instant
    assert late.any()
    past = past.assign(delivered_at=past["delivered_at"] + pd.to_timedelta(30 * late, unit="D"))
    later = orders[orders["ordered_at"] >= instant].assign(status="returned", paid_amount=1e6, coupon_no="k")
    extra = later.assign(order_id="x" + later["order_id"], status="confirmed")
    changed = {
        "orders": pd.concat([past, later, extra]),
        "order_items": pd.concat(
            [tables["order_items"], extra[["order_id"]].assign(product_no="new", quantity=3, unit_price=1.0)]
        ),
        "reviews": tables["reviews"].assign(
            rating=tables["reviews"]["rating"].where(tables["reviews"]["created_at"] < instant, 1)
        ),
        "events": tables["events"][tables["events"]["at"] < instant],
    }
    pd.testing.assert_frame_equal(known_at(changed, cut), before)
    moved = tables | {"orders": orders.assign(coupon_no="k", paid_amount=orders["paid_amount"] + 1000)}
    after = known_at(moved, cut)
    assert (after["coupon_share"] == 1).all()
    assert (after["money"] >= before["money"]).all() and (after["money"] > before["money"]).mean() > 0.9


def test_features_are_what_a_loop_over_the_rows_says() -> None:
    tables, cut = random_tables(2, members=60), date(2025, 8, 10)
    found = known_at(tables, cut)
    orders = tables["orders"].assign(day=local(tables["orders"]["ordered_at"]))
    orders = orders[orders["day"] < cut]
    sales = orders[orders["status"] == "confirmed"]
    assert set(found.index) == set(sales["member_key"])
    days = {key: sorted(set(part["day"])) for key, part in sales.groupby("member_key")}
    span = sum((d[-1] - d[0]).days for d in days.values()) / sum(len(d) - 1 for d in days.values())
    product = tables["order_items"].set_index("order_id")["product_no"]
    for key, part in sales.groupby("member_key"):
        row, own = found.loc[key], days[key]
        recency, tenure = (cut - own[-1]).days, (cut - own[0]).days
        mine = orders[orders["member_key"] == key]
        credit = mine["paid_amount"] < 0
        settled = (mine["status"] == "returned") & (mine["day"] < cut - timedelta(days=30))
        delivered = part[local(part["delivered_at"]) < cut].sort_values("ordered_at")
        reviews = tables["reviews"][tables["reviews"]["member_key"] == key]
        reviews = reviews[local(reviews["created_at"]) < cut].sort_values("created_at")
        views = tables["events"][tables["events"]["member_key"] == key]["at"]
        since = max(part["ordered_at"].max(), pd.Timestamp(cut, tz=ZONE) - pd.Timedelta(days=60))
        wanted = {
            "recency_days": recency,
            "recency_ratio": recency / ((tenure - recency + span) / len(own)),
            "frequency": len(own),
            "recent_frequency": sum(day >= cut - timedelta(days=60) for day in own),
            "money": max(part["paid_amount"].sum() + mine.loc[credit, "paid_amount"].sum(), 0),
            "tenure_days": tenure,
            "breadth": product[part["order_id"]].nunique(),
            "return_share": min(1, (settled.sum() + credit.sum()) / (len(part) + settled.sum())),
            "coupon_share": part["coupon_no"].notna().mean(),
            "last_rating": reviews["rating"].iloc[-1] if len(reviews) else np.nan,
            "last_delay_days": (delivered["delivered_at"] - delivered["ordered_at"]).iloc[-1] / pd.Timedelta(days=1)
            if len(delivered)
            else np.nan,
            "views_since": ((views > since) & (local(views) < cut)).sum(),
        }
        assert row[list(KNOWN)].astype(float).to_dict() == pytest.approx(wanted, nan_ok=True), key


def test_views_before_they_were_kept_are_unknown_not_none() -> None:
    tables = random_tables(3, members=60)
    tables["events"] = tables["events"][tables["events"]["at"] > pd.Timestamp("2025-07-01", tz=ZONE)]
    assert known_at(tables, date(2025, 8, 10))["views_since"].isna().all()
    assert known_at(tables, date(2025, 9, 10))["views_since"].notna().all()


@pytest.mark.parametrize("horizon", [1, 30, 77])
def test_labels_are_what_a_loop_over_the_orders_says(horizon: int) -> None:
    tables, cut = random_tables(4, members=120), date(2025, 8, 10)
    orders = tables["orders"].assign(day=local(tables["orders"]["ordered_at"]))
    sales = orders[orders["status"] == "confirmed"]
    with history(tables) as db:
        rows = features(db, cut, horizon=60, zone=ZONE)
        found = churned(db, rows.index, cut, horizon)
    for key, gone in zip(rows["member_key"], found, strict=True):
        days = sales.loc[sales["member_key"] == key, "day"]
        assert gone == (not any(cut <= day < cut + timedelta(days=horizon) for day in days))
    assert 0 < found.sum() < len(found)


def test_a_share_of_members_is_the_same_in_any_order() -> None:
    tables, cut = random_tables(5), date(2025, 9, 1)
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in tables.items()}
    with history(tables) as one, history(shuffled) as other:
        parts = [features(db, cut, horizon=60, zone=ZONE, share=0.5)["member_key"].tolist() for db in (one, other)]
    assert parts[0] == parts[1]
    assert 80 < len(parts[0]) < 200


# -- cuts ----------------------------------------------------------------------------------------------------------


def test_the_horizon_is_the_declared_percentile_of_the_shops_gaps() -> None:
    tables = random_tables(6)
    orders = tables["orders"].assign(day=pd.to_datetime(local(tables["orders"]["ordered_at"])))
    sales = orders[orders["status"] == "confirmed"].drop_duplicates(["member_key", "day"])
    gaps = sales.sort_values("day").groupby("member_key")["day"].diff().dropna().dt.days
    with history(tables) as db:
        plan = plan_cuts(db)
    assert isinstance(plan, Plan)
    assert plan.gap == np.quantile(gaps, 0.8, method="inverted_cdf")
    assert plan.horizon == min(max(plan.gap, SHORTEST), LONGEST, (plan.end - plan.first).days // 5) // 2 * 2


def test_no_outcome_that_is_learnt_from_reaches_into_what_is_judged() -> None:
    plan = Plan(60, 60, False, date(2024, 1, 1), date(2026, 1, 1))
    for target in (plan.holdout, plan.end):
        calibration, training = plan.calibration_for(target), plan.training_for(target)
        assert calibration + timedelta(days=60) == target
        assert max(training) + timedelta(days=60) == calibration
        assert min(training) >= plan.first + timedelta(days=60)
        assert len(training) == len(set(training)) == 12
    assert plan.holdout + timedelta(days=60) == plan.end


# -- the whole -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> MallLake:
    lake = Lake(tmp_path_factory.mktemp("churn")).mall("sandbox")
    for name, table in sandbox_tables(customers=2400, seed=7).items():
        names = ["member_key" if c == "member_id" else c for c in table.column_names]
        kept: pa.Table = table.rename_columns(names)
        lake.land(name, kept.select([c for c in names if c in TABLES[name].schema.names]), snapshot=True)
    return lake


@pytest.fixture(scope="module")
def scored(sandbox: MallLake) -> Outcome:
    return churn(sandbox, Mall("sandbox"))


def test_the_sandbox_table_is_whole_and_says_nothing_beyond_its_columns(scored: Outcome) -> None:
    table, summary = scored.table, scored.to_json()
    assert list(table.columns) == list(analysis_named("churn").columns())
    assert table["member_key"].is_monotonic_increasing and table["member_key"].is_unique
    assert table["probability"].between(0, 1, inclusive="neither").all()
    for name, least in BANDS:
        part = table.loc[table["band"] == name, "probability"]
        assert part.empty or part.min() >= least
    assert set(table["horizon_days"]) == {summary["horizon_days"]}
    ahead = datetime.fromisoformat(summary["as_of"]).date() + timedelta(days=summary["horizon_days"])
    assert set(table["expected_by"]) == {ahead}
    assert table["reasons"].str.count(";").max() == 2
    assert table["reasons"].str.contains("위험을").mean() > 0.9
    assert not any(key in json.dumps(summary, ensure_ascii=False) for key in table["member_key"].head(50))
    assert all(svg.startswith("<?xml") for svg in scored.charts.values()) and len(scored.charts) == 2


def test_those_who_have_left_the_sandbox_for_good_rank_above_those_who_have_not(scored: Outcome) -> None:
    latent = sandbox_latent(customers=2400, seed=7).to_pandas()
    gone = latent.set_index("member_id")["left_at"].notna().reindex(scored.table["member_key"]).to_numpy()
    p = scored.table["probability"].to_numpy()
    pairs = p[gone][:, None] - p[~gone][None, :]
    assert (pairs > 0).mean() + (pairs == 0).mean() / 2 > 0.85
    shares = {row["band"]: row["holdout_churned"]["value"] for row in scored.summary["bands"]}
    assert shares["높음"] > shares["중간"] > shares["낮음"]


def test_the_claim_in_the_summary_is_the_paired_interval(scored: Outcome) -> None:
    summary = scored.summary
    model, candidates = summary["model"], {c["name"]: c for c in summary["candidates"]}
    best = min(candidates.values(), key=lambda c: c["calibration_log_loss"])["name"]
    assert model["chosen"] == best
    for row in summary["differences"]:
        a, b = (candidates[row[k]][row["metric"]]["value"] for k in ("model", "against"))
        assert row["value"] == pytest.approx(a - b, abs=2e-6)
        if row["metric"] == "log_loss":
            assert model["beaten"][row["against"]] == (row["high"] < 0)
    says = "보다 낫다고 할 수 없습니다"
    assert summary["verdict"].count(says) == sum(not beaten for beaten in model["beaten"].values())
    assert (model["used"] == model["chosen"]) == all(model["beaten"].values())


def test_the_hold_out_of_the_sandbox_is_calibrated(scored: Outcome) -> None:
    bins = scored.summary["calibration"]["bins"]
    assert sum(b["members"] for b in bins) == scored.summary["holdout"]["members"]
    assert sum(b["low"] - 0.03 <= b["predicted"] <= b["high"] + 0.03 for b in bins) >= len(bins) - 1
    assert scored.summary["calibration"]["error"] < 0.04


def test_the_order_of_rows_changes_nothing() -> None:
    tables = random_tables(8)
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in tables.items()}
    one, other = churn(frames(**tables), MALL), churn(frames(**shuffled), MALL)
    assert one.status == "ok" and len(one.table) > 200
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.to_json() == other.to_json()


def orders_of(days: dict[str, list[float]], **columns: object) -> FrameShop:
    rows = [(key, day) for key, found in days.items() for day in found]
    frame = pd.DataFrame(rows, columns=["member_key", "day"])
    frame["order_id"] = [f"o{k}" for k in range(len(frame))]
    frame["ordered_at"] = START + pd.to_timedelta((frame.pop("day").astype(float) * 86400).round(), unit="s")
    frame = frame.assign(status="confirmed", paid_amount=1000.0).assign(**columns)
    return frames(orders=frame)


STEADY = {f"m{k}": list(range(k % 30, 400, 30)) for k in range(300)}
ONCE = {f"m{k}": [float(k)] for k in range(400)}
CLOSED = {f"m{k}": [k % 90, k % 90 + 5, k % 90 + 60] for k in range(400)} | {"last": [600]}


@pytest.mark.parametrize(
    ("shop", "what"),
    [
        (frames(), "회원의 구매"),
        (orders_of({"m": [0]}), "구매 회원"),
        (orders_of({"m": [0, 10, 20]}), "재구매 간격"),
        (orders_of({f"m{k}": [k / 9, k / 9 + 40] for k in range(300)}), "일수"),
        (orders_of(STEADY, member_key=None), "회원의 구매"),
        (orders_of(STEADY, status="returned"), "회원의 구매"),
        (orders_of(STEADY), "이탈 회원"),
        (orders_of(ONCE), "재구매 간격"),
        (orders_of(CLOSED), "재구매 회원"),
    ],
    ids=["none", "one order", "one customer", "two months", "guests", "returns", "steady", "once", "closed"],
)
def test_bad_input_says_what_is_missing(shop: FrameShop, what: str) -> None:
    outcome = churn(shop, MALL)
    assert outcome.status == "insufficient_data"
    assert list(outcome.table.columns) == list(analysis_named("churn").columns())
    assert any(what in one.what for one in outcome.lacking)
    assert all(one.have < one.needed for one in outcome.lacking)
    outcome.to_json()


@pytest.mark.parametrize("amount", [0, -500])
def test_money_without_variance_or_below_zero_is_no_trouble(amount: int) -> None:
    tables = random_tables(9)
    shop = frames(orders=tables["orders"].assign(paid_amount=float(amount), coupon_no=None, status="confirmed"))
    outcome = churn(shop, MALL)
    assert outcome.status == "ok"
    assert outcome.table["probability"].notna().all()
    assert not outcome.table["reasons"].str.contains("구매액|쿠폰|평점|배송|조회").any()
    outcome.to_json()


def test_times_are_the_shops_own() -> None:
    """A sale at 23:30 UTC is on the next day in Seoul: known after that day, not before it."""
    at = datetime(2025, 3, 1, 23, 30, tzinfo=UTC)
    orders = pd.DataFrame(
        {"order_id": ["1"], "member_key": ["a"], "ordered_at": [at], "status": "confirmed", "paid_amount": 1.0}
    )
    with history({"orders": orders}) as db:
        assert features(db, date(2025, 3, 2), horizon=30, zone=ZONE).empty
        rows = features(db, date(2025, 3, 3), horizon=30, zone=ZONE)
        assert rows["recency_days"].tolist() == [1]
        assert churned(db, rows.index, date(2025, 3, 2), 1).tolist() == [False]
        assert churned(db, rows.index, date(2025, 3, 3), 30).tolist() == [True]


def test_the_published_table_has_the_declared_types(scored: Outcome, tmp_path: Path) -> None:
    from cafe24_pipelines.crm.tables import CrmTables

    tables = CrmTables(tmp_path)
    tables.publish("sandbox", "churn", scored)
    back = tables.read("sandbox", "churn")
    assert back["reasons"].tolist() == scored.table["reasons"].tolist()
    tables.publish("none", "churn", churn(frames(), MALL))
    assert list(tables.read("none", "churn").columns) == list(back.columns)

"""The repurchase cycle against plain loops, a shop reckoned by hand, and a jackknife over members."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.repurchase_cycle import HORIZON_DAYS, repurchase_cycle
from cafe24_pipelines.crm.shop import FrameShop, frames

MALL = Mall("m")
START = pd.Timestamp("2025-01-01 03:00", tz="UTC")


def shop_of(rows: list[tuple[str | None, float, str]], category: str = "c") -> FrameShop:
    """A shop of (member, day, product)."""
    frame = pd.DataFrame(rows, columns=["member_key", "day", "product_no"])
    frame["order_id"] = [f"o{k:05d}" for k in range(len(frame))]
    orders = frame[["order_id", "member_key"]].assign(
        ordered_at=START + pd.to_timedelta((frame["day"] * 86400).round(), unit="s"),
        status="confirmed",
        paid_amount=1.0,
    )
    lines = frame[["order_id", "product_no"]].assign(
        product_name="이름 " + frame["product_no"], category=category, quantity=1, unit_price=1.0
    )
    return frames(orders=orders, order_items=lines)


def row_of(shop: FrameShop, level: str = "product", key: str = "p") -> pd.Series:
    table = repurchase_cycle(shop, MALL).table.set_index(["level", "key"])
    return table.loc[(level, key)]


def test_a_shop_reckoned_by_hand() -> None:
    """12 members buy on days 0, 10 and 20; the shop's last day is 100, when a guest buys something else."""
    rows = [(f"m{k}", day, "p") for k in range(12) for day in (0, 10, 20)]
    shop = shop_of([*rows, (None, 100, "q"), ("m0", 20.3, "p")])  # twice on one day is one purchase
    row = row_of(shop)
    assert row[["members", "repeat_members", "gaps", "open_spells"]].tolist() == [12, 12, 24, 12]
    assert row[["q1_days", "median_days", "q3_days", "median_low", "median_high"]].tolist() == [10] * 5
    # 36 spells at risk on day 10, 24 of them end; each member does the same, so nothing is left to vary
    assert row["rebuy_share"] == row["share_within_cycle"] == pytest.approx(2 / 3, abs=1e-6)
    assert row["rebuy_high"] - row["rebuy_low"] < 1e-6
    assert row[["remind_day", "remind_share", "status", "name"]].tolist() == [
        9,
        pytest.approx(0.666667),
        "ok",
        "이름 p",
    ]
    assert row_of(shop, "category", "c")["gaps"] == 24


def test_too_few_gaps_say_so() -> None:
    outcome = repurchase_cycle(shop_of([(f"m{k}", day, "p") for k in range(9) for day in (0, 10, 20, 30)]), MALL)
    row = outcome.table.set_index("level").loc["product"]
    assert (row["gaps"], row["status"]) == (27, "insufficient")  # of 9 members only
    assert pd.isna(row["median_days"])
    assert outcome.lacking


def random_rows(seed: int, members: int = 60) -> list[tuple[str | None, float, str]]:
    """Members of unlike paces; a third of purchases are not followed; the data end on day 400."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str | None, float, str]] = [(None, 400, "p")]
    for member in range(members):
        day, pace = float(rng.integers(0, 300)), rng.lognormal(3.2, 0.5)
        while day < 400:
            rows.append((f"m{member}", day, "p"))
            if rng.random() < 0.33:
                break
            day += 1 + round(pace * rng.lognormal(0, 0.4))
    return rows


def brute(rows: list[tuple[str | None, float, str]]) -> dict[str, float]:
    """The same figures by loops over spells."""
    spells = []
    for member in {m for m, _, _ in rows if m}:
        days = sorted({int(d) for m, d, _ in rows if m == member})
        spells += [(b - a, True) for a, b in pairwise(days)] + [(400 - days[-1], False)]
    longest = max(t for t, _ in spells if t <= HORIZON_DAYS and sum(u >= t for u, _ in spells) >= 10)
    share, at = 0.0, {}
    for day in range(longest + 1):
        risk = sum(t >= day for t, _ in spells)
        share = 1 - (1 - share) * (1 - sum(t == day and e for t, e in spells) / risk)
        at[day] = share
    found = {f"q{i}": next(d for d, s in at.items() if s >= share * i / 4 - 1e-12) for i in (1, 2, 3)}
    cycle = at[min(int(1.5 * found["q2"]), longest)]
    window = min(max(round(found["q2"] / 2), 3), 14)
    chances = {
        d: (at[d + window] - at[d]) / (1 - at[d])
        for d in range(1, longest - window + 1)
        if at[d] <= share / 2 + 1e-12
    }
    best = max(d for d, c in chances.items() if c >= max(chances.values()) - 1e-9)
    return found | {"horizon": longest, "share": share, "cycle": cycle, "remind": best}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_figures_equal_plain_loops(seed: int) -> None:
    rows = random_rows(seed)
    wanted, row = brute(rows), row_of(shop_of(rows))
    assert row[["q1_days", "median_days", "q3_days"]].tolist() == [wanted["q1"], wanted["q2"], wanted["q3"]]
    assert row["horizon_days"] == wanted["horizon"]
    assert row["rebuy_share"] == pytest.approx(wanted["share"], abs=1e-6)
    assert row["share_within_cycle"] == pytest.approx(wanted["cycle"], abs=1e-6)
    assert row["remind_day"] == wanted["remind"]
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    pd.testing.assert_series_equal(row, row_of(shop_of(shuffled)))


def test_the_interval_is_as_wide_as_members_differ() -> None:
    """Leaving out one member at a time must spread the share as the interval says; single spells would not."""
    rows = random_rows(5)
    row, members = row_of(shop_of(rows)), sorted({m for m, _, _ in rows if m})
    left_out = np.array([brute([r for r in rows if r[0] != member])["share"] for member in members])
    jackknife = float(np.sqrt((len(members) - 1) / len(members) * np.sum((left_out - left_out.mean()) ** 2)))
    assert (row["rebuy_high"] - row["rebuy_low"]) / (2 * 1.96) == pytest.approx(jackknife, rel=0.15)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """150 products, each bought by 150 members of its own; all of them together show the truth."""
    rows = [
        (f"{member}-{seed}" if member else None, day, f"p{seed:03d}")
        for seed in range(150)
        for member, day, _ in random_rows(seed, members=150)
    ]
    table = repurchase_cycle(shop_of(rows), MALL).table
    truth, products = table[table["level"] == "category"].iloc[0], table[table["level"] == "product"]
    held = (products["median_low"] <= truth["median_days"]) & (truth["median_days"] <= products["median_high"])
    share = products["rebuy_share"].between(truth["rebuy_share"] - 0.2, truth["rebuy_share"] + 0.2)
    assert (products["status"] == "ok").all() and share.all()
    assert 0.91 <= held.mean() <= 0.995  # 95 %, within 2 standard errors of 150 and the whole days
    half = products["horizon_days"].median()
    same = products[(products["horizon_days"] - half).abs() <= 20]  # a share is of its own horizon
    inside = (same["rebuy_low"] <= truth["rebuy_share"]) & (truth["rebuy_share"] <= same["rebuy_high"])
    assert 0.89 <= inside.mean() <= 0.995

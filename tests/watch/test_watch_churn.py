"""Churn signals: who crosses the line by their own silence is told once; a refit of the model is not their doing."""

import json
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.crm.analysis import Outcome
from cafe24_pipelines.crm.tables import CrmTables
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.churn import churn_signal_watch
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog
from cafe24_pipelines.watch.churn_book import SignalBook, came_back
from cafe24_pipelines.watch.churn_signal import REFITTED, SIGNALLED, decide, watch_churn
from tests.watch.conftest import LAST, MALL, at, land, orders_of

BINS = [{"predicted": p, "low": p - 0.05, "high": p + 0.05} for p in (0.1, 0.3, 0.5, 0.7, 0.9)]


def scored(as_of: date = LAST, used: str = "boosted", horizon: int = 80) -> dict[str, Any]:
    """What the churn analysis says of itself, as far as the watch reads it."""
    return {
        "as_of": as_of.isoformat(), "horizon_days": horizon, "model": {"used": used, "title": used},
        "calibration": {"bins": BINS},
    }  # fmt: skip


def scores(as_of: date, **members: tuple[float, int]) -> pd.DataFrame:
    """Scores of members: probability, and days since the last purchase."""
    return pd.DataFrame(
        {
            "member_key": list(members),
            "probability": [p for p, _ in members.values()],
            "recency_days": [days for _, days in members.values()],
            "last_bought": [as_of + timedelta(days=1 - days) for _, days in members.values()],
            "reasons": "",
        }
    )


def then(**members: tuple[float, int]) -> pd.DataFrame:
    """What the model of now says of the last look's day."""
    return pd.DataFrame.from_dict(members, orient="index", columns=["probability", "recency_days"], dtype=float)


NOBODY = pd.DataFrame({"probability": [], "recency_days": []})


def by_member(state: pd.DataFrame, column: str) -> dict[str, Any]:
    return dict(zip(state["member_key"], state[column], strict=True))


def test_a_silence_is_told_once_whatever_follows_and_again_after_the_next_purchase() -> None:
    first = decide(scores(LAST, a=(0.5, 30), b=(0.9, 200)), None, NOBODY, scored())
    assert not first["new"].any() and by_member(first, "cause") == {"a": "", "b": "baseline"}

    day = LAST + timedelta(days=20)
    second = decide(scores(day, a=(0.8, 50), b=(0.9, 220)), first, then(a=(0.5, 30), b=(0.9, 200)), scored(day))
    assert by_member(second, "new") == {"a": True, "b": False}
    assert by_member(second, "cause")["a"] == "crossed" and by_member(second, "told_on")["a"] == day

    day += timedelta(days=10)  # within the hysteresis: still at risk, not told
    third = decide(scores(day, a=(0.55, 60), b=(0.9, 230)), second, then(a=(0.8, 50), b=(0.9, 220)), scored(day))
    assert by_member(third, "at_risk")["a"] and not third["new"].any()
    assert by_member(third, "since")["a"] == LAST + timedelta(days=20)

    day += timedelta(days=10)  # below it, and above the line again: the same silence
    fourth = decide(scores(day, a=(0.4, 70), b=(0.9, 240)), third, then(a=(0.55, 60), b=(0.9, 230)), scored(day))
    assert not by_member(fourth, "at_risk")["a"]
    fifth = decide(scores(day, a=(0.9, 70), b=(0.9, 240)), fourth, then(a=(0.4, 70), b=(0.9, 240)), scored(day))
    assert by_member(fifth, "at_risk")["a"] and not fifth["new"].any()

    day += timedelta(days=30)  # a has bought; then falls silent again
    sixth = decide(scores(day, a=(0.3, 5), b=(0.9, 270)), fifth, then(a=(0.9, 70), b=(0.9, 240)), scored(day))
    assert not by_member(sixth, "at_risk")["a"] and not sixth["new"].any()
    day += timedelta(days=40)
    last = decide(scores(day, a=(0.7, 45), b=(0.9, 310)), sixth, then(a=(0.3, 5), b=(0.9, 270)), scored(day))
    assert by_member(last, "new") == {"a": True, "b": False}


def test_a_refit_that_lifts_everybody_tells_nobody_but_who_moved_by_themselves() -> None:
    many = {f"m{i}": (0.6, 60) for i in range(500)}
    first = decide(scores(LAST, **many), None, NOBODY, scored())
    day = LAST + timedelta(days=1)
    lifted = dict.fromkeys(many, (0.8, 61))
    # under the new model they were above the line already; m0 alone was below it
    state = decide(
        scores(day, **lifted), first, then(**{**dict.fromkeys(many, (0.79, 60)), "m0": (0.5, 60)}), scored(day)
    )
    assert list(state[state["new"]]["member_key"]) == ["m0"]
    assert int(state["refitted"].sum()) == 499
    again = decide(scores(day, **lifted), state, then(**lifted), scored(day))
    assert not again["new"].any() and not again["refitted"].any()


def test_who_cancels_their_last_order_is_told_and_is_no_refit() -> None:
    first = decide(scores(LAST, a=(0.3, 30)), None, NOBODY, scored())
    day = LAST + timedelta(days=1)  # without that order, today's rule says, they were at risk all along
    state = decide(scores(day, a=(0.9, 200)), first, then(a=(0.9, 199)), scored(day))
    assert by_member(state, "cause") == {"a": "crossed"} and state["new"].all() and not state["refitted"].any()


def test_a_rise_beyond_the_calibration_interval_is_told_and_one_within_it_is_not() -> None:
    first = decide(scores(LAST, a=(0.3, 20), b=(0.3, 20), c=(0.05, 20)), None, NOBODY, scored())
    day = LAST + timedelta(days=7)
    now = scores(day, a=(0.5, 27), b=(0.38, 27), c=(0.25, 27))
    was = then(a=(0.3, 20), b=(0.3, 20), c=(0.05, 20))
    state = decide(now, first, was, scored(day))
    assert by_member(state, "cause") == {"a": "jumped", "b": "", "c": ""}
    assert not decide(now, state, now.set_index("member_key")[["probability", "recency_days"]], scored(day))[
        "new"
    ].any()


def test_who_bought_the_other_day_is_not_at_risk() -> None:
    first = decide(scores(LAST, a=(0.5, 30)), None, NOBODY, scored())
    day = LAST + timedelta(days=5)
    state = decide(scores(day, a=(0.9, 3), newcomer=(0.95, 2)), first, then(a=(0.5, 30)), scored(day))
    assert not state["at_risk"].any() and not state["new"].any()


# -- a whole look, by the rule of recency ------------------------------------------------------------------------


def publish(settings: Settings, as_of: date, **members: int) -> None:
    """Churn scores of a shop in which no model beats recency."""
    rows = scores(as_of, **{name: (0.5, days) for name, days in members.items()})
    rows = rows.drop(columns="last_bought").assign(
        band="중간", horizon_days=80, expected_by=as_of, reasons="마지막 구매 후 81일(위험을 높임)"
    )
    CrmTables(settings.home.analytics).publish(MALL.mall_id, "churn", Outcome(rows, scored(as_of, "recency")))


def looked(settings: Settings, log: EventLog) -> Any:
    root = settings.home.analytics
    lake = parts.mall_lake(settings, MALL.mall_id)
    return watch_churn(CrmTables(root), SignalBook(root), lake, MALL, log)


def test_a_look_by_recency_says_so_and_names_nobody(settings: Settings, log: EventLog) -> None:
    lake = parts.mall_lake(settings, MALL.mall_id)
    land(lake, "orders", [row | {"member_key": "secret-a"} for row in orders_of(LAST - timedelta(days=79), 2)])
    publish(settings, LAST, **{"secret-a": 79, "secret-b": 300})
    assert looked(settings, log).status == "baseline"
    assert looked(settings, log).status == "quiet" and not log.read(MALL.mall_id)

    publish(settings, LAST + timedelta(days=2), **{"secret-a": 81, "secret-b": 302})
    told = looked(settings, log)
    assert told.status == "told" and told.summary["new"] == 1 and told.summary["rule"] == "recency"
    assert told.summary["value_at_stake"] == 20_000
    assert "마지막 구매일만 보는 방법보다 낫다고 할 수 없어" in told.summary["text"]
    assert told.summary["by_reason"] == [{"reason_kind": "오래 사지 않음", "customers": 1, "value": 20_000.0}]
    [event] = log.read(MALL.mall_id, types=(SIGNALLED,))
    assert "secret" not in json.dumps([event.payload, event.event_id])
    known = SignalBook(settings.home.analytics).known(MALL.mall_id)
    assert known and set(known.table[known.table["told_on"].notna()]["member_key"]) == {"secret-a"}
    assert known.table.set_index("member_key").loc["secret-a", "action"].startswith("마지막에 산 상품")

    # an older export is landed: what is missing in it is no silence
    early = LAST - timedelta(days=30)
    publish(settings, early, **{"secret-a": 49, "secret-b": 270, "c": 85})
    gone_back = looked(settings, log)
    assert gone_back.status == "baseline" and gone_back.summary["new"] == gone_back.summary["by_refit"] == 0
    assert f"지난번에 본 {LAST + timedelta(days=2)}보다 앞에서 끝나" in gone_back.summary["text"]

    # a day later, whole again: nobody new
    publish(settings, LAST + timedelta(days=3), **{"secret-a": 82, "secret-b": 303})
    assert looked(settings, log).status == "quiet" and len(log.read(MALL.mall_id)) == 1

    # further back than the purchase that was told of, and whole again: nothing is told twice
    publish(settings, LAST - timedelta(days=120), **{"secret-a": 20, "secret-b": 180})
    assert looked(settings, log).status == "baseline"
    publish(settings, LAST + timedelta(days=4), **{"secret-a": 83, "secret-b": 304})
    assert looked(settings, log).status == "quiet" and len(log.read(MALL.mall_id)) == 1

    day = LAST + timedelta(days=2)
    assert came_back(SignalBook(settings.home.analytics), lake, MALL, day, day) == (1, 0)
    later = orders_of(LAST + timedelta(days=5), 1)
    land(lake, "orders", [row | {"member_key": "secret-a"} for row in later])
    assert came_back(SignalBook(settings.home.analytics), lake, MALL, day, day) == (1, 1)


def test_an_erased_member_leaves_the_table_and_its_earlier_build(settings: Settings, log: EventLog) -> None:
    publish(settings, LAST, **{"secret-a": 79, "secret-b": 300})
    looked(settings, log)
    book = SignalBook(settings.home.analytics)
    assert book.keep_only(MALL.mall_id, {"secret-b"}) == 1
    assert book.keep_only(MALL.mall_id, {"secret-b"}) == 0
    known = book.known(MALL.mall_id)
    assert known and list(known.table["member_key"]) == ["secret-b"]
    left = [p for p in settings.home.analytics.rglob("watch/**/*.parquet") if b"secret-a" in p.read_bytes()]
    assert not left


def test_the_sensor_asks_once_a_change_of_scores(settings: Settings, log: EventLog) -> None:
    def tick(cursor: str | None) -> Any:
        events = EventsResource(home=str(settings.home.root))
        with (
            dagster_instance(settings) as instance,
            dg.build_sensor_context(instance=instance, cursor=cursor, resources={"events": events}) as context,
        ):
            instance.add_dynamic_partitions("malls", [MALL.mall_id])
            return churn_signal_watch(context)

    assert isinstance(tick(None), dg.SkipReason)
    publish(settings, LAST, a=10)
    asked = tick(None)
    assert [r.partition_key for r in asked.run_requests] == [MALL.mall_id]
    assert isinstance(tick(asked.cursor), dg.SkipReason)
    land(parts.mall_lake(settings, MALL.mall_id), "orders", orders_of(LAST, 1))
    looked(settings, log)
    assert isinstance(tick(None), dg.SkipReason), "these scores were looked at"


@pytest.mark.slow
def test_a_cohort_of_the_sandbox_mall_that_stops_buying_is_found_and_a_refit_is_not(tmp_path: Any) -> None:
    """Real scores: 800 members, 60 days pass in which 60 good customers neither buy nor look; the others go on."""
    import pyarrow.compute as pc

    from cafe24_pipelines.cafe24.landing import land_shop
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.crm.churn import churn

    settings = Settings.from_env({"CAFE24_SANDBOX_CUSTOMERS": "800"}, home=tmp_path)
    mall, log, tables = Mall("sandbox"), parts.event_log(settings), CrmTables(settings.home.analytics)
    lake = parts.mall_lake(settings, mall.mall_id)
    land_shop(mall, lake, settings)
    whole, early = lake.read("orders"), LAST - timedelta(days=60)
    sql = f"SELECT order_id FROM order_facts WHERE ordered_local::DATE <= DATE '{early}'"
    before = lake.query(sql)["order_id"]
    best = lake.query(
        "SELECT member_key FROM order_facts WHERE is_sale AND member_key IS NOT NULL "
        f"AND ordered_local::DATE BETWEEN DATE '{early}' - 30 AND DATE '{early}' "
        "GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 60"
    )["member_key"]

    def look(rows: Any) -> Any:
        lake.land("orders", rows.drop_columns(["mall_id"]), snapshot=True)
        tables.publish(mall.mall_id, "churn", churn(lake, mall))
        return watch_churn(tables, SignalBook(settings.home.analytics), lake, mall, log)

    assert look(whole.filter(pc.is_in(whole["order_id"], before))).status == "baseline"
    book, cohort = SignalBook(settings.home.analytics), set(best.to_pylist())
    first = book.known(mall.mall_id)
    seen = lake.read("events")
    gone = pc.and_(
        pc.is_in(seen["member_key"], best), pc.greater_equal(seen["at"], pa.scalar(at(early), seen["at"].type))
    )
    lake.land("events", seen.filter(pc.fill_null(pc.invert(gone), True)).drop_columns(["mall_id"]), snapshot=True)
    stopped = pc.and_(pc.is_in(whole["member_key"], best), pc.invert(pc.is_in(whole["order_id"], before)))
    told = look(whole.filter(pc.fill_null(pc.invert(stopped), True)))
    known = book.known(mall.mall_id)
    assert told.status == "told" and first is not None and known is not None
    safe = set(first.table[~first.table["at_risk"]]["member_key"]) & cohort
    heard = set(known.table[known.table["told_on"].notna()]["member_key"])
    at_risk = set(known.table[known.table["at_risk"]]["member_key"])
    others = set(first.table[~first.table["at_risk"]]["member_key"]) - cohort
    lost, shares = safe & at_risk, (len(safe & at_risk) / len(safe), len(others & at_risk) / len(others))
    assert shares[0] >= 0.9 and shares[0] > shares[1] + 0.2, shares
    assert len(heard & lost) >= 0.9 * len(lost) >= 10, (len(heard & lost), len(lost))

    old = known.table.assign(probability=known.table["probability"] - 0.3, at_risk=False, cause="", told_for=None)
    book.publish(mall.mall_id, "an earlier model", known.as_of, old, {})
    refit = watch_churn(tables, book, lake, mall, log)
    assert refit.status == "quiet" and refit.summary["by_refit"] > 100
    assert len(log.read(mall.mall_id, types=(REFITTED,))) >= 1
    assert "고객의 행동이 바뀐 것이 아니므로" in refit.summary["text"]

"""Customer lifetime value: what each buyer will still buy and pay within a year, and how sure that is.

The models lie in `lifetime/`; here a shop is read, gated, held out, fitted and forecast. Does not belong here: the
models, or what to do about a customer (see `rfm.py`).
"""

from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyarrow as pa

    from cafe24_pipelines.crm.lifetime.buyers import Ledger
    from cafe24_pipelines.crm.lifetime.estimate import Fitted
    from cafe24_pipelines.crm.lifetime.forecast import Forecast
    from cafe24_pipelines.crm.lifetime.gate import Gate
    from cafe24_pipelines.crm.lifetime.holdout import HoldOut
    from cafe24_pipelines.crm.lifetime.ways import Way
    from cafe24_pipelines.crm.shop import Shop

SEED: Final = 20_050_201
HIGH_BAND, MIDDLE_BAND = 0.8, 0.5
"""A buyer is 상 when at least that share of buyers lies strictly below, else 중 likewise, else 하."""
_TOP: Final = 0.2


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, TEXT

    number = pa.float64()
    return {
        "member_key": TEXT, "purchases": INT, "recency_days": INT, "age_days": INT, "p_alive": number,
        "expected_purchases_365": number, "purchases_365_low": number, "purchases_365_high": number,
        "expected_value": number, "clv_365": number, "clv_365_low": number, "clv_365_high": number, "band": TEXT,
    }  # fmt: skip


@analysis(
    name="clv", title_ko="고객 생애 가치", title_en="Customer lifetime value", needs=("orders", "customers"),
    columns=_columns,
)  # fmt: skip
def clv(shop: "Shop", mall: Mall) -> Outcome:
    """What each buyer is expected to buy and pay in the 365 days after the mall's last day of orders.

    BG/NBD or MBG/NBD, with plain or seasonal time, as the shop's own hold-out chooses; Gamma-Gamma for the value of a
    purchase. One row a member with at least one sale, ordered by `member_key`.

    Columns: member_key, purchases (repeat purchases: local days with a sale after the first such day), recency_days
    (since the last purchase), age_days (since the first), p_alive (0 to 1), expected_purchases_365 with
    purchases_365_low and _high, expected_value (of one purchase, net of what was discounted or refunded, currency of
    the mall), clv_365 (expected money of 365 days, discounted by `forecast.YEARLY_DISCOUNT` a year) with
    clv_365_low and _high, band (상, 중, 하: a fifth, three tenths, the rest; equal values in one band).

    Both intervals are 95 % and for what the customer really does: they hold the uncertainty of the parameters and
    the customer's own randomness (whether they left, when they buy, what they pay). Where a purchase is improbable
    they may end below the expectation. With less than the gate asks for, parameters are drawn towards those of
    public shops and intervals are as wide as that leaves them.
    """
    from cafe24_pipelines.crm.lifetime.buyers import ledger
    from cafe24_pipelines.crm.lifetime.gate import Gate

    with ledger(shop, zone=mall.time_zone) as book:
        buyers = book.buyers(book.last)
        paid_again = buyers[(buyers["x"] > 0) & (buyers["value"] > 0)]
        gate = Gate(len(buyers), book.days, len(paid_again))
        if gate.result == "refused":
            return _refused(gate)
        return _answer(book, buyers, paid_again, gate, mall)


# -- inside --------------------------------------------------------------------------------------------------


def _refused(gate: "Gate") -> Outcome:
    import pyarrow as pa

    empty = pa.schema(list(_columns().items())).empty_table().to_pandas()
    return Outcome(empty, {"gate": gate.to_json()}, lacking=gate.lacking())


def _answer(book: "Ledger", buyers: "pd.DataFrame", paid_again: "pd.DataFrame", gate: "Gate", mall: Mall) -> Outcome:
    import numpy as np

    from cafe24_pipelines.crm.lifetime.forecast import HORIZON_DAYS, forecast
    from cafe24_pipelines.crm.lifetime.gamma_gamma import fit_pooled
    from cafe24_pipelines.crm.lifetime.holdout import hold_out
    from cafe24_pipelines.crm.lifetime.ways import fit_ways

    held = hold_out(book)
    way, *_ = fit_ways(book, buyers, book.last, pooled=gate.pooled, reach=HORIZON_DAYS, models=(held.model,),
                       seasons=(held.season,))  # fmt: skip
    worth = fit_pooled(paid_again["x"], paid_again["value"])
    found = forecast(way, worth, buyers, book.last, np.random.default_rng(SEED))
    table = _table(buyers, found, book.last)
    summary = _summary(table, found, (way, worth), gate, held, paid_again=paid_again)
    summary["as_of"], summary["currency"] = _iso(book.last), mall.currency
    return Outcome(table, summary, _charts(table, held, mall), lacking=_weak(gate, worth))


def _table(buyers: "pd.DataFrame", found: "Forecast", last: int) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    below = pd.Series(found.clv).rank(method="min").to_numpy() - 1
    below /= len(below)
    table = pd.DataFrame(
        {
            "member_key": buyers["member_key"], "purchases": buyers["x"],
            "recency_days": last - buyers["last_day"], "age_days": last - buyers["first_day"],
            "p_alive": found.p_alive, "expected_purchases_365": found.purchases,
            "purchases_365_low": found.purchases_low, "purchases_365_high": found.purchases_high,
            "expected_value": found.value, "clv_365": found.clv, "clv_365_low": found.clv_low,
            "clv_365_high": found.clv_high,
            "band": np.select([below >= HIGH_BAND, below >= MIDDLE_BAND], ["상", "중"], "하"),
        }
    )  # fmt: skip
    return table.round(6)


def _summary(
    table: "pd.DataFrame", found: "Forecast", models: "tuple[Way, Fitted]", gate: "Gate", held: "HoldOut",
    *, paid_again: "pd.DataFrame",
) -> dict[str, Any]:  # fmt: skip
    from cafe24_pipelines.crm.lifetime.forecast import HORIZON_DAYS, YEARLY_DISCOUNT
    from cafe24_pipelines.crm.lifetime.gamma_gamma import independence
    from cafe24_pipelines.discovery.inequality import top_share_rows

    way, worth = models
    value = {"model": "Gamma-Gamma", **worth.to_json(), "left_out": int((table["purchases"] > 0).sum()) - worth.n}
    value["independence"] = independence(paid_again["x"], paid_again["value"])
    season = {"kind": way.season, **({} if way.season == "plain" else way.calendar.to_json())}
    return {
        "model": way.model.name, "calendar": season, **way.fitted.to_json(), "value": value, "gate": gate.to_json(),
        "holdout": held.report, "notes": _notes(way, value, gate, held),
        "horizon_days": HORIZON_DAYS, "yearly_discount": YEARLY_DISCOUNT,
        "customers": len(table), "customers_alive": float(table["p_alive"].sum()),
        "expected_purchases_365": float(table["expected_purchases_365"].sum()),
        "expected_revenue_365": {"value": found.total, "low": found.total_low, "high": found.total_high},
        "top_20_percent_share": float(top_share_rows(found.clv[None, :], _TOP)[0]),
        "bands": {name: int((table["band"] == name).sum()) for name in ("상", "중", "하")},
    }  # fmt: skip


def _weak(gate: "Gate", worth: "Fitted") -> tuple[Lacking, ...]:
    """What a pooled answer lacks for one of the shop's own."""
    from cafe24_pipelines.crm.lifetime.gate import OWN_REPEATERS

    few = Lacking("구매 금액 모형을 따로 추정할 재구매 회원 수", worth.n, OWN_REPEATERS)
    return (*gate.lacking(), *([few] if worth.n < OWN_REPEATERS else []))


def _notes(way: "Way", value: dict[str, Any], gate: "Gate", held: "HoldOut") -> list[str]:
    """When not to believe it (Korean)."""
    found = []
    if gate.pooled:
        found.append("자료가 적어 공개 쇼핑몰 두 곳의 값으로 보완했습니다. 구간이 넓은 것이 정상입니다.")
    elif way.fitted.pooled:
        found.append("구매 빈도의 최적값이 하나로 정해지지 않아 공개 쇼핑몰 두 곳의 값으로 보완했습니다.")
    if value["pooled"] and not gate.pooled:
        found.append("구매 금액의 최적값을 이 몰만으로 정할 수 없어 공개 쇼핑몰 두 곳의 값으로 보완했습니다.")
    if value["independence"]["doubtful"]:
        found.append("구매 빈도와 금액이 서로 관련되어 있어 금액 예측이 치우칠 수 있습니다.")
    if not held.report["done"]:
        found.append(held.report["why"])
    elif not held.report["beats_same_rate"]:
        found.append("검증 기간에 회원별 오차가 '지금까지의 속도 그대로'보다 작지 않았습니다.")
    return found


def _charts(table: "pd.DataFrame", held: "HoldOut", mall: Mall) -> dict[str, str]:
    import numpy as np

    from cafe24_pipelines.crm.charts import Line, curves, distribution

    found = {
        "distribution": distribution(
            table["clv_365"], title="앞으로 365일의 고객 가치", x=f"기대 구매액({mall.currency})"
        )
    }
    if held.actual is not None and held.forecast is not None:
        days = np.arange(1, len(held.actual) + 1)
        lines = [
            Line("실제", days, held.actual.cumsum()),
            Line("예측", days, held.forecast.cumsum(), dashed=True),
        ]
        found["holdout"] = curves(lines, title="검증 기간의 누적 재구매", x="검증 시작 뒤 날수", y="누적 재구매(회)")
    return found


def _iso(day: int) -> str:
    from cafe24_pipelines.crm.lifetime.buyers import date_of

    return date_of(day).isoformat()

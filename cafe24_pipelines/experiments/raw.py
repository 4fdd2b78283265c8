"""A mall's raw tables as data frames, with the few derived columns that every gold answer shares.

Written from the definitions in the documentation and the ontology's metrics, not from the lake's views: a sale is an
order that is neither unpaid, cancelled nor returned; sales are what sales brought, and credit documents lower them;
product and category figures are line amounts before discounts; days are days of the mall's own zone; today is the
day of the latest order. Does not belong here: reading the lake, or any question.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.experiments.gold import Case, Gold, GoldNumber, money_units, stated

if TYPE_CHECKING:
    from random import Random

    import pandas as pd

FEW: Final = 6
NO_SALE: Final = ("unpaid", "cancelled", "returned")


@dataclass(frozen=True)
class Raw:
    """Frames by table; `lines` are the lines of sales, `items` all lines."""

    orders: "pd.DataFrame"
    items: "pd.DataFrame"
    lines: "pd.DataFrame"
    members: "pd.DataFrame"
    categories: "pd.DataFrame"
    products: "pd.DataFrame"
    coupons: "pd.DataFrame"
    issues: "pd.DataFrame"
    reviews: "pd.DataFrame"
    events: "pd.DataFrame"
    currency: str = "KRW"

    @property
    def sales(self) -> "pd.DataFrame":
        """Orders that are sales."""
        return self.orders[self.orders["sale"]]

    @property
    def today(self) -> "pd.Timestamp":
        """The local day of the latest order."""
        return self.orders["local"].max().normalize()

    @property
    def first_day(self) -> "pd.Timestamp":
        """The local day of the first order."""
        return self.orders["local"].min().normalize()

    @cached_property
    def months(self) -> "list[Period]":
        """Whole calendar months of the data."""
        return _months(self)

    @cached_property
    def periods(self) -> "list[Period]":
        """Periods that lie wholly in the data, months first, then what people say of the recent past."""
        return _periods(self)

    def some_periods(self, draw: "Random") -> "list[Period]":
        """A few of them, drawn: where every period times every name would be too many."""
        return draw.sample(self.periods, min(FEW, len(self.periods)))

    def money(self, value: float, *also: float) -> GoldNumber:
        """An amount in the mall's currency: exact, or an average that may be rounded to its last place."""
        digits = 0 if self.currency in ("KRW", "JPY") else 2
        return GoldNumber(round(float(value), 6), money_units(self.currency), digits=digits,
                          also=tuple(round(float(v), 6) for v in also))  # fmt: skip

    def top_of(self, category_no: str) -> set[str]:
        """The category and all below it."""
        found, wave = {category_no}, {category_no}
        while wave:
            below = self.categories["parent_category_no"].isin(wave)
            wave = set(self.categories.loc[below, "category_no"]) - found
            found |= wave
        return found


def raw_of(tables: "Mapping[str, pd.DataFrame]", *, zone: str, currency: str) -> Raw:
    """The frames of a mall; every table of the lake's shop must be there, rows or none."""
    orders = _orders(tables["orders"], zone)
    items = tables["order_items"].copy()
    for column in ("unit_price", "amount"):
        items[column] = items[column].astype(float)
    about = orders[["order_id", "member_key", "local", "sale", "status", "coupon_no", "days"]]
    joined = items.merge(about.rename(columns={"status": "of_order"}), on="order_id")
    status = joined["status"].fillna(joined["of_order"])
    lines = joined[joined["sale"] & ~status.isin(["cancelled", "returned"])]
    members = tables["customers"].merge(tables["customer_groups"][["group_no", "group_name"]], "left", "group_no")
    products = tables["products"].copy()
    products["price"] = products["price"].astype(float)
    coupons = tables["coupons"].copy()
    coupons["benefit_value"] = coupons["benefit_value"].astype(float)
    return Raw(
        orders, items, lines, _local(members, "created_at", zone), tables["categories"], products, coupons,
        _local(tables["coupon_issues"], "issued_at", zone), _local(tables["reviews"], "created_at", zone),
        _local(tables["events"], "at", zone), currency,
    )  # fmt: skip


def _orders(table: "pd.DataFrame", zone: str) -> "pd.DataFrame":
    orders = _local(table, "ordered_at", zone).sort_values(["ordered_at", "order_id"])
    for column in ("paid_amount", "discount_amount", "shipping_fee"):
        orders[column] = orders[column].astype(float).fillna(0.0)
    orders["sale"] = ~orders["status"].isin(NO_SALE)
    orders["net"] = orders["paid_amount"].where(orders["sale"] | (orders["paid_amount"] < 0), 0.0)
    delivered = orders["delivered_at"].dt.tz_convert(zone).dt.tz_localize(None)
    orders["days"] = (delivered - orders["local"]).dt.total_seconds() / 86_400
    return orders


def _local(table: "pd.DataFrame", column: str, zone: str) -> "pd.DataFrame":
    """A copy with the time as it stood on the mall's clocks."""
    found = table.copy()
    found["local"] = found[column].dt.tz_convert(zone).dt.tz_localize(None)
    return found


@dataclass(frozen=True)
class Period:
    """Days as people name them; `end` is the first moment after."""

    phrase: str
    start: "pd.Timestamp"
    end: "pd.Timestamp"

    def of(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """Rows whose local time lies within."""
        return frame[(frame["local"] >= self.start) & (frame["local"] < self.end)]


def _periods(raw: Raw) -> list[Period]:
    import pandas as pd

    first, today = raw.first_day, raw.today
    after = today + pd.Timedelta(days=1)
    month = today.replace(day=1)
    found = raw.months
    year = today.replace(month=1, day=1)
    last_year = year - pd.DateOffset(years=1)
    monday = today - pd.Timedelta(days=today.day_of_week)
    spoken = [
        Period("지난달", month - pd.DateOffset(months=1), month), Period("이번 달", month, after),
        Period("올해", year, after), Period("작년", last_year, year),
        Period("올해 상반기", year, year + pd.DateOffset(months=6)),
        Period("작년 하반기", last_year + pd.DateOffset(months=6), year),
        Period(f"{today.year}년 1분기", year, year + pd.DateOffset(months=3)),
        Period(f"{today.year}년 2분기", year + pd.DateOffset(months=3), year + pd.DateOffset(months=6)),
        Period("지난주", monday - pd.Timedelta(days=7), monday),
        Period("최근 30일", after - pd.Timedelta(days=30), after),
        Period("최근 90일", after - pd.Timedelta(days=90), after),
        Period(f"작년 {month.month}월", month - pd.DateOffset(years=1), month - pd.DateOffset(months=11)),
    ]  # fmt: skip
    return [*found, *(p for p in spoken if p.start >= first and p.end <= after)]


def _months(raw: Raw) -> list[Period]:
    import pandas as pd

    first, after = raw.first_day, raw.today + pd.Timedelta(days=1)
    starts = pd.date_range(first, after, freq="MS")
    found = [Period(f"{s.year}년 {s.month}월", s, s + pd.DateOffset(months=1)) for s in starts]
    return [p for p in found if p.end <= after]


def records(frame: "pd.DataFrame") -> Iterator[Any]:
    """A frame's rows by attribute."""
    yield from frame.itertuples()


def clear_first(series: "pd.Series") -> str | None:
    """The label of the largest value when no other is as large."""
    ordered = series.sort_values(ascending=False)
    if ordered.empty or (len(ordered) > 1 and ordered.iloc[0] == ordered.iloc[1]):
        return None
    return str(ordered.index[0])


def case(gold_numbers: tuple[GoldNumber, ...] | list[GoldNumber], *names: str, **slots: str) -> Case:
    """A case about the mall's data."""
    return Case(slots, stated(gold_numbers, *names))


def gold_case(gold: Gold, **slots: str) -> Case:
    """A case with gold of its own."""
    return Case(slots, gold)

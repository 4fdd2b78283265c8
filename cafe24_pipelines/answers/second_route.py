"""The same results by another way: pandas over the raw landed tables, sharing no SQL and no view with the library.

Used to verify answers before they are kept (see `verified.py`). An aggregate without an entry here is verified by
running its shown query again. Does not belong here: anything that a user's question calls.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers.figures import money_digits

if TYPE_CHECKING:
    import pandas as pd

    from cafe24_pipelines.answers.slots import Slots
    from cafe24_pipelines.stores.lake import MallLake

Row = dict[str, Any]
Route = Callable[["Frames", "Slots"], list[Row]]
_LOST = ("unpaid", "cancelled", "returned")
_WEEKDAYS = "월화수목금토일"
_NEEDED = {"order_items": ["order_id", "product_no", "product_name", "category", "quantity", "amount", "status"]}
"""Columns that the routes use of the one table with a row a line: half a million of them fit in memory."""


@dataclass
class Frames:
    """The landed tables as pandas frames, read once; `zone` is the mall's."""

    lake: "MallLake"
    zone: str

    def __post_init__(self) -> None:
        self._read: dict[str, pd.DataFrame] = {}

    def table(self, name: str) -> "pd.DataFrame":
        """A landed table; time columns have a local twin `<name>_local` without zone."""
        if name not in self._read:
            frame = self.lake.read(name, _NEEDED.get(name)).to_pandas()
            for column in frame.columns:
                if getattr(frame[column].dtype, "tz", None) is not None:
                    frame[f"{column}_local"] = frame[column].dt.tz_convert(self.zone).dt.tz_localize(None)
            self._read[name] = frame
        return self._read[name]

    def orders(self) -> "pd.DataFrame":
        """Orders with `sale` and `net`, in order of time."""
        if "sales" not in self._read:
            frame = self.table("orders").sort_values(["ordered_at", "order_id"], kind="stable")
            frame["sale"] = ~frame["status"].isin(_LOST)
            frame["net"] = frame["paid_amount"].where(frame["sale"] | (frame["paid_amount"] < 0), 0)
            self._read["sales"] = frame
        return self._read["sales"]

    def lines(self) -> "pd.DataFrame":
        """Lines of sales that were neither cancelled nor returned themselves."""
        if "sale_lines" not in self._read:
            orders = self.orders()
            sales = orders.loc[orders["sale"], ["order_id", "ordered_at_local", "status"]]
            merged = self.table("order_items").merge(sales, on="order_id", suffixes=("", "_order"))
            own = merged["status"].fillna(merged["status_order"])
            self._read["sale_lines"] = merged[~own.isin(("cancelled", "returned"))]
        return self._read["sale_lines"]


def _within(frame: "pd.DataFrame", column: str, slots: "Slots", suffix: str = "") -> "pd.DataFrame":
    values = slots.values()
    return frame[(frame[column] >= values[f"start{suffix}"]) & (frame[column] < values[f"end{suffix}"])]


def _orders(f: Frames, s: "Slots", suffix: str = "") -> "pd.DataFrame":
    return _within(f.orders(), "ordered_at_local", s, suffix)


def _percent(k: int, n: int) -> float:
    return round(100.0 * k / n, 2)


def _money(value: Any, slots: "Slots") -> float:
    return round(float(value), money_digits(slots.currency))


def _net_sales(f: Frames, s: "Slots") -> list[Row]:
    o = _orders(f, s)
    return [{"net_sales": sum(o["net"]), "orders": int(o["sale"].sum())}]


def _order_count(f: Frames, s: "Slots") -> list[Row]:
    o = _orders(f, s)
    return [{"orders": len(o), "sales": int(o["sale"].sum())}]


def _aov(f: Frames, s: "Slots") -> list[Row]:
    o = _orders(f, s)
    total, n = sum(o["net"]), int(o["sale"].sum())
    return [{"aov": _money(total / n, s), "net_sales": total, "orders": n}]


def _units(f: Frames, s: "Slots") -> list[Row]:
    lines = _within(f.lines(), "ordered_at_local", s)
    return [{"units": int(lines["quantity"].sum()), "products": lines["product_no"].nunique()}]


def _cancel_rate(f: Frames, s: "Slots") -> list[Row]:
    o = _orders(f, s)
    k = int((o["status"] == "cancelled").sum())
    return [{"rate": _percent(k, len(o)), "cancelled": k, "orders": len(o)}]


def _return_rate(f: Frames, s: "Slots") -> list[Row]:
    o = _orders(f, s)
    o = o[~o["status"].isin(("unpaid", "cancelled"))]
    k = int((o["status"] == "returned").sum())
    return [{"rate": _percent(k, len(o)), "returned": k, "orders": len(o)}]


def _guest_share(f: Frames, s: "Slots") -> list[Row]:
    o = _orders(f, s)
    guests = o[o["member_key"].isna()]
    share = _percent(len(guests), len(o))
    return [{"rate": share, "guests": len(guests), "orders": len(o), "guest_sales": sum(guests["net"])}]


def _tiers(f: Frames, orders: "pd.DataFrame") -> "pd.Series[str]":
    groups = f.table("customer_groups").set_index("group_no")["group_name"]
    tiers = f.table("customers").set_index("member_key")["group_no"].map(groups)
    return orders["member_key"].map(tiers).fillna("(등급 없음·비회원)")


def _names(f: Frames, orders: "pd.DataFrame", dimension: str) -> "pd.Series[str]":
    """What each order's group is called."""
    at = orders["ordered_at_local"]
    if dimension == "month":
        return at.dt.strftime("%Y-%m")
    if dimension == "weekday":
        return at.dt.day_of_week.map(lambda d: _WEEKDAYS[int(d)] + "요일")
    return _tiers(f, orders)


def _group_sales(g: "pd.DataFrame", s: "Slots") -> Row:
    return {"net_sales": sum(g["net"]), "orders": int(g["sale"].sum())}


def _group_orders(g: "pd.DataFrame", s: "Slots") -> Row:
    return {"orders": len(g), "sales": int(g["sale"].sum())}


def _group_aov(g: "pd.DataFrame", s: "Slots") -> Row:
    total, n = sum(g["net"]), int(g["sale"].sum())
    return {"aov": _money(total / n, s) if n else None, "net_sales": total, "orders": n}


def _group_cancels(g: "pd.DataFrame", s: "Slots") -> Row:
    k = int((g["status"] == "cancelled").sum())
    return {"rate": _percent(k, len(g)), "cancelled": k, "orders": len(g)}


def _divided(
    measure: Callable[["pd.DataFrame", "Slots"], Row], dimension: str, by: str, *, shared: bool = False
) -> Route:
    """A measure in every group: the latest first for months, else the greatest first."""

    def run(f: Frames, s: "Slots") -> list[Row]:
        o = _orders(f, s)
        rows = [{"name": str(name), **measure(g, s)} for name, g in o.groupby(_names(f, o, dimension))]
        if dimension == "month":
            return sorted(rows, key=lambda r: r["name"], reverse=True)[:24]
        whole = sum(r[by] for r in rows if r[by] is not None)
        more = [{**r, "share": round(100 * float(r[by]) / float(whole), 2)} for r in rows] if shared else rows
        return sorted(more, key=lambda r: (r[by] is None, -(r[by] or 0), r["name"]))

    return run


def _change(f: Frames, s: "Slots") -> list[Row]:
    now, before = _orders(f, s), _orders(f, s, "_b")
    s1, s0, o1, o0 = sum(now["net"]), sum(before["net"]), int(now["sale"].sum()), int(before["sale"].sum())
    a1, a0 = float(s1) / o1, float(s0) / o0
    return [
        {
            "now_sales": s1, "before_sales": s0, "change": s1 - s0,
            "change_rate": round(100 * float(s1 - s0) / float(s0), 2), "now_orders": o1, "before_orders": o0,
            "now_aov": _money(a1, s), "before_aov": _money(a0, s),
            "order_effect": _money((o1 - o0) * (a1 + a0) / 2, s), "aov_effect": _money((a1 - a0) * (o1 + o0) / 2, s),
        }
    ]  # fmt: skip


def _customer_count(f: Frames, s: "Slots") -> list[Row]:
    landed = set(f.table("customers")["member_key"])
    return [{"customers": len(landed | set(f.table("orders")["member_key"].dropna())), "landed": len(landed)}]


def _buyers(f: Frames, s: "Slots") -> list[Row]:
    o = _orders(f, s)
    o = o[o["sale"]]
    return [{"buyers": o["member_key"].nunique(), "guest_orders": int(o["member_key"].isna().sum())}]


def _new_vs_returning(f: Frames, s: "Slots") -> list[Row]:
    o = f.orders()
    o = o[o["sale"] & o["member_key"].notna()].copy()
    o["first"] = ~o.duplicated("member_key")
    o = _within(o, "ordered_at_local", s)
    new = set(o.loc[o["first"], "member_key"])
    return [
        {
            "new_customers": len(new), "returning_customers": o["member_key"].nunique() - len(new),
            "first_sales": sum(o.loc[o["first"], "net"]), "repeat_sales": sum(o.loc[~o["first"], "net"]),
        }
    ]  # fmt: skip


def _repurchase_rate(f: Frames, s: "Slots") -> list[Row]:
    o = _orders(f, s)
    counts = o.loc[o["sale"], "member_key"].value_counts()
    k = int((counts >= 2).sum())
    return [{"rate": _percent(k, len(counts)), "repeaters": k, "buyers": len(counts)}]


def _repurchase_cycle(f: Frames, s: "Slots") -> list[Row]:
    o = f.orders()
    o = o[o["sale"] & o["member_key"].notna()].copy()
    minutes = o["ordered_at"].dt.floor("min")  # the query counts whole minutes between two sales
    o["gap"] = minutes.groupby(o["member_key"]).diff().dt.total_seconds() / 86_400
    o = _within(o[o["gap"].notna()], "ordered_at_local", s)
    return [{"days": round(float(o["gap"].median()), 1), "gaps": len(o), "customers": o["member_key"].nunique()}]


def _inactive(f: Frames, s: "Slots") -> list[Row]:
    import pandas as pd

    o = f.orders()
    last = o[o["sale"]].groupby("member_key")["ordered_at_local"].max()
    k = int((last < s.values()["as_of_end"] - pd.Timedelta(days=s.days)).sum())
    return [{"inactive": k, "buyers": len(last), "rate": _percent(k, len(last))}]


def _signups(f: Frames, s: "Slots") -> list[Row]:
    return [{"signups": len(_within(f.table("customers"), "created_at_local", s))}]


def _top_products(f: Frames, s: "Slots", first: str = "amount", second: str = "units") -> list[Row]:
    lines = _within(f.lines(), "ordered_at_local", s)
    rows = [
        {"key": key, "amount": sum(g["amount"]), "units": int(g["quantity"].sum())}
        for key, g in lines.groupby("product_no")
    ]
    return sorted(rows, key=lambda r: (-r[first], r["key"]))[: s.limit]


def _top_products_by_quantity(f: Frames, s: "Slots") -> list[Row]:
    return _top_products(f, s, "units", "amount")


def _coupon_use(f: Frames, s: "Slots") -> list[Row]:
    issues = _within(f.table("coupon_issues"), "issued_at_local", s)
    k = int(issues["used_at"].notna().sum())
    return [{"rate": _percent(k, len(issues)), "used": k, "issued": len(issues)}]


def _reviews(f: Frames, s: "Slots") -> list[Row]:
    r = _within(f.table("reviews"), "created_at_local", s)
    return [
        {"reviews": len(r), "rating": round(float(r["rating"].mean()), 2), "rated": int(r["rating"].notna().sum())}
    ]


def _api_operations(f: Frames, s: "Slots") -> list[Row]:
    d = f.table("documents")
    d = d[d["kind"] == "endpoint"]
    return [{"operations": len(d), "resources": d["resource"].nunique()}]


SECOND_ROUTES: dict[str, Route] = {
    "net_sales": _net_sales, "order_count": _order_count, "aov": _aov, "units_sold": _units,
    "cancel_rate": _cancel_rate, "return_rate": _return_rate, "guest_share": _guest_share,
    "sales_change": _change,
    "customer_count": _customer_count, "buyers": _buyers, "new_vs_returning": _new_vs_returning,
    "repurchase_rate": _repurchase_rate, "repurchase_cycle": _repurchase_cycle, "inactive_customers": _inactive,
    "signups": _signups, "top_products_by_amount": _top_products,
    "top_products_by_quantity": _top_products_by_quantity, "coupon_use_rate": _coupon_use,
    "review_rating": _reviews, "api_operations": _api_operations,
    "monthly_sales": _divided(_group_sales, "month", "net_sales"),
    "sales_by_weekday": _divided(_group_sales, "weekday", "net_sales", shared=True),
    "sales_by_tier": _divided(_group_sales, "tier", "net_sales", shared=True),
    "orders_by_month": _divided(_group_orders, "month", "orders"),
    "orders_by_weekday": _divided(_group_orders, "weekday", "orders", shared=True),
    "orders_by_tier": _divided(_group_orders, "tier", "orders", shared=True),
    "aov_by_month": _divided(_group_aov, "month", "aov"), "aov_by_weekday": _divided(_group_aov, "weekday", "aov"),
    "aov_by_tier": _divided(_group_aov, "tier", "aov"),
    "cancel_rate_by_month": _divided(_group_cancels, "month", "rate"),
    "cancel_rate_by_weekday": _divided(_group_cancels, "weekday", "rate"),
    "cancel_rate_by_tier": _divided(_group_cancels, "tier", "rate"),
}  # fmt: skip

"""Where the mall's visits and sales came from, as the Analytics API sums them up over a period of finished days.

Visits are those that were counted (`traffic.py`), split over channels; each paid order has one channel for good,
drawn from its number. So sums agree: visits by domain, advertisement or search word with visits, sales of any list
with the orders that were paid. Does not belong here: visitors, carts and products (`reports_source.py`).
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from cafe24_pipelines.sandbox.mall.filters import Row
from cafe24_pipelines.sandbox.mall.moments import day_text
from cafe24_pipelines.sandbox.mall.order_rows import paid_by
from cafe24_pipelines.sandbox.mall.wares import wares
from cafe24_pipelines.sandbox.seasons import DAY


@dataclass(frozen=True)
class Channel:
    """A way into the shop. `share` of the visits in percent; no keywords where nobody searched."""

    ad: str
    medium: str | None
    campaign: str | None
    content: str | None
    engine: str | None
    domain: str
    pages: tuple[str, ...]
    keywords: tuple[str, ...]
    share: int


CHANNELS: Final = (
    Channel("채널 없음", None, None, None, None, "참조 도메인 없음", ("참조 URL 없음",), (), 41),
    Channel("naver", "cpc", "brand_search", "pc_top", "네이버", "search.naver.com",
            ("search.naver.com/search.naver", "m.search.naver.com/search.naver"),
            ("시카 세럼", "레티놀 앰플", "마스크팩 추천"), 24),
    Channel("google", "cpc", "shopping", "pla", "구글", "www.google.com", ("www.google.com/search",),
            ("콜라겐 크림", "괄사 사용법"), 14),
    Channel("instagram", "display", "new_arrival", "reel", None, "l.instagram.com", ("l.instagram.com/",), (), 13),
    Channel("kakao", "message", "winback", "friend", None, "pf.kakao.com", ("pf.kakao.com/_shop",), (), 8),
)  # fmt: skip
"""Shares add up to 100."""
_PAID: Final = (
    "SELECT id, order_id, ordered, paid, buyer, member, goods - discount + shipping, items FROM orders "
    "WHERE shop = 1 AND paid BETWEEN ? AND ? ORDER BY paid, id"
)
_VISITS: Final = "SELECT day, visits FROM visitor_days WHERE day BETWEEN ? AND ? ORDER BY day"
_SHELF: Final = "SELECT product, sum({0}) FROM shelf_days WHERE day BETWEEN ? AND ? GROUP BY product HAVING sum({0})"


@dataclass(frozen=True)
class Sale:
    """A paid order. `amount` in won, `lines` of (product, pieces, won)."""

    order_id: str
    ordered: int
    hour: int
    method: str
    buyer: int
    member: bool
    amount: int
    channel: Channel
    keyword: str | None
    lines: tuple[tuple[int, int, int], ...]


class Period:
    """Finished days from `first` to `last`, both included, of the first shop."""

    def __init__(self, db: sqlite3.Connection, mall_id: str, first: int, last: int) -> None:
        self.mall_id = mall_id
        self._db, self._days = db, (first, last)

    def sales(self) -> Iterator[Sale]:
        """Orders that were paid."""
        first, last = self._days
        for no, order_id, ordered, paid, buyer, member, amount, items in self._db.execute(
            _PAID, (first * DAY, last * DAY + DAY - 1)
        ):
            channel = channel_of(no)
            keywords = channel.keywords
            lines = tuple((product, pieces, pieces * price) for product, _, pieces, price in json.loads(items))
            yield Sale(
                order_id, ordered, paid % DAY // 3600, paid_by(no, ordered, paid), buyer, member is not None, amount,
                channel, keywords[no % len(keywords)] if keywords else None, lines,
            )  # fmt: skip

    def visits(self) -> Counter[Channel]:
        """Visits by channel."""
        found: Counter[Channel] = Counter()
        for day, visits in self._db.execute(_VISITS, self._days):
            found.update(split(day, visits))
        return found

    def by_product(self, column: Literal["views", "carts"]) -> dict[int, int]:
        """A sum of `shelf_days` by product; products with nothing are left out."""
        return dict(self._db.execute(_SHELF.format(column), self._days).fetchall())


def channel_of(order: int) -> Channel:
    """The channel that an order came by, drawn from its number."""
    drawn = order * 2_654_435_761 % 2**32 * 100 >> 32
    for channel in CHANNELS:
        drawn -= channel.share
        if drawn < 0:
            return channel
    return CHANNELS[0]


def split(day: int, visits: int) -> dict[Channel, int]:
    """A day's visits by channel; shares move a little from day to day."""
    parts = {c: visits * (c.share + (day * 7 + n * 3) % 5 - 2) // 100 for n, c in enumerate(CHANNELS) if n}
    return {CHANNELS[0]: visits - sum(parts.values()), **parts}


def _words(visits: Counter[Channel]) -> dict[tuple[Channel, str], int]:
    """Visits by channel and search word."""
    found = {}
    for channel, count in visits.items():
        for n, keyword in enumerate(channel.keywords):
            found[channel, keyword] = count // len(channel.keywords) + (n < count % len(channel.keywords))
    return found


def _amounts(sales: Iterable[Sale], key: Callable[[Sale], Any]) -> dict[Any, tuple[int, int, int]]:
    """Orders, won and distinct buyers by a key; what has none is left out."""
    orders: Counter[Any] = Counter()
    won: Counter[Any] = Counter()
    buyers: dict[Any, set[int]] = {}
    for sale in sales:
        if (name := key(sale)) is not None:
            orders[name] += 1
            won[name] += sale.amount
            buyers.setdefault(name, set()).add(sale.buyer)
    return {name: (orders[name], won[name], len(buyers[name])) for name in sorted(orders, key=str)}


def _ratio(value: float, of: float, digits: int = 2) -> str:
    return f"{value / of:.{digits}f}" if of else "0.00"


def _orders(period: Period, field: str, key: Callable[[Sale], Any]) -> list[Row]:
    return [
        {field: name, "order_count": n, "order_amount": won}
        for name, (n, won, _) in _amounts(period.sales(), key).items()
    ]


def _orderdetails(period: Period) -> list[Row]:
    return [
        {
            "order_id": s.order_id, "order_date": day_text(s.ordered // DAY), "ad": s.channel.ad,
            "medium": s.channel.medium, "campaign": s.channel.campaign, "content": s.channel.content,
            "keyword": s.keyword, "payment_method": s.method, "order_amount": s.amount,
        }
        for s in period.sales()
    ]  # fmt: skip


def _addetails(period: Period) -> list[Row]:
    visits = period.visits()
    seen: dict[tuple[str, str | None], int] = {(c.ad, None): n for c, n in visits.items() if not c.keywords}
    seen |= {(c.ad, word): n for (c, word), n in _words(visits).items()}
    bought = _amounts(period.sales(), lambda s: (s.channel.ad, s.keyword))
    total, whole = sum(seen.values()), sum(n for n, _, _ in bought.values())
    rows = []
    for (ad, keyword), visited in seen.items():
        n, won, buyers = bought.get((ad, keyword), (0, 0, 0))
        rows.append(
            {
                "ad": ad, "keyword": keyword, "visit_count": visited, "visit_rate": _ratio(100 * visited, total),
                "purchase_count": n, "purchase_rate": _ratio(100 * n, whole), "order_amount": won,
                "order_amount_per_visitor": _ratio(won, visited), "order_amount_per_buyer": _ratio(won, buyers),
            }
        )  # fmt: skip
    return rows


def _keyworddetails(period: Period) -> list[Row]:
    bought = _amounts(period.sales(), lambda s: (s.channel.engine, s.keyword) if s.keyword else None)
    rows = []
    for (channel, keyword), visited in _words(period.visits()).items():
        n, won, buyers = bought.get((channel.engine, keyword), (0, 0, 0))
        rows.append(
            {
                "engine": channel.engine, "keyword": keyword, "visit_count": visited, "purchase_count": n,
                "purchase_rate": _ratio(100 * n, visited), "order_amount": won,
                "order_amount_per_visitor": _ratio(won, visited), "order_amount_per_buyer": _ratio(won, buyers),
            }
        )  # fmt: skip
    return rows


def _members(period: Period) -> list[Row]:
    found = _amounts(period.sales(), lambda s: s.member)
    (members, theirs, _), (guests, others, _) = (found.get(who, (0, 0, 0)) for who in (True, False))
    return [{
        "member_order_count": members, "member_order_amount": theirs, "nonmember_order_count": guests,
        "nonmember_order_amount": others,
    }]  # fmt: skip


def _pervisitors(period: Period) -> list[Row]:
    (_, won, buyers) = _amounts(period.sales(), lambda s: "all").get("all", (0, 0, 0))
    visits = sum(period.visits().values())
    return [{
        "order_amount_per_visitor": round(won / visits, 2) if visits else 0,
        "order_amount_per_buyer": round(won / buyers, 2) if buyers else 0,
    }]  # fmt: skip


def _split_by(field: str, key: Callable[[Sale], Any]) -> Callable[[Period], list[Row]]:
    def rows(period: Period) -> list[Row]:
        return [
            {field: name, "buyers_count": buyers, "order_count": n, "order_amount": won}
            for name, (n, won, buyers) in _amounts(period.sales(), key).items()
        ]

    return rows


def _categorydetails(period: Period) -> list[Row]:
    orders: Counter[int] = Counter()
    pieces: Counter[int] = Counter()
    won: Counter[int] = Counter()
    for sale in period.sales():
        for product in {product for product, _, _ in sale.lines}:
            orders[product] += 1
        for product, count, amount in sale.lines:
            pieces[product] += count
            won[product] += amount
    carts = period.by_product("carts")
    rows = []
    for product in sorted(orders.keys() | carts.keys()):
        ware = wares()[product]
        rows.append(
            {
                "category_no": ware.category_no, "category_name": ware.category, "product_no": ware.no,
                "product_code": ware.code, "product_name": ware.name, "sales_count_per_category": orders[product],
                "sales_item_per_category": pieces[product], "sales_price_per_category": f"{won[product]}.00",
                "carts_count_per_category": carts.get(product, 0),
            }
        )  # fmt: skip
    return rows


def _pages(period: Period) -> list[Row]:
    host, visits = f"{period.mall_id}.cafe24.com", sum(period.visits().values())
    pages = {f"{host}/": visits}
    pages |= {f"{host}/product/detail.html?product_no={wares()[p].no}": n
              for p, n in period.by_product("views").items()}  # fmt: skip
    return [
        {"url": url, "count": n, "visit_count": n - n // 5, "first_visit_count": n // 3} for url, n in pages.items()
    ]


def _urls(period: Period) -> list[Row]:
    found = []
    for channel, count in period.visits().items():
        for n, page in enumerate(channel.pages):
            found.append({"url": page, "visit_count": count // len(channel.pages) + (n < count % len(channel.pages))})
    return found


def _keywords(period: Period) -> list[Row]:
    return [{"keyword": word, "visit_count": n} for (_, word), n in _words(period.visits()).items()]


def _adkeywords(period: Period) -> list[Row]:
    return [
        {"ad": ad, "keyword": keyword, "order_count": n, "order_amount": won}
        for (ad, keyword), (n, won, _) in _amounts(period.sales(), lambda s: (s.channel.ad, s.keyword)).items()
    ]


LISTS: Final[dict[str, Callable[[Period], list[Row]]]] = {
    "products_categorydetails": _categorydetails,
    "sales_orderdetails": _orderdetails,
    "sales_paymethods": _split_by("payment_method", lambda s: s.method),
    "sales_pervisitors": _pervisitors,
    "sales_times": _split_by("hour", lambda s: s.hour),
    "members_sales": _members,
    "adeffect_addetails": _addetails,
    "visitpaths_ads": lambda p: [{"ad": c.ad, "visit_count": str(n)} for c, n in p.visits().items()],
    "visitpaths_adsales": lambda p: _orders(p, "ad", lambda s: s.channel.ad),
    "visitpaths_adkeywordsales": _adkeywords,
    "visitpaths_domains": lambda p: [{"domain": c.domain, "visit_count": n} for c, n in p.visits().items()],
    "visitpaths_domainsales": lambda p: _orders(p, "domain", lambda s: s.channel.domain),
    "visitpaths_keywords": _keywords,
    "visitpaths_keywordsales": lambda p: _orders(p, "keyword", lambda s: s.keyword),
    "visitpaths_keyworddetails": _keyworddetails,
    "visitpaths_urls": _urls,
    "pages_view": _pages,
}
"""Rows of a period, by the resource's name; `visit_count` of advertisements is a string, as it is documented."""

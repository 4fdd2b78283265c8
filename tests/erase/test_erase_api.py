"""A member erased from a mall whose rows came through the API, with a second shop, and the API read again."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.admin_api.line import PrivacyLine
from cafe24_pipelines.cafe24.admin_api.resources import RESOURCES
from cafe24_pipelines.cafe24.erase import erase_member, erased_members, trace_of
from cafe24_pipelines.cafe24.landing import land_shop
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.cafe24.privacy import pseudonyms
from cafe24_pipelines.cafe24.sealing import seal_for
from cafe24_pipelines.sandbox.mall.mall import END, SandboxMall
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.records import Record

MALL = "shop"
READ = (
    "shops", "customer_groups", "customers_privacy", "orders", "refunds", "products", "categories",
    "category_products", "coupons", "coupon_issues", "carts", "wish_lists", "boards", "articles",
)  # fmt: skip
PARENTS = ("category_no", "display_group", "coupon_no", "product_no", "board_no", "member_id")


def crossed(mall: SandboxMall, line: PrivacyLine, name: str) -> Iterator[Record]:
    """What the API shows of a resource at the end, behind the privacy line."""
    for row in mall.all_rows(name, END):
        parent = {p: row[p] for p in PARENTS if p in row}
        yield line.across(RESOURCES[name], row, shop_no=row["shop_no"], parent=parent).record


def test_reading_the_api_again_brings_nobody_back(tmp_path: Path) -> None:
    settings = Settings.from_env({}, home=tmp_path / "home")
    mall = Mall(MALL, "api")
    register(settings.home, mall)
    source = SandboxMall.build(tmp_path / "mall.db", customers=80, seed=3, shops=2)
    line = PrivacyLine(MALL, pseudonyms(settings, MALL), seal_for(settings, MALL, "unknown-fields"))
    api, lake = parts.api_lake(settings, MALL), parts.mall_lake(settings, MALL)
    for name in READ:
        api.of(name).commit(list(crossed(source, line, name)))
    landed = land_shop(mall, lake, settings)
    assert landed.quarantined == 0
    money = "SELECT currency, count(*) AS n, sum(paid_amount) AS paid FROM orders GROUP BY 1 ORDER BY 1"
    before = lake.query(money)
    assert before.column("currency").to_pylist() == ["KRW", "USD"]
    assert lake.query("SELECT DISTINCT currency FROM products").to_pylist() == [{"currency": "KRW"}]
    orders = Counter(row["member_id"] for row in source.all_rows("orders", END) if row["member_id"])
    member = orders.most_common(1)[0][0]
    assert trace_of(settings, MALL, member)
    report = erase_member(settings, MALL, member)
    assert report.complete and report.guests["api/orders"] == report.guests["lake/orders"] == orders[member]
    digests, listed = api.digests(), erased_members(settings, MALL)
    for name in READ:
        again = (listed.cleared(name, record) for record in crossed(source, line, name))
        api.of(name).commit([record for record in again if record is not None])
    assert api.digests() == digests and trace_of(settings, MALL, member) == []
    assert not land_shop(mall, lake, settings).changed
    assert lake.query(money).equals(before)

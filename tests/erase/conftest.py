"""A home in which a small sandbox mall and some API rows have landed, and one member of it who buys and reviews."""

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.contacts import ContactTable
from cafe24_pipelines.cafe24.erase import ErasureReport, erase_member
from cafe24_pipelines.cafe24.landing import land_shop
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.cafe24.privacy import pseudonyms
from cafe24_pipelines.cafe24.sealing import seal_for
from cafe24_pipelines.sandbox.generator import sandbox_tables
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.digest import text_digest
from cafe24_pipelines.stores.events import Event
from cafe24_pipelines.stores.records import ApiLake, Record

MALL = "sandbox"
SIZE = 40


@dataclass
class Person:
    """A member by raw id, with how much of theirs the shop holds."""

    member_id: str
    key: str
    orders: int
    reviews: int


@dataclass
class Landed:
    """The home, its member, and another one who stays."""

    settings: Settings
    person: Person
    other: Person

    @property
    def api(self) -> ApiLake:
        return parts.api_lake(self.settings, MALL)

    def count(self, table: str, key: str) -> int:
        query = f"SELECT count(*) AS n FROM {table} WHERE member_key = $key"
        return parts.mall_lake(self.settings, MALL).query(query, {"key": key}).to_pylist()[0]["n"]


def record(key: str, body: dict[str, Any], *, bucket: str = "all", sealed: bytes | None = None) -> Record:
    """A landed API row."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True)
    return Record(key, bucket, None, text.encode(), sealed, text_digest(text))


def people(settings: Settings, customers: int) -> list[Person]:
    """Members of the sandbox, those with most orders and reviews first."""
    tables = sandbox_tables(customers=customers, seed=settings.sandbox_seed)
    orders = Counter(tables["orders"].column("member_id").to_pylist())
    reviews = Counter(tables["reviews"].column("member_id").to_pylist())
    of = pseudonyms(settings, MALL).of
    ids = tables["customers"].column("member_id").to_pylist()
    found = [Person(m, of(m) or "", orders[m], reviews[m]) for m in ids]
    return sorted(found, key=lambda p: (p.reviews > 0, p.orders, p.member_id), reverse=True)


def land_api_rows(settings: Settings, person: Person, other: Person) -> None:
    """Rows of both members in every kind of resource, with versions and deletions behind the current ones."""
    api, seal = parts.api_lake(settings, MALL), seal_for(settings, MALL, "unknown-fields")
    unknown = seal.seal(json.dumps({"new_field": {"member_id": person.member_id}}).encode())
    mine = {"member_key": person.key}
    api.of("customers_privacy").commit(
        [
            record(person.key, mine | {"group_no": 1}),
            record(other.key, {"member_key": other.key, "recommend_key": person.key, "group_no": 1}),
        ]
    )
    for paid in ("F", "T"):  # two versions of the same order
        order = mine | {"order_id": "20260301-0000001", "paid": paid, "buyer": mine, "items": [{"item_no": 1}]}
        api.of("orders").commit([record("20260301-0000001", order, bucket="2026-03", sealed=unknown)])
    theirs = {"member_key": other.key, "order_id": "20260301-0000002", "paid": "T"}
    api.of("orders").commit([record("20260301-0000002", theirs, bucket="2026-03")])
    refund = mine | {"refund_code": "R1", "actual_refund_amount": "1000.00"}
    api.of("refunds").commit([record("R1", refund)])
    cart = f"1/7/{person.key}/A/2026"
    api.of("carts").commit([record(cart, mine | {"product_no": 7}), record(f"1/7/{other.key}/A/2026", theirs)])
    api.of("carts").commit(deleted=[cart])  # a tombstone remembers the key
    for name in ("points", "credits", "coupon_issues", "wish_lists", "articles"):
        api.of(name).commit(
            [record("1/1", mine | {"n": 1}), record("1/2", {"member_key": other.key, "n": 2})],
            state={"absent": [person.key, other.key], "ledgers": {person.key: 1, other.key: 2}},
        )
    api.of("products").commit([record("1/7", {"product_no": 7, "buy_member_key_list": [person.key, other.key]})])
    row = json.dumps({"order_id": "X", "member_key": person.key})
    api.quarantine("orders", "2026-03", [{"reason": "no date", "field": "order_date", "row": row, "amount": None}])


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """A home without projections: what has landed, an event about the member, and API rows. To be copied."""
    home = tmp_path_factory.mktemp("erasure") / "home"
    settings = Settings.from_env({"CAFE24_SANDBOX_CUSTOMERS": str(SIZE)}, home=home)
    mall = Mall(MALL)
    register(settings.home, mall)
    land_shop(mall, parts.mall_lake(settings, MALL), settings)
    person, other = people(settings, SIZE)[:2]
    assert person.orders > 1 and person.reviews and other.orders
    land_api_rows(settings, person, other)
    fields = {"name": "김하늘", "cellphone": "010-0123-4567"}
    ContactTable(settings, MALL).put_many({p.key: {"member_id": p.member_id, **fields} for p in (person, other)})
    payload = {"order_id": "20260301-0000001", "member_key": person.key, "note": f"첫 줄\n{person.key} 님\n끝 줄"}
    parts.event_log(settings).append([Event("e1", MALL, "webhook", datetime(2026, 3, 1, tzinfo=UTC), payload)])
    return Landed(settings, person, other)


def copy_of(template: Landed, root: Path) -> Landed:
    """The same home in another folder."""
    shutil.copytree(template.settings.home.root, root / "copy")
    settings = Settings.from_env({"CAFE24_SANDBOX_CUSTOMERS": str(SIZE)}, home=root / "copy")
    return Landed(settings, template.person, template.other)


@pytest.fixture
def landed(template: Landed, tmp_path: Path) -> Landed:
    """A home of the test's own."""
    return copy_of(template, tmp_path)


@dataclass
class Erased:
    """A home whose member was erased: what it was before, and what the erasure said."""

    before: Landed
    landed: Landed
    report: ErasureReport
    said: list[str]


@pytest.fixture(scope="session")
def erased(template: Landed, tmp_path_factory: pytest.TempPathFactory) -> Erased:
    """Read only."""
    landed = copy_of(template, tmp_path_factory.mktemp("erased"))
    said: list[str] = []
    report = erase_member(landed.settings, MALL, landed.person.member_id, progress=said.append)
    return Erased(template, landed, report, said)

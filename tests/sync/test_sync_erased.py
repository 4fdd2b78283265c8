"""A member is erased, and the mall goes on listing what was theirs: no sync brings anything of it back."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from cafe24_pipelines.cafe24.admin_api.line import with_ordinal
from cafe24_pipelines.cafe24.admin_api.resources import RESOURCES
from cafe24_pipelines.cafe24.contacts import ContactTable
from cafe24_pipelines.cafe24.erase import ErasedMembers, erase_member, erased_members, trace_of
from cafe24_pipelines.sandbox.server.config import DEFAULT_SCOPES
from cafe24_pipelines.settings import Settings

Start = Callable[..., Any]
MALL = "sandbox"
THEIRS = ("articles", "points", "coupon_issues", "wish_lists")
"""Lists in which the erased member has rows of their own."""
WITHOUT_PRIVACY = [scope for scope in DEFAULT_SCOPES if scope != "mall.read_privacy"]


def settings_of(mall: Any) -> Settings:
    found: Settings = sys.modules["sync_worker"].settings_of(mall.order, Settings)
    return found


def rows_of_members(mall: Any) -> dict[str, Counter[str]]:
    """Member id -> rows by resource, as the mall shows them now."""
    found: dict[str, Counter[str]] = {}
    for name in ("orders", *THEIRS):
        for row in mall.mall.all_rows(name, mall.now):
            if row.get("member_id"):
                found.setdefault(row["member_id"], Counter())[name] += 1
    return found


def somebody(mall: Any) -> str:
    """Who has rows in every list."""
    rows = rows_of_members(mall)
    return max(rows, key=lambda member: (len(rows[member]), rows[member].total()))


def wrong(mall: Any, names: list[str], erased: ErasedMembers, *, whole: bool = True) -> list[str]:
    """How what landed differs from what the mall shows, less the erased member."""
    differences = []
    for name in names:
        resource, seen, expected = RESOURCES[name], Counter[str](), {}
        for row, parent, shop_no in sys.modules["sync_truth"]._rows(mall.mall, resource, mall.now):
            crossed = mall.line.across(resource, row, shop_no=shop_no, parent=parent).record
            record = erased.cleared(name, crossed)
            if record is None:
                continue
            if "content" in resource.key:
                seen[record.key] += 1
                record = with_ordinal(record, seen[record.key] - 1)
            expected[record.key] = record.digest
        landed = mall.lake.of(name).known()
        if expected != landed and (whole or not landed.items() <= expected.items()):
            differences.append(f"{name}: {len(expected)} expected, {len(landed)} landed")
    return differences


@pytest.mark.parametrize("privacy", [True, False])
@pytest.mark.parametrize("everything", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_no_sync_brings_an_erased_member_back(rig: Start, core: list[str], privacy: bool, everything: bool) -> None:
    mall = rig()
    if not everything:
        core = [name for name in core if name not in ("category_products", "carts", "wish_lists")]  # many calls
    names = core if privacy else ["customers" if n == "customers_privacy" else n for n in core]
    members = "customers_privacy" if privacy else "customers"
    if not privacy:
        mall.grant(WITHOUT_PRIVACY)
    mall.order["keep_contacts"] = privacy
    assert mall.sync(names).agreed
    member = somebody(mall)
    settings = settings_of(mall)
    assert trace_of(settings, MALL, member)
    contacts = ContactTable(settings, MALL)
    kept = contacts.count()
    assert kept > 1 or not privacy
    assert erase_member(settings, MALL, member).complete
    digests = mall.lake.digests()
    erased = erased_members(settings, MALL)

    for _ in range(2):  # the second knows how many rows the mall lists that are not held
        report = mall.sync(names)
        assert report.agreed, report.rows()
        assert not report.changed
        assert mall.lake.digests() == digests
        assert trace_of(settings, MALL, member) == []
    whole = mall.sync(names, whole=True)
    assert whole.agreed, whole.rows()
    assert not whole.changed
    assert mall.lake.digests() == digests
    rows = rows_of_members(mall)[member]
    listed = {name: whole.resources[name].erased for name in THEIRS if name != "wish_lists"}
    assert listed == {name: rows[name] for name in listed}
    assert whole.resources["orders"].erased == 0, "a sale lands, as a guest's"
    assert whole.resources[members].erased == (1 if privacy else 0), "who is erased is not looked up"
    assert wrong(mall, names, erased, whole=privacy) == []

    mall.forward(days=3)
    assert mall.sync(names).agreed
    assert wrong(mall, names, erased, whole=privacy) == []
    assert trace_of(settings, MALL, member) == []
    assert contacts.get(mall.line._hash(member)) is None
    assert contacts.count() >= kept - 1
    assert not any(erased.covers(key) for key in words_of(mall))


def words_of(mall: Any) -> set[str]:
    """Every word of every state that the sync keeps."""
    texts = [json.dumps(mall.lake.of(name).state()) for name in mall.lake.landed()]
    return {word for text in texts for word in text.replace('"', " ").split()}


def test_deletions_are_seen_in_a_list_that_holds_rows_of_an_erased_member(rig: Start) -> None:
    names = ["customers_privacy", "boards", "articles", "coupons", "coupon_issues"]
    mall = rig()
    mall.sync(names)
    member = somebody(mall)
    settings = settings_of(mall)
    assert erase_member(settings, MALL, member).complete
    mall.sync(names)
    others = [r for r in mall.mall.rows("customers_privacy", mall.now) if r["member_id"] != member]
    mall.mall.put_override("customers_privacy", others[0]["member_id"], None, mall.now)
    article = next(r for r in mall.mall.all_rows("articles", mall.now) if r["member_id"] != member)
    mall.mall.put_override("articles", f"{article['board_no']}:{article['article_no']}", None, mall.now)
    report = mall.sync(names, whole=True)
    assert report.agreed, report.rows()
    assert report.resources["customers_privacy"].removed == 1
    assert report.resources["articles"].removed == 1
    assert wrong(mall, names, erased_members(settings, MALL)) == []


def test_quarantined_rows_and_unknown_fields_do_not_name_an_erased_member(rig: Start) -> None:
    names = ["customers_privacy", "products", "orders"]
    mall = rig()
    member = somebody(mall)
    other = next(r for r in mall.mall.rows("customers_privacy", mall.now) if r["member_id"] != member)
    settings = settings_of(mall)
    assert erase_member(settings, MALL, member).complete
    mall.mall.put_override("customers_privacy", member, {"group_no": {"not": "a number"}}, mall.now)
    brought = {"recommend_id": member, "brought_by_somebody": {"ids": [member]}}
    mall.mall.put_override("customers_privacy", other["member_id"], brought, mall.now)
    report = mall.sync(names, whole=True)
    assert report.agreed, report.rows()
    assert report.resources["customers_privacy"].quarantined == 1
    (row,) = mall.lake.quarantined().to_pylist()
    assert json.loads(row["row"])["member_key"] is None
    assert trace_of(settings, MALL, member) == [], "nor in a field that was sealed"
    theirs = mall.lake.of("customers_privacy").body(mall.line._hash(other["member_id"]))
    assert theirs["recommend_key"] is None

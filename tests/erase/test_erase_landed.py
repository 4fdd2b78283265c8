"""Erasing a member from what has landed: shop tables, API rows with all their versions, quarantine, event log."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.contacts import ContactTable
from cafe24_pipelines.cafe24.erase import ErasureReport, erase_member, erased_members, resume_erasures, trace_of
from cafe24_pipelines.cafe24.erase.registry import FILE
from cafe24_pipelines.cafe24.privacy import pseudonyms
from cafe24_pipelines.commands.texts import erased as erased_text
from cafe24_pipelines.errors import BadInput, ConfigError

from .conftest import MALL, Erased, Landed


def erase(landed: Landed) -> ErasureReport:
    return erase_member(landed.settings, MALL, landed.person.member_id)


def test_nothing_identifies_the_member_afterwards(erased: Erased) -> None:
    before = trace_of(erased.before.settings, MALL, erased.before.person.member_id)
    places = {t.file.split("/")[2] for t in before if t.file.startswith("lake/")}
    assert {"customers", "orders", "reviews", "events", "coupon_issues", "api"} <= places
    assert any(t.place == "sealed" and t.kind == "member id" for t in before), "sealed fields are opened"
    assert any(t.file == "events.db" for t in before)
    landed, report = erased.landed, erased.report
    assert report.complete and trace_of(landed.settings, MALL, landed.person.member_id) == []
    assert report.files["parquet"] > 15 and report.files["sqlite"] >= 1 and report.bytes > 10_000


def test_what_an_erasure_says_names_nobody(erased: Erased) -> None:
    report, person = erased.report, erased.landed.person
    for text in (*erased.said, repr(report), json.dumps(report.to_json()), str(report.rows())):
        assert person.member_id not in text and person.key not in text
    assert erased.said


def test_sales_stay_as_a_guest_s_and_the_rest_goes(erased: Erased) -> None:
    before, after, person, other = erased.before, erased.landed, erased.landed.person, erased.landed.other
    total = "SELECT count(*) AS n, sum(paid_amount) AS paid, count(member_key) AS members FROM orders"
    lakes = [parts.mall_lake(one.settings, MALL) for one in (before, after)]
    was, now = (lake.query(total).to_pylist()[0] for lake in lakes)
    assert (was["n"], was["paid"]) == (now["n"], now["paid"])
    assert lakes[0].counts()["order_items"] == lakes[1].counts()["order_items"]
    assert now["members"] == was["members"] - person.orders
    for table in ("customers", "orders", "reviews", "events", "coupon_issues"):
        assert before.count(table, person.key) > 0 == after.count(table, person.key)
        assert before.count(table, other.key) == after.count(table, other.key)
    bought = "SELECT count(*) AS n FROM events WHERE event = 'purchase'"
    assert lakes[0].query(bought).equals(lakes[1].query(bought))
    removed, guests = erased.report.removed, erased.report.guests
    assert guests["lake/orders"] == person.orders and removed["lake/reviews"] == person.reviews
    assert "lake/orders" not in removed and "lake/reviews" not in guests
    purchases = "SELECT count(*) AS n FROM events WHERE event = 'purchase' AND member_key = $key"
    assert guests["lake/events"] == lakes[0].query(purchases, {"key": person.key}).to_pylist()[0]["n"]
    assert removed["lake/events"] == before.count("events", person.key) - guests["lake/events"]


def test_api_rows_lose_the_member_and_keep_the_sale(erased: Erased) -> None:
    api, other = erased.landed.api, erased.landed.other
    order = api.of("orders").body("20260301-0000001")
    assert order is not None and order["paid"] == "T" and order["items"] == [{"item_no": 1}]
    assert order["member_key"] is None and order["buyer"] == {"member_key": None}
    assert api.of("refunds").body("R1") == {
        "actual_refund_amount": "1000.00", "member_key": None, "refund_code": "R1",
    }  # fmt: skip
    theirs = api.of("customers_privacy").body(other.key)
    assert theirs == {"group_no": 1, "member_key": other.key, "recommend_key": None}
    assert api.of("products").body("1/7") == {"buy_member_key_list": [other.key], "product_no": 7}
    for name in ("points", "credits", "coupon_issues", "wish_lists", "articles"):
        assert [body["member_key"] for body in api.of(name).scan()] == [other.key], name
        assert api.of(name).state() == {"absent": [other.key], "ledgers": {other.key: 2}}
    assert api.of("carts").count() == 1
    report = erased.report
    assert {n for n in report.guests if n.startswith("api/")} == {"api/orders", "api/refunds"}
    assert {n for n in report.unnamed if n.startswith("api/")} == {"api/customers_privacy", "api/products"}
    assert report.removed["api/customers_privacy"] == 1 and report.removed["api/carts"] == 1
    told = erased_text(report, "en")
    assert "made a guest's       api/orders" in told and "removed              api/orders" not in told
    held = api.quarantined().to_pylist()
    assert [(r["reason"], json.loads(r["row"])) for r in held] == [("no date", {"member_key": None, "order_id": "X"})]


def test_the_event_stays_without_the_member(erased: Erased) -> None:
    (event,) = parts.event_log(erased.landed.settings).read(MALL, types=("webhook",))
    assert event.payload == {"member_key": None, "note": "첫 줄\n끝 줄", "order_id": "20260301-0000001"}


def test_contact_fields_go(erased: Erased) -> None:
    person, other = erased.landed.person, erased.landed.other
    before, after = (ContactTable(one.settings, MALL) for one in (erased.before, erased.landed))
    assert before.get(person.key) is not None and after.get(person.key) is None
    assert after.get(other.key) == before.get(other.key)
    assert erased.report.removed["contacts"] == 1


def test_the_list_names_nobody(erased: Erased) -> None:
    landed = erased.landed
    path = landed.settings.home.lake / MALL / FILE
    (entry,) = json.loads(path.read_text())["members"].values()
    assert entry["done_at"] and entry["pending"] is None
    assert path.stat().st_mode & 0o077 == 0
    listed = erased_members(landed.settings, MALL)
    assert listed.covers(landed.person.key) and not listed.covers(landed.other.key) and not listed.covers(None)


def test_another_key_is_noticed(erased: Erased) -> None:
    with pytest.raises(ConfigError, match="another key"):
        erased_members(replace(erased.landed.settings, encryption_key="a new one"), MALL)


def test_erasing_again_changes_nothing(landed: Landed) -> None:
    erase(landed)
    before = {p: p.stat().st_mtime_ns for p in landed.settings.home.root.rglob("*.parquet")}
    digests = (parts.mall_lake(landed.settings, MALL).digest(), landed.api.digests())
    again = erase(landed)
    assert again.complete and again.removed == {} and again.rebuilt == ()
    assert {p: p.stat().st_mtime_ns for p in landed.settings.home.root.rglob("*.parquet")} == before
    assert (parts.mall_lake(landed.settings, MALL).digest(), landed.api.digests()) == digests


def test_later_landings_leave_the_member_out(landed: Landed) -> None:
    from cafe24_pipelines.cafe24 import landing
    from cafe24_pipelines.cafe24.malls import Mall

    erase(landed)
    lake = parts.mall_lake(landed.settings, MALL)
    before = lake.digest()
    report = landing.land_shop(Mall(MALL), lake, landed.settings)
    assert not report.changed and lake.digest() == before
    assert trace_of(landed.settings, MALL, landed.person.member_id) == []


def test_rows_that_come_again_from_the_api_are_a_guest_s(landed: Landed) -> None:
    rows = {name: list(landed.api.of(name).scan_records()) for name in landed.api.counts()}
    erase(landed)
    digests = landed.api.digests()
    erased = erased_members(landed.settings, MALL)
    for name, records in rows.items():
        cleared = [one for one in (erased.cleared(name, r) for r in records) if one is not None]
        assert landed.api.of(name).commit(cleared).changed == 0, name
    assert landed.api.digests() == digests
    assert trace_of(landed.settings, MALL, landed.person.member_id) == []


def test_members_that_can_not_be_erased(landed: Landed) -> None:
    with pytest.raises(BadInput, match="empty"):
        erase_member(landed.settings, MALL, "  ")
    with pytest.raises(ConfigError, match="unknown"):
        erase_member(landed.settings, "nobody", "kim")


def test_a_member_of_whom_nothing_is_found_is_listed_and_nothing_is_made_anew(landed: Landed) -> None:
    home = landed.settings.home
    before = {p: p.stat().st_mtime_ns for p in home.root.rglob("*") if p.suffix in (".parquet", ".json", ".db")}
    said: list[str] = []
    report = erase_member(landed.settings, MALL, "nobody-here", progress=said.append)
    assert report.complete and report.nothing_found and not report.asked_before
    assert (report.removed, report.guests, report.unnamed, report.rebuilt) == ({}, {}, {}, ())
    assert said == ["searching"] and report.files["parquet"] > 15
    listed = erased_members(landed.settings, MALL)
    assert listed.covers(pseudonyms(landed.settings, MALL).of("nobody-here")) and listed.pending() == []
    after = {p: p.stat().st_mtime_ns for p in before}
    assert after == before, "no file but the list was written"
    told = erased_text(report, "en")
    assert "nothing was found" in told and "is recorded" in told and "identifies the member" not in told
    again = erase_member(landed.settings, MALL, "nobody-here")
    assert again.nothing_found and again.asked_before and "recorded before" in erased_text(again, "en")
    assert "기록했습니다" in erased_text(report, "ko") and "이전에 기록" in erased_text(again, "ko")


KILLED = """
import os, signal, sys
from cafe24_pipelines.cafe24.contacts import ContactTable
from cafe24_pipelines.cafe24.erase import erase_member
from cafe24_pipelines.settings import Settings
left = int(sys.argv[3])
def progress(line):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
erase_member(Settings.from_env(home=sys.argv[1]), "sandbox", sys.stdin.read(), progress=progress)
"""


@pytest.mark.parametrize("step", [1, 2])
def test_a_killed_erasure_is_resumed_without_the_id(landed: Landed, step: int) -> None:
    home, person = landed.settings.home.root, landed.person
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), MALL, str(step)],
        input=person.member_id, text=True, capture_output=True, timeout=120, check=False, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert trace_of(landed.settings, MALL, person.member_id), "something was left"
    (report,) = resume_erasures(landed.settings, MALL)
    assert report.complete and trace_of(landed.settings, MALL, person.member_id) == []
    assert landed.api.of("orders").count() == 2 and landed.api.of("refunds").count() == 1
    assert resume_erasures(landed.settings, MALL) == []


def test_guest_rows_written_before_a_kill_land_afterwards(landed: Landed) -> None:
    """The old rows are gone and the guest's rows not yet there: the file between them brings them."""
    from cafe24_pipelines.cafe24.erase import landed as steps
    from cafe24_pipelines.cafe24.erase.needles import needles_of
    from cafe24_pipelines.cafe24.privacy import pseudonyms

    settings, store = landed.settings, landed.api.of("orders")
    needles = needles_of(MALL, landed.person.member_id, pseudonyms(settings, MALL))
    erased = erased_members(settings, MALL, writing=True)
    erased.intend(needles.member_key, needles.member_id)
    waiting = landed.api.root / f"orders.{steps.WAITING}"
    target = steps.Target(erased, needles)
    steps.write_waiting(waiting, steps.without_member("orders", store, {"20260301-0000001"}, target))
    store.erase(["20260301-0000001"])
    assert store.count() == 1
    erase(landed)
    body = store.body("20260301-0000001")
    assert store.count() == 2 and body is not None and body["member_key"] is None and not waiting.exists()

"""Sending against the sandbox mall: once each, audited, through lost answers, refusals and kills."""

import json
import os
import subprocess
import sys
import time

import pytest

from cafe24_pipelines.cafe24.admin_api.errors import ScopeMissing
from cafe24_pipelines.cafe24.write_back import sending
from cafe24_pipelines.cafe24.write_back.plan import Member, plan_coupon_issue, plan_group_move
from cafe24_pipelines.cafe24.write_back.sending import AlreadySent, NotConfirmed, send
from cafe24_pipelines.errors import BadInput


def groups(shop) -> list[int]:
    return sorted(g["group_no"] for g in shop.rows("customer_groups"))


def in_group(shop, group_no: int, members) -> int:
    ids = {m.member_id for m in members}
    rows = shop.rows("customers", member_id=sorted(ids))
    return sum(r["group_no"] == group_no for r in rows)


def sent_events(shop) -> list[dict]:
    return [e.payload for e in shop.log.read("sandbox", types=("write_back.sent",), limit=10_000)]


def posts(shop) -> int:
    calls = shop.server.control.state()["calls"]
    return sum(n for name, n in calls.items() if name.startswith("POST c"))


def test_nothing_is_sent_without_the_word(shop, client, no_wait):
    plan = plan_group_move("sandbox", shop.members(3), groups(shop)[-1])
    with pytest.raises(NotConfirmed):
        send(plan, client, shop.log, sleep=no_wait)
    with pytest.raises(BadInput):
        send(plan_group_move("sandbox", [], 1), client, shop.log, confirmed=True)
    assert posts(shop) == 0 and sent_events(shop) == []


def test_members_are_moved_audited_and_not_moved_twice(shop, client, no_wait):
    members, target = shop.members(230), groups(shop)[-1]
    plan = plan_group_move("sandbox", members, target)
    before = in_group(shop, target, members)
    report = send(plan, client, shop.log, confirmed=True, requested_by="operator", sleep=no_wait)
    assert (report.done, report.refused, report.uncertain, report.not_sent) == (230, [], [], 0)
    assert before < 230 and in_group(shop, target, members) == 230
    events = sent_events(shop)
    assert [(e["members"], e["outcome"], e["by"], e["plan"]) for e in events] == [
        (200, "accepted", "operator", plan.digest), (30, "accepted", "operator", plan.digest)
    ]  # fmt: skip
    assert {e["request"] for e in events} == {r.digest for r in plan.requests}
    raw = shop.everything_on_disk()
    assert not [m.member_id for m in members if m.member_id.encode() in raw]

    with pytest.raises(AlreadySent):
        send(plan, client, shop.log, confirmed=True, sleep=no_wait)
    assert posts(shop) == 2
    assert send(plan, client, shop.log, confirmed=True, force=True, sleep=no_wait).done == 230
    assert posts(shop) == 4


def test_a_coupon_reaches_each_member_once_and_holders_are_left_alone(shop, client, no_wait):
    members = shop.members(12)
    coupon = shop.new_coupon()
    first = send(plan_coupon_issue("sandbox", members[:5], coupon), client, shop.log, confirmed=True, sleep=no_wait)
    assert first.done == 5 and first.complete
    second = send(plan_coupon_issue("sandbox", members, coupon), client, shop.log, confirmed=True, sleep=no_wait)
    assert second.done == 7 and len(second.refused) == 5
    assert {k for k, _ in second.refused} == {m.key for m in members[:5]}
    assert shop.holders(coupon, members) == [1] * 12


@pytest.mark.parametrize(
    "fault", [{"truncate_rate": 0.4}, {"error_rate": 0.4}, {"timeout_rate": 0.2, "timeout_s": 0.3}]
)
def test_after_lost_answers_each_member_has_one_coupon(shop, no_wait, fault):
    members = shop.members(20)
    coupon = shop.new_coupon()
    client = shop.client()
    shop.server.control.faults(faults_seed=3, **fault)
    report = send(plan_coupon_issue("sandbox", members, coupon), client, shop.log, confirmed=True, sleep=no_wait)
    shop.server.control.faults()
    assert report.done == 20 and report.complete, report
    assert shop.holders(coupon, members) == [1] * 20
    outcomes = [e["outcome"] for e in sent_events(shop)]
    assert "unknown" in outcomes and len(outcomes) == report.requests
    client.close()


def test_where_duplicates_are_allowed_a_lost_answer_is_not_repeated_blindly(shop, no_wait):
    members = shop.members(20)
    coupon = shop.new_coupon()
    client = shop.client()
    plan = plan_coupon_issue("sandbox", members, coupon, allow_duplication="T")
    shop.server.control.faults(faults_seed=5, error_rate=0.25, truncate_rate=0.25)
    report = send(plan, client, shop.log, confirmed=True, sleep=no_wait)
    shop.server.control.faults()
    assert report.done + len(report.uncertain) == 20 and report.uncertain
    counts = dict(zip([m.key for m in members], shop.holders(coupon, members), strict=True))
    assert max(counts.values()) == 1 and all(counts[key] == 0 for key in report.uncertain)
    again = send(plan, client, shop.log, confirmed=True, sleep=no_wait)  # the operator says: go on
    assert again.complete and again.already + again.done == 20
    assert shop.holders(coupon, members) == [1] * 20
    client.close()


def test_lost_answers_of_a_move_are_read_back(shop, no_wait):
    members, target = shop.members(260), groups(shop)[-1]
    client = shop.client()
    shop.server.control.faults(faults_seed=1, truncate_rate=0.5)
    report = send(plan_group_move("sandbox", members, target), client, shop.log, confirmed=True, sleep=no_wait)
    shop.server.control.faults()
    assert report.done == 260 and in_group(shop, target, members) == 260
    client.close()


def test_members_who_left_don_t_keep_the_others_back(shop, client, no_wait):
    gone = [Member(str(shop.hasher.of(f"left{i}")), f"left{i}") for i in range(3)]
    members, target = shop.members(60), groups(shop)[-1]
    plan = plan_group_move("sandbox", [*members, *gone], target)
    report = send(plan, client, shop.log, confirmed=True, sleep=no_wait)
    assert report.done == 60 and {key for key, _ in report.refused} == {m.key for m in gone}
    assert in_group(shop, target, members) == 60
    assert "left1" not in json.dumps(report.to_json()) + report.show("en") + report.show("ko")


def test_when_everybody_is_refused_sending_stops(shop, client, no_wait):
    nobody = [Member(str(shop.hasher.of(f"left{i}")), f"left{i}") for i in range(100)]
    coupon = shop.new_coupon()
    report = send(plan_coupon_issue("sandbox", nobody, coupon), client, shop.log, confirmed=True, sleep=no_wait)
    assert report.stopped and not report.complete
    assert len(report.refused) == sending.MOST_REFUSALS and report.not_sent == 100 - sending.MOST_REFUSALS


@pytest.mark.parametrize("plan", [
    lambda m: plan_coupon_issue("sandbox", m, "1234567890123456789"), lambda m: plan_group_move("sandbox", m, 987),
])  # fmt: skip
def test_a_target_that_isn_t_there_stops_at_once(shop, client, no_wait, plan):
    report = send(plan(shop.members(5)), client, shop.log, confirmed=True, sleep=no_wait)
    assert report.stopped and report.done == 0 and report.not_sent == 5


def test_without_the_scope_nothing_is_called(shop, no_wait):
    client = shop.client(["mall.read_customer", "mall.read_promotion"])
    members = shop.members(3)
    shop.server.control.reset()
    for plan in (
        plan_group_move("sandbox", members, 1),
        plan_coupon_issue("sandbox", members, "1234567890123456789"),
    ):
        with pytest.raises(ScopeMissing):
            send(plan, client, shop.log, confirmed=True, sleep=no_wait)
    assert shop.server.control.state()["total_calls"] == 0
    client.close()


_SEND = """
import json, sys, time
from cafe24_pipelines.cafe24.admin_api.client import admin_client
from cafe24_pipelines.cafe24.admin_api.clock import FastClock
from cafe24_pipelines.cafe24.write_back.plan import Member, plan_coupon_issue
from cafe24_pipelines.cafe24.write_back.sending import send
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog
given = json.loads(sys.stdin.read())
settings = Settings.from_env(given["env"], home=given["home"])
client = admin_client(settings, "sandbox", clock=FastClock(given["speed"], given["origin"]))
plan = plan_coupon_issue("sandbox", [Member(*m) for m in given["members"]], given["coupon"])
send(plan, client, EventLog(settings.home.events), confirmed=True, sleep=lambda s: None)
"""


def test_a_killed_sending_is_resumed_and_each_member_has_one_coupon(shop, client, no_wait):
    members = shop.members(60)
    coupon = shop.new_coupon()
    s = shop.settings
    given = {
        "env": {"CAFE24_API_URL": s.api_url, "CAFE24_CLIENT_ID": s.client_id, "CAFE24_CLIENT_SECRET": s.client_secret,
                "CAFE24_ENCRYPTION_KEY": s.encryption_key},
        "home": str(s.home.root), "speed": shop.clock.speed, "origin": shop.clock.origin, "coupon": coupon,
        "members": [[m.key, m.member_id] for m in members],
    }  # fmt: skip
    plan = plan_coupon_issue("sandbox", members, coupon)
    for least in (8, 20):
        process = subprocess.Popen([sys.executable, "-c", _SEND], stdin=subprocess.PIPE, text=True)
        assert process.stdin is not None
        process.stdin.write(json.dumps(given))
        process.stdin.close()
        deadline = time.monotonic() + 60
        while len(sent_events(shop)) < least and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        with pytest.raises(AlreadySent, match="now"):
            send(plan, client, shop.log, confirmed=True, sleep=no_wait)
        os.kill(process.pid, 9)
        process.wait(10)
    waits: list[float] = []

    def wait(seconds: float) -> None:  # the mall may still be at work on the last call of the one that was killed
        waits.append(seconds)
        time.sleep(min(seconds, 2))

    report = send(plan, client, shop.log, confirmed=True, sleep=wait)
    assert waits[0] == sending.IN_FLIGHT
    assert report.complete and report.done + report.already == 60 and report.already >= 20
    assert shop.holders(coupon, members) == [1] * 60
    with pytest.raises(AlreadySent):
        send(plan, client, shop.log, confirmed=True, sleep=no_wait)


def test_when_the_mall_stops_answering_what_is_known_is_kept_and_the_rest_goes_on_later(shop, no_wait):
    members = shop.members(12)
    coupon = shop.new_coupon()
    client = shop.client()
    plan = plan_coupon_issue("sandbox", members, coupon)

    def outage(seconds: float) -> None:
        shop.server.control.faults(faults_seed=1, error_rate=1.0)

    shop.server.control.faults(faults_seed=4, truncate_rate=0.3)
    report = send(plan, client, shop.log, confirmed=True, sleep=outage)  # the first lost answer meets an outage
    shop.server.control.faults()
    assert report.stopped and report.uncertain and not report.complete
    assert report.done + len(report.uncertain) + report.not_sent == 12
    again = send(plan, client, shop.log, confirmed=True, sleep=no_wait)
    assert again.complete and again.done + again.already == 12
    assert shop.holders(coupon, members) == [1] * 12
    client.close()


def test_every_request_has_its_audit_event(shop, no_wait):
    members = shop.members(15)
    coupon = shop.new_coupon()
    client = shop.client()
    shop.server.control.faults(faults_seed=9, truncate_rate=0.2, error_rate=0.2)
    before = posts(shop)
    report = send(plan_coupon_issue("sandbox", members, coupon), client, shop.log, confirmed=True, sleep=no_wait)
    shop.server.control.faults()
    assert len(sent_events(shop)) == report.requests == posts(shop) - before
    client.close()

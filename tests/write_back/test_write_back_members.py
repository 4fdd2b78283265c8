"""Whom it concerns: segments, raw ids found again, consent, and the commands from end to end."""

import json
from decimal import Decimal

import pandas as pd
import pytest

from cafe24_pipelines.cafe24.admin_api.errors import ScopeMissing
from cafe24_pipelines.cafe24.write_back import members as choosing
from cafe24_pipelines.cafe24.write_back.commands import write_back_coupon, write_back_group
from cafe24_pipelines.cafe24.write_back.members import consenting, resolve_members, segment_members
from cafe24_pipelines.crm.analysis import Outcome
from cafe24_pipelines.crm.tables import CrmTables
from cafe24_pipelines.errors import BadInput, NotBuilt


def publish(shop, members, segment: str = "휴면") -> None:
    frame = pd.DataFrame({"member_key": [m.key for m in members]}).assign(
        recency_days=1,
        frequency=1,
        monetary=[Decimal("1.0000")] * len(members),
        r=1,
        f=1,
        m=1,
        segment=segment,
        action="",
    )
    CrmTables(shop.settings.home.analytics).publish("sandbox", "rfm", Outcome(frame, {}))


def test_ids_are_found_by_walking_members_and_the_rest_is_reported(shop, client, monkeypatch):
    monkeypatch.setattr(choosing, "_PAGE", 40)
    members = shop.members(300)
    wanted = [*members[::7], members[-1]]
    stranger = "f" * 32
    found = resolve_members(client, shop.hasher, [*(m.key for m in wanted), stranger])
    assert {(m.key, m.member_id) for m in found.found} == {(m.key, m.member_id) for m in wanted}
    assert found.unresolved == (stranger,)


def test_the_contact_table_is_believed_only_where_it_hashes_right(shop):
    client = shop.client(["mall.read_customer"])  # without the privacy scope there is no walk
    one, two = shop.members(2)
    known = {one.key: one.member_id, two.key: one.member_id}
    assert resolve_members(client, shop.hasher, [one.key], known=known).found == (one,)
    with pytest.raises(ScopeMissing):
        resolve_members(client, shop.hasher, [one.key, two.key], known=known)
    client.close()


def test_consent_is_asked_of_the_mall_now(shop, client):
    members = shop.members(120)
    rows = {r["member_id"]: r for r in shop.rows("customers", member_id=[m.member_id for m in members])}
    sms = [m for m in members if rows[m.member_id]["sms"] == "T"]
    either = [m for m in members if "T" in (rows[m.member_id]["sms"], rows[m.member_id]["news_mail"])]
    assert 0 < len(sms) < 120
    kept, left = consenting(client, members, "sms")
    assert kept == sms and set(left) == {m.key for m in members} - {m.key for m in sms}
    assert consenting(client, members, "any")[0] == either
    assert consenting(client, members, "off") == (members, [])


def test_segments_come_from_the_last_run(shop):
    members = shop.members(10)
    with pytest.raises(NotBuilt):
        segment_members(shop.settings, "sandbox", "휴면")
    publish(shop, members)
    assert segment_members(shop.settings, "sandbox", "휴면") == sorted(m.key for m in members)
    assert segment_members(shop.settings, "sandbox", "챔피언") == []
    with pytest.raises(BadInput, match="챔피언"):
        segment_members(shop.settings, "sandbox", "nonsense")


def test_the_commands_plan_first_and_send_on_the_word(shop):
    shop.client().close()  # the operator has consented
    members = shop.members(8)
    publish(shop, members)
    target = max(g["group_no"] for g in shop.rows("customer_groups"))
    dry = write_back_group(shop.settings, "sandbox", segment="휴면", to=target, clock=shop.clock)
    assert dry.report is None and dry.to_json()["sent"] is None
    assert "아직 아무것도 보내지 않았습니다" in dry.show() and "Nothing has been sent" in dry.show("en")
    assert "POST customergroups/{group_no}/customers" not in shop.server.control.state()["calls"]
    shown: list[str] = []
    done = write_back_group(
        shop.settings, "sandbox", segment="휴면", to=target, send_it=True, clock=shop.clock,
        before=lambda plan: shown.append(plan.show()),
    )  # fmt: skip
    assert done.report is not None and done.report.done == 8 and len(shown) == 1
    rows = shop.rows("customers", member_id=[m.member_id for m in members])
    assert {r["group_no"] for r in rows} == {target}
    coupon = shop.new_coupon()
    issued = write_back_coupon(
        shop.settings, "sandbox", segment="휴면", coupon=coupon, send_sms=True, send_it=True, clock=shop.clock
    )
    accept = [m for m in members if next(r for r in rows if r["member_id"] == m.member_id)["sms"] == "T"]
    assert issued.report is not None and issued.report.done == len(accept)
    assert len(issued.plan.excluded) == 8 - len(accept)
    text = json.dumps([done.to_json(), issued.to_json()], ensure_ascii=False) + done.show() + issued.show("en")
    assert not [m for m in members if m.member_id in text]


def test_a_tier_or_coupon_that_is_not_there_makes_no_plan(shop):
    shop.client().close()
    publish(shop, shop.members(3))
    asked = {"segment": "휴면", "clock": shop.clock}
    tiers = [(g["group_no"], g["group_name"]) for g in shop.rows("customer_groups")]
    with pytest.raises(BadInput, match="no tier 999") as raised:
        write_back_group(shop.settings, "sandbox", to=999, **asked)
    assert all(f"{number} ({name})" in str(raised.value) for number, name in tiers)
    coupon = shop.rows("coupons")[0]
    with pytest.raises(BadInput, match="no coupon 999") as raised:
        write_back_coupon(shop.settings, "sandbox", coupon="999", **asked)
    assert coupon["coupon_no"] in str(raised.value)
    with pytest.raises(BadInput, match="no coupon"):
        write_back_coupon(shop.settings, "sandbox", coupon=coupon["coupon_no"][:-1], **asked)
    for change, match in (({"is_stopped_issued_coupon": "T"}, "stopped"), ({"deleted": "T"}, "deleted")):
        shop.server.control.override("coupons", coupon["coupon_no"], change)
        with pytest.raises(BadInput, match=match):
            write_back_coupon(shop.settings, "sandbox", coupon=coupon["coupon_no"], **asked)
    assert not any(call.startswith("GET customersprivacy") for call in shop.server.control.state()["calls"])


def test_a_plan_says_what_its_target_is_called(shop):
    shop.client().close()
    publish(shop, shop.members(3))
    tier, coupon = shop.rows("customer_groups")[-1], shop.rows("coupons")[0]
    move = write_back_group(
        shop.settings, "sandbox", segment="휴면", to=tier["group_no"], fixed_group=True, clock=shop.clock
    )
    issue = write_back_coupon(
        shop.settings, "sandbox", segment="휴면", coupon=coupon["coupon_no"], allow_duplication="S", clock=shop.clock
    )
    assert tier["group_name"] in move.show() and coupon["coupon_name"] in issue.show("en")
    assert move.to_json()["plan"]["label"] == tier["group_name"]
    assert '"fixed_group": "T"' in move.show() and '"allow_duplication": "S"' in issue.show()
    assert "Sending it" in move.plan.show("en", sending=True)
    assert "--send" not in move.plan.show("en", sending=True)

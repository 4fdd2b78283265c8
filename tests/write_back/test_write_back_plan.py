"""What a plan says: exact requests, each member once, nothing personal in what is shown."""

import json

import pytest

from cafe24_pipelines.cafe24.write_back.check import TierCheck
from cafe24_pipelines.cafe24.write_back.plan import Member, plan_coupon_issue, plan_group_move
from cafe24_pipelines.errors import BadInput


def members(n: int, first: int = 0) -> list[Member]:
    return [Member(f"{i:032x}", f"raw-member-{i}") for i in range(first, first + n)]


def test_a_move_is_cut_into_calls_of_200_and_names_each_member_once():
    plan = plan_group_move("shop", [*members(450), *members(30)], 5, segment="챔피언")
    assert [len(r.members) for r in plan.requests] == [200, 200, 50]
    assert len({m.member_id for m in plan.members}) == 450
    body = plan.requests[0].body()
    assert body["shop_no"] == 1 and len(body["requests"]) == 200
    assert body["requests"][0] == {"member_id": plan.requests[0].members[0].member_id, "fixed_group": "F"}
    assert plan.scopes == ("mall.write_customer",)


def test_a_coupon_goes_to_one_member_a_call():
    plan = plan_coupon_issue("shop", members(3), "6072120804600000001", send_sms=True)
    assert [r.body() for r in plan.requests] == [
        {
            "shop_no": 1,
            "request": {
                "issued_member_scope": "M", "allow_duplication": "F", "single_issue_per_once": "T",
                "send_sms_for_issue": "T", "member_id": f"raw-member-{i}",
            },
        }
        for i in range(3)
    ]  # fmt: skip
    assert plan.requests[0].shown()["path"] == "/api/v2/admin/coupons/6072120804600000001/issues"


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_nothing_that_is_shown_holds_a_raw_id(lang):
    for plan in (
        plan_group_move("shop", members(250), 5, unresolved=["a" * 32]),
        plan_coupon_issue("shop", members(2), "6072120804600000001", excluded=["b" * 32]),
    ):
        shown = plan.show(lang) + json.dumps(plan.to_json()) + repr(plan) + repr(plan.members) + str(plan.requests)
        assert "raw-member" not in shown
        assert plan.digest in plan.show(lang) and "--send" in plan.show(lang)


def test_the_digest_is_the_same_for_the_same_deed_and_for_nothing_else():
    base = plan_group_move("shop", members(250), 5)
    assert plan_group_move("shop", members(250)[::-1], 5, segment="x").digest == base.digest
    others = [
        plan_group_move("shop", members(249), 5), plan_group_move("shop", members(250), 6),
        plan_group_move("other", members(250), 5), plan_group_move("shop", members(250), 5, fixed_group=True),
        plan_group_move("shop", members(250), 5, shop_no=2), plan_group_move("shop", members(250, 1), 5),
        plan_coupon_issue("shop", members(250), "5"), plan_coupon_issue("shop", members(250), "5", send_sms=True),
    ]  # fmt: skip
    assert len({p.digest for p in [base, *others]}) == len(others) + 1


def test_numbers_that_make_no_sense_are_refused():
    with pytest.raises(BadInput):
        plan_group_move("shop", members(1), 0)
    for bad in ("", "6.07e18", "coupon", "-1"):
        with pytest.raises(BadInput):
            plan_coupon_issue("shop", members(1), bad)
    with pytest.raises(BadInput):
        plan_coupon_issue("shop", members(1), "5", allow_duplication="X")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ({"customers": [{"member_id": "raw-member-0", "group_no": 5}, {"member_id": "raw-member-1"}]}, []),
        ({"customers": {"member_id": "raw-member-0", "group_no": 5}}, [1]),
        ({"customers": [{"member_id": "raw-member-0", "group_no": "5", "status": 200},
                        {"member_id": "raw-member-1", "group_no": 5, "status": 422}]}, [1]),
        ({"customers": [{"member_id": "raw-member-0", "group_no": 5},
                        {"member_id": "raw-member-1", "error": {"code": 404}}]}, [1]),
        ({"customers": [{"member_id": "raw-member-0", "group_no": 1}]}, [0, 1]),
        ({}, [0, 1]), (None, [0, 1]), ([], [0, 1]),
    ],
)  # fmt: skip
def test_a_partial_answer_confirms_only_whom_it_names(answer, left):
    two = members(2)
    check = TierCheck(plan_group_move("shop", two, 5), client=None)  # type: ignore[arg-type]  no call is made
    assert check.unconfirmed(answer, two) == [two[i] for i in left]

"""Writes: the envelope, tiers, coupons, the app's version and webhook setting."""

import pytest


def members(api, n):
    rows = api.get("customersprivacy", limit=n).json()["customersprivacy"]
    return [row["member_id"] for row in rows]


@pytest.mark.parametrize(
    "body", [{}, {"shop_no": 1}, {"shop_no": 1, "member_id": "a"}, {"request": "text"}, [1], None]
)
def test_a_write_without_its_envelope_is_400(api, body):
    answer = api.send("POST", "customergroups/1/customers", body)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == 400


def test_a_write_must_be_json(api):
    for content_type, status in (("text/plain", 400), ("application/json; charset=utf-8", 200)):
        answer = api.raw("PUT", "/api/v2/admin/apps", content=b'{"request": {"version": "2025-12-01"}}',
                         headers={"Content-Type": content_type})  # fmt: skip
        assert answer.status_code == status, answer.text
    broken = api.raw("PUT", "/api/v2/admin/apps", content=b"{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 400


def test_members_move_to_a_tier(api):
    chosen = members(api, 3)
    groups = [g["group_no"] for g in api.get("customergroups").json()["customergroups"]]
    before = {r["member_id"]: r["group_no"] for r in
              api.get("customers", member_id=",".join(chosen)).json()["customers"]}  # fmt: skip
    target = next(g for g in groups if g not in before.values())
    requests = [{"member_id": m, "fixed_group": "F"} for m in chosen]
    answer = api.send("POST", f"customergroups/{target}/customers", {"shop_no": 1, "requests": requests})
    assert answer.status_code == 201
    assert answer.json() == {"customers": [{"shop_no": 1, "group_no": target, **r} for r in requests]}
    after = api.get("customers", member_id=",".join(chosen)).json()["customers"]
    assert {row["group_no"] for row in after} == {target}


def test_bad_moves_are_refused_whole(api):
    def move(requests, group=1):
        body = {"shop_no": 1, "requests": requests}
        return api.send("POST", f"customergroups/{group}/customers", body).status_code

    assert move([{"member_id": "nobody-at-all"}]) == 422
    assert move([{"fixed_group": "T"}]) == 422
    assert move([{"member_id": members(api, 1)[0], "fixed_group": "yes"}]) == 422
    assert move([{"member_id": f"m{n}"} for n in range(201)]) == 422
    assert move([{"member_id": members(api, 1)[0]}], group=999) == 404
    api.token = api.control.grant(["mall.read_customer"])["access_token"]
    assert move([{"member_id": "m1"}]) == 403


def test_coupons_are_issued_and_not_twice_unless_asked(start):
    api = start(limits=False)
    coupon = api.get("coupons").json()["coupons"][0]["coupon_no"]
    path = f"coupons/{coupon}/issues"
    held = {row["member_id"] for row in api.get(path, limit=500).json()["issues"]}
    chosen = [m for m in members(api, 1000) if m not in held][:3]
    assert len(chosen) == 3
    request = {"issued_member_scope": "M", "member_id": ",".join(chosen)}

    def issue(**more):
        return api.send("POST", path, {"shop_no": 1, "request": {**request, **more}})

    first = issue()
    assert first.status_code == 201
    assert first.json() == {"issues": {"shop_no": 1, "count": {coupon: 3}}}
    assert issue().json()["issues"]["count"] == {coupon: 0}
    assert issue(allow_duplication="T").json()["issues"]["count"] == {
        coupon: 3
    }  # no idempotency key: it happens again
    now_held = [row["member_id"] for row in api.get(path, limit=500).json()["issues"]]
    assert all(now_held.count(m) == 2 for m in chosen)
    assert issue(issued_member_scope="X").status_code == 422
    assert issue(member_id="nobody-at-all").status_code == 422
    assert issue(member_id="").status_code == 422
    assert api.send("POST", path, {"request": {"issued_member_scope": "G"}}).status_code == 422
    assert api.send("POST", "coupons/1/issues", {"request": request}).status_code == 404


def test_the_app_tells_and_changes_its_version(api):
    app = api.get("apps").json()["app"]
    assert app == {
        "version": "2026-03-01", "version_expiration_date": None, "initial_version": "2025-09-01",
        "previous_version": None, "extension_type": "section",
    }  # fmt: skip
    answer = api.send("PUT", "apps", {"request": {"version": "2025-12-01"}})
    assert answer.json()["app"]["version"] == "2025-12-01"
    app = api.get("apps").json()["app"]
    assert app["version_expiration_date"] == "2027-03-01" and app["previous_version"] == "2026-03-01"
    assert api.send("PUT", "apps", {"request": {"version": "2025-12-01"}}).status_code == 409
    assert api.send("PUT", "apps", {"request": {"version": "2024-01-01"}}).status_code == 422
    assert api.send("PUT", "apps", {"request": {}}).status_code == 422


def test_webhook_reception_is_switched(api):
    setting = api.get("webhooks/setting").json()["webhook"]
    assert setting["reception_status"] == "T" and "mall.read_order" in setting["scopes"]
    answer = api.send("PUT", "webhooks/setting", {"request": {"reception_status": "F"}})
    assert answer.json() == {"webhook": {"reception_status": "F"}}
    assert api.get("webhooks/setting").json()["webhook"]["reception_status"] == "F"
    assert api.send("PUT", "webhooks/setting", {"request": {"reception_status": "off"}}).status_code == 422


def test_the_mall_can_be_changed_from_outside(start):
    api = start(limits=False)
    days = {"start_date": "2026-10-01", "end_date": "2026-10-31"}
    order_id = api.get("orders", **days).json()["orders"][0]["order_id"]
    api.control.override("orders", order_id, {"payment_amount": "12345.00"})
    assert api.get(f"orders/{order_id}").json()["order"]["payment_amount"] == "12345.00"

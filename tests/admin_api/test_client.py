"""The client against a strict mall: headers, repeats, renewals, refusals, and nothing personal in what it says."""

import dataclasses
import logging
import random
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from strict_mall import StrictMall

from cafe24_pipelines.cafe24.admin_api import client as client_module
from cafe24_pipelines.cafe24.admin_api.client import AdminClient, admin_client
from cafe24_pipelines.cafe24.admin_api.errors import (
    AdminApiError,
    AppRemoved,
    ApprovalNeeded,
    MalformedAnswer,
    NotFound,
    Refused,
    ScopeMissing,
    Unavailable,
)
from cafe24_pipelines.cafe24.admin_api.oauth import token_set
from cafe24_pipelines.cafe24.admin_api.version import version_notice
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.settings import Settings


def error(status: int, message: str, more: dict[str, Any] | None = None, code: object = None) -> tuple[int, Any]:
    return status, {"error": {"code": code or status, "message": message, "more_info": more or {}}}


def test_what_a_read_sends(client: AdminClient, mall: StrictMall) -> None:
    answer = client.get(
        "boards/{board_no}/articles", at={"board_no": 4}, shop_no=2,
        params={"start_date": "2026-01-01 00:00:00", "embed": ["a", "b"], "has_product": True, "offset": None,
                "q": "홍+길"},
    )  # fmt: skip
    assert answer == {"path": "boards/4/articles"}
    call = mall.calls[0]
    assert call["query"] == (
        "start_date=2026-01-01%2000%3A00%3A00&embed=a,b&has_product=T&q=%ED%99%8D%2B%EA%B8%B8&shop_no=2"
    )
    assert call["headers"]["x-cafe24-api-version"] == "2026-03-01"
    assert call["headers"]["content-type"] == "application/json"
    assert client.report().calls == {"GET boards/{board_no}/articles": 1}


def test_a_path_value_stays_one_segment(client: AdminClient, mall: StrictMall) -> None:
    client.get("customers/{member_id}/wishlist", at={"member_id": "a/../b?c#d 홍"})
    assert mall.calls[0]["raw"] == "/api/v2/admin/customers/a%2F..%2Fb%3Fc%23d%20%ED%99%8D/wishlist"
    for bad in ("", "..", "."):
        with pytest.raises(ValueError, match="member_id"):
            client.get("customers/{member_id}/wishlist", at={"member_id": bad})


def test_connections_are_kept(client: AdminClient, mall: StrictMall) -> None:
    for _ in range(4):
        client.get("orders")
    assert len({call["port"] for call in mall.calls}) == 1


@pytest.mark.parametrize("fault", ["500", "502", "503", "504", "hang", "truncate", "half", "html"])
def test_a_read_is_repeated_when_the_mall_stumbles(client: AdminClient, mall: StrictMall, fault: str) -> None:
    mall.faults.extend([fault, fault])
    assert client.get("orders") == {"path": "orders"}
    assert len(mall.calls) == 3 and client.report().repeated == 2


@pytest.mark.parametrize(("fault", "raised"), [("503", Unavailable), ("html", MalformedAnswer)])
def test_a_read_is_given_up_in_the_end(
    client: AdminClient, mall: StrictMall, fault: str, raised: type[AdminApiError]
) -> None:
    mall.faults.extend([fault] * 50)
    with pytest.raises(raised):
        client.get("orders")
    assert len(mall.calls) == client_module.TRIES


def test_back_off_grows_is_capped_and_jittered(unpaced: AdminClient, mall: StrictMall) -> None:
    client, mall.limited = unpaced, False
    waits: list[float] = []
    client._clock.sleep = waits.append  # type: ignore[method-assign]
    for _ in range(6):
        mall.faults.extend(["503"] * client_module.TRIES)
        with pytest.raises(Unavailable):
            client.get(f"path{_}")
    assert all(0 <= w <= client_module.BACKOFF_CAP for w in waits)
    assert len(set(waits)) == len(waits) == 6 * (client_module.TRIES - 1)
    turns = [waits[i :: client_module.TRIES - 1] for i in range(client_module.TRIES - 1)]
    assert max(turns[0]) <= 0.5 and max(turns[-1]) > 2


@pytest.mark.parametrize("fault", ["500", "503", "504", "hang", "truncate", "html"])
def test_a_write_is_not_repeated_when_it_may_have_acted(client: AdminClient, mall: StrictMall, fault: str) -> None:
    mall.faults.append(fault)
    with pytest.raises(Unavailable) as raised:
        client.send("POST", "coupons/{coupon_no}/issues", at={"coupon_no": "1" * 19}, body={"request": {}})
    assert raised.value.acted is None and "read back" in str(raised.value)
    assert len(mall.calls) == 1


def test_a_write_is_repeated_when_it_surely_did_not_act(client: AdminClient, mall: StrictMall) -> None:
    mall.faults.extend(["429", "429"])
    body = {"shop_no": 1, "request": {"coupon_no": "1234567890123456789", "name": "쿠폰"}}
    assert client.send("POST", "coupons", body=body) == {"path": "coupons"}
    assert len(mall.calls) == 3
    assert (
        mall.calls[-1]["body"].decode() == '{"shop_no":1,"request":{"coupon_no":"1234567890123456789","name":"쿠폰"}}'
    )


def test_an_unreachable_mall_is_tried_again_for_writes_too(unpaced: AdminClient) -> None:
    client = unpaced
    client._base = "http://127.0.0.1:1/api/v2/admin/"
    for call in (lambda: client.get("orders"), lambda: client.send("POST", "coupons", body={})):
        with pytest.raises(Unavailable) as raised:
            call()
        assert raised.value.acted is False
    assert client.report().calls == {"GET orders": client_module.TRIES, "POST coupons": client_module.TRIES}


def test_a_refused_token_is_renewed(client: AdminClient, mall: StrictMall) -> None:
    mall.access.clear()
    assert client.get("orders") == {"path": "orders"}
    assert len(mall.token_calls) == 1 and len(mall.calls) == 2


def test_new_tokens_that_are_refused_are_renewed_three_times(client: AdminClient, mall: StrictMall) -> None:
    mall.faults.extend(["401"] * 3)
    assert client.get("orders") == {"path": "orders"}
    assert len(mall.token_calls) == 3 and len(mall.calls) == 4
    sent = [call["headers"]["authorization"] for call in mall.calls]
    assert len(set(sent)) == 4, "each time with a token that was not refused before"
    mall.faults.extend(["401"] * 5)
    with pytest.raises(Refused, match="401"):
        client.get("orders")
    assert len(mall.token_calls) == 6 and len(mall.faults) == 1


def test_a_refused_token_that_stays_the_same_is_not_tried_again(client: AdminClient, mall: StrictMall) -> None:
    token = client.keeper.access_token()
    client.keeper.rejected = lambda refused: token  # type: ignore[method-assign]  # nobody could renew it
    mall.faults.extend(["401"] * 2)
    with pytest.raises(Refused, match="401"):
        client.get("orders")
    assert len(mall.calls) == 1


def test_threads_share_one_client_and_one_renewal(client: AdminClient, mall: StrictMall) -> None:
    mall.access.clear()
    answers: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: answers.append(client.get("orders"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6 and len(mall.token_calls) == 1


def test_a_quota_block_is_waited_out(client: AdminClient, mall: StrictMall) -> None:
    mall.faults.append("remain 1")
    began = time.monotonic()
    assert client.get("orders") == {"path": "orders"}
    assert time.monotonic() - began >= 1.0 and len(mall.calls) == 2


def test_a_mall_that_only_refuses_for_pace_is_given_up(unpaced: AdminClient, mall: StrictMall) -> None:
    client, mall.limited = unpaced, False
    mall.faults.extend(["429"] * 99)
    with pytest.raises(Unavailable, match="429"):
        client.get("orders")
    assert len(mall.calls) == client_module.PACE_TRIES + 1


@pytest.mark.parametrize("code", [422, "422"])
def test_refusals_carry_the_apis_words(client: AdminClient, mall: StrictMall, code: object) -> None:
    mall.refusals["orders"] = error(
        422, "Required parameter is missing (start_date).", {"parameter": "start_date"}, code
    )
    with pytest.raises(Refused) as raised:
        client.get("orders")
    assert (raised.value.status, raised.value.more_info) == (422, {"parameter": "start_date"})
    assert "start_date" in str(raised.value) and "GET orders" in str(raised.value)
    mall.refusals["orders"] = (400, "what")
    with pytest.raises(Refused, match="status 400"):
        client.get("orders")
    mall.refusals["orders"] = error(404, "No API found")
    with pytest.raises(NotFound):
        client.get("orders")


def test_a_missing_scope_is_named(client: AdminClient, mall: StrictMall) -> None:
    mall.refusals["points"] = error(403, "Forbidden")
    with pytest.raises(ScopeMissing) as raised:
        client.get("points")
    assert raised.value.scope == "mall.read_mileage"
    assert mall.token_calls == [], "renewing does not help"
    mall.refusals["orders"] = error(403, "Insufficient scope (mall.read_order).")
    with pytest.raises(ScopeMissing, match=r"mall\.read_order"):
        client.get("orders")
    with pytest.raises(ScopeMissing, match=r"mall\.read_privacy"):
        client.require("mall.read_privacy")
    client.require("mall.read_order")
    assert "mall.read_order" in client.scopes()


def test_what_needs_approval_is_said(client: AdminClient, mall: StrictMall) -> None:
    mall.scopes = (*mall.scopes, "mall.read_salesreport")
    client.keeper.install(token_set(mall.issue(), time.time()))
    mall.refusals["reports/hourlysales"] = error(403, "This API is available to specific clients only.")
    with pytest.raises(ApprovalNeeded, match="approved apps"):
        client.get("reports/hourlysales")


def test_buckets_have_the_size_of_the_reference(client: AdminClient, mall: StrictMall) -> None:
    mall.sizes["sms"] = 1
    for _ in range(3):
        client.send("POST", "sms", body={"request": {}})
    assert mall.over == 0 and mall.calls[2]["at"] - mall.calls[0]["at"] >= 1.0


@pytest.fixture
def everything_said(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


MEMBER, OTHER, NAME, PHONE, MEMO = "hong1234", "kim5678", "홍길동", "010-1234-5678", "비밀메모"


def test_nothing_personal_and_no_token_is_said(
    client: AdminClient, mall: StrictMall, everything_said: pytest.LogCaptureFixture
) -> None:
    token = client.keeper.access_token()
    said = ""
    more = {"member_id": MEMBER, "x": [f"{MEMBER} x"]}
    mall.refusals["customers"] = error(422, f"member_id {MEMBER} ({NAME}) unknown, call {PHONE}", more)
    mall.refusals[f"customers/{MEMBER}/memos"] = error(400, f"no memo of {MEMBER} about {MEMO}")
    path = "customers/{member_id}/memos"
    calls: list[Any] = [
        lambda: client.get("customers", params={"member_id": f"{MEMBER},{OTHER}", "buyer_name": NAME}),
        lambda: client.send("POST", path, at={"member_id": MEMBER}, body={"request": {"memo": MEMO}}),
    ]
    for call in calls:
        try:
            call()
        except AdminApiError as e:
            said += "".join(traceback.format_exception(e)) + repr(e) + str(getattr(e, "more_info", ""))
    mall.faults.extend(["hang"] * client_module.TRIES)
    try:
        client.get("customers/{member_id}/wishlist", at={"member_id": MEMBER})
    except Unavailable as e:
        said += "".join(traceback.format_exception(e))
    ours = [r for r in everything_said.records if not r.name.startswith("uvicorn")]  # the fixture server's own log
    said += "".join(f"{r.name} {r.getMessage()}\n" for r in ours) + repr(client) + repr(client.keeper)
    assert "422" in said and "400" in said and "ReadTimeout" in said and "HTTP Request" in said
    for secret in (MEMBER, OTHER, NAME, PHONE, MEMO, token, "an-app's secret"):
        assert secret not in said, secret


@pytest.mark.parametrize("skew", [0.0, 90.0, -90.0])
def test_the_malls_clock(client: AdminClient, mall: StrictMall, skew: float) -> None:
    mall.skew = skew
    first = client.server_now()
    assert len(mall.calls) == 1
    for _ in range(4):
        client.get("orders")
    again = client.server_now()
    truth = datetime.fromtimestamp(mall.now(), UTC)
    assert first.tzinfo is UTC and again >= first
    assert timedelta(0) <= truth - again < timedelta(seconds=1.2), "never ahead"
    mall.skew = skew + 3600
    client.get("orders")
    assert abs(client.server_now() - datetime.fromtimestamp(mall.now(), UTC)) < timedelta(seconds=1.2)


def test_the_malls_clock_by_an_errors_answer(client: AdminClient, mall: StrictMall) -> None:
    mall.refusals["apps"] = error(403, "Forbidden")
    assert abs(client.server_now() - datetime.now(UTC)) < timedelta(seconds=2)


@pytest.mark.parametrize(("days", "warned"), [(200, False), (89, True), (-3, True)])
def test_the_versions_end(
    client: AdminClient, mall: StrictMall, caplog: pytest.LogCaptureFixture, days: int, warned: bool
) -> None:
    ends = datetime.now(UTC).date() + timedelta(days=days)
    mall.bodies["apps"] = {"app": {"version": "2026-03-01", "version_expiration_date": ends.isoformat()}}
    with caplog.at_level(logging.WARNING):
        notice = client.version_notice()
    assert (notice.pinned, notice.served, notice.expires) == ("2026-03-01", "2026-03-01", ends)
    assert notice.days_left is not None and abs(notice.days_left - days) <= 1
    assert (str(ends) in caplog.text) is warned
    assert "ended on" in notice.text if days < 0 else "ends on" in notice.text


def test_a_version_without_an_end(client: AdminClient) -> None:
    notice = client.version_notice()
    assert notice.expires is None and notice.days_left is None and not notice.warn
    assert "unknown (the mall does not say)" in notice.text


@pytest.mark.parametrize(("pinned", "warned"), [("2025-09-01", True), ("2025-12-01", False), ("2026-06-01", False)])
def test_the_end_of_the_apps_version_is_not_that_of_another(pinned: str, warned: bool) -> None:
    ends, today = date(2027, 6, 1), date(2026, 11, 1)
    notice = version_notice(pinned, "2026-03-01", ends, today)
    assert notice.expires is None and notice.days_left is None and notice.warn is warned
    assert str(ends) not in notice.text and "of the app's version alone" in notice.text
    assert ("CAFE24_API_VERSION" in notice.text) is warned


def test_a_pin_becomes_old_after_a_year() -> None:
    assert not version_notice("2025-11-01", "2026-03-01", None, date(2026, 11, 1)).warn
    assert version_notice("2025-11-01", "2026-03-01", None, date(2026, 11, 2)).warn
    own = version_notice("2025-09-01", "2025-09-01", date(2027, 3, 1), date(2026, 11, 1))
    assert not own.warn and own.expires == date(2027, 3, 1), "the app's own version has an end that is known"


@pytest.mark.parametrize(
    "said", ["Unistalled app", "The app was deleted from the mall.", "앱이 삭제된 쇼핑몰입니다."]
)
def test_a_deleted_app_loses_its_tokens(client: AdminClient, mall: StrictMall, said: str) -> None:
    client.get("orders")
    mall.refusals["orders"] = error(403, said)
    mall.refresh.clear()
    with pytest.raises(AppRemoved) as raised:
        client.get("orders")
    assert client.keeper.store.get("testmall") is None, "the tokens are gone"
    line = str(raised.value)
    assert "deleted from the mall" in line and "state=" in line and "\n" not in line
    assert len(mall.token_calls) == 1


def test_an_app_that_can_still_renew_was_not_deleted(client: AdminClient, mall: StrictMall) -> None:
    client.get("orders")
    mall.refusals["orders"] = error(403, "Unistalled app")  # as all apps were told for a day in 2025
    with pytest.raises(ApprovalNeeded, match="Unistalled"):
        client.get("orders")
    assert client.keeper.store.get("testmall") is not None
    assert len(mall.token_calls) == 1, "asked once, not for every token"
    assert client.get("products") == {"path": "products"}


def test_a_deleted_product_is_no_deleted_app(client: AdminClient, mall: StrictMall) -> None:
    mall.refusals["orders"] = error(403, "This product was deleted.")
    with pytest.raises(ApprovalNeeded):
        client.get("orders")
    assert mall.token_calls == []


def test_analytics(client: AdminClient, mall: StrictMall) -> None:
    assert client.analytics("visitors/view", {"start_date": "2026-01-01"}) == {"path": "visitors/view"}
    assert mall.calls[0]["query"] == "mall_id=testmall&start_date=2026-01-01"
    for status in (401, 403):
        mall.refusals["carts/action"] = error(status, "INVALID SCOPE")
        with pytest.raises(ScopeMissing) as raised:
            client.analytics("carts/action")
        assert raised.value.scope == "mall.read_analytics"
    assert mall.token_calls == []


def test_a_client_of_settings_alone(settings: Settings, mall: StrictMall) -> None:
    made = admin_client(dataclasses.replace(settings, refresh_token=mall.issue()["refresh_token"]), "testmall")
    assert made.get("orders") == {"path": "orders"}
    made.close()
    again = admin_client(settings, "testmall")
    assert again.get("orders") == {"path": "orders"}
    again.close()
    assert len(mall.token_calls) == 1
    with pytest.raises(ConfigError, match="not https"):
        admin_client(dataclasses.replace(settings, analytics_url="http://example.com"), "testmall")


@pytest.mark.parametrize("seed", [1, 2])
def test_a_stormy_mall_loses_no_read(unpaced: AdminClient, mall: StrictMall, seed: int) -> None:
    client, mall.limited, dice = unpaced, False, random.Random(seed)
    kinds = ["500", "502", "503", "504", "truncate", "half", "html", "429", "fine", "fine", "fine", "fine"]
    for n in range(60):
        mall.faults.extend([dice.choice(kinds) for _ in range(dice.randint(0, 3))])
        if n % 20 == 10:
            mall.access.clear()
        assert client.get("orders") in ({"path": "orders"}, {"ok": True})

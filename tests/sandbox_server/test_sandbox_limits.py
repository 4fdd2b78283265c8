"""Buckets, calls a second and the usage quota: real 429s, their headers, and the counters that prove them."""

import time

import pytest

CALM = {"per_second": 0}  # so that a burst tests the bucket and not the limit a second


def usage(response):
    return {k.lower(): v for k, v in response.headers.items() if k.lower().startswith("x-cafe24-")}


def test_a_bucket_holds_forty_calls_and_leaks_two_a_second(start):
    api = start(**CALM)
    seen = [api.get("shops").headers["X-Api-Call-Limit"] for _ in range(40)]
    assert seen == [f"{n}/40" for n in range(1, 41)]
    over = api.get("shops")
    assert over.status_code == 429 and over.headers["X-Api-Call-Limit"] == "40/40"
    assert over.json()["error"]["code"] == 429 and "Retry-After" not in over.headers
    api.control.advance(0.5)
    assert api.get("shops").status_code == 200
    assert api.get("shops").status_code == 429
    api.control.advance(3)  # six leak, one is poured
    assert api.get("shops").headers["X-Api-Call-Limit"] == "35/40"
    state = api.control.state()
    assert state["refused"] == {"bucket": 2, "per_second": 0, "quota": 0} and state["given_429"] == 2
    assert state["highest_level"] == {"GET shops": 40} and state["calls"]["GET shops"] == 44
    assert state["statuses"] == {"200": 42, "429": 2}


def test_each_api_and_each_mall_has_its_own_bucket(start):
    api = start(**CALM, mall_ids=("second",))
    board = api.get("boards").json()["boards"][0]["board_no"]
    products = [p["product_no"] for p in api.get("products", fields="product_no").json()["products"]]
    # One template, one bucket, whatever the ids in the path.
    levels = [api.get(f"products/{n}").headers["X-Api-Call-Limit"] for n in products[:3]]
    assert levels == ["1/40", "2/40", "3/40"]
    assert api.get(f"boards/{board}").headers["X-Api-Call-Limit"] == "1/40"
    api.token = api.control.grant(mall_id="second")["access_token"]
    answer = api.raw("GET", f"/second/api/v2/admin/products/{products[0]}")
    assert answer.headers["X-Api-Call-Limit"] == "1/40"


def test_a_sped_up_clock_speeds_the_bucket(start):
    api = start(**CALM)
    for _ in range(40):
        api.get("shops")
    assert api.get("shops").status_code == 429
    api.control.speed(200)
    time.sleep(0.2)  # at least twenty of the mall's seconds
    assert api.get("shops").status_code == 200
    api.control.speed(0)
    assert int(api.get("shops").headers["X-Api-Call-Limit"].split("/")[0]) <= 3


def test_the_tenth_call_in_a_second_from_one_address_is_refused(api):
    paths = ["shops", "boards", "coupons"] * 3
    assert [api.get(path).status_code for path in paths] == [200] * 9
    assert api.get("categories").status_code == 429
    api.control.advance(0.9)
    assert api.get("categories").status_code == 429
    api.control.advance(1)
    assert api.get("categories").status_code == 200
    state = api.control.state()
    assert state["refused"]["per_second"] == 2 and state["busiest_second"] == 11


def test_usage_is_told_in_per_cent_and_blocks_at_a_hundred(start):
    api = start(**CALM, quota_calls=10, quota_seconds=1000)
    first = usage(api.get("shops"))
    assert first["x-cafe24-call-usage"] == "10.00" and first["x-cafe24-time-usage"] == "0.01"
    assert "x-cafe24-call-remain" not in first and "x-cafe24-time-remain" not in first
    for _ in range(8):
        assert api.get("boards").status_code == 200
    over = api.get("coupons")
    assert over.status_code == 429 and usage(over)["x-cafe24-call-usage"] == "100.00"
    assert "x-cafe24-time-remain" not in usage(over)
    wait = int(usage(over)["x-cafe24-call-remain"])
    again = api.get("categories")  # a call during the block raises usage and lengthens the wait
    assert again.status_code == 429 and usage(again)["x-cafe24-call-usage"] == "110.00"
    longer = int(usage(again)["x-cafe24-call-remain"])
    assert longer > wait
    api.control.advance(longer - 1)
    assert api.get("shops").status_code == 429
    api.control.advance(int(usage(api.get("shops")).get("x-cafe24-call-remain", 0)))
    api.control.advance(20)
    assert api.get("shops").status_code == 200
    assert api.control.state()["refused"]["quota"] == 4


def test_a_client_that_waits_as_told_is_served(start):
    api = start(**CALM, quota_calls=5, quota_seconds=1000)
    answers = [api.get("shops") for _ in range(5)]
    assert [a.status_code for a in answers] == [200] * 4 + [429]
    api.control.advance(int(usage(answers[-1])["x-cafe24-call-remain"]))
    assert api.get("shops").status_code in (200, 429)  # one call is a fifth of this allowance
    api.control.config(quota_calls=500)
    api.control.advance(60)
    assert api.get("shops").status_code == 200


def test_the_documented_examples_of_waits_hold():
    from cafe24_pipelines.sandbox.server.limits import Meter

    for percent, seconds in ((120.04, 32), (100.5, 7)):
        meter = Meter(level=percent * 14, blocked=True)
        assert meter.wait(1400, 128) == seconds
        meter.leak(seconds - 1, 1400, 128)
        assert meter.blocked
        meter.leak(seconds, 1400, 128)
        assert not meter.blocked


def test_processing_time_counts_rows(start):
    api = start(**CALM, quota_calls=1e6, quota_seconds=0.3)
    assert api.get("shops").status_code == 200
    assert api.get("shops").status_code == 200
    over = api.get("shops")
    assert over.status_code == 429 and "x-cafe24-time-remain" in usage(over)
    assert "x-cafe24-call-remain" not in usage(over)


def test_limits_can_be_off_and_are_counted_all_the_same(start):
    api = start(limits=False)
    assert {api.get("shops").status_code for _ in range(60)} == {200}
    state = api.control.state()
    assert state["given_429"] == 0
    assert state["highest_level"] == {"GET shops": 60} and state["busiest_second"] == 60
    api.control.advance(10)
    assert api.get("shops").headers["X-Api-Call-Limit"] == "1/40"
    assert api.control.state()["highest_level"] == {"GET shops": 60}


def said(at):
    return {"X-Sandbox-Time": str(at)}


def test_driven_calls_are_judged_at_the_times_they_say(start):
    api = start(driven=True)
    levels = [api.get("shops", headers=said(1000 + n / 8)).headers["X-Api-Call-Limit"] for n in range(40)]
    assert levels[0] == "1/40" and levels[-1] == "31/40"  # 40 calls in five seconds, of which ten leaked away
    state = api.control.state()
    assert state["busiest_second"] == 8 and state["given_429"] == 0


def test_driven_calls_may_come_in_any_order_and_fill_the_bucket_all_the_same(start):
    api = start(driven=True, per_second=0)
    times = [1000 + n / 4 for n in range(79)]  # 4 a second in, 2 out: full after 19.5 s
    for at in [*times[1::2], *times[::2]]:
        assert api.get("shops", headers=said(at)).status_code == 200
    assert api.get("shops", headers=said(1010)).status_code == 429, "those that came before it leave no room later on"
    assert api.get("shops", headers=said(1019.6)).status_code == 429
    assert api.get("shops", headers=said(1020.1)).status_code == 200


def test_the_tenth_driven_call_within_any_second_is_refused_whenever_it_comes(start):
    api = start(driven=True)
    for n in range(9):
        assert api.get("shops", headers=said(2000 + n / 5)).status_code == 200
    fits = [2000.9 + n / 100 for n in range(4)]
    assert [api.get("shops", headers=said(at)).status_code for at in fits] == [200] * 4
    assert api.get("shops", headers=said(2000.5)).status_code == 429
    assert api.control.state()["refused"]["per_second"] == 1


def test_a_driven_call_that_does_not_say_when_is_refused(start):
    api = start(driven=True)
    for headers in (None, {"X-Sandbox-Time": "soon"}):
        assert api.get("shops", headers=headers).status_code == 429
    assert start().get("shops", headers=said(5)).status_code == 200, "elsewhere the header means nothing"


def test_offsets_can_be_capped_below_the_apis_own(start):
    api = start(offset_caps={"coupons": 3, "orders": 20_000, "boards": 1})
    assert api.get("coupons", limit=1, offset=3).status_code == 200
    assert api.get("coupons", limit=1, offset=4).status_code == 422
    assert api.get("boards").status_code == 200
    period = {"start_date": "2026-10-01", "end_date": "2026-10-02"}
    assert api.get("orders", offset=15_000, **period).status_code == 200
    assert api.get("orders", offset=15_001, **period).status_code == 422


def test_counters_start_anew_with_empty_buckets(start):
    api = start(**CALM)
    for _ in range(41):
        last = api.get("shops")
    assert last.status_code == 429
    api.control.reset()
    assert api.get("shops").headers["X-Api-Call-Limit"] == "1/40"
    assert api.control.state()["total_calls"] == 1


@pytest.mark.parametrize("asked", [None, "2026-03-01", "2025-12-01"])
def test_versions_alive_are_served_without_a_word(api, asked):
    answer = api.get("shops", headers={"X-Cafe24-Api-Version": asked} if asked else None)
    assert answer.status_code == 200 and "X-Cafe24-Api-Version" not in answer.headers
    served = asked or "2026-03-01"
    assert api.control.state()["versions"] == {f"{asked or 'none'}->{served}": 1}


def test_an_expired_version_is_served_by_the_oldest_alive_and_nonsense_is_refused(api):
    assert api.get("shops", headers={"X-Cafe24-Api-Version": "2022-03-01"}).status_code == 200
    assert api.control.state()["versions"] == {"2022-03-01->2025-09-01": 1}
    for bad in ("2030-01-01", "latest"):
        assert api.get("shops", headers={"X-Cafe24-Api-Version": bad}).status_code == 400

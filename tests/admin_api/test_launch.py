"""The app launch: what Cafe24 signs passes once, in time, and nothing else does."""

import base64
import hashlib
import hmac
from urllib.parse import quote

import pytest

from cafe24_pipelines.cafe24.admin_api.errors import BadLaunch
from cafe24_pipelines.cafe24.admin_api.launch import verify_launch
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.stores.shared_state import SharedState

SECRET, NOW = "client-secret", 1_750_000_000
KOREAN = (
    "is_multi_shop=T&lang=ko_KR&mall_id=myshop&nation=KR&shop_no=2&timestamp=1750000000&user_id=boss"
    "&user_name=%ED%99%8D%EA%B8%B8%EB%8F%99+%EB%8C%80%ED%91%9C%20A%2BB&user_type=P"
)


def signed(query: str, secret: str = SECRET) -> str:
    digest = base64.b64encode(hmac.new(secret.encode(), query.encode(), hashlib.sha256).digest()).decode()
    return f"{query}&hmac={quote(digest, safe='')}"


def test_a_vector_computed_by_hand() -> None:
    # echo -n "$KOREAN" | openssl dgst -sha256 -hmac client-secret -binary | base64
    good = f"{KOREAN}&hmac={quote(VECTOR, safe='')}"
    launch = verify_launch(good, SECRET, NOW)
    assert (launch.mall_id, launch.shop_no, launch.is_multi_shop, launch.user_type) == ("myshop", 2, True, "P")
    assert launch.user_name == "홍길동 대표 A+B"
    assert "홍길동" not in repr(launch) and "boss" not in repr(launch)


VECTOR = "4Fa6sx5ucY2rCSoecUFFkKVKIL8qnampafYlLtyPMbU="


def test_order_and_place_of_the_signature_do_not_matter() -> None:
    pairs = signed(KOREAN).split("&")
    assert verify_launch("&".join(reversed(pairs)), SECRET, NOW).mall_id == "myshop"


@pytest.mark.parametrize("digest_has", ["+", "/"])
def test_signatures_with_characters_that_urls_change(digest_has: str) -> None:
    for i in range(200):
        query = signed(f"mall_id=m{i}&timestamp={NOW}")
        if quote(digest_has, safe="") in query.partition("hmac=")[2]:
            assert verify_launch(query, SECRET, NOW).mall_id == f"m{i}"
            raw = query.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
            assert verify_launch(raw, SECRET, NOW).mall_id == f"m{i}"
            return
    raise AssertionError("no such digest among 200")


@pytest.mark.parametrize(
    "tampered",
    [
        signed(KOREAN).replace("myshop", "yourshop"),
        signed(KOREAN).replace("user_type=P", "user_type=A"),
        signed(KOREAN).replace("+", "%20"),
        signed(KOREAN).replace("%ED%99%8D", "%ed%99%8d"),
        signed(KOREAN, "another secret"),
        signed(KOREAN) + "&extra=1",
        signed(KOREAN) + "&hmac=AAAA",
        signed(KOREAN).replace("shop_no=2", "shop_no=2&shop_no=3"),
        KOREAN,
        KOREAN + "&hmac=",
        KOREAN + "&hmac=%FF%FE",
        "",
        signed("mall_id=myshop"),
        signed("timestamp=1750000000"),
        signed("mall_id=myshop&timestamp=soon"),
    ],
)
def test_anything_else_is_refused(tampered: str) -> None:
    with pytest.raises(BadLaunch) as raised:
        verify_launch(tampered, SECRET, NOW)
    assert "boss" not in str(raised.value)


@pytest.mark.parametrize(("late", "good"), [(0, True), (299, True), (-299, True), (301, False), (-301, False)])
def test_freshness(late: int, good: bool) -> None:
    if good:
        assert verify_launch(signed(KOREAN), SECRET, NOW + late)
    else:
        with pytest.raises(BadLaunch, match="stale"):
            verify_launch(signed(KOREAN), SECRET, NOW + late)
    assert verify_launch(signed(KOREAN), SECRET, NOW + late, within=3600)


def test_a_copy_does_not_work_again(state: SharedState) -> None:
    query = signed(KOREAN)
    assert verify_launch(query, SECRET, NOW, memory=state)
    for copy in (query, "&".join(reversed(query.split("&")))):
        with pytest.raises(BadLaunch, match="used before"):
            verify_launch(copy, SECRET, NOW + 1, memory=state)
    with pytest.raises(BadLaunch, match="stale"):
        verify_launch(query, SECRET, NOW + 301, memory=state)
    later = signed(KOREAN.replace("1750000000", "1750000001"))
    assert verify_launch(later, SECRET, NOW + 2, memory=state)


def test_a_bad_signature_uses_nothing_up(state: SharedState) -> None:
    with pytest.raises(BadLaunch):
        verify_launch(f"{KOREAN}&hmac=AAAA", SECRET, NOW, memory=state)
    assert verify_launch(signed(KOREAN), SECRET, NOW, memory=state)


def test_without_a_secret_nothing_passes() -> None:
    with pytest.raises(ConfigError, match="CAFE24_CLIENT_SECRET"):
        verify_launch(signed(KOREAN, ""), "", NOW)

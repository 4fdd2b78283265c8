"""Words of an export and what they mean: order statuses, flags, genders, regions, and what stands for an empty cell.

Spaces never matter (`배송 완료` is `배송완료`), nor does case. Statuses are those of the Cafe24 admin's order lists;
exports write them with spaces and a remark after a dash: `반품 완료 - 환불완료`, `입금전 취소 - 관리자`.
Does not belong here: numbers and times (see `values.py`).
"""

import re
from typing import Final

STATUS: Final = {
    "unpaid": "unpaid", "pending": "unpaid", "awaitingpayment": "unpaid", "입금전": "unpaid", "입금대기": "unpaid",
    "미입금": "unpaid", "미결제": "unpaid", "결제대기": "unpaid", "입금확인중": "unpaid", "입금대기중": "unpaid",
    "paid": "paid", "processing": "paid", "결제완료": "paid", "입금완료": "paid", "입금확인": "paid",
    "상품준비중": "paid", "상품준비": "paid", "배송준비중": "paid", "배송준비": "paid", "배송대기": "paid",
    "배송보류": "paid", "배송가능": "paid",
    "shipping": "shipping", "shipped": "shipping", "배송중": "shipping", "배송시작": "shipping",
    "delivered": "delivered", "배송완료": "delivered",
    "confirmed": "confirmed", "completed": "confirmed", "complete": "confirmed", "구매확정": "confirmed",
    "거래종료": "confirmed", "거래완료": "confirmed",
    "cancelled": "cancelled", "canceled": "cancelled", "주문취소": "cancelled", "returned": "returned",
    "refunded": "returned", "exchanged": "exchanged",
    "n00": "unpaid", "n10": "paid", "n20": "paid", "n21": "paid", "n22": "paid", "n30": "shipping",
    "n40": "delivered", "n50": "confirmed",
}  # fmt: skip
"""Compact lower-case word -> status of the lake."""

_CODE = re.compile(r"[cre][0-9]{2}")
_CODE_STATUS: Final = {"c": "cancelled", "r": "returned", "e": "exchanged"}
_CLAIM = re.compile(
    r"(?P<claim>(?:입금전)?취소|반품|교환|환불)"
    r"(?:신청|요청|접수|접수중|승인|처리중|진행중|보류|대기|수거중|수거완료|준비중|상품준비중|배송준비중|배송중|배송대기|배송완료|전|중|완료)?"
)
_CLAIM_STATUS: Final = {"취소": "cancelled", "입금전취소": "cancelled", "반품": "returned", "환불": "returned",
                        "교환": "exchanged"}  # fmt: skip
_TAKEN_BACK: Final = ("철회", "거부", "불가", "안함")
_REMARK = re.compile(r"[-–(/:]")

EVENT: Final = {
    "view": "view", "조회": "view", "상품조회": "view", "cart": "cart", "장바구니": "cart",
    "purchase": "purchase", "구매": "purchase", "주문": "purchase",
}  # fmt: skip
GENDER: Final = {"f": "F", "female": "F", "여": "F", "여자": "F", "여성": "F",
                 "m": "M", "male": "M", "남": "M", "남자": "M", "남성": "M"}  # fmt: skip
YES: Final = frozenset(
    ["t", "true", "y", "yes", "1", "o", "예", "수신", "수신함", "수신동의", "수신허용", "동의", "동의함", "판매",
     "판매함", "판매중", "진열", "진열함", "사용", "사용함"]
)  # fmt: skip
NO: Final = frozenset(
    ["f", "false", "n", "no", "0", "x", "아니오", "미수신", "수신안함", "수신거부", "거부", "미동의", "동의안함",
     "판매안함", "판매중지", "미판매", "품절", "미진열", "진열안함", "사용안함"]
)  # fmt: skip
GUESTS: Final = frozenset(["-", "--", "비회원", "비회원구매", "guest"])
"""What stands in the member column of an order without a member."""

DASHES: Final = frozenset(["-", "--", "---"])
"""Placeholders for an empty cell where a number, time, flag or gender is wanted."""

NO_GENDER: Final = frozenset(["미입력", "선택안함", "없음", "모름", "기타", "해당없음"])

REGIONS: Final = {
    "서울": "서울", "서울시": "서울", "서울특별시": "서울", "부산": "부산", "부산시": "부산", "부산광역시": "부산",
    "대구": "대구", "대구시": "대구", "대구광역시": "대구", "인천": "인천", "인천시": "인천", "인천광역시": "인천",
    "광주": "광주", "광주광역시": "광주", "대전": "대전", "대전시": "대전", "대전광역시": "대전",
    "울산": "울산", "울산시": "울산", "울산광역시": "울산", "세종": "세종",
    "세종시": "세종", "세종특별자치시": "세종",
    "경기": "경기", "경기도": "경기", "강원": "강원", "강원도": "강원", "강원특별자치도": "강원",
    "충북": "충북", "충청북도": "충북", "충남": "충남", "충청남도": "충남", "전북": "전북", "전라북도": "전북",
    "전북특별자치도": "전북", "전남": "전남", "전라남도": "전남", "경북": "경북", "경상북도": "경북", "경남": "경남",
    "경상남도": "경남", "제주": "제주", "제주도": "제주", "제주시": "제주", "제주특별자치도": "제주",
}  # fmt: skip
"""The first word of an address -> one of Korea's seventeen provinces and metropolitan cities."""


def compact(text: str) -> str:
    """The word without spaces and case."""
    return "".join(text.split()).casefold()


def status_of(text: str) -> str | None:
    """The lake's status of a word or item code, None for a word that nobody knows.

    A request counts as done: better a sale too few than one that was taken back. A claim that was withdrawn says
    nothing about where the item is now, so it stays unknown.
    """
    whole = compact(text)
    word = _REMARK.split(whole, maxsplit=1)[0] or whole
    known = STATUS.get(whole) or STATUS.get(word)
    if known is not None:
        return known
    if _CODE.fullmatch(whole):
        return _CODE_STATUS[whole[0]]
    if any(taken_back in whole for taken_back in _TAKEN_BACK):
        return None
    claim = _CLAIM.fullmatch(word)
    return _CLAIM_STATUS[claim["claim"]] if claim else None


def flag_of(text: str) -> bool | None:
    """Yes, no, or None for another word; a remark in brackets (`수신함(T)`) is left out."""
    word = compact(text).split("(", 1)[0]
    return True if word in YES else False if word in NO else None


def region_of(text: str) -> str | None:
    """The province that an address or region begins with; None when it begins with anything else."""
    first = text.split(maxsplit=1)
    return REGIONS.get(first[0].strip("[](),")) if first else None

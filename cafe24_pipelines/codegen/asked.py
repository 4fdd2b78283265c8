"""What a question says that becomes parameters: dates in KST, states, flags, ids, children to embed.

The question is data: only values of the forms below leave it, never its words. Does not belong here: which operation
is meant (`grounding.py`).
"""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from cafe24_pipelines.answers.periods import find_periods
from cafe24_pipelines.answers.words import normal, squeezed

_STATES: Final = (
    ("구매확정", "N50"), ("배송완료", "N40"), ("배송보류", "N22"), ("배송준비", "N20"), ("배송대기", "N21"),
    ("배송중", "N30"), ("상품준비", "N10"), ("입금대기", "N00"), ("입금전", "N00"), ("미입금", "N00"),
    ("취소신청", "C00"), ("취소요청", "C00"), ("취소완료", "C40"), ("취소된주문", "C40"), ("취소주문", "C40"),
    ("반품신청", "R00"), ("반품요청", "R00"), ("반품완료", "R40"), ("반품된주문", "R40"), ("반품주문", "R40"),
    ("교환신청", "E00"), ("교환요청", "E00"), ("교환완료", "E40"), ("교환된주문", "E40"), ("교환주문", "E40"),
)  # fmt: skip
_FLAGS: Final = (
    ("비회원", "member_type", "3"), ("회원주문", "member_type", "2"), ("첫주문", "first_order", "T"),
    ("첫구매", "first_order", "T"), ("진열안", "display", "F"), ("미진열", "display", "F"), ("숨긴", "display", "F"),
    ("진열중", "display", "T"), ("진열된", "display", "T"), ("판매안", "selling", "F"), ("판매중지", "selling", "F"),
    ("판매중", "selling", "T"), ("문자수신", "sms", "T"), ("sms수신", "sms", "T"), ("메일수신", "news_mail", "T"),
    ("여성", "gender", "F"), ("여자", "gender", "F"), ("남성", "gender", "M"), ("남자", "gender", "M"),
    ("미사용", "used_coupon", "F"), ("안쓴", "used_coupon", "F"), ("사용안", "used_coupon", "F"),
    ("사용한", "used_coupon", "T"), ("사용된", "used_coupon", "T"), ("쓴쿠폰", "used_coupon", "T"),
    ("결제일", "date_type", "pay_date"), ("취소일", "date_type", "cancel_date"),
    ("배송시작일", "date_type", "shipbegin_date"), ("배송완료일", "date_type", "shipend_date"),
    ("구매확정일", "date_type", "purchaseconfirmation_date"), ("추천상품", "display_group", 2),
    ("신상품", "display_group", 3), ("입금전", "payment_status", "F"), ("대분류", "category_depth", 1),
    ("중분류", "category_depth", 2), ("모바일앱", "use_mobile_app", "T"),
)  # fmt: skip
_IDS: Final = (
    (r"(?<![\d-])\d{8}-\d{7}-\d{2}(?!\d)", "order_item_code", str),
    (r"(?<![\d-])\d{8}-\d{7}(?![\d-])", "order_id", str),
    (r"(?<!\d)\d{19}(?!\d)", "coupon_no", str),
    (r"(?<![A-Za-z0-9])P[0-9A-Z]{11}(?![A-Za-z0-9])", "variant_code", str),
    (r"(?<![A-Za-z0-9])P[0-9A-Z]{7}(?![A-Za-z0-9])", "product_code", str),
    (r"상품\s*(?:번호|no\.?)?\s*[:=]?\s*(\d{1,10})(?!\d|\s*(?:개|건|명|원|일|월|년))", "product_no", int),
    (r"(?<!\d)(\d{1,10})\s*번\s*상품", "product_no", int),
    (r"(?<!\d)(\d{1,3})\s*번\s*게시판|게시판\s*(?:번호)?\s*(\d{1,3})(?:\s*번|(?!\d|\s*개))", "board_no", int),
    (r"(?<!\d)(\d{1,6})\s*번\s*(?:상품\s*)?(?:분류|카테고리)|(?:분류|카테고리)\s*번호\s*(\d{1,6})",
     "category_no", int),
    (r"(?<!\d)(\d{1,4})\s*번\s*(?:회원\s*)?등급|등급\s*(?:번호)?\s*(\d{1,4})(?:\s*번|(?!\d|\s*개))", "group_no", int),
    (r"(?<!\d)(\d{1,3})\s*번\s*(?:쇼핑몰|상점|샵)", "shop_no", int),
    (r"(?:회원\s*)?(?:아이디|ID|id)\s*[가는은이]?\s*['\"]?([A-Za-z][A-Za-z0-9_]{3,19})['\"]?", "member_id", str),
)  # fmt: skip
_EMBEDS: Final = (
    ("품목|상품까지|상품도|상품이랑|상품포함|items", "items"), ("주문자|buyer", "buyer"),
    ("수령자|받는사람|배송지|receivers", "receivers"), ("옵션|options", "options"),
    ("품목|재고|variants", "variants"), ("할인가", "discountprice"), ("추가이미지", "additionalimages"),
    ("쿠폰|coupons", "coupons"), ("혜택|benefits", "benefits"), ("환불", "refunds"), ("seo", "seo"),
    ("태그|검색어", "tags"), ("조회수|hits", "hits"),
)  # fmt: skip
_CODE: Final = re.compile(r"(?<![A-Za-z0-9])[NCRE]\d{2}(?!\d)")
_EARLIEST: Final = 730


@dataclass(frozen=True)
class Asked:
    """Values by parameter name; `said` is how the question put them, for those that an operation may not take."""

    values: dict[str, object] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    embeds: tuple[str, ...] = ()
    period: tuple[date, date, str] | None = None
    as_of: date = date(2026, 1, 1)
    changed: bool = False


def read_question(question: str, as_of: date) -> Asked:
    """What the question says; `as_of` is what "오늘" means."""
    text = normal(question)
    tight = squeezed(text)
    values: dict[str, object] = {}
    said: dict[str, str] = {}
    for pattern, name, kind in _IDS:
        for match in re.finditer(pattern, text):
            if name not in values:
                values[name] = kind(next((g for g in match.groups() if g), match[0]))
    codes = list(dict.fromkeys(_CODE.findall(text))) or _states(tight)
    if codes:
        values["order_status"], said["order_status"] = ",".join(codes), "주문 상태"
    for word, name, value in _FLAGS:
        if word in tight and name not in values:
            values[name], said[name] = value, word
    embeds = tuple(dict.fromkeys(name for pattern, name in _EMBEDS if re.search(pattern, tight)))
    return Asked(
        values, {n: s for n, s in said.items() if n != "date_type"}, embeds, _period(text, as_of), as_of,
        bool(re.search("수정|변경된|바뀐|업데이트", tight)),
    )  # fmt: skip


def _states(tight: str) -> list[str]:
    found = []
    for word, code in _STATES:
        if word in tight:
            found.append(code)
            tight = tight.replace(word, "")
    return list(dict.fromkeys(found))


def _period(text: str, as_of: date) -> tuple[date, date, str] | None:
    """The first period that the question names, both ends inclusive."""
    ids = re.sub(r"\d{8}-\d{7}(?:-\d{2})?|\d{19}", " ", text)
    found = find_periods(ids, as_of, as_of - timedelta(days=_EARLIEST))
    if not found:
        return None
    first = found[0]
    return first.start, max(first.start, min(first.end - timedelta(days=1), as_of)), first.name

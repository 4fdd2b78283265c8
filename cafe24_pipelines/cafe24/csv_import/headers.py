"""The headers of the files that merchants download from the Cafe24 admin: what each column may be called.

A merchant chooses the columns and their order in the admin's form manager (다운로드 양식관리), so nothing but headers
tells what a file is. Headers are compared without spaces, case and a currency in brackets; `*` at the end of an alias
stands for any rest. Aliases are in order of preference.

Sources of the spellings (public; the newest seen is of 2026):
  [H] Cafe24 help center: notices 338674 and 338959 (order and member downloads), manual of the member list;
      mighelp.cafe24.com (data guide); support.cafe24.com
  [O] order downloads as public scripts read them: 주문번호, 품목별 주문번호, 주문일시, 결제일시(입금확인일),
      주문 상태, 상품품목코드, 옵션+판매가, 상품구매금액(KRW), 총 실결제금액(최초정보) (KRW), 총 배송비 (첫 품목에만
      표시) …
  [M] the 96 member columns that one public importer names in full: 아이디, 회원 가입일, 모바일 메시지 수신여부 …
  [P] the product download of 90 columns: 상품코드, 자체 상품코드, 진열상태, 판매상태, 상품명, 판매가 …
  [A] field names of the Admin API's Korean reference: 회원 아이디, 상품번호, 주문경로 …
  [X] seen nowhere, but a merchant may well write it so

Personal columns (주문자명, 수령인 주소 …) are no fields: what is not listed is never split out of its line. The one
exception is a member's address, whose first word may be a province.
Does not belong here: how headers are matched (see `recognise.py`).
"""

from dataclasses import dataclass
from typing import Final

from cafe24_pipelines.cafe24.csv_import.contract import Field, Resource


@dataclass(frozen=True)
class Need:
    """A column without which a file is no download of its kind: `header` names it, any of `fields` will do."""

    header: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Download:
    """One kind of file.

    Attributes:
        resource: its columns that are read.
        korean: what a merchant calls it.
        needs: what must be there.
        telling: further headers of this kind, which help to recognise it and are not read.
        foreign: headers that only other kinds of list have; one of them, and it is not this kind.
        least: matched headers, read or telling, that make a file this kind.
        seems: needs that must be met for a file to be a damaged one of this kind rather than another list.
    """

    resource: Resource
    korean: str
    needs: tuple[Need, ...]
    telling: tuple[str, ...]
    foreign: tuple[str, ...]
    least: int
    seems: int


def _f(name: str, kind: str, *aliases: str, filled: bool = False) -> Field:
    return Field(name, kind, filled=filled, aliases=aliases)


_MEMBER_HEADERS = ("주문자ID", "주문자 아이디", "회원아이디", "회원ID", "아이디")  # [O] [A]

ORDERS: Final = Download(
    Resource(
        "orders",
        (
            _f("order_id", "id", "주문번호"),  # [O]
            _f("item_no", "id", "품목별 주문번호"),  # [O]
            _f("ordered_at", "time", "주문일시", "주문일자", "주문일"),  # [O]
            _f("paid_at", "time", "결제일시(입금확인일)", "결제일시", "결제일자(입금확인일)", "결제일",
               "입금확인일"),  # [O]
            _f("member_id", "member", *_MEMBER_HEADERS),
            _f("status", "status", "주문 상태", "주문상태정보", "주문처리상태", filled=True),  # [O] [X]
            _f("product_no", "id", "상품번호"),  # [O]
            _f("product_code", "id", "상품코드"),  # [O]
            _f("variant_code", "id", "상품품목코드", "품목코드"),  # [O] [X]
            # Not 주문상품명(옵션포함): options hold what buyers typed, an engraved name for instance.
            _f("product_name", "text", "주문상품명", "상품명(한국어 쇼핑몰)", "주문상품명(기본)",
               "상품명(기본)", "상품명"),  # [O]
            _f("option", "prose", "상품옵션", "상품옵션(기본)", "옵션", "옵션명"),  # [O]; tells lines apart only
            _f("category", "text", "메인카테고리 이름", "카테고리", "상품분류"),  # [O] [X]
            _f("quantity", "whole", "수량", "주문수량", filled=True),  # [O]
            _f("price_with_option", "price", "옵션+판매가"),  # [O]
            _f("price", "price", "판매가", "상품 판매가", "단가"),  # [O] [X]
            _f("option_price", "price", "옵션추가 가격", "옵션추가가격"),  # [O]
            _f("goods_amount", "money", "상품구매금액"),  # [O]; of the line
            _f("item_discount", "money", "상품별 추가할인금액"),  # [O]; of the line
            _f("paid_total", "money", "총 실결제금액(최초정보)", "총 실결제금액", "실결제금액", "총 결제금액",
               "총 결제금액(최종)", "결제금액"),  # [O]
            _f("shipping_fee", "money", "총 배송비", "총 배송비(첫 품목에만 표시)", "배송비"),  # [O]
            _f("coupon_discount", "money", "쿠폰 할인금액", "쿠폰 할인금액(최종)", "쿠폰 할인금액(최초)",
               "주문서 쿠폰 할인금액", "주문서 쿠폰 할인금액(최종)", "주문시 쿠폰 할인금액"),  # [O]
            _f("grade_discount", "money", "회원등급 추가할인금액", "회원등급 추가할인금액(최종)"),  # [O]
            _f("coupon_no", "id", "쿠폰번호", "사용한 쿠폰번호"),  # [X]
            _f("coupon_name", "text", "사용한 쿠폰명", "쿠폰명"),  # [O] [X]
            _f("delivered_at", "time", "배송완료일", "배송완료일시"),  # [O] [X]
            _f("country", "text", "배송국가", "국가"),  # [O] [X]
        ),
    ),
    "주문",
    (
        Need("주문번호", ("order_id", "item_no")), Need("주문일시", ("ordered_at", "paid_at")),
        Need("주문자ID", ("member_id",)), Need("주문 상태", ("status",)),
        Need("상품번호", ("product_no", "product_code", "variant_code")), Need("수량", ("quantity",)),
        Need("판매가", ("price_with_option", "price", "goods_amount")),
    ),
    (
        "주문경로", "매출경로", "주문자명", "주문자 휴대전화", "주문자 이메일", "수령인", "수령인 휴대전화",
        "수령인 주소*",
        "배송메시지", "결제수단", "결제구분", "총 상품구매금액", "총 주문금액", "운송장번호", "자체품목코드",
        "주문 시 회원등급",
    ),  # [O]
    ("제목", "평점"),
    least=3,
    seems=4,
)  # fmt: skip

CUSTOMERS: Final = Download(
    Resource(
        "customers",
        (
            _f("member_id", "member", "아이디", "회원아이디", "회원 아이디", "회원ID", "member_id",
               filled=True),  # [M] [A]
            _f("created_at", "time", "회원 가입일", "가입일", "가입일시", "가입일자", "created_at"),  # [M] [H] [X]
            _f("group_name", "text", "회원등급", "등급", "group_name"),  # [M] [X]
            _f("gender", "gender", "성별", "gender"),  # [M]
            _f("region", "region", "지역", "주 (State/Province)", "region"),  # [M]
            # The address is read for its first word alone, and that only lands when it is a province.
            _f("address_region", "region", "주소1", "주소"),  # [M] [X]
            _f("accepts_sms", "flag", "모바일 메시지 수신여부", "SMS 수신여부", "SMS 수신동의", "SMS수신",
               "accepts_sms"),  # [M] [H] [X]
            _f("accepts_email", "flag", "e메일 수신여부", "이메일 수신여부", "메일 수신여부", "뉴스메일 수신여부",
               "accepts_email"),  # [M] [X]
            _f("last_login_at", "time", "최종접속일", "최근접속일", "최종방문일", "last_login_at"),  # [M] [H] [X]
        ),
        key=("member_id",),
    ),
    "회원",
    (Need("아이디", ("member_id",)),),
    (
        "이름", "회원명", "이메일", "휴대폰번호", "전화번호", "휴대전화", "생년월일", "나이", "우편번호",
        "주소2", "회원구분",
        "회원인증여부", "총구매금액", "실결제금액", "누적주문건수", "총 실주문건수", "최종주문일", "총적립금",
        "사용가능 적립금",
        "총 사용 적립금", "총예치금", "가입시간", "회원 가입경로", "별명", "결혼기념일", "추천인 아이디",
        "회원등급코드",
        "휴면처리일", "탈퇴여부", "특별회원", "불량회원",
    ),  # [M] [H]
    ("주문번호", "품목별 주문번호", "쿠폰번호", "쿠폰명", "발급일", "발급일시", "처리일시", "지급일",
    "적립내용", "내용",
     "제목", "작성일", "평점", "상품명", "상품코드", "상품번호", "주문상품명", "event", "issue_no"),
    least=3,
    seems=0,
)  # fmt: skip

PRODUCTS: Final = Download(
    Resource(
        "products",
        (
            _f("product_no", "id", "상품번호", "product_no"),  # [A] [H]
            _f("product_code", "id", "상품코드"),  # [P]
            _f("product_name", "text", "상품명", "상품명(한국어 쇼핑몰)", "product_name", filled=True),  # [P]
            _f("category", "text", "상품분류", "상품분류명", "카테고리", "분류", "메인카테고리 이름",
               "category"),  # [X]
            _f("price", "price", "판매가", "상품 판매가", "price"),  # [P]
            _f("created_at", "time", "상품등록일", "등록일", "등록일시", "created_at"),  # [H] [X]
            _f("selling", "flag", "판매상태", "판매여부", "selling"),  # [P] [X]
            _f("stock_quantity", "whole", "재고수량", "재고", "총 재고수량", "stock_quantity"),  # [H] [X]
        ),
    ),
    "상품",
    (Need("상품번호", ("product_no", "product_code")), Need("상품명", ("product_name",)), Need("판매가", ("price",))),
    (
        "자체 상품코드", "진열상태", "상품분류 번호", "상품명(관리용)", "영문 상품명", "공급사 상품명",
        "모델명", "소비자가", "공급가",
        "상품가", "상품 요약설명", "과세구분", "적립금", "제조사", "공급사", "브랜드", "원산지", "옵션사용",
        "이미지등록(상세)",
    ),  # [P]
    ("주문번호", "품목별 주문번호", "주문자명", "아이디", "회원아이디", "제목", "작성자", "작성일", "평점",
    "품목코드",
     "상품품목코드", "order_id", "review_no"),
    least=3,
    seems=2,
)  # fmt: skip

DOWNLOADS: Final = (ORDERS, CUSTOMERS, PRODUCTS)

"""A sandbox mall whose people are canaries: every personal value is one that nobody else could have written.

What is personal is this file's own list, drawn up from the fields that the Admin API documents. Load it by path.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

MARK = "zqanary"
NAME, STREET = "뷁쒧찗", "쀍뷁로 9191"
PHONE, PHONE_SPELT, RESIDENT = "010-7319-4682", "공일공 칠삼일구 사육팔이", "770707-1919191"
BIRTHDAY, WEDDING, IP, ACCOUNT = "1919-09-19", "1919-10-19", "203.0.113.191", "191-919191-91919"
SPELT = {
    # phones
    "010)7319-4682": "7319-4682", "010·7319·4682": "7319·4682", "010 7319 4682": "7319 4682",
    "+82 10-7319-4682": "7319-4682", "０１０-７３１９-４６８２": "７３１９",
    "010-73\u200b19-46\u00ad82": "73\u200b19",
    "공일공 칠삼일구 사육팔이": "칠삼일구", "공1공-칠3일9-4육82": "칠3일9", "02)731-9468": "731-9468",
    "0273194682": "0273194682", "0504-731-9468": "731-9468",
    # e-mails, of somebody whom no row names
    "zqmail77골뱅이naver.com": "zqmail77", "zqmail77(at)naver.com": "zqmail77", "zqmail77＠naver.com": "zqmail77",
    # accounts, cards, papers
    "191-919191-91-919": "191-919191", "191919-91-191919": "191919-91", "4919-1919-1919-1915": "4919-1919",
    "4919191919191912": "4919191919", "P919191919191": "919191919191", "여권 M91919191": "M91919191",
    "19-19-191919-19": "19-191919",
    # dates of birth
    "1919년 9월 19일생": "1919년 9월", "생년월일: 1919/09/19": "1919/09/19",
    # addresses
    "경기도 성남시 분당구 쀍뷁로 9191 919동 1919호": "쀍뷁로", "서울 강남구 역삼동 9191-19번지": "9191-19",
    "919동 1919호": "919동",
}  # fmt: skip
"""What people write into any text, each with the part of it that must be found nowhere."""

NEEDLES = (
    MARK, "Zqanary", "ZQANARY", NAME, "쀍뷁로", "7319-4682", "7319.4682", "1073194682", RESIDENT, "7707071919191",
    BIRTHDAY, WEDDING, IP, ACCOUNT, *sorted(set(SPELT.values()) - {"쀍뷁로", "7319-4682"}),
)  # fmt: skip
"""What must be found nowhere; each canary holds at least one of them."""


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MEMBER_IDS = words("member_id recommend_id buy_member_id_list")

PEOPLE = words("""
    name name_english name_phonetic name_furigana names_furigana name_en nick_name corporate_name company_name
    billing_name bank_account_owner_name refund_bank_account_holder user_name writer admin_name social_name
""")
PHONES = words("phone cellphone virtual_phone_no")
MAILS = words("email member_email buyer_email writer_email")
STREETS = words("address address1 address2 address_full buyer_address1 buyer_address2 street_en")
ACCOUNTS = words("bank_account_no bank_accout_no refund_bank_account_no")
OTHER = words("""
    zipcode buyer_zipcode city city_en state state_en company_registration_no clearance_information
    transaction_ids social_member_code shipping_message customer_notification additional_option_value option_text
    file_path user_id admin_id reply_user_id tracking_no return_invoice_no
""")
DATED = {"birthday": BIRTHDAY, "wedding_anniversary": WEDDING}
PERSONAL = PEOPLE | PHONES | MAILS | STREETS | ACCOUNTS | OTHER | DATED.keys() | {"client_ip"}

NOT_PEOPLE = words("tax tax_detail options shop product")
"""What a `name` inside is not a person's."""
ANSWERS = words("additional_option_values additional_order_info_list additional_information service_data")
"""Lists of questions with what the buyer answered in `value`."""

WRITTEN = words("title content reason claim_reason refund_reason option_value job interest")
"""What people type."""

FILLED = words("""
    payment_gateway_names wished_carrier_name wished_delivery_time market_discount_info labels item_granting_gift
    order_status_additional_info market_fail_reason market_fail_reason_guide clearance_category_info cloth_fabric
    product_material_eng eng_product_name product_bundle_name product_bundle_name_default coupon_description
    issue_member_group_name company_condition company_line price_content english_product_material one_plus_n_event
    country_name country_name_en clearance_category_eng clearance_category_kor volume_size
""")
"""Texts that are null in every documented answer."""

_CODES = words("""
    default active case sms news_mail gender currency paid canceled first_order order_from_mobile use_escrow postpay
    commission gift subscription status selling display reply deleted secret notice fixed hit icon items channel
    store_pickup multiple_addresses order_item_code include_tax applied_product_list refund_methods payment_method
    payment_methods first_payment_methods refund_payment_methods shipping_type order_place_id market_id timezone
    timezone_name date_format time_format input_channel join_path residence nationality language_name currency_name
    reference_currency_name base_domain primary_domain hour date collection_hour product_condition variants_code
    market_sync lifetime_member multiple_addresses payment_info_id shipping_fee_detail hs_code hscode member_authority
    product_display_period product_display_scope product_display_sort product_display_key sold_out use_mobile_app
    is_https_active solar_calendar thirdparty_agree fixed_group is_stopped_issued_coupon available_scope
    available_site
    price product_price option_price payment_amount sales balance attached_file tax product_bundle supplier_id rate
    benefits_paymethod buy_benefits ship_benefits product_availability issued_count available_payment_method key
    amount
    available_product available_category naver_pay_claim_status open_market_status issue_reserved option_id paid_price
    exchange_rate tax_calculation approve_status additional_price buy_limit_by_product naverpay_payment_information
    repurchase_restriction single_purchase_restriction points_by_product points_setting_by_payment issue_order_type
    except_member_points adult_certification naverpay_type origin_classification individual_shipping_fee
    shipping_payment_option margin_rate sub_category_product_display soldout_product_display url send_sms_for_issue
    hashtag_product_display inventory_control_type important_inventory display_soldout display_time image_display
    show_shipping_address order_status_before_cs member_authentication authentication_method access_authority
    issue_order_available_product issue_order_available_category service_type country_code amount_product reply_mail
    use_notification_when_login used_coupon shipping_fee add_cart_rate max_discount
""")
_CODED_ENDS = (
    "_date", "_datetime", "_amount", "_fee", "_price", "_code", "_type", "_no", "_status", "_unit", "_points",
    "_credits", "_rate", "_percentage", "_image", "_weight", "_id", "_url", "_domain", "_cash", "_increase",
    "_decrease", "_total", "_insurance", "_volume", "_width", "_height", "_length", "_group", "_icon", "_discount",
)  # fmt: skip
_CODED_STARTS = (
    "use_", "is_", "send_", "issue_", "benefit_percentage", "product_display", "normal_", "recommend_", "new_",
)  # fmt: skip


_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def is_code(name: str) -> bool:
    """Whether a field is a key, code, date, flag or amount."""
    return name in _CODES or name.endswith(_CODED_ENDS) or name.startswith(_CODED_STARTS)


def mail(where: str) -> str:
    return f"{MARK}.{where}@{MARK}-mail.kr"


_USUAL = f"{mail('text')} {PHONE} 01073194682 +82 10 7319 4682 02-7319-4682 {RESIDENT} 7707071919191"
REACH = " ".join([_USUAL, ACCOUNT, *SPELT])
"""Ways to reach, to pay and to find somebody, as they are spelt in texts, with no more than a blank in between."""


def reach(where: str) -> str:
    """Some of these, the same ones in the same place: a text that nobody types need not hold them all."""
    spellings = list(SPELT)
    first = zlib.crc32(where.encode()) % len(spellings)
    return " ".join([_USUAL, spellings[first], spellings[first - 1]])


def personal(name: str) -> str:
    """The canary of a personal field."""
    if name in PHONES:
        return PHONE
    if name in MAILS:
        return mail(name)
    if name in STREETS:
        return f"경기 {STREET}" if name.endswith("1") else STREET
    if name in ACCOUNTS:
        return ACCOUNT
    if name in PEOPLE:
        return NAME
    return DATED.get(name) or (IP if name == "client_ip" else f"{MARK}_{name}")


def member(raw: Any) -> Any:
    """A member id as a canary."""
    return f"{MARK}{raw}" if raw and isinstance(raw, str) else raw


def unmasked(value: Any) -> Any:
    """What the mall itself calls members that it is asked about."""
    if isinstance(value, str):
        return value.removeprefix(MARK)
    return [unmasked(v) for v in value] if isinstance(value, Sequence) else value


_PERSON = {"name": "", "phone": "", "cellphone": "", "zipcode": "", "address1": "", "address2": ""}
_BUYERS_WORDS = [{"key": "engraving", "type": "text", "name": "각인", "value": ""}]
_MISSING: dict[str, dict[str, Any]] = {
    "articles": {"attach_file_urls": [{"no": 1, "name": "", "url": ""}]},
    "carts": {"additional_option_values": _BUYERS_WORDS},
    "wish_lists": {
        "additional_option": [{"option_name": "각인", "option_value": ""}],
        "attached_file_option": [{"file_path": ""}],
    },
    "orders": {
        "additional_order_info_list": [{"id": 1, "name": "받는 분께", "value": "", "input_type": "T",
                                        "product_type": "A", "applied_product_list": []}],
        "service_data": [{"key": "k", "value": "", "title": "t"}],
    },
}  # fmt: skip
_CLAIM = {
    "pickup": {**_PERSON, "address": ""}, "return_invoice_no": "", "refund_reason": "",
    "additional_payment": {"billing_name": "", "bank_accout_no": "", "bank_account_owner_name": ""},
}  # fmt: skip
_UNHEARD_OF = {
    "zz_profile": {
        "owner": {"full_name": NAME, "reach": [mail("unknown"), PHONE], "born": BIRTHDAY},
        MARK: [[RESIDENT]],
    },
    "zz_note": f"{NAME} {STREET} {RESIDENT}",
    "zz_list": [f"{MARK}_listed", {"ip": IP, "account": ACCOUNT}],
}


class CanaryMall:
    """Answers as the mall it wraps does, with canaries for people. `planted` counts them by (resource, field)."""

    def __init__(self, mall: Any) -> None:
        self._mall = mall
        self.planted: Counter[tuple[str, str]] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mall, name)

    def rows(
        self, resource: str, at: datetime, *, where: Mapping[str, Any] = {}, **more: Any
    ) -> list[dict[str, Any]]:
        found = self._mall.rows(resource, at, where=_asked(where), **more)
        return [self._canaries(resource, row) for row in found]

    def count(self, resource: str, at: datetime, *, where: Mapping[str, Any] = {}, **more: Any) -> int:
        return int(self._mall.count(resource, at, where=_asked(where), **more))

    def all_rows(self, resource: str, at: datetime) -> Iterator[dict[str, Any]]:
        for row in self._mall.all_rows(resource, at):
            yield self._canaries(resource, row)

    def events_between(self, after: datetime, until: datetime) -> Iterator[tuple[datetime, int, dict[str, Any]]]:
        for when, number, fields in self._mall.events_between(after, until):
            yield when, number, {k: member(v) if k in MEMBER_IDS else v for k, v in fields.items()}

    def _canaries(self, resource: str, row: dict[str, Any]) -> dict[str, Any]:
        row = {**row, **{name: row.get(name) or value for name, value in _MISSING.get(resource, {}).items()}}
        if resource == "orders":
            for kind in ("return", "cancellation", "exchange"):
                row[kind] = [{**_CLAIM, **claim} for claim in row.get(kind) or []]
            for item in (items := [dict(item) for item in row.get("items") or []]):
                item["additional_option_values"] = _BUYERS_WORDS
                item["zz_note"] = _UNHEARD_OF["zz_note"]
            row["items"] = items
            if row.get("buyer"):
                row["buyer"] = {**row["buyer"], "zz_profile": _UNHEARD_OF["zz_profile"]}
        elif resource == "products":
            row["buy_member_id_list"] = ["somebody", "somebody-else"]
        elif resource == "customers_privacy":
            row["recommend_id"] = row.get("recommend_id") or "somebody"
        own = member(row.get("member_id")) or ""
        return {**self._inside(resource, "", row, own), **_UNHEARD_OF}

    def _inside(self, resource: str, parent: str, value: dict[str, Any], own: str) -> dict[str, Any]:
        return {name: self._field(resource, parent, name, part, own) for name, part in value.items()}

    def _field(self, resource: str, parent: str, name: str, value: Any, own: str) -> Any:
        if name.startswith("zz_"):
            return value
        if name in MEMBER_IDS:
            self.planted[resource, name] += bool(value)
            return [member(v) for v in value] if isinstance(value, list) else member(value)
        if isinstance(value, dict):
            return self._inside(resource, name, value, own)
        if isinstance(value, list):
            return [
                self._inside(resource, name, v, own)
                if isinstance(v, dict)
                else self._text(resource, parent, name, v, own)
                for v in value
            ]
        return self._text(resource, parent, name, value, own)

    def _text(self, resource: str, parent: str, name: str, value: Any, own: str) -> Any:
        if not isinstance(value, str | None) or (value is None and name not in PERSONAL | FILLED):
            return value
        if self._is_personal(resource, parent, name):
            self.planted[resource, name] += 1
            if parent == "attach_file_urls":
                return f"https://{MARK}.example.com/{MARK}.jpg" if name == "url" else f"{MARK}.jpg"
            return f"{MARK}_{name}" if parent in ANSWERS or name in ("option_value", "shop_name") else personal(name)
        typed = name in WRITTEN and parent not in ANSWERS  # there, the title is the merchant's question
        if not typed and isinstance(value, str) and _NUMBER.fullmatch(value):
            return value
        if name in FILLED or parent in NOT_PEOPLE or not is_code(name):
            self.planted[resource, name] += 1
            told = f"{REACH} {self._own(resource, own)}" if typed else reach(f"{resource} {parent} {name} {value}")
            return f"{value or ''} {told}".strip()
        return value

    @staticmethod
    def _is_personal(resource: str, parent: str, name: str) -> bool:
        if parent == "attach_file_urls":
            return name in ("name", "url")
        if parent in ANSWERS:
            return name == "value"
        if parent == "additional_option":
            return name == "option_value"
        if name == "shop_name":
            return resource == "customers_privacy"
        return name in PERSONAL and not (name == "name" and parent in NOT_PEOPLE)

    @staticmethod
    def _own(resource: str, own: str) -> str:
        """What a text says of its writer and the same row holds elsewhere: there alone it can be known again."""
        told = {"orders": f"{NAME} {STREET} {PHONE_SPELT}", "articles": NAME, "customers_privacy": f"{NAME} {STREET}"}
        return f"{told.get(resource, '')} {own}".strip()


def _asked(where: Mapping[str, Any]) -> dict[str, Any]:
    return {k: unmasked(v) if k == "member_id" else v for k, v in where.items()}

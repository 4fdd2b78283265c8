"""Members as `customers` and `customersprivacy` show them, and how they are selected.

Does not belong here: what members did (`activity_source.py`).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import Any, Final

from cafe24_pipelines.sandbox.mall.filters import (
    Filter,
    Params,
    Row,
    Where,
    as_t,
    from_time,
    numbers,
    one_of,
    span,
    texts,
)
from cafe24_pipelines.sandbox.mall.moments import iso, parse
from cafe24_pipelines.sandbox.mall.reading import Moment, Ordering, Source

GROUP_SQL: Final = "CASE WHEN o.promoted <= :at THEN o.tier ELSE 1 END"
"""A member's tier at `:at`; `o` is `persons`."""

_LATEST = "(SELECT {} FROM {} WHERE member = o.id AND at <= :at ORDER BY at DESC, id DESC LIMIT 1)"
_COLUMNS: Final = (
    f"o.id, o.member_id, o.name, o.email, o.cellphone, o.zipcode, o.address, o.joined, {GROUP_SQL}, o.gender, "
    f"o.birthday, o.sms, o.mail, o.logins, {_LATEST.format('''total || ' ' || earned''', 'points')}, "
    f"{_LATEST.format('balance', 'credits')}"
)
_PRIVATE: Final[Row] = {
    "name_english": "", "name_phonetic": "", "phone": "", "wedding_anniversary": None, "solar_calendar": "T",
    "city": "", "state": "", "address2": "", "job": "", "job_class": "", "use_blacklist": "F", "blacklist_type": "",
    "member_authority": "C", "nick_name": "", "recommend_id": "", "residence": "", "interest": "",
    "member_type": "p", "company_type": "", "foreigner_type": "", "lifetime_member": "F", "corporate_name": "",
    "nationality": "", "shop_name": "", "country_code": "KR", "fixed_group": "F", "thirdparty_agree": "F",
    "refund_bank_code": "", "refund_bank_account_no": "", "refund_bank_account_holder": "", "company_condition": None,
    "company_line": None, "account_reactivation_date": None,
}  # fmt: skip


def _shared(moment: Moment, found: tuple[Any, ...]) -> Row:
    """What both resources say of a member."""
    no, joined, points = found[0], found[7], found[14]
    total, earned = (int(n) for n in points.split()) if points else (0, 0)
    last = last_login(found[13], joined, moment.t)
    return {
        "shop_no": 1, "member_id": found[1], "group_no": found[8], "member_authentication": "T" if no % 5 else "F",
        "use_blacklist": "F", "blacklist_type": "", "authentication_method": ("m", None, "e", "d", "a")[no % 5],
        "sms": found[11], "news_mail": found[12], "solar_calendar": "T", "total_points": f"{earned}.00",
        "available_points": f"{total}.00", "used_points": f"{earned - total}.00", "last_login_date": iso(last),
        "created_date": iso(joined), "gender": found[9], "use_mobile_app": "T" if no % 4 == 0 else "F",
        "fixed_group": "F",
    }  # fmt: skip


def customer_row(moment: Moment, found: tuple[Any, ...]) -> Row:
    """A member without personal fields, as a look-up shows it."""
    return {**_shared(moment, found), "available_credits": f"{found[15] or 0}.00"}


def privacy_row(moment: Moment, found: tuple[Any, ...]) -> Row:
    """A member with name, telephone, address and all."""
    shared = _shared(moment, found)
    social = found[1].rpartition("@")[2] if "@" in found[1] else ""
    kind = {"k": "KAKAO", "n": "NAVER"}.get(social)
    at = shared["created_date"][:19].replace("T", " ")
    return {
        **_PRIVATE, **shared, "name": found[2], "cellphone": found[4], "email": found[3], "birthday": found[10],
        "address1": found[6], "zipcode": found[5], "join_path": "M" if found[0] % 10 < 7 else "P",
        "sns_list": [f"{kind}({at})"] if kind else [],
    }  # fmt: skip


def _walk(where: Where) -> Ordering:
    """Joined first comes first on the walk by `created_start`; else the newest members come first."""
    if "created_start" in where:
        return Ordering("o.joined, o.id", lambda row: row.get("created_date") or "")
    return Ordering("o.joined DESC, o.id DESC", lambda row: row.get("created_date") or "", descending=True)


def _member_ids() -> Filter:
    return Filter(
        lambda value, _w, p: f"o.member_id IN ({p.marks(texts(value))})",
        lambda row, value, _w: row["member_id"] in texts(value),
    )


def _date(sign: str) -> Filter:
    """The day of joining, or with date_type login of the last log-in."""

    def sql(value: Any, where: Where, params: Params) -> str:
        login = where.get("date_type") == "login"
        column = "last_login(o.logins, o.joined, :at)" if login else "o.joined"
        return f"{column} {sign} {params.mark(as_t(value))}"

    def test(row: Row, value: Any, where: Where) -> bool:
        name = "last_login_date" if where.get("date_type") == "login" else "created_date"
        return _inside(parse(row[name]), sign, as_t(value))

    return Filter(sql, test)


def last_login(logins: bytes | None, joined: int, t: int) -> int:
    """When a member was last active by `t`; an SQL function of the mall's connections too."""
    stamps = array("i")
    stamps.frombytes(logins or b"")
    place = bisect_right(stamps, t)
    return max(joined, stamps[place - 1]) if place else joined


def _inside(t: int, sign: str, edge: int) -> bool:
    return t >= edge if sign == ">=" else t <= edge


def _any(_value: Any, _where: Where, _params: Params) -> str:
    return "1"


_FIELDS: Final = (
    "shop_no", "member_id", "group_no", "member_authentication", "use_blacklist", "blacklist_type",
    "authentication_method", "sms", "news_mail", "solar_calendar", "total_points", "available_points", "used_points",
    "last_login_date", "created_date", "gender", "use_mobile_app", "fixed_group", "available_credits",
)  # fmt: skip
_SHARED: Final[dict[str, Any]] = {
    "visible": "o.member_id IS NOT NULL AND o.joined <= :at AND o.left_at > :at",
    "table": "persons o", "columns": _COLUMNS, "key": lambda row: row["member_id"], "key_sql": "o.member_id",
    "ordering": _walk,
}  # fmt: skip
PRIVACY: Final = Source(
    **_SHARED, render=privacy_row,
    filters={
        "created_start": from_time("o.joined", "created_date"), "start": _date(">="), "end": _date("<="),
        "date_type": Filter(_any, lambda _r, _v, _w: True), "member_id": _member_ids(),
        "group_no": one_of(GROUP_SQL, "group_no", numbers), "sms": one_of("o.sms", "sms", texts),
        "news_mail": one_of("o.mail", "news_mail", texts), "gender": one_of("o.gender", "gender", texts),
    },
)  # fmt: skip
CUSTOMERS: Final = Source(
    **_SHARED, render=customer_row, overlay="customers_privacy", shape=_FIELDS,
    filters={"member_id": _member_ids(), **span("o.joined", "created_date")},
)  # fmt: skip

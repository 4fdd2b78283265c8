"""Identifiers in a question: an order, review or coupon number, a product's number, a path of the API.

An identifier narrows a question down to one thing, so an answer about anything else would be wrong: what is known is
told by `records.py`, what isn't is refused. Order, review and coupon numbers are no personal data; who stands behind
them is never told. Does not belong here: hashed member keys (see `customer.py`).
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.answers.lake_names import Names
from cafe24_pipelines.answers.refusal import Refusal
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NUMBER: Final = r"(?P<id>[A-Za-z]{0,3}\d[\dA-Za-z-]*)"
_SPELT: Final = rf"\s*(?:번호|코드|no\.?|id|아이디)\s*(?:가|는|은|이|:|=|#|\s)*{_NUMBER}"
_LABELLED: Final = {
    "order": r"주문",
    "coupon": r"쿠폰",
    "review": r"(?:리뷰|후기|상품평)",
    "product": r"(?:상품|제품)",
}
_KO: Final = {"order": "주문", "coupon": "쿠폰", "review": "리뷰", "product": "상품"}
_ORDER_NUMBER: Final = re.compile(r"(?<![\d-])\d{8}-\d{4,8}(?![\d-])")
_NUMBERED: Final = r"(?<![\d.,-])(?P<id>\d{3,20})\s*번\s*"
_PATH: Final = re.compile(
    r"(?:(?P<method>GET|POST|PUT|DELETE|PATCH)\s+)?(?P<path>/(?:api/v\d/)?(?:admin|front)/[\w{}/.#:-]*\w[\w}]*)",
    re.IGNORECASE,
)
_TABLES: Final = {"order": ("orders", "order_id"), "review": ("reviews", "review_no")}


@dataclass(frozen=True)
class Identifier:
    """What kind of thing (`order`, `coupon`, `review`, `product`), and its number as it was typed."""

    kind: str
    id: str

    @property
    def shown(self) -> str:
        """E.g. `주문번호 20260101-0000011`."""
        return f"{_KO[self.kind]}번호 {self.id}"


def identifiers(question: str) -> tuple[Identifier, ...]:
    """Everything that the question names by its number, in the order of kinds."""
    found = [Identifier("order", m[0]) for m in _ORDER_NUMBER.finditer(question)]
    for kind, word in _LABELLED.items():
        for pattern in (word + _SPELT, _NUMBERED + word):
            found += [Identifier(kind, m["id"]) for m in re.finditer(pattern, question, re.IGNORECASE)]
    return tuple(dict.fromkeys(found))


def without_identifiers(question: str) -> str:
    """The question without its numbers of things, which are no dates and no amounts."""
    for named in identifiers(question):
        question = question.replace(named.id, " ")
    return question


def record_named(question: str, names: Names, db: "DuckDBPyConnection") -> Identifier | Refusal | None:
    """The one order or review that the question names; a refusal for a number that the lake doesn't hold.

    Products and coupons are looked up among the names and are slots of their own (see `slots.py`).
    """
    named = identifiers(question)
    known = {"product": {no for no, _, _ in names.products}, "coupon": {no for no, _ in names.coupons}}
    for one in named:
        if one.kind in known and one.id not in known[one.kind]:
            return _unknown(one)
    records = [one for one in named if one.kind in _TABLES]
    if len(records) > 1:
        return Refusal("unknown_id", "주문이나 리뷰 번호가 둘 이상입니다. 한 번에 하나만 물어보세요.")
    if not records:
        return None
    table, column = _TABLES[records[0].kind]
    found = db.execute(f"SELECT count(*) FROM {table} WHERE {column} = ?", [records[0].id]).fetchall()
    return records[0] if found[0][0] else _unknown(records[0])


def _unknown(one: Identifier) -> Refusal:
    return Refusal(
        "unknown_id",
        f"{one.shown}{particle(one.shown, '은(는)')} 이 쇼핑몰에 적재된 자료에 없어 답할 수 없습니다. "
        "번호를 확인하거나, 그 자료가 적재된 뒤에 다시 물어보세요.",
    )


def unknown_path(question: str, names: Names) -> Refusal | None:
    """A refusal when the question names an operation that the documentation doesn't hold."""
    named = list(_PATH.finditer(question)) if names.endpoints else []
    if not named:
        return None
    known = {(method, _bare(path)) for method, path in names.endpoints}
    paths = {path for _, path in known}
    for match in named:
        method, path = (match["method"] or "").upper(), _bare(match["path"])
        if path not in paths or (method and (method, path) not in known):
            shown = f"{method} {match['path']}".strip()
            return Refusal(
                "unknown_path",
                f"`{shown}` 호출은 적재된 카페24 API 문서에 없어 답할 수 없습니다. "
                "경로와 메서드를 확인하거나, 하려는 일을 말로 물어보시면 문서에 있는 API를 찾아 드립니다.",
            )
    return None


def _bare(path: str) -> str:
    """A path without version prefix and with one spelling for whatever stands for a value."""
    path = re.sub(r"^/api/v\d", "", path.rstrip("/.").lower())
    return re.sub(r"\{[^}/]*\}|(?<=/)(?:\d[\d-]*|#\w+|:\w+)(?=/|$)", "{}", path)

"""One operation of the Admin API as plain data, and how it reads as a document.

The built-in catalogue and the parser of the official page both end here, so that a merchant finds the same headings
whichever of the two a document came from. Does not belong here: where operations come from.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cafe24_pipelines.knowledge.documents import Document
from cafe24_pipelines.names import API_DOCS

LEAK_PER_SECOND = 2
"""How fast every call bucket empties, in calls."""

SHOWN_PARAMETERS = 24
SHOWN_FIELDS = 48
SHOWN_RELATED = 8

GROUPS = {
    "Store": "상점 설정", "Product": "상품", "Order": "주문", "Customer": "회원", "Community": "게시판·후기",
    "Design": "디자인", "Promotion": "프로모션·쿠폰", "Application": "앱", "Category": "상품분류",
    "Collection": "브랜드·제조사", "Supply": "공급사", "Shipping": "배송", "Salesreport": "매출통계",
    "Personal": "장바구니·관심상품", "Privacy": "회원 개인정보", "Mileage": "적립금·예치금",
    "Notification": "메시지 발송", "Translation": "번역", "Authentication": "인증", "Analytics": "방문·유입 통계",
}  # fmt: skip
_VERBS = {"GET": "조회", "POST": "등록·실행", "PUT": "수정", "DELETE": "삭제"}


@dataclass(frozen=True)
class ApiParameter:
    """A request parameter; a child of an object is named `parent.child`. `constraint` is bounds or a format."""

    name: str
    required: bool = False
    description: str = ""
    constraint: str = ""
    default: str = ""
    embed: bool = False


@dataclass(frozen=True)
class Limits:
    """Sizes an operation keeps: None where it has none.

    `bucket`: calls the mall's bucket for this API holds; `batch`: objects a request may carry; `page` and `offset`:
    the highest `limit` and `offset`.
    """

    bucket: int | None = None
    batch: int | None = None
    page: int | None = None
    offset: int | None = None


@dataclass(frozen=True)
class ApiOperation:
    """One (method, path) of the API. `fields` are response field names, `approved` marks apps that need approval."""

    method: str
    path: str
    resource: str
    title: str
    scope: str = ""
    parameters: tuple[ApiParameter, ...] = ()
    limits: Limits = field(default_factory=Limits)
    group: str = ""
    title_en: str = ""
    summary: str = ""
    fields: tuple[str, ...] = ()
    approved: bool = False

    @property
    def id(self) -> str:
        """`METHOD PATH`, the id of its document."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Note:
    """What we know about an operation beyond its reference: when a CRM team needs it, and what goes wrong."""

    use: str = ""
    cautions: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


def endpoint_document(
    op: ApiOperation, note: Note, related: Sequence[tuple[str, str]], *, source: str, version: str
) -> Document:
    """The document of an operation: Korean prose under fixed headings, English terms beside them.

    Args:
        op: the operation.
        note: its CRM note (empty when there is none).
        related: (id, title) of operations worth reading next.
        source: what the facts are cited from.
        version: API version they hold for, as a date.
    """
    fields = op.fields or note.fields
    heading = f"{op.title} ({op.title_en})" if op.title_en else op.title
    sections = [
        f"# {heading}",
        _lead(op),
        _section("언제 쓰나", note.use),
        _section("권한과 한도", _limits(op)),
        _section("요청 파라미터", _parameters(op)),
        _section("응답 필드", _names(fields)),
        _section("주의", "\n".join(f"- {c}" for c in note.cautions)),
        _section("관련 API", "\n".join(f"- `{i}` {t}" for i, t in related[:SHOWN_RELATED])),
    ]
    tags = dict.fromkeys([*note.tags, GROUPS.get(op.group, op.group), op.group, op.resource, *_words(op)])
    return Document(
        op.id, API_DOCS, "endpoint", heading, "\n\n".join(s for s in sections if s), "ko", source,
        resource=op.resource, method=op.method, path=op.path, scope=op.scope, version=version,
        fields=",".join(fields), tags=",".join(t for t in tags if t),
    )  # fmt: skip


def scope_ko(scope: str) -> str:
    """A scope in Korean words ("주문 읽기"), "" for none."""
    match = re.fullmatch(r"mall\.(read|write)_(\w+)", scope)
    if not match:
        return ""
    areas = {
        "category": "상품분류", "product": "상품", "collection": "판매분류", "supply": "공급사",
        "personal": "개인화정보",
        "order": "주문", "community": "게시판", "customer": "회원", "notification": "알림", "store": "상점",
        "promotion": "프로모션", "design": "디자인", "application": "앱", "salesreport": "매출통계",
        "privacy": "개인정보", "mileage": "적립금", "shipping": "배송", "translation": "번역",
        "analytics": "접속통계",
    }  # fmt: skip
    return f"{areas.get(match[2], match[2])} {'읽기' if match[1] == 'read' else '쓰기'}"


def _lead(op: ApiOperation) -> str:
    group = GROUPS.get(op.group, op.group)
    place = f"{group}({op.group}) 그룹의 {op.resource} 리소스" if group else f"{op.resource} 리소스"
    text = f"`{op.id}` — {place}에 속한 {_VERBS.get(op.method, op.method)} API입니다."
    summary = op.summary or f"하는 일: {op.title}."
    path = re.findall(r"\{(\w+)\}", op.path)
    values = f" 경로의 {', '.join(f'`{p}`' for p in path)} 자리에 값을 넣습니다." if path else ""
    return f"{text} {summary.strip()}{values}"


def _limits(op: ApiOperation) -> str:
    limits, lines = op.limits, []
    if op.scope:
        lines.append(f"- 필요한 권한(scope): `{op.scope}` — {scope_ko(op.scope)} 권한")
    if op.approved:
        lines.append("- 카페24의 별도 승인을 받은 앱만 호출할 수 있습니다. 승인이 없으면 403입니다.")
    if limits.bucket:
        lines.append(
            f"- 호출 한도: 버킷 {limits.bucket}칸, 초당 {LEAK_PER_SECOND}칸 회복. 넘치면 429 Too Many Requests"
        )
    if limits.page:
        lines.append(f"- 한 번에 받는 건수: limit 최대 {limits.page}")
    if limits.offset:
        lines.append(f"- 페이징: offset 최대 {limits.offset}. 그 너머는 기간을 나누거나 커서(since_…)로 이어 갑니다.")
    if op.method in ("POST", "PUT") and limits.bucket:
        many = f"여러 건은 `requests` 배열로 최대 {limits.batch}건" if (limits.batch or 1) > 1 else "한 번에 1건"
        lines.append(f'- 본문 봉투: `{{"shop_no": 1, "request": {{…}}}}` 형태, {many}')
    return "\n".join(lines)


def _parameters(op: ApiOperation) -> str:
    embeds = [p.name for p in op.parameters if p.embed]
    plain = sorted((p for p in op.parameters if not p.embed), key=lambda p: not p.required)
    lines = [_parameter(p) for p in plain[:SHOWN_PARAMETERS]]
    if rest := [p.name for p in plain[SHOWN_PARAMETERS:]]:
        lines.append(f"- 그 밖에: {_names(rest)}")
    if embeds:
        lines.append(f"- embed로 함께 받을 수 있는 하위 리소스: {_names(embeds)}")
    return "\n".join(lines)


def _parameter(p: ApiParameter) -> str:
    mark = " (필수)" if p.required else ""
    details = "; ".join(d for d in (p.constraint, f"기본값 {p.default}" if p.default else "") if d)
    text = " — ".join(d for d in (p.description, details) if d)
    return f"- `{p.name}`{mark}" + (f": {text}" if text else "")


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{n}`" for n in names[:SHOWN_FIELDS])
    return f"{shown} 외 {len(names) - SHOWN_FIELDS}개" if len(names) > SHOWN_FIELDS else shown


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}" if text else ""


def _words(op: ApiOperation) -> list[str]:
    """Path words, which merchants' developers type as they are."""
    path = re.sub(r"^https://[^/]+|\{\w+\}", "", op.path)
    return [w for w in re.findall(r"[a-z]{3,}", path) if w not in ("api", "admin")]

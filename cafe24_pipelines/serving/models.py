"""Requests and answers of the API: types, bounds, and in Korean what the OpenAPI page tells of them.

Requests are strict: no unknown field, no text taken for a number, every text bounded. Does not belong here: errors
(see `problems.py`), or what a request does.
"""

import re
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cafe24_pipelines.answers.feedback import MAX_TEXT
from cafe24_pipelines.answers.intake import MAX_QUESTION

Arm = Literal["baseline", "rag", "ontology"]
READABLE = "[0-9A-Za-zㄱ-ㅣ가-힣ぁ-ヿ一-鿿]"
"""Somewhere in a question there is a letter or a digit."""

Question = Annotated[
    str,
    Field(
        min_length=1, max_length=MAX_QUESTION, pattern=READABLE,
        description="한국어 질문. 글자나 숫자가 있어야 하고 1,000자 이내입니다.",
        examples=["지난달 매출은?", "고객 이탈 예측 방법", "주문 목록을 조회하려면 어떤 API를 쓰나요?"],
    ),
]  # fmt: skip
Task = Annotated[
    str,
    Field(
        min_length=1, max_length=MAX_QUESTION, pattern=READABLE, description="Admin API로 할 일. 1,000자 이내입니다.",
        examples=["지난주 주문 목록을 조회하는 코드"],
    ),
]  # fmt: skip
MallId = Annotated[
    str | None,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,38}$",
        description="쇼핑몰 아이디. 생략하면 키의 쇼핑몰입니다. 다른 쇼핑몰의 아이디는 404로 답합니다.",
        examples=[None],
    ),
]


class Request(BaseModel):
    """What every request body obeys."""

    model_config = ConfigDict(extra="forbid", strict=True)


class QuestionRequest(Request):
    """하나의 질문."""

    question: Question
    mall_id: MallId = None
    stream: Annotated[
        bool,
        Field(
            description="참이면 답을 text/event-stream으로 문장마다 보냅니다. Accept: text/event-stream과 같습니다."
        ),
    ] = False


class GenerateRequest(Request):
    """코드로 만들 일."""

    question: Task
    mall_id: MallId = None


class CompareRequest(Request):
    """여러 방식으로 같은 질문에 답해 비교합니다."""

    question: Question
    mall_id: MallId = None


class FeedbackRequest(Request):
    """답변에 대한 평가."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"verdict": {"const": "correction"}}},
            "then": {"required": ["text"], "properties": {"text": {"pattern": READABLE}}},
        }
    )

    answer_id: Annotated[UUID, Field(strict=False, description="평가할 답변의 answer_id")]
    verdict: Annotated[
        Literal["positive", "negative", "correction"],
        Field(description="positive 좋음, negative 나쁨, correction 고쳐야 함 (text에 올바른 답)"),
    ]
    text: Annotated[
        str, Field(max_length=MAX_TEXT, description="이유, 또는 올바른 답. 개인정보는 가리고 저장합니다.")
    ] = ""
    question: Annotated[
        str,
        Field(
            max_length=MAX_QUESTION,
            pattern=rf"^\s*$|{READABLE}",
            description="그 답변의 질문. 답한 지 오래된 답변이면 함께 보내 주세요.",
        ),
    ] = ""
    mall_id: MallId = None

    @model_validator(mode="after")
    def _says_how(self) -> "FeedbackRequest":
        if self.verdict == "correction" and not re.search(READABLE, self.text):
            raise ValueError("a correction needs its text")
        return self


class Citation(BaseModel):
    """답의 근거 하나."""

    id: Annotated[str, Field(description="문서는 `METHOD /api/v2/...` 또는 이름, 계산은 computed:이름")]
    kind: Annotated[str, Field(description="doc 문서, graph 그래프, computed 계산")]
    title: str
    score: Annotated[float, Field(description="검색 순서의 점수. 확률이 아닙니다.")]


class Number(BaseModel):
    """답에 쓰인 계산값 하나."""

    value: int | float
    unit: str
    query: Annotated[str, Field(description="다시 실행하면 이 값이 나오는 질의")]
    rows: Annotated[str, Field(description="세어진 행의 참조: /cafe24-crm/rows에 넘기면 그 행이 나옴")] = ""


class AnswerResponse(BaseModel):
    """하나의 답."""

    answer_id: Annotated[UUID, Field(description="평가(feedback)에 쓰는 번호")]
    mall_id: str
    build: Annotated[str, Field(description="답의 바탕이 된 게시 상태의 해시")]
    answer: str
    arm: Annotated[str, Field(description="baseline, rag, ontology, finetuned")]
    model: str
    citations: list[Citation]
    numbers: list[Number]
    refused: bool
    rule: Annotated[str, Field(description="거절한 규칙. 답했으면 빈 문자열")]
    withheld: Annotated[list[str], Field(description="근거가 없어 보이지 않은 숫자와 API")]
    masked: Annotated[list[str], Field(description="질문에서 가린 개인정보의 종류")]
    retrieved: Annotated[int, Field(description="찾은 문서 조각의 수")]
    latency_ms: float
    cost_usd: Annotated[float | None, Field(description="모델 비용. 가격을 모르면 null")]
    usage: Annotated[dict[str, Any], Field(description="토큰, 비용, 캐시, 재시도")]


class CompareResponse(BaseModel):
    """같은 질문에 대한 여러 방식의 답."""

    mall_id: str
    build: str
    question: Annotated[str, Field(description="개인정보를 가린 질문")]
    answers: list[AnswerResponse]


class Operation(BaseModel):
    """코드가 부르는 API."""

    method: str
    path: str
    scope: str
    title: str


class Check(BaseModel):
    """코드에 대한 검사 하나. ok가 null이면 판단할 수 없었습니다."""

    name: str
    ok: bool | None
    detail: str


class Verdict(BaseModel):
    """코드를 어디까지 확인했는지."""

    status: Annotated[str, Field(description="executed_ok | executed_failed | not_executed | invalid | refused")]
    reason: str
    checks: list[Check]
    output: str


class GenerateResponse(BaseModel):
    """Admin API를 부르는 코드와 그 확인 결과."""

    mall_id: str
    question: str
    code: Annotated[str, Field(description="확인을 통과한 코드. 없으면 빈 문자열")]
    language: str
    operations: list[Operation]
    scopes: list[str]
    verdict: Verdict
    attempts: int
    model: str
    cost_usd: float | None
    notes: list[str]
    rejected: Annotated[str, Field(description="확인을 통과하지 못한 코드. 실행하지 마세요.")]


EventKey = Annotated[
    str, Field(min_length=1, max_length=200, pattern=READABLE, description="보내는 쪽의 이름표, 한 번만 셈")
]


class GenerateWish(Request):
    """만들 코드."""

    question: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION, pattern=READABLE)]
    execute: Annotated[bool, Field(description="모의 쇼핑몰에서 실행해 볼지")] = True


class ComparisonWish(Request):
    """다시 답하게 할 방식. 비우면 모두."""

    arms: Annotated[list[Literal["baseline", "rag", "ontology", "finetuned"]], Field(max_length=4)] = []


class GenerateEvent(Request):
    """나중에 만들 코드의 요청. 워크플로가 읽어 한 번만 처리합니다."""

    type: Literal["generate.requested"]
    payload: GenerateWish
    key: EventKey
    mall_id: MallId = None


class ComparisonEvent(Request):
    """나중에 할 비교의 요청. 워크플로가 읽어 한 번만 처리합니다."""

    type: Literal["comparison.requested"]
    payload: ComparisonWish
    key: EventKey
    mall_id: MallId = None


EventRequest = Annotated[GenerateEvent | ComparisonEvent, Field(discriminator="type")]


class EventResponse(BaseModel):
    """받아 둔 요청."""

    event_id: str
    recorded: Annotated[bool, Field(description="거짓이면 같은 key로 이미 받았습니다.")]


class FeedbackResponse(BaseModel):
    """저장한 평가."""

    feedback_id: str
    answer_id: UUID
    verdict: str
    text: Annotated[str, Field(description="개인정보를 가린 뒤 저장한 글")]
    recorded: Annotated[bool, Field(description="거짓이면 이미 받은 평가라 더하지 않았습니다.")]


class GraphCounts(BaseModel):
    """그래프의 크기."""

    nodes: int
    relationships: int
    by_label: dict[str, int]


class GraphHealth(BaseModel):
    """마지막 점검의 그래프 건강. 점검한 적이 없으면 score가 null입니다."""

    score: float | None
    at: str
    parts: dict[str, float]
    alarm: str


class AnalysisSummary(BaseModel):
    """분석 하나의 요약."""

    name: str
    title: str
    status: Annotated[str, Field(description="ok, insufficient_data, 아직 없으면 -")]
    rows: int
    summary: dict[str, Any]


class DashboardResponse(BaseModel):
    """쇼핑몰의 현재 상태: 마지막으로 게시된 결과."""

    mall_id: str
    build: str
    lake: Annotated[dict[str, int], Field(description="적재된 행의 수")]
    graph: GraphCounts
    vectors: dict[str, int]
    patterns_by_status: dict[str, int]
    health: GraphHealth
    feedback: dict[str, int]
    analyses: list[AnalysisSummary]
    snapshot: Annotated[
        dict[str, Any] | None, Field(description="보고서의 내용: dashboard_api가 마지막에 게시한 것 (없으면 null)")
    ]


class Effect(BaseModel):
    """효과와 95% 신뢰구간. 재지 못했으면 null"""

    name: str
    value: float | None
    ci_low: float | None
    ci_high: float | None


class Insight(BaseModel):
    """발견된 패턴 하나."""

    id: str
    detector: str
    kind: Annotated[str, Field(description="cross_domain 이 몰의 데이터, web_research 공개 연구와의 비교")]
    title: str
    status: Annotated[str, Field(description="confirmed 확정, tentative 잠정, insufficient_data 자료 부족")]
    effect: Effect
    p: float | None
    q: Annotated[float | None, Field(description="다중검정을 보정한 p값")]
    n: int
    action: str
    wording: Annotated[str, Field(description="숫자를 정해진 문장으로 쓴 설명")]
    query: Annotated[str, Field(description="근거를 다시 보는 질의")]
    discovered_at: str
    retracted_at: str


class InsightsResponse(BaseModel):
    """발견된 패턴의 목록."""

    mall_id: str
    build: str
    total: Annotated[int, Field(description="조건에 맞는 패턴의 수")]
    insights: list[Insight]


class RowsResponse(BaseModel):
    """계산값 하나가 센 행의 한 쪽. 개인정보는 없습니다."""

    mall_id: str
    build: str
    reference: str
    title: str
    of: Annotated[str, Field(description="행이 무엇인지: 주문, 상품, 회원(해시) …")]
    total: int
    offset: int
    rows: list[dict[str, Any]]
    query: Annotated[str, Field(description="모든 행이 나오는 질의")]


class RowsQuery(BaseModel):
    """Query parameters of the rows."""

    model_config = ConfigDict(extra="forbid")

    mall_id: MallId = None
    reference: Annotated[str, Field(min_length=1, max_length=1000, description="답의 numbers[].rows")]
    limit: Annotated[int, Field(ge=1, le=1000, description="가져올 개수")] = 100
    offset: Annotated[int, Field(ge=0, le=10_000_000, description="건너뛸 개수")] = 0


class MallQuery(BaseModel):
    """Query parameters of the dashboard."""

    model_config = ConfigDict(extra="forbid")

    mall_id: MallId = None


class InsightsQuery(BaseModel):
    """Query parameters of the insights."""

    model_config = ConfigDict(extra="forbid")

    mall_id: MallId = None
    status: Annotated[
        Literal["confirmed", "tentative", "insufficient_data"] | None, Field(description="이 상태만")
    ] = None
    limit: Annotated[int, Field(ge=1, le=200, description="가져올 개수")] = 50
    offset: Annotated[int, Field(ge=0, le=10_000, description="건너뛸 개수")] = 0

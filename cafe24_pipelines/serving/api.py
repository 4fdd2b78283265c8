"""The API's routes under the prototype's paths: questions by arm, a comparison, code, rows, events,
feedback, dashboard, insights.

A route checks whose mall is meant, hands the work to a worker and shapes what comes back. What goes wrong becomes a
`Problem`. Does not belong here: who may ask (see `gate.py`), answering (`answers/`), generating (`codegen/`).
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Header, Query
from fastapi import Request as HttpRequest
from starlette.responses import Response

from cafe24_pipelines.answers import feedback as verdicts
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.lifecycle.plan import require
from cafe24_pipelines.serving import models, overview
from cafe24_pipelines.serving.problems import ErrorBody, Problem, of_error
from cafe24_pipelines.serving.shapes import answer_json
from cafe24_pipelines.serving.streaming import event_stream, wants_stream
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.answers.ask import Answer
    from cafe24_pipelines.serving.mall_services import MallServices, MallView
    from cafe24_pipelines.serving.telemetry import Telemetry
    from cafe24_pipelines.serving.workers import Workers
    from cafe24_pipelines.stores.events import EventLog

T = TypeVar("T")
IdempotencyKey = Annotated[
    str, Header(max_length=200, description="같은 내용의 평가를 따로 셀 때 서로 다르게 보내는 값")
]
REMEMBERED_ANSWERS: Final = 4096
_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": ErrorBody, "description": "읽을 수 없는 요청"},
    401: {"model": ErrorBody, "description": "API 키가 없거나 틀림"},
    403: {"model": ErrorBody, "description": "요금제 한도나 쇼핑몰의 상태로 지금은 안 됨"},
    404: {"model": ErrorBody, "description": "이 키의 쇼핑몰이 아님"},
    408: {"model": ErrorBody, "description": "본문이 늦음"},
    409: {"model": ErrorBody, "description": "아직 게시된 결과가 없음"},
    413: {"model": ErrorBody, "description": "본문이 큼"},
    415: {"model": ErrorBody, "description": "JSON이 아님"},
    422: {"model": ErrorBody, "description": "값이 올바르지 않음"},
    429: {"model": ErrorBody, "description": "요청이 잦음"},
    500: {"model": ErrorBody, "description": "처리하지 못함"},
    502: {"model": ErrorBody, "description": "언어 모델이 응답하지 않음"},
    503: {"model": ErrorBody, "description": "바쁘거나 설정이 끝나지 않음"},
    504: {"model": ErrorBody, "description": "제한 시간을 넘김"},
}
_STREAMED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "답. stream이 참이면 delta(문장), answer(전체 답), error 사건의 흐름입니다.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "properties": {"event": {"enum": ["delta", "answer", "error"]}, "data": {"type": "string"}},
                    "required": ["event", "data"],
                }
            }
        },
    },
}


class Api:
    """The routes of one app, over its malls, workers and counters."""

    def __init__(
        self, settings: Settings, log: "EventLog", malls: "MallServices", workers: "Workers", telemetry: "Telemetry"
    ) -> None:
        self._settings, self._log, self._malls = settings, log, malls
        self._workers, self._telemetry = workers, telemetry
        self._given = _Given()

    def router(self) -> APIRouter:
        """All routes, with what the OpenAPI page says of them."""
        router = APIRouter(prefix="/cafe24-crm", responses=_ERRORS)
        for name, handler, told in (
            ("baseline", self.baseline, "모델만으로 답하기"),
            ("rag", self.rag, "문서를 찾아 답하기"),
            ("ontology-plus", self.ontology_plus, "문서, 그래프, 정확한 집계로 답하기"),
        ):
            router.add_api_route(
                f"/{name}", handler, methods=["POST"], summary=told, operation_id=name.replace("-", "_"),
                response_model=models.AnswerResponse, responses=_STREAMED, tags=["질문"],
            )  # fmt: skip
        for name, method, route, model, told, tag in (
            ("compare", "POST", self.compare, models.CompareResponse, "여러 방식의 답을 나란히 보기", "질문"),
            ("generate", "POST", self.generate, models.GenerateResponse, "Admin API 코드 만들기", "코드"),
            ("feedback", "POST", self.feedback, models.FeedbackResponse, "답변 평가하기", "평가"),
            ("events", "POST", self.events, models.EventResponse, "나중에 처리할 요청 남기기", "코드"),
            ("rows", "GET", self.rows, models.RowsResponse, "계산값이 센 행 보기", "질문"),
            ("dashboard", "GET", self.dashboard, models.DashboardResponse, "쇼핑몰의 현재 상태", "현황"),
            ("insights", "GET", self.insights, models.InsightsResponse, "발견된 패턴", "현황"),
        ):
            router.add_api_route(
                f"/{name}", route, methods=[method], summary=told, operation_id=name, response_model=model, tags=[tag]
            )
        return router

    # -- routes ----------------------------------------------------------------------------------------------

    async def baseline(self, request: HttpRequest, asked: models.QuestionRequest) -> Any:
        """언어 모델에게 자료 없이 묻습니다. 비교를 위한 방식입니다."""
        return await self._ask(request, asked, "baseline")

    async def rag(self, request: HttpRequest, asked: models.QuestionRequest) -> Any:
        """찾은 문서 조각을 근거로 답합니다."""
        return await self._ask(request, asked, "rag")

    async def ontology_plus(self, request: HttpRequest, asked: models.QuestionRequest) -> Any:
        """문서, 그래프의 이웃, 적재된 데이터의 정확한 집계, 발견된 패턴을 근거로 답합니다."""
        return await self._ask(request, asked, "ontology")

    async def compare(self, request: HttpRequest, asked: models.CompareRequest) -> Any:
        """같은 질문에 baseline, rag, ontology(와 있으면 미세조정 모델)로 답해 나란히 보여 줍니다."""
        mall_id = self._mall(request, asked.mall_id)
        request.state.told["arm"] = "compare"
        return await self._work(partial(self._compared, mall_id, asked.question))

    async def generate(self, request: HttpRequest, asked: models.GenerateRequest) -> Any:
        """Admin API를 부르는 파이썬 코드를 만들고, 모의 쇼핑몰에서 확인한 결과와 함께 줍니다."""
        mall_id = self._mall(request, asked.mall_id)
        return await self._work(partial(self._generated, mall_id, asked.question))

    async def feedback(
        self, request: HttpRequest, given: models.FeedbackRequest, idempotency_key: IdempotencyKey = ""
    ) -> Any:
        """답변이 맞았는지, 틀렸다면 올바른 답이 무엇인지 알려 주세요. 같은 내용은 한 번만 저장합니다.

        같은 내용을 따로 세려면 Idempotency-Key 헤더를 서로 다르게 보내세요.
        """
        mall_id = self._mall(request, given.mall_id)
        key_id = request.state.caller.key_id
        sender = f"key:{key_id}" if key_id else ""
        return await self._work(partial(self._received, mall_id, given, idempotency_key, sender))

    async def events(self, request: HttpRequest, given: models.EventRequest) -> Any:
        """코드 생성이나 방식 비교를 받은함에 남깁니다. 같은 key는 한 번만 셉니다."""
        mall_id = self._mall(request, given.mall_id)
        return await self._work(partial(self._posted, mall_id, given))

    async def rows(self, request: HttpRequest, query: Annotated[models.RowsQuery, Query()]) -> Any:
        """답의 숫자가 센 주문, 상품, 회원(해시)을 쪽으로 나누어 보여 줍니다."""
        mall_id = self._mall(request, query.mall_id)
        return await self._work(partial(self._rows, mall_id, query))

    async def dashboard(self, request: HttpRequest, query: Annotated[models.MallQuery, Query()]) -> Any:
        """마지막으로 게시된 결과의 요약: 적재, 그래프, 패턴, 분석, 건강."""
        mall_id = self._mall(request, query.mall_id)
        return await self._work(lambda: overview.dashboard(self._settings, self._reading(mall_id)))

    async def insights(self, request: HttpRequest, query: Annotated[models.InsightsQuery, Query()]) -> Any:
        """발견된 패턴을 효과, 95% 신뢰구간, 보정한 p값, 상태와 함께 보여 줍니다."""
        mall_id = self._mall(request, query.mall_id)
        page = {"status": query.status, "limit": query.limit, "offset": query.offset}
        return await self._work(lambda: overview.insights(self._reading(mall_id), **page))  # type: ignore[arg-type]

    # -- inside ----------------------------------------------------------------------------------------------

    def _mall(self, request: HttpRequest, named: str | None) -> str:
        """The mall that is meant.

        Raises:
            Problem: the key opens another one, or there is none of that name (404 alike).
        """
        opened = request.state.caller.mall_id
        mall_id = opened or named or self._settings.mall_id
        try:
            known = self._malls.knows(mall_id)
        except Exception as e:
            raise of_error(e) or e from None
        if (named and named != mall_id) or not known:
            raise Problem("not_found")
        request.state.told["mall"] = mall_id
        return mall_id

    async def _work(self, work: Callable[[], T]) -> T:
        """Run in a worker; an error of a room becomes a problem."""
        try:
            return await self._workers.run(work)
        except Exception as e:
            raise of_error(e) or e from None

    async def _ask(
        self, request: HttpRequest, asked: models.QuestionRequest, arm: str
    ) -> "dict[str, Any] | Response":
        mall_id = self._mall(request, asked.mall_id)
        told = request.state.told
        told["arm"] = arm
        if asked.stream or wants_stream(request):
            return await event_stream(
                self._workers, lambda: self._within_plan(mall_id), asked.question, arm,
                finish=partial(self._finished, asked.question, told), request_id=request.state.request_id,
            )  # fmt: skip
        return await self._work(partial(self._answered, mall_id, asked.question, arm, told))

    def _answered(self, mall_id: str, question: str, arm: str, told: dict[str, Any]) -> dict[str, Any]:
        from cafe24_pipelines.answers.ask import ask

        view = self._within_plan(mall_id)
        return self._finished(question, told, view, ask(question, view.services, arm=arm))

    def _within_plan(self, mall_id: str) -> "MallView":
        """What is published of the mall, once its plan has room for one more question.

        Raises:
            NotAllowed: the day's questions are spent, or the mall is suspended or leaving.
        """
        view = self._malls.of(mall_id)
        require(self._settings, self._log, mall_id, "question")
        return view

    def _reading(self, mall_id: str) -> "MallView":
        """What is published of the mall, where it may read that.

        Raises:
            NotAllowed: the mall is suspended for a reason that closes reading too, or it is leaving.
        """
        require(self._settings, self._log, mall_id, "read")
        return self._malls.of(mall_id)

    def _finished(self, question: str, told: dict[str, Any], view: "MallView", answer: "Answer") -> dict[str, Any]:
        """The answer as it is sent, counted and remembered for its feedback; `told` gets what the log may say."""
        self._telemetry.answered(view.mall_id, answer)
        usage = answer.usage
        told |= {
            "rule": answer.rule, "tokens_in": usage.input_tokens, "tokens_out": usage.output_tokens,
            "withheld": len(answer.withheld), "retrieved": answer.retrieved,
        }  # fmt: skip
        sent = answer_json(view, question, answer)
        self._given.remember(sent["answer_id"], (question, answer.arm, view.build))
        return sent

    def _compared(self, mall_id: str, question: str) -> dict[str, Any]:
        from cafe24_pipelines.answers.intake import take
        from cafe24_pipelines.answers.side_by_side import compare_arms

        view = self._within_plan(mall_id)
        answers = [self._finished(question, {}, view, one) for one in compare_arms(question, view.services)]
        return {"mall_id": mall_id, "build": view.build, "question": take(question).text, "answers": answers}

    def _generated(self, mall_id: str, question: str) -> dict[str, Any]:
        from cafe24_pipelines.codegen.generate import generate

        require(self._settings, self._log, mall_id, "snippet")
        return {"mall_id": mall_id, **generate(question, self._settings, mall_id, log=self._log).to_json()}

    def _posted(self, mall_id: str, given: models.EventRequest) -> dict[str, Any]:
        from cafe24_pipelines.inbox.post import request

        wish = given.payload.model_dump()
        receipt = request(self._settings, self._log, mall_id, given.type, wish, key=given.key)
        return {"event_id": receipt.event_id, "recorded": receipt.new}

    def _rows(self, mall_id: str, query: models.RowsQuery) -> dict[str, Any]:
        from cafe24_pipelines.answers.rows import read_rows

        view = self._reading(mall_id)
        services = view.services
        try:
            page = read_rows(query.reference, services.lake, services.mall, offset=query.offset, limit=query.limit)
        except BadInput:
            raise Problem("not_found") from None  # no number of ours has such a reference
        return {"mall_id": mall_id, "build": view.build, **page.to_json()}

    def _received(self, mall_id: str, given: models.FeedbackRequest, key: str, sender: str) -> dict[str, Any]:
        require(self._settings, self._log, mall_id, "read")
        named = str(given.answer_id)
        question, arm, build = self._given.get(named) or (given.question, "", "")
        said = verdicts.Feedback(mall_id, named, given.verdict, given.text, question, arm, build, key, sender)
        logged, new = verdicts.receive(self._log, said)
        if new:
            self._telemetry.feedback.labels(logged.verdict).inc()
        return verdicts.to_json(logged, new=new)


class _Given:
    """The last answers that were given, so that feedback on one can say what the question was."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[str, str, str]] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, answer_id: str, what: tuple[str, str, str]) -> None:
        """Keep question, arm and build of an answer; the oldest ones go."""
        with self._lock:
            self._answers[answer_id] = what
            self._answers.move_to_end(answer_id)
            while len(self._answers) > REMEMBERED_ANSWERS:
                self._answers.popitem(last=False)

    def get(self, answer_id: str) -> tuple[str, str, str] | None:
        """What is remembered of an answer."""
        with self._lock:
            return self._answers.get(answer_id)

"""An answer sentence by sentence, as server-sent events: `delta` as it comes, `answer` with all of it at the end.

What goes wrong before the first sentence is an ordinary error answer; afterwards it is an `error` event. Sentences of
a streamed answer have passed the guard like any other. Does not belong here: answering.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Generator
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import StreamingResponse

from cafe24_pipelines.serving.guards import place_of
from cafe24_pipelines.serving.problems import Problem, of_error

if TYPE_CHECKING:
    from cafe24_pipelines.answers.ask import Answer
    from cafe24_pipelines.serving.mall_services import MallView
    from cafe24_pipelines.serving.workers import Workers

logger = logging.getLogger("cafe24_pipelines.serving")
EVENT_STREAM: Final = "text/event-stream"
Event = tuple[str, dict[str, Any]]


def wants_stream(request: Request) -> bool:
    """Whether the Accept header names event streams and not JSON."""
    accepted = request.headers.get("accept", "").lower()
    return EVENT_STREAM in accepted and "application/json" not in accepted


async def event_stream(
    workers: "Workers", view: "Callable[[], MallView]", question: str, arm: str,
    *, finish: "Callable[[MallView, Answer], dict[str, Any]]", request_id: str,
) -> StreamingResponse:  # fmt: skip
    """The answer as a stream of events.

    Raises:
        Problem: it can't be answered, or no worker is free.
    """
    source = workers.stream(lambda: _events(view(), question, arm, finish))
    try:
        first = await anext(source)
    except Exception as e:
        raise of_error(e) or e from None
    return StreamingResponse(
        _lines(first, source, request_id), media_type=EVENT_STREAM, headers={"X-Accel-Buffering": "no"}
    )


def _events(
    view: "MallView", question: str, arm: str, finish: "Callable[[MallView, Answer], dict[str, Any]]"
) -> Generator[Event]:
    """Sentences as they are ready, then the answer as it is sent."""
    from cafe24_pipelines.answers.ask import ask_stream

    for chunk in ask_stream(question, view.services, arm=arm):
        if chunk.text:
            yield "delta", {"text": chunk.text}
        if chunk.answer is not None:
            yield "answer", finish(view, chunk.answer)


async def _lines(first: Event, rest: AsyncIterator[Event], request_id: str) -> AsyncIterator[bytes]:
    yield _line(*first)
    try:
        async for event in rest:
            yield _line(*event)
    except Exception as e:
        problem = of_error(e)
        if problem is None:
            logger.error("unexpected %s in a stream at %s", type(e).__name__, place_of(e))
            problem = Problem("internal")
        yield _line("error", problem.content(request_id))


def _line(name: str, data: dict[str, Any]) -> bytes:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, default=str)
    return f"event: {name}\ndata: {text}\n\n".encode()

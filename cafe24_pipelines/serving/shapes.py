"""An answer as the API and the MCP server send it. Does not belong here: the models of what is sent (`models.py`)."""

from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers.feedback import answer_id

if TYPE_CHECKING:
    from cafe24_pipelines.answers.ask import Answer
    from cafe24_pipelines.serving.mall_services import MallView

_KEPT = (
    "answer", "arm", "model", "citations", "numbers", "refused", "latency_ms", "cost_usd", "rule", "withheld",
    "masked", "retrieved", "usage",
)  # fmt: skip


def answer_json(view: "MallView", question: str, answer: "Answer") -> dict[str, Any]:
    """The fields of `models.AnswerResponse`."""
    sent = answer.to_json()
    return {
        "answer_id": answer_id(view.mall_id, question, answer.arm, view.build),
        "mall_id": view.mall_id,
        "build": view.build,
        **{name: sent[name] for name in _KEPT},
    }

"""`cafe24 feedback`: a verdict on an answer, from the command line. Options in, a room called, text out."""

import click

from cafe24_pipelines.commands.common import admit, common, show_result
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.settings import Settings


@click.command()
@click.argument("question", required=False)
@click.option("--answer-id", help="The answer_id that came with an answer of the API, instead of the question.")
@click.option("--arm", type=click.Choice(["baseline", "rag", "ontology"]), default="ontology", show_default=True)
@click.option("--verdict", type=click.Choice(["positive", "negative", "correction"]), required=True)
@click.option("--text", default="", help="The reason; with a correction, how the answer should have been.")
@common
def feedback(
    *, question: str | None, answer_id: str | None, arm: str, verdict: str, text: str,
    settings: Settings, mall_id: str, as_json: bool, lang: str,
) -> None:  # fmt: skip
    """Say whether the answer to QUESTION was right. Personal data in what you write is masked before it is kept."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.answers.feedback import Feedback, receive, to_json
    from cafe24_pipelines.answers.feedback import answer_id as answer_of
    from cafe24_pipelines.cafe24.malls import mall

    admit(settings, mall_id, "read")
    mall(settings.home, mall_id)
    if bool(question) == bool(answer_id):
        raise BadInput("which answer is meant?", remedy="give the question, or --answer-id")
    build = _build(settings, mall_id) if question else ""
    named = answer_of(mall_id, question, arm, build) if question else answer_id or ""
    given = Feedback(mall_id, named, verdict, text, question or "", arm if question else "", build, sender="cli")
    logged, new = receive(parts.event_log(settings), given)
    ko, en = ("평가를 저장했습니다", "recorded") if new else ("이미 저장된 평가입니다", "it was recorded before")
    show_result(to_json(logged, new=new), as_json, en if lang == "en" else ko)


def _build(settings: Settings, mall_id: str) -> str:
    """The build that the question would be answered from now."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.serving.mall_services import published_build

    with parts.open_stores(settings) as (graph, vectors):
        return published_build(settings, mall_id, graph, vectors)

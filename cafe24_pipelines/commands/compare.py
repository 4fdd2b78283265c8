"""`cafe24 compare`: one question by several arms side by side, or the whole experiment with its report.

Options in, a room called, text out. Does not belong here: computing.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cafe24_pipelines.commands.common import admit, common, show_result
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.names import ARMS
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.show import label

if TYPE_CHECKING:
    from cafe24_pipelines.answers.ask import Answer, Services
    from cafe24_pipelines.answers.llm import LanguageModel
    from cafe24_pipelines.experiments.report import Report


@click.command()
@click.argument("question", required=False)
@click.option("--arms", help=f"Arms to compare, with commas: {','.join(ARMS)}. Default: all that can answer here.")
@click.option("--limit", type=click.IntRange(2), help="Only so many of the mall's questions, kinds in proportion.")
@click.option("--judge", help="A LiteLLM model that also judges; its votes count only if it agrees with labels.")
@click.option("--report", "file", type=click.Path(path_type=Path), help="Write the Markdown here, charts beside it.")
@common
def compare(*, question: str | None, arms: str | None, limit: int | None, judge: str | None, file: Path | None,
            settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:  # fmt: skip
    """Compare arms: on one QUESTION side by side, or on the mall's question set with gold, tests and a report.

    The experiment is kept: what was answered before under the same conditions is not asked again, and a run that was
    stopped goes on where it was.
    """
    from cafe24_pipelines import parts

    chosen = tuple(arm.strip() for arm in arms.split(",") if arm.strip()) if arms else ()
    if question is not None and (limit or judge or file):
        raise BadInput("--limit, --judge and --report go with the experiment", remedy="leave the question out")
    admit(settings, mall_id, "run")  # a mall that left is told so before its stores are looked for
    with parts.open_stores(settings) as (graph, vectors):
        services = parts.services(settings, mall_id, graph, vectors)
        admit(settings, mall_id, "question")
        if question is not None:
            answers = _side_by_side(question, services, chosen, lang)
            show_result([a.to_json() for a in answers], as_json, side_by_side_text(answers, lang))
            return
        report = _experiment(settings, services, chosen, limit, judge)
    text = report.text(lang)
    if file is not None:
        write_report(report, file, lang)
    show_result(report.to_json(), as_json, text)


def _side_by_side(question: str, services: "Services", arms: tuple[str, ...], lang: str) -> "list[Answer]":
    from cafe24_pipelines.answers.side_by_side import compare_arms
    from cafe24_pipelines.experiments.experiment import checked_arms

    return list(compare_arms(question, services, checked_arms(arms, services), lang=lang))


def _experiment(
    settings: Settings, services: "Services", arms: tuple[str, ...], limit: int | None, judge: str | None
) -> "Report":
    from cafe24_pipelines.experiments.experiment import Experiment
    from cafe24_pipelines.experiments.store import ExperimentBook

    experiment = Experiment(services, ExperimentBook(settings.home.experiments), limit)
    return experiment.run(arms, lambda line: click.echo(line, err=True), _judge(settings, judge))


def _judge(settings: Settings, name: str | None) -> "LanguageModel | None":
    if name is None:
        return None
    from cafe24_pipelines.answers.llm import LanguageModel

    return LanguageModel(name, settings.llm_api_base, settings.llm_api_key)


def write_report(report: "Report", file: Path, lang: str) -> None:
    """The Markdown at `file`, with its charts beside it and shown in it."""
    from cafe24_pipelines.stores.files import write_atomic

    shown = []
    for name, svg in report.charts.items():
        picture = file.with_name(f"{file.stem}-{name}.svg")
        write_atomic(picture, svg)
        shown.append(f"![{name}]({picture.name})")
    write_atomic(file, "\n\n".join([report.text(lang).rstrip(), *shown]) + "\n")


def side_by_side_text(answers: "list[Answer]", lang: str) -> str:
    """The arms' answers one below the other, each with what it rests on and what it cost."""
    parts = []
    for a in answers:
        cited = ", ".join(c.id for c in a.citations) or "-"
        cost = "?" if a.cost_usd is None else f"${a.cost_usd:.4f}"
        head = f"── {a.arm} ({a.model}, {a.latency_ms:.0f} ms, {cost})"
        parts.append(f"{head}\n{a.answer}\n{label('sources', lang)}: {cited}")
    return "\n\n".join(parts)

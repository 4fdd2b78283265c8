"""`cafe24`: the command line. Reads arguments, calls a room, prints.

Every command has `--json`. A problem is one line on stderr and exit code 1; wrong usage is exit code 2. Heavy parts
are imported inside commands, so that `cafe24 --help` answers at once. Does not belong here: anything that computes.
"""

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from cafe24_pipelines import __version__, show
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


class Problems(click.Group):
    """Prints a `Cafe24Error` as one line on stderr and exits with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Cafe24Error as e:
            click.echo(f"cafe24: {' '.join(str(e).split())}", err=True)
            sys.exit(1)


def _common(command: F) -> F:
    """`--json`, `--home`, `--mall` and `--lang`, as `settings`, `mall_id`, `as_json` and `lang`."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
    @click.option("--home", help="Folder of the installation (default: CAFE24_HOME or ./.cafe24).")
    @click.option("--mall", help="Mall id (default: CAFE24_MALL_ID or sandbox).")
    @click.option("--lang", type=click.Choice(["ko", "en"]), default="ko", envvar="CAFE24_LANG", help="Language.")
    @wraps(command)
    def wrapped(*args: Any, home: str | None, mall: str | None, **kwargs: Any) -> Any:
        settings = Settings.from_env(home=home)
        return command(*args, settings=settings, mall_id=mall or settings.mall_id, **kwargs)

    return wrapped  # type: ignore[return-value]


def _print(value: Any, as_json: bool, text: str) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str) if as_json else text)


@click.group(cls=Problems, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Cafe24 쇼핑몰을 위한 CRM 브레인: 데이터에서 근거 있는 답변까지."""


@main.command()
@click.option("--source", type=click.Choice(["sandbox", "csv", "api"]), help="Where the mall's data comes from.")
@click.option("--path", type=click.Path(path_type=Path), help="CSV folder or file (source csv).")
@click.option(
    "--mapping", type=click.Path(path_type=Path), help="Mapping file for foreign column names (source csv)."
)
@_common
def run(
    *,
    source: str | None,
    path: Path | None,
    mapping: Path | None,
    settings: Settings,
    mall_id: str,
    as_json: bool,
    lang: str,
) -> None:
    """Run the whole chain for one mall: land, index, graph, patterns, answers, fine-tune data."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.cafe24.landing import last_account
    from cafe24_pipelines.cafe24.sources import choose_source
    from cafe24_pipelines.instance import run_chain
    from cafe24_pipelines.status import status as read_status

    mall = choose_source(settings, mall_id, source, path, mapping)
    click.echo(show.starting(mall, lang), err=True)
    run_chain(settings, mall, lambda line: click.echo(line, err=True))
    state = read_status(settings, mall.mall_id)
    account = last_account(parts.mall_lake(settings, mall.mall_id)) if mall.source == "csv" else None
    state |= {"reconciliation": account} if account else {}
    told = [show.account(account, lang)] if account else []
    _print(state, as_json, "\n\n".join([*told, show.counts(state, lang), show.next_steps(mall.mall_id, lang)]))


@main.command()
@_common
def status(settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """What exists for a mall: rows, nodes, points, patterns, and content digests."""
    from cafe24_pipelines.status import status as read_status

    state = read_status(settings, mall_id)
    _print(state, as_json, show.counts(state, lang))


@main.command()
@click.argument("question")
@click.option("--arm", type=click.Choice(["baseline", "rag", "ontology", "finetuned"]), default="ontology")
@_common
def ask(*, question: str, arm: str, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Answer a question about the mall or the Admin API, with citations."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.answers.ask import ask as answer_question

    graph, vectors = parts.graph_store(settings), parts.vector_store(settings)
    try:
        answer = answer_question(question, parts.services(settings, mall_id, graph, vectors), arm=arm)
    finally:
        graph.close()
        vectors.close()
    _print(answer.to_json(), as_json, show.answer(answer.to_json(), lang))


@main.command()
@click.argument("query")
@click.option("--collection", help="One collection only.")
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True)
@_common
def search(
    *, query: str, collection: str | None, limit: int, settings: Settings, mall_id: str, as_json: bool, lang: str
) -> None:
    """Search the mall's collections by words and meaning, best first."""
    from cafe24_pipelines import parts

    vectors = parts.vector_store(settings)
    try:
        found = parts.retriever(settings, vectors, mall_id).search(query, collection=collection, limit=limit)
    finally:
        vectors.close()
    rows = [{"id": f.document_id, "score": f.score, "title": f.title, "text": f.text} for f in found]
    _print(rows, as_json, show.hits(rows, lang))


@main.command()
@_common
def patterns(settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Discovered patterns with effect, interval, corrected p-value and evidence."""
    from cafe24_pipelines.discovery.patterns import PatternBook

    rows = [p.to_json() for p in PatternBook(settings.home.patterns).current(mall_id)]
    _print(rows, as_json, show.patterns(rows, lang))


@main.command()
@click.argument("name", type=click.Choice(["rfm", "cohorts"]))
@_common
def metrics(name: str, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """A CRM table computed by the last run."""
    from cafe24_pipelines.crm.tables import CrmTables

    frame = CrmTables(settings.home.analytics).read(mall_id, name)
    rows = json.loads(frame.to_json(orient="records", date_format="iso", force_ascii=False))
    _print(rows, as_json, show.rows(rows[:50], lang))


@main.group()
def export() -> None:
    """Write published results to a file."""


@export.command("finetune")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="JSONL file; the validation part beside it."
)
@_common
def export_finetune(out: Path, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """The fine-tune data set: training JSONL, and the validation JSONL beside it."""
    from cafe24_pipelines.finetune.store import DatasetStore

    report = DatasetStore(settings.home.datasets).export(mall_id, out)
    _print(report, as_json, show.exported(report, lang))


@main.command()
@click.argument("part", type=click.Choice(["graph", "vectors"]))
@_common
def rebuild(part: str, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Build the graph or the vectors anew from what has landed; the same content gives the same digest."""
    from cafe24_pipelines.rebuild import rebuild_graph, rebuild_vectors

    report = (rebuild_graph if part == "graph" else rebuild_vectors)(settings, mall_id)
    _print(report, as_json, show.rows([report], lang))


@main.command()
@_common
def doctor(settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Check that this installation can do its work, and say what mends it."""
    from cafe24_pipelines.doctor import doctor as examine

    findings = examine(settings, mall_id)
    _print([vars(f) for f in findings], as_json, show.findings(findings, lang))
    if not all(f.ok for f in findings):
        sys.exit(1)


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option("--home", help="Folder of the installation (default: CAFE24_HOME or ./.cafe24).")
def ui(port: int, home: str | None) -> None:
    """Open the Dagster UI on this installation (loopback only); Ctrl-C ends it."""
    from cafe24_pipelines.instance import serve_ui

    serve_ui(Settings.from_env(home=home), port)

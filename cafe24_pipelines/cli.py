"""`cafe24`: the command line. Reads arguments, calls a room, prints.

Every command has `--json`. A problem is one line on stderr and exit code 1; wrong usage is exit code 2. Heavy parts
are imported inside commands, so that `cafe24 --help` answers at once. Does not belong here: anything that computes.
"""

import sys
from pathlib import Path

import click

from cafe24_pipelines import __version__, show
from cafe24_pipelines.commands.common import Problems, admit, common, show_result
from cafe24_pipelines.commands.compare import compare
from cafe24_pipelines.commands.connector import authorize, erase, sync, writeback
from cafe24_pipelines.commands.feedback import feedback
from cafe24_pipelines.commands.generate import generate
from cafe24_pipelines.commands.health import health
from cafe24_pipelines.commands.inbox import inbox
from cafe24_pipelines.commands.keys import keys
from cafe24_pipelines.commands.learning import recipes, settings_in_force
from cafe24_pipelines.commands.mall import mall as mall_group
from cafe24_pipelines.commands.mcp import mcp
from cafe24_pipelines.commands.ready import ready
from cafe24_pipelines.commands.report import report
from cafe24_pipelines.commands.research import research
from cafe24_pipelines.commands.rows import rows as rows_behind
from cafe24_pipelines.commands.servers import sandbox, serve
from cafe24_pipelines.names import ARMS
from cafe24_pipelines.settings import Settings


@click.group(cls=Problems, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Cafe24 쇼핑몰을 위한 CRM 브레인: 데이터에서 근거 있는 답변까지."""


for command in (
    authorize, sync, writeback, erase, sandbox, serve, health, generate, keys, mcp, feedback, compare, inbox,
    rows_behind, research, ready, mall_group, report, recipes, settings_in_force,
):  # fmt: skip
    main.add_command(command)


@main.command()
@click.option("--source", type=click.Choice(["sandbox", "csv", "api"]), help="Where the mall's data comes from.")
@click.option("--path", type=click.Path(path_type=Path), help="Folder of downloads (CSV, Excel), or one file.")
@click.option(
    "--mapping", type=click.Path(path_type=Path), help="Mapping file for foreign column names (source csv)."
)
@click.option(
    "--keep-contacts/--no-keep-contacts",
    default=None,
    help="Source api: keep names and numbers, encrypted, in a table of their own. Default: no.",
)
@common
def run(
    *,
    source: str | None,
    path: Path | None,
    mapping: Path | None,
    keep_contacts: bool | None,
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

    admit(settings, mall_id, "run")
    mall = choose_source(settings, mall_id, source, path, mapping, keep_contacts=keep_contacts)
    click.echo(show.starting(mall, lang), err=True)
    run_chain(settings, mall, lambda line: click.echo(line, err=True))
    state = read_status(settings, mall.mall_id)
    account = last_account(parts.mall_lake(settings, mall.mall_id)) if mall.source == "csv" else None
    state |= {"reconciliation": account} if account else {}
    told = [show.account(account, lang)] if account else []
    show_result(state, as_json, "\n\n".join([*told, show.counts(state, lang), show.next_steps(mall.mall_id, lang)]))


@main.command()
@common
def status(settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """What exists for a mall: rows, nodes, points, patterns, and content digests."""
    from cafe24_pipelines.status import status as read_status

    state = read_status(settings, mall_id)
    show_result(state, as_json, show.counts(state, lang))


@main.command()
@click.argument("question")
@click.option("--arm", type=click.Choice(ARMS), default="ontology")
@click.option("--stream", is_flag=True, help="Print each sentence once it was checked (with --json: a line each).")
@common
def ask(*, question: str, arm: str, stream: bool, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Answer a question about the mall or the Admin API, with citations."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.answers.ask import ask as answer_question
    from cafe24_pipelines.answers.ask import ask_stream
    from cafe24_pipelines.commands.streamed import print_streamed

    admit(settings, mall_id, "run")  # a mall that left is told so before its stores are looked for
    with parts.open_stores(settings) as (graph, vectors):
        services = parts.services(settings, mall_id, graph, vectors)
        admit(settings, mall_id, "question")
        if stream:
            print_streamed(ask_stream(question, services, arm=arm, lang=lang), as_json=as_json, lang=lang)
            return
        answer = answer_question(question, services, arm=arm, lang=lang)
    show_result(answer.to_json(), as_json, show.answer(answer.to_json(), lang))


@main.command()
@click.argument("query")
@click.option("--collection", help="One collection only.")
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option("--filter", "filters", multiple=True, help="FIELD=VALUE, such as kind=endpoint, resource=orders.")
@common
def search(
    *, query: str, collection: str | None, limit: int, filters: tuple[str, ...], settings: Settings, mall_id: str,
    as_json: bool, lang: str,
) -> None:  # fmt: skip
    """Search the mall's collections by words and meaning, best first."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.knowledge.search import filters_of

    wanted = filters_of(filters)
    admit(settings, mall_id, "read")
    vectors = parts.vector_store(settings)
    try:
        retriever = parts.retriever(settings, vectors, mall_id)
        found = retriever.search(query, collection=collection, limit=limit, filters=wanted)
    finally:
        vectors.close()
    rows = [{"id": f.document_id, "score": f.score, "title": f.title, "text": f.text} for f in found]
    show_result(rows, as_json, show.hits(rows, lang))


@main.command()
@click.option("--history", is_flag=True, help="What became of each: measured again, confirmed, retracted.")
@common
def patterns(settings: Settings, mall_id: str, as_json: bool, lang: str, *, history: bool) -> None:
    """Discovered patterns with effect, interval, corrected p-value and evidence."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.discovery.history import pattern_histories
    from cafe24_pipelines.discovery.patterns import PatternBook

    admit(settings, mall_id, "read")
    if history:
        known = pattern_histories(parts.event_log(settings), mall_id)
        told = [one.to_json() for one in known.values()]
        show_result(told, as_json, show.pattern_histories(told, lang))
        return
    rows = [p.to_json() for p in PatternBook(settings.home.patterns).current(mall_id)]
    show_result(rows, as_json, show.patterns(rows, lang))


@main.command()
@click.argument("name", required=False)
@click.option("--rows", default=20, show_default=True, help="Rows of the table to show; 0 for none, -1 for all.")
@click.option("--charts", type=click.Path(path_type=Path), help="Write the charts (SVG) to this folder.")
@common
def metrics(
    settings: Settings, mall_id: str, as_json: bool, lang: str, *, name: str | None, rows: int, charts: Path | None
) -> None:
    """A CRM analysis of the last run: figures, table, charts. Without a name, all there are."""
    from cafe24_pipelines.commands.metrics import all_metrics, metric

    admit(settings, mall_id, "read")
    if name is None:
        found = all_metrics(settings, mall_id)
        show_result(found, as_json, show.rows(found, lang))
        return
    report = metric(settings, mall_id, name, rows=rows, charts=charts)
    show_result(report, as_json, show.metric(report, lang))


@main.group()
def export() -> None:
    """Write published results to a file."""


@export.command("finetune")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="JSONL file; the validation part beside it."
)
@common
def export_finetune(out: Path, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """The fine-tune data set: training JSONL, and the validation JSONL beside it."""
    from cafe24_pipelines.finetune.store import DatasetStore

    admit(settings, mall_id, "read")
    report = DatasetStore(settings.home.datasets).export(mall_id, out)
    show_result(report, as_json, show.exported(report, lang))


@main.command()
@click.argument("part", type=click.Choice(["graph", "vectors"]))
@common
def rebuild(part: str, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Build the graph or the vectors anew from what has landed; the same content gives the same digest."""
    from cafe24_pipelines.rebuild import rebuild_graph, rebuild_vectors

    admit(settings, mall_id, "run")
    report = (rebuild_graph if part == "graph" else rebuild_vectors)(settings, mall_id)
    show_result(report, as_json, show.rows([report], lang))


@main.command()
@common
def doctor(settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Check that this installation can do its work, and say what mends it."""
    from cafe24_pipelines.doctor import doctor as examine

    findings = examine(settings, mall_id)
    show_result([vars(f) for f in findings], as_json, show.findings(findings, lang))
    if not all(f.ok for f in findings):
        sys.exit(1)


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option("--home", help="Folder of the installation (default: CAFE24_HOME or ./.cafe24).")
def ui(port: int, home: str | None) -> None:
    """Open the Dagster UI on this installation (loopback only); Ctrl-C ends it."""
    from cafe24_pipelines.instance import serve_ui

    serve_ui(Settings.from_env(home=home), port)

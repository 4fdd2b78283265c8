"""`cafe24 report`: the mall's report page as a file, or in a browser. Options in, a path out."""

from pathlib import Path

import click

from cafe24_pipelines.commands.common import admit, common, show_result
from cafe24_pipelines.settings import Settings


@click.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the page to this file.")
@click.option("--open", "opened", is_flag=True, help="Open the page in the browser.")
@common
def report(*, out: Path | None, opened: bool, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """The mall's report as one HTML file that needs nothing else: the page of the last run."""
    from cafe24_pipelines.cafe24.malls import mall
    from cafe24_pipelines.reports.archive import PageBook
    from cafe24_pipelines.reports.snapshot import SnapshotBook
    from cafe24_pipelines.stores.files import write_atomic

    admit(settings, mall_id, "read")
    known = mall(settings.home, mall_id)
    book = PageBook(settings.home.reports)
    snapshot = SnapshotBook(settings.home.reports).current(known.mall_id)
    page = book.current(known.mall_id, lang)
    if out:
        write_atomic(out, page.read_bytes())
        page = out.resolve()
    if opened:
        click.launch(page.as_uri())
    told = {
        "mall": known.mall_id, "page": str(page), "as_of": snapshot["as_of"], "made_at": snapshot["made_at"],
        "digest": snapshot["digest"], "archived": [str(path) for path in book.archived(known.mall_id)],
    }  # fmt: skip
    show_result(told, as_json, str(page))

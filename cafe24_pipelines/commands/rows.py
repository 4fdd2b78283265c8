"""`cafe24 rows`: the rows behind a number of an answer. Does not belong here: which rows those are."""

import click

from cafe24_pipelines import show
from cafe24_pipelines.answers.rows import MAX_ROWS
from cafe24_pipelines.commands.common import admit, common, show_result
from cafe24_pipelines.settings import Settings


@click.command()
@click.argument("reference")
@click.option("--limit", type=click.IntRange(1, MAX_ROWS), default=100, show_default=True)
@click.option("--offset", type=click.IntRange(0), default=0, show_default=True)
@common
def rows(
    *, reference: str, limit: int, offset: int, settings: Settings, mall_id: str, as_json: bool, lang: str
) -> None:
    """The rows behind a number: REFERENCE as `cafe24 ask --json` gives it in numbers[].rows."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.answers.rows import read_rows
    from cafe24_pipelines.cafe24.malls import mall

    admit(settings, mall_id, "read")
    lake = parts.mall_lake(settings, mall_id)
    page = read_rows(reference, lake, mall(settings.home, mall_id), offset=offset, limit=limit).to_json()
    head = f"{page['title']}: {page['of']} {page['total']}"
    show_result(page, as_json, f"{head}\n{show.rows(page['rows'], lang)}")

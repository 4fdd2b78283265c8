"""`cafe24 mcp`: this mall for a merchant's own assistant, over standard input and output (docs/mcp.md)."""

import click

from cafe24_pipelines.settings import Settings


@click.command()
@click.option("--mall", help="Mall id (default: CAFE24_MALL_ID or sandbox). Fixed for as long as the server runs.")
@click.option("--home", help="Folder of the installation (default: CAFE24_HOME or ./.cafe24).")
def mcp(*, mall: str | None, home: str | None) -> None:
    """Serve the Model Context Protocol on standard input and output: ask, search, patterns, metrics."""
    from cafe24_pipelines.serving.mcp_server import serve_stdio

    settings = Settings.from_env(home=home)
    serve_stdio(settings, mall or settings.mall_id)

"""`cafe24 ready`: what is not green in this installation, and what mends it. Options in, text out."""

import shutil
import sys
import warnings
from datetime import UTC, datetime

import click

from cafe24_pipelines.commands.common import common, show_result
from cafe24_pipelines.settings import Settings


@click.command()
@common
def ready(*, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Every workflow, asset, check, store and model of the installation: green, or why not and what mends it.

    Looks only: it starts nothing, asks no model, and tells nobody. Ends with 1 while anything is red.
    """
    warnings.filterwarnings("ignore", message="Parameter `owners`")  # beta in Dagster 1.13, and used on purpose
    from cafe24_pipelines.definitions import build_defs
    from cafe24_pipelines.instance import dagster_instance
    from cafe24_pipelines.instance_facts import readiness_facts
    from cafe24_pipelines.operations.readiness import readiness
    from cafe24_pipelines.operations.readiness_text import text

    with dagster_instance(settings) as instance:
        found = readiness(readiness_facts(settings, instance, build_defs()), datetime.now(UTC))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    show_result(found.to_json(), as_json, text(found, lang, width))
    if not found.green:
        sys.exit(1)

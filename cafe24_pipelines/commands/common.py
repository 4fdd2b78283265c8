"""What every command shares: its options, how it prints, and how a problem is told."""

import json
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

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


def common(command: F) -> F:
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


def show_result(value: Any, as_json: bool, text: str) -> None:
    """Print a command's result as JSON or as text."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str) if as_json else text)

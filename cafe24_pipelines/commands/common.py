"""What every command shares: its options, how it prints, and how a problem is told."""

import json
import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.lifecycle.plan import What

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


def admit(settings: Settings, mall_id: str, what: "What") -> None:
    """Ask the gate of every door (`lifecycle/plan.py`), and count the use where the plan bounds it.

    Raises:
        NotAllowed: the mall is suspended, has left or was removed, or its day is spent.
    """
    from cafe24_pipelines import parts
    from cafe24_pipelines.lifecycle.plan import require

    if settings.home.events.exists():  # no log: no mall has had a life, and a command that reads makes no files
        require(settings, parts.event_log(settings), mall_id, what)


def show_result(value: Any, as_json: bool, text: str) -> None:
    """Print a command's result as JSON or as text."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str) if as_json else text)

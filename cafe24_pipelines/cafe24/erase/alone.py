"""Nobody else writes while something is removed: the home's writer lock, and that of the mall's sync.

Does not belong here: what is removed.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from cafe24_pipelines.stores.files import writer_lock

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings


@contextmanager
def alone(settings: "Settings", mall_id: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold both locks; a sync lands API rows beside runs, so it has one of its own. `waiting` is called once each."""
    with ExitStack() as held:
        held.enter_context(writer_lock(settings.home.writer_lock, waiting=waiting))
        api = settings.home.lake / mall_id / "api"
        if api.exists():
            from cafe24_pipelines.cafe24.sync.engine import LOCK_FILE

            held.enter_context(writer_lock(api / LOCK_FILE, waiting=waiting))
        yield

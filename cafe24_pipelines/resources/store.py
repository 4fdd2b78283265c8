"""What the graph and the vectors resources share: a back end opened when first needed, closed with the run."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr

from cafe24_pipelines.settings import Settings


class StoreResource(dg.ConfigurableResource):
    """A store behind a protocol; subclasses say which one with `_open`."""

    home: str = Field(default="", description="Folder of the installation; empty means CAFE24_HOME.")
    _opened: Any = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["StoreResource"]:
        """Close the store when the run ends, however it ends."""
        try:
            yield self
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Close what is open; the next use opens it again. For runs that go from mall to mall: each holds a graph."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @abstractmethod
    def _open(self, settings: Settings) -> Any:
        """The back end that the settings choose."""

    def _once(self) -> Any:
        if self._opened is None:
            self._opened = self._open(Settings.from_env(home=self.home or None))
        return self._opened

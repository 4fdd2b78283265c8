"""What every CRM analysis is: one function from a shop to a table, a summary and charts, found by its name.

A new analysis is one file in this room with one decorated function; `analyses()` finds it, and with it come its
Dagster asset, its published table, `cafe24 metrics <name>` and its rebuild after an erasure. An analysis whose data
can't answer says what is missing (`Outcome.lacking`); it never raises for data and never shows a NaN. Does not belong
here: any one analysis, or publishing (see `tables.py`).
"""

import importlib
import math
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.crm.shop import Shop


@dataclass(frozen=True)
class Lacking:
    """One thing that the data would have to hold: what (Korean), how much there is, how much it takes."""

    what: str
    have: float
    needed: float


@dataclass(frozen=True)
class Outcome:
    """What an analysis found.

    Attributes:
        table: rows with exactly the analysis's declared columns; empty when the data can't answer.
        summary: the figures of the whole, as JSON values: no NaN, no member key, no text that a shop wrote except
            names of products, categories and coupons.
        charts: SVG by name (see `charts.py`).
        lacking: why the data can't answer, or why a part of it is left out; empty when all is there.
    """

    table: "pd.DataFrame"
    summary: dict[str, Any]
    charts: Mapping[str, str] = field(default_factory=dict)
    lacking: tuple[Lacking, ...] = ()

    @property
    def status(self) -> str:
        """ "ok", or "insufficient_data" when there is no row and something is missing."""
        return "insufficient_data" if self.lacking and self.table.empty else "ok"

    def to_json(self) -> dict[str, Any]:
        """The summary with its status and what is missing.

        Raises:
            ValueError: a number in the summary is not finite.
        """
        missing = [{"what": one.what, "have": one.have, "needed": one.needed} for one in self.lacking]
        _check_finite(self.summary, "summary")
        return {"status": self.status, "lacking": missing, **self.summary}


@dataclass(frozen=True)
class Analysis:
    """A registered analysis.

    Attributes:
        name: of its table, asset and metric.
        title_ko, title_en: what a person reads.
        needs: the shop tables it reads (names in `names.SHOP_TABLES`).
        columns: name and Arrow type of each column of its table.
        run: the function.
    """

    name: str
    title_ko: str
    title_en: str
    needs: tuple[str, ...]
    columns: "Callable[[], Mapping[str, pa.DataType]]"
    run: "Callable[[Shop, Mall], Outcome]"

    @property
    def description(self) -> str:
        """The first paragraph of the function's docstring, on one line."""
        return " ".join((self.run.__doc__ or "").split("\n\n")[0].split())

    def empty(self) -> "pd.DataFrame":
        """A table without rows."""
        import pyarrow as pa

        return pa.schema(list(self.columns().items())).empty_table().to_pandas()


_REGISTRY: dict[str, Analysis] = {}

_Run = Callable[["Shop", "Mall"], Outcome]


def analysis(
    *,
    name: str,
    title_ko: str,
    title_en: str,
    needs: tuple[str, ...],
    columns: "Callable[[], Mapping[str, pa.DataType]]",
) -> Callable[[_Run], _Run]:
    """Register an analysis; names are unique. `columns` is called late, so that loading stays light."""

    def register(run: _Run) -> _Run:
        known = _REGISTRY.get(name)
        if known and known.run.__module__ != run.__module__:
            raise ValueError(f"analysis {name} is defined twice")
        _REGISTRY[name] = Analysis(name, title_ko, title_en, needs, columns, run)
        return run

    return register


def analyses() -> list[Analysis]:
    """Every analysis of this room, by name."""
    from cafe24_pipelines import crm as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return [_REGISTRY[name] for name in sorted(_REGISTRY)]


def analysis_named(name: str) -> Analysis:
    """One of them (KeyError if there is none of that name)."""
    return {one.name: one for one in analyses()}[name]


def _check_finite(value: Any, where: str) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_finite(inner, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            _check_finite(inner, f"{where}[{i}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} is {value}: say what is missing instead")

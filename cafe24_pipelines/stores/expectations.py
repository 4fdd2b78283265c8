"""Great Expectations suites of the lake's tables, derived from `schemas.py` so that no rule is written twice.

The *contract* is what every row must keep: columns, types, required values, closed sets, bounds, unique keys, exact
amounts. The *observation* suite compares what is usually true (`observations.py`). Suites run on a frame in an
ephemeral context: nothing is written, no progress bar, no connection is opened.
Does not belong here: Dagster (see `checks/`), or anything that changes rows.
"""

import os
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa

from cafe24_pipelines.stores.observations import observations
from cafe24_pipelines.stores.schemas import TABLES, Table

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationSuite

    from cafe24_pipelines.stores.lake import MallLake

Kind = Literal["contract", "observation"]
MAX_EXAMPLES: Final = 5
_AMOUNT_GAP: Final = "amount - quantity * unit_price"


@dataclass(frozen=True)
class Failure:
    """One expectation that doesn't hold: what was seen, and up to five of the values or rows behind it."""

    expectation: str
    column: str
    observed: str
    examples: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The failure as plain values."""
        return asdict(self) | {"examples": list(self.examples)}

    def summary(self) -> str:
        """One line for a check's description."""
        shown = f" (e.g. {', '.join(self.examples)})" if self.examples else ""
        return f"{self.column or 'table'}: {self.expectation}: {self.observed}{shown}"


@dataclass(frozen=True)
class SuiteResult:
    """Outcome of one suite on one table; `evaluated` expectations, 0 when the table has never landed."""

    table: str
    kind: Kind
    success: bool
    evaluated: int
    failed: tuple[Failure, ...] = ()


def contract_suite(table: str) -> "ExpectationSuite":
    """The rules of `schemas.TABLES[table]`, for a frame with its columns (`validate` shows how it is read)."""
    gxe, suite = _gx()
    spec = TABLES[table]
    rules: list[Any] = [
        gxe.ExpectTableColumnsToMatchSet(column_set=_frame_columns(spec), exact_match=True),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=list(spec.key))
        if len(spec.key) > 1
        else gxe.ExpectColumnValuesToBeUnique(column=spec.key[0]),
    ]
    for column in spec.columns:
        rules.append(gxe.ExpectColumnValuesToBeOfType(column=column.name, type_=_python_type(column.type)))
        if not column.nullable:
            rules.append(gxe.ExpectColumnValuesToNotBeNull(column=column.name))
        if column.allowed:
            rules.append(gxe.ExpectColumnValuesToBeInSet(column=column.name, value_set=list(column.allowed)))
        if column.minimum is not None or column.maximum is not None:
            rules.append(
                gxe.ExpectColumnValuesToBeBetween(
                    column=column.name, min_value=column.minimum, max_value=column.maximum
                )
            )
    if _AMOUNT_GAP in _frame_columns(spec):
        rules.append(gxe.ExpectColumnValuesToBeInSet(column=_AMOUNT_GAP, value_set=[0]))
    return suite(f"{table}_contract", expectations=rules)


def observation_suite(table: str) -> "ExpectationSuite":
    """The measures of a table with their bounds, for a frame of one row with a column a measure."""
    gxe, suite = _gx()
    rules = [
        gxe.ExpectColumnValuesToBeBetween(column=o.name, min_value=o.minimum, max_value=o.maximum)
        for o in observations(table)
    ]
    return suite(f"{table}_observation", expectations=rules)


def validate(table_name: str, lake: "MallLake", *, kind: Kind = "contract") -> SuiteResult:
    """Run one suite on the current rows of a mall's table.

    A table that never landed (a shop need not have coupons) passes with nothing evaluated.

    Raises:
        LakeDamaged: the table can't be read.
        KeyError: there is no such table.
    """
    TABLES[table_name]
    if table_name not in lake.counts():
        return SuiteResult(table_name, kind, success=True, evaluated=0)
    if kind == "contract":
        results = _run(contract_suite(table_name), _contract_frame(table_name, lake))
        failed = tuple(_failure(r) for r in results if not r["success"])
    else:
        results = _run(observation_suite(table_name), _observation_frame(table_name, lake))
        bad = {r["expectation_config"]["kwargs"]["column"]: r for r in results if not r["success"]}
        failed = tuple(
            _observed(o.name, bad[o.name], _examples(lake, o.examples))
            for o in observations(table_name)
            if o.name in bad
        )
    return SuiteResult(table_name, kind, success=not failed, evaluated=len(results), failed=failed)


def _contract_frame(table: str, lake: "MallLake") -> "pd.DataFrame":
    """All columns with their Arrow types (so a decimal stays exact and a null integer stays an integer)."""
    import pandas as pd

    gap = f', {_AMOUNT_GAP} AS "{_AMOUNT_GAP}"' if _AMOUNT_GAP in _frame_columns(TABLES[table]) else ""
    return lake.query(f"SELECT *{gap} FROM {table}").to_pandas(types_mapper=pd.ArrowDtype)


def _observation_frame(table: str, lake: "MallLake") -> "pd.DataFrame":
    columns = ", ".join(f'({o.sql})::DOUBLE AS "{o.name}"' for o in observations(table))
    return lake.query(f"SELECT {columns}").to_pandas()


def _examples(lake: "MallLake", sql: str) -> tuple[str, ...]:
    rows = lake.query(sql).to_pylist() if sql else []
    return tuple(" / ".join(str(v) for v in row.values()) for row in rows)


def _frame_columns(table: Table) -> list[str]:
    gap = [_AMOUNT_GAP] if {"amount", "quantity", "unit_price"} <= set(table.schema.names) else []
    return [*table.schema.names, *gap]


def _python_type(kind: pa.DataType) -> str:
    """What Great Expectations calls an Arrow column of that type."""
    for name, test in (
        ("str", pa.types.is_string),
        ("int", pa.types.is_integer),
        ("Decimal", pa.types.is_decimal),
        ("datetime", pa.types.is_timestamp),
        ("bool", pa.types.is_boolean),
    ):
        if test(kind):
            return name
    raise ValueError(f"no rule for columns of type {kind}")


def _gx() -> tuple[Any, Any]:
    """Great Expectations, silent: its usage reports are switched off before it is imported."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    import great_expectations.expectations as gxe
    from great_expectations.core import ExpectationSuite

    return gxe, ExpectationSuite


def _run(suite: "ExpectationSuite", frame: "pd.DataFrame") -> list[dict[str, Any]]:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("lake").add_dataframe_asset("table")
    batch = source.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": frame})
    shape = {"result_format": "BASIC", "partial_unexpected_count": MAX_EXAMPLES}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        outcome = batch.validate(suite, result_format=shape)
    return [r.to_json_dict() for r in outcome.results]


def _failure(result: dict[str, Any]) -> Failure:
    rule = result["expectation_config"]
    seen = result["result"]
    if "unexpected_count" in seen:
        observed = f"{seen['unexpected_count']} of {seen['element_count']} rows"
    elif "observed_value" in seen:
        observed = f"found {seen['observed_value']}"
    else:
        observed = str(result["exception_info"])[:300]
    values = dict.fromkeys(str(v) for v in seen.get("partial_unexpected_list") or [] if v is not None)
    column = rule["kwargs"].get("column") or ", ".join(rule["kwargs"].get("column_list", []))
    return Failure(rule["type"].removeprefix("expect_"), column, observed, tuple(values)[:MAX_EXAMPLES])


def _observed(name: str, result: dict[str, Any], examples: tuple[str, ...]) -> Failure:
    bounds = result["expectation_config"]["kwargs"]
    low, high = bounds.get("min_value"), bounds.get("max_value")
    limits = (f"at least {low:g}" if low is not None else "", f"at most {high:g}" if high is not None else "")
    wanted = " and ".join(text for text in limits if text)
    seen = result["result"].get("partial_unexpected_list") or ["nothing"]
    return Failure(
        f"{wanted} expected", name, f"{seen[0]:g}" if isinstance(seen[0], float) else str(seen[0]), examples
    )

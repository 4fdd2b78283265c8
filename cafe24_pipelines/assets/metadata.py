"""How what happened is shown in the Dagster UI: row counts, column schemas, small previews.

Previews pass the privacy line already (the lake holds no personal data) and stay at a few rows, because metadata
is stored in the event log for ever.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    import pyarrow as pa

PREVIEW_ROWS = 5
TEXT_LIMIT = 60
LEAD_LIMIT = 900
"""Letters of a text that the Dagster UI shows where it stands; longer ones open on a click."""


def table_metadata(name: str, count: int, head: "pa.Table | None", digest: str) -> dict[str, Any]:
    """Metadata of one landed table: its row count, digest, column types and a preview of its first rows."""
    return {
        "dagster/row_count": count,
        "dagster/column_schema": column_schema(name),
        "content_digest": digest,
        "preview": preview(head.slice(0, PREVIEW_ROWS).to_pylist() if head is not None else []),
    }


def column_schema(name: str) -> dg.TableSchema:
    """The lake's typed schema of a resource, as Dagster shows it."""
    from cafe24_pipelines.stores.schemas import TABLES

    return dg.TableSchema(
        columns=[
            dg.TableColumn(c.name, str(c.type), constraints=dg.TableColumnConstraints(nullable=c.nullable))
            for c in TABLES[name].columns
        ]
    )


def preview(rows: Iterable[Mapping[str, Any]]) -> dg.MetadataValue:
    """A Markdown table of a few rows; long text is cut."""
    records = list(rows)
    if not records:
        return dg.MetadataValue.md("_no rows_")
    columns = [c for c in records[0] if c != "mall_id"]
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(_cell(row.get(c)) for c in columns)} |" for row in records]
    return dg.MetadataValue.md("\n".join(lines))


def counts_table(counts: Mapping[str, int], *, name: str, value: str) -> dg.MetadataValue:
    """A two-column table of counts, largest first."""
    ordered = sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))
    return preview({name: key, value: number} for key, number in ordered)


def picture(svg: str, name: str) -> dg.MetadataValue:
    """An SVG shown where Dagster renders Markdown."""
    from base64 import b64encode

    return dg.MetadataValue.md(f"![{name}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})")


def lead(text: str) -> dg.MetadataValue:
    """What a Markdown text says before its first table or section: long ones stand behind a click in the UI."""
    kept = []
    for line in text.splitlines():
        if line.startswith(("|", "## ")):
            break
        kept.append("" if line.startswith("# ") else line)
    said = "\n".join(kept).strip()
    return dg.MetadataValue.md(said if len(said) <= LEAD_LIMIT else said[: LEAD_LIMIT - 1] + "…")


def _cell(value: Any) -> str:
    shown = f"{value:.6g}" if isinstance(value, float) else value
    text = "" if shown is None else str(shown).replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"

"""Analytics as published files, one current build a mall and analysis: its table (Parquet), summary and charts.

Readers see the last complete build; publishing equal content changes nothing on disk. Does not belong here: how
a table is computed.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.stores.digest import combine, json_digest, table_digest
from cafe24_pipelines.stores.files import Build, Published

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from cafe24_pipelines.crm.analysis import Analysis, Outcome

_FILE = "table.parquet"


class CrmTables:
    """The analytics tables of every mall under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def publish(self, mall_id: str, name: str, outcome: "Outcome") -> str:
        """Publish what the analysis `name` found as its current table; equal content is not written again.

        Returns:
            The content digest, of table and summary.

        Raises:
            ValueError: columns are not the declared ones, or a number of the summary is not finite.
        """
        import pyarrow.parquet as pq

        from cafe24_pipelines.crm.analysis import analysis_named

        table, summary = _arrow(analysis_named(name), outcome.table), outcome.to_json()
        digest = combine([table_digest(table), json_digest(summary)])
        store = self._store(mall_id, name)
        if digest != self.digest(mall_id, name):
            staging = store.staging(digest)
            pq.write_table(table, staging / _FILE, compression="zstd")
            for chart, svg in outcome.charts.items():
                (staging / f"{chart}.svg").write_text(svg, encoding="utf-8")
            meta = {"rows": table.num_rows, "digest": digest, "summary": summary}
            store.publish(staging, digest, meta)
        return digest

    def read(self, mall_id: str, name: str) -> "pd.DataFrame":
        """The current table.

        Raises:
            NotBuilt: it has never been published for this mall.
        """
        import pyarrow.parquet as pq

        return pq.read_table(self._build(mall_id, name).path / _FILE).to_pandas()

    def summary(self, mall_id: str, name: str) -> dict[str, Any]:
        """The current summary: status, what is missing, and the figures of the whole.

        Raises:
            NotBuilt: the analysis has never been published for this mall.
        """
        return dict(self._build(mall_id, name).meta["summary"])

    def rows(self, mall_id: str, name: str) -> int:
        """How many rows the current table has.

        Raises:
            NotBuilt: the analysis has never been published for this mall.
        """
        return int(self._build(mall_id, name).meta["rows"])

    def charts(self, mall_id: str, name: str) -> dict[str, Path]:
        """The current charts: SVG files by name."""
        return {path.stem: path for path in sorted(self._build(mall_id, name).path.glob("*.svg"))}

    def digest(self, mall_id: str, name: str) -> str:
        """Content digest of the current table ("" before the first publication)."""
        build = self._store(mall_id, name).current()
        return str(build.meta["digest"]) if build else ""

    def digests(self, mall_id: str) -> dict[str, str]:
        """Content digest of every published table of a mall, by name."""
        folder = self.root / mall_id
        names = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.exists() else []
        return {name: digest for name in names if (digest := self.digest(mall_id, name))}

    def _build(self, mall_id: str, name: str) -> Build:
        build = self._store(mall_id, name).current()
        if build is None:
            raise NotBuilt(
                f"the analytics table {name!r} of mall {mall_id!r} does not exist yet",
                remedy="run `cafe24 run` first",
            )
        return build

    def _store(self, mall_id: str, name: str) -> Published:
        return Published(self.root / mall_id / name)


def _arrow(analysis: "Analysis", frame: "pd.DataFrame") -> "pa.Table":
    """Arrow with one type a column whatever the rows: an inferred decimal's precision depends on its values."""
    import pyarrow as pa

    columns = analysis.columns()
    if set(frame.columns) != set(columns):
        raise ValueError(f"{analysis.name}: columns {sorted(frame.columns)} are not the declared {sorted(columns)}")
    schema = pa.schema(list(columns.items()))
    return pa.Table.from_pandas(frame[list(columns)], schema=schema, preserve_index=False).replace_schema_metadata(
        None
    )

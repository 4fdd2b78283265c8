"""Analytics stage: CRM tables that people and later stages read, one asset an analysis of `crm/`."""

import dagster as dg

from cafe24_pipelines.assets.metadata import picture, preview
from cafe24_pipelines.crm.analysis import Analysis, analyses
from cafe24_pipelines.names import ANALYTICS, CRM_TEAM
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.lake import LakeResource


def _asset_of(analysis: Analysis) -> dg.AssetsDefinition:
    """The asset of one analysis; its table, summary and charts become metadata."""

    @dg.asset(
        name=analysis.name,
        description=analysis.description,
        deps=list(analysis.needs),
        group_name=ANALYTICS,
        kinds={"parquet", "duckdb"},
        owners=[CRM_TEAM],
        code_version="1",
        partitions_def=malls,
    )
    def compute(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        from cafe24_pipelines.crm.tables import CrmTables

        mall = lake.mall(context.partition_key)
        outcome = analysis.run(lake.of(mall.mall_id).for_analysis(), mall)
        rows = outcome.table.head(12).to_dict("records")
        digest = CrmTables(lake.settings().home.analytics).publish(mall.mall_id, analysis.name, outcome)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(outcome.table),
                "content_digest": digest,
                "status": outcome.status,
                "summary": dg.MetadataValue.json(outcome.to_json()),
                "preview": preview({str(k): v for k, v in row.items()} for row in rows),
                **{name: picture(svg, name) for name, svg in outcome.charts.items()},
            }
        )

    return compute


analytics_assets = [_asset_of(one) for one in analyses()]

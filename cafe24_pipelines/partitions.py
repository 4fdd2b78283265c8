"""Partitions. A leaf: imports nothing of the project but names."""

import dagster as dg

from cafe24_pipelines.names import ARMS, SEOUL

malls = dg.DynamicPartitionsDefinition(name="malls")
"""One partition a mall: every asset has it; `cafe24 run` and onboarding add keys."""

months = dg.MonthlyPartitionsDefinition(start_date="2010-01-01", timezone=SEOUL, end_offset=1)
"""Calendar months in Asia/Seoul, to the one that is running."""

mall_months = dg.MultiPartitionsDefinition({"mall": malls, "month": months})
"""A mall's months, for back-fills of what has a date."""

arms = dg.StaticPartitionsDefinition(list(ARMS))
"""What answers in a comparison."""

mall_arms = dg.MultiPartitionsDefinition({"mall": malls, "arm": arms})
"""A mall's arms; the report over them is by mall."""

"""Clock-driven workflows, in Asia/Seoul."""

from cafe24_pipelines.schedules import operations, reports, research, workflows

all_schedules = [
    *workflows.all_schedules,
    *research.all_schedules,
    *reports.all_schedules,
    *operations.all_schedules,
]

__all__ = ["all_schedules"]

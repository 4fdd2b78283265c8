"""Clock-driven workflows, in Asia/Seoul."""

from cafe24_pipelines.schedules import learning, operations, reports, research, watch, workflows

all_schedules = [
    *workflows.all_schedules,
    *research.all_schedules,
    *learning.all_schedules,
    *reports.all_schedules,
    *operations.all_schedules,
    *watch.all_schedules,
]

__all__ = ["all_schedules"]

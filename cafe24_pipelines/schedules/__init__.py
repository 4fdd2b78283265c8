"""Clock-driven workflows, in Asia/Seoul."""

from cafe24_pipelines.schedules.workflows import all_schedules

__all__ = ["all_schedules"]

"""The comparison of arms: questions with gold, scores, paired statistics, an optional judge, a report. No Dagster."""

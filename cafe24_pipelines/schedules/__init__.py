"""Clock-driven workflows, in Asia/Seoul."""

"""What became of a plan's members, in counts and hashes. Does not belong here: deciding it (`sending.py`)."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class SendReport:
    """What became of a plan's members. `refused` holds (member key, reason); keys only, never ids."""

    plan: str
    members: int
    done: int = 0
    already: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    uncertain: list[str] = field(default_factory=list)
    requests: int = 0
    stopped: str = ""

    @property
    def not_sent(self) -> int:
        """Members that were not reached because sending stopped."""
        return self.members - self.done - self.already - len(self.refused) - len(self.uncertain)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to send or to find out."""
        return not self.stopped and not self.uncertain

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "plan": self.plan, "members": self.members, "done": self.done, "already": self.already,
            "refused": [{"member_key": k, "reason": r} for k, r in self.refused], "uncertain": self.uncertain,
            "not_sent": self.not_sent, "requests": self.requests, "stopped": self.stopped, "complete": self.complete,
        }  # fmt: skip

    def show(self, lang: str = "ko") -> str:
        """For a reader, Korean or English."""
        from cafe24_pipelines.cafe24.write_back.words import report_text

        return report_text(self, lang)

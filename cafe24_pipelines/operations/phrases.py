"""What readiness says, in Korean and English: reasons, and what mends them.

Does not belong here: when something is said (`readiness.py`, `store_facts.py`).
"""

from dataclasses import dataclass
from typing import Final

_UI: Final = "Dagster UI(`cafe24 ui`)"


@dataclass(frozen=True)
class Said:
    """A sentence in both languages; `{}` is where a name stands."""

    ko: str
    en: str

    def of(self, *names: "str | Said") -> "Said":
        """The sentence with its names."""
        both = [name if isinstance(name, Said) else Said(name, name) for name in names]
        return Said(self.ko.format(*(n.ko for n in both)), self.en.format(*(n.en for n in both)))


NOT_STARTED: Final = Said("시작되지 않았습니다", "not started")
TURN_ON: Final = Said(f"{_UI} → Automation에서 켜십시오", "turn it on: `cafe24 ui` → Automation")
TICK_FAILED: Final = Said("마지막 틱이 실패했습니다", "the last tick failed")
SEE_TICK: Final = Said(
    f"{_UI} → Automation에서 틱의 오류를 보십시오", "see the tick's error: `cafe24 ui` → Automation"
)
TICK_LATE: Final = Said("틱이 늦습니다", "a tick is late")
SEE_DAEMON: Final = Said(
    "Dagster 데몬이 떠 있는지 보십시오 (`cafe24 ui` 또는 daemon 컨테이너)",
    "see whether the Dagster daemon runs (`cafe24 ui`, or the daemon container)",
)
RUN_FAILED: Final = Said("마지막 실행이 실패했습니다", "the last run failed")
SEE_RUN: Final = Said(
    f"{_UI} → Runs에서 실패한 단계의 오류와 해결책을 보십시오",
    "see the failed step's error and remedy: `cafe24 ui` → Runs",
)
ATTEMPT_FAILED: Final = Said("마지막 시도가 실패했습니다: {}", "the last attempt failed: {}")
RUN_AGAIN: Final = Said(
    f"{_UI} → Runs에서 오류를 보고 다시 실행하십시오", "see the error and run it again: `cafe24 ui` → Runs"
)
NOT_MADE: Final = Said("아직 만들어지지 않았습니다", "not made yet")
NOT_MADE_FOR: Final = Said("아직 만들어지지 않았습니다: {}", "not made yet: {}")
RUN: Final = Said("`cafe24 run --mall {}` 명령을 실행하십시오", "run `cafe24 run --mall {}`")
STALE: Final = Said("제때 새로 만들어지지 않았습니다", "not made anew in time")
SEE_SCHEDULE: Final = Said(
    "이 자산을 만드는 스케줄이 켜져 있고 늦지 않은지 보십시오",
    "see whether the schedule that makes it is on and in time",
)
CHECK_FAILED: Final = Said("검사가 실패했습니다: {}", "the check failed: {}")
SEE_CHECK: Final = Said(
    f"{_UI} → 자산 → Checks에서 근거를 보십시오", "see the evidence: `cafe24 ui` → the asset → Checks"
)
UNREADABLE: Final = Said("읽을 수 없습니다: {}", "can't be read: {}")
DOCTOR: Final = Said("`cafe24 doctor`를 실행하십시오", "run `cafe24 doctor`")
NO_BEAT: Final = Said("하트비트가 아직 없습니다", "no heartbeat yet")
TURN_ON_BEAT: Final = Said(
    f"{_UI} → Automation에서 heartbeat_upkeep을 켜십시오", "turn heartbeat_upkeep on: `cafe24 ui` → Automation"
)
BEAT_LOST: Final = Said("하트비트가 끊겼습니다", "the heartbeat stopped")
SEE_BEAT: Final = Said(
    "Dagster 데몬과 디스크를 보십시오; 하트비트는 15분마다 이벤트 로그와 레이크에 씁니다",
    "see the Dagster daemon and the disk; a beat writes to event log and lake every 15 minutes",
)
NOTHING_LANDED: Final = Said("적재된 데이터가 없습니다", "nothing has landed")
NO_GRAPH: Final = Said("게시된 그래프가 없습니다", "no graph is published")
OLD_GRAPH: Final = Said("그래프가 지금의 레이크와 다른 빌드입니다", "the graph is not of the present lake")
BUILD_GRAPH: Final = Said(
    "ontology_builder를 켜거나 `cafe24 run --mall {}` 명령을 실행하십시오",
    "turn ontology_builder on, or run `cafe24 run --mall {}`",
)
GRAPH_PATTERNS: Final = Said(
    "그래프의 패턴이 게시된 패턴과 다릅니다", "the graph's patterns are not the published ones"
)
REBUILD_GRAPH: Final = Said(
    "패턴이 게시된 뒤 그래프가 다시 게시되지 않았습니다: `cafe24 rebuild graph --mall {}`",
    "the graph was not published after the patterns: `cafe24 rebuild graph --mall {}`",
)
NO_COLLECTIONS: Final = Said("게시되지 않은 컬렉션: {}", "collections that are not published: {}")
VECTOR_PATTERNS: Final = Said(
    "인사이트 벡터가 게시된 패턴과 다릅니다", "the insight vectors are not of the published patterns"
)
REBUILD_VECTORS: Final = Said(
    "`cafe24 rebuild vectors --mall {}` 명령을 실행하십시오", "run `cafe24 rebuild vectors --mall {}`"
)
FAILING: Final = Said("실패하고 있습니다: {}", "is failing: {}")
HANGING: Final = Said("끝나지 않고 있습니다", "has been at work for too long")
SEE_HANGING: Final = Said(
    f"{_UI} → Runs에서 아직 일하는지 보고, 멈췄으면 Terminate로 끝내십시오",
    "see whether it is still at work, else terminate it: `cafe24 ui` → Runs",
)
SEE_RUNS: Final = Said(f"{_UI} → Runs에서 오류를 보십시오", "see the error: `cafe24 ui` → Runs")

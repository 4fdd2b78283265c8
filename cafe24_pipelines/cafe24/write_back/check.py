"""Reading back what a write did: who is in the tier, who holds the coupon, and what an answer itself confirms.

Does not belong here: what to do about a member who is missing (`sending.py`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from cafe24_pipelines.cafe24.write_back.members import look_up
from cafe24_pipelines.cafe24.write_back.plan import Member, WritePlan

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.admin_api.client import AdminClient

_LOOKUP: Final = 100
_PAGE: Final = 500


class Check(Protocol):
    """How one kind of plan is checked."""

    baseline: str
    """What must be known of the time before the first request; kept in the log for a resumption."""

    safe_to_repeat: bool
    """Whether a member who already has it is left alone by the API itself."""

    one_answer_is_final: bool
    """Whether an answer that does nothing for a member would come again however often one asks."""

    def unconfirmed(self, answer: Any, members: Sequence[Member]) -> list[Member]:
        """Members for whom the answer of a request doesn't say that it was done."""
        ...

    def missing(self, members: Sequence[Member]) -> list[Member]:
        """Members who don't have it, read from the API now."""
        ...


def check_for(plan: WritePlan, client: "AdminClient", baseline: str | None) -> Check:
    """The check of a plan; `baseline` from its first attempt, None to take it now."""
    return TierCheck(plan, client) if plan.kind == "group_move" else CouponCheck(plan, client, baseline)


class TierCheck:
    """Members of a tier: the lookup says in which tier each one is."""

    baseline = ""
    safe_to_repeat = True
    one_answer_is_final = False

    def __init__(self, plan: WritePlan, client: "AdminClient") -> None:
        self._client, self._group, self._shop = client, plan.target, plan.shop_no

    def unconfirmed(self, answer: Any, members: Sequence[Member]) -> list[Member]:
        """Whoever the answer's `customers` don't name, name with another tier, or name with an error."""
        rows = answer.get("customers") if isinstance(answer, dict) else None
        rows = [rows] if isinstance(rows, dict) else rows if isinstance(rows, list) else []
        good = {
            str(row.get("member_id"))
            for row in rows
            if isinstance(row, dict) and "error" not in row and str(row.get("group_no", self._group)) == self._group
            and str(row.get("status", 200))[:1] == "2"
        }  # fmt: skip
        return [m for m in members if m.member_id not in good]

    def missing(self, members: Sequence[Member]) -> list[Member]:
        """Whoever is in another tier, or no longer a member."""
        there: set[str] = set()
        for i in range(0, len(members), _LOOKUP):
            rows = look_up(self._client, members[i : i + _LOOKUP], shop_no=self._shop)
            there |= {str(row.get("member_id")) for row in rows if str(row.get("group_no")) == self._group}
        return [m for m in members if m.member_id not in there]


class CouponCheck:
    """Holders of a coupon: issues after the last one that existed before the first request."""

    one_answer_is_final = True

    def __init__(self, plan: WritePlan, client: "AdminClient", baseline: str | None) -> None:
        self._client, self._coupon, self._shop = client, plan.target, plan.shop_no
        options = plan.requests[0].options if plan.requests else {}
        self.safe_to_repeat = options.get("allow_duplication") != "T"
        self.baseline = self._last_issue() if baseline is None else baseline

    def unconfirmed(self, answer: Any, members: Sequence[Member]) -> list[Member]:
        """Nobody when the answer counts one issue a member, else all."""
        issues = answer.get("issues") if isinstance(answer, dict) else None
        counts = issues.get("count") if isinstance(issues, dict) else None
        counted = counts.get(self._coupon, 0) if isinstance(counts, dict) else counts
        return [] if str(counted) == str(len(members)) else list(members)

    def missing(self, members: Sequence[Member]) -> list[Member]:
        """Whoever got no issue since the baseline."""
        wanted = {m.member_id for m in members}
        since = self.baseline
        while wanted:
            rows = self._issues(since)
            wanted -= {str(row.get("member_id")) for row in rows}
            if len(rows) < _PAGE:
                break
            since = _last(rows, since)
        return [m for m in members if m.member_id in wanted]

    def _last_issue(self) -> str:
        """The highest issue number there is; issue numbers ascend, and no other order is documented."""
        since = "0"
        while rows := self._issues(since):
            since = _last(rows, since)
            if len(rows) < _PAGE:
                break
        return since

    def _issues(self, since: str) -> list[dict[str, Any]]:
        answer = self._client.get(
            "coupons/{coupon_no}/issues", at={"coupon_no": self._coupon},
            params={"since_issue_no": since, "limit": _PAGE}, shop_no=self._shop,
        )  # fmt: skip
        return list(answer.get("issues") or [])


def _last(rows: Sequence[dict[str, Any]], since: str) -> str:
    """The highest issue number as text: 19 digits don't fit a float, so they are compared as whole numbers."""
    return str(max([int(since), *(int(row["issue_no"]) for row in rows)]))

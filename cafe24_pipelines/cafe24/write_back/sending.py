"""Sending a plan: only on an explicit word, each request audited, each member written once.

The API's writes are not idempotent and take no key. So after an answer that was lost, what happened is read back and
only what is missing is sent again; and a plan that was sent is refused. The event log is the memory of both.
Does not belong here: what is planned (`plan.py`), or reading back (`check.py`).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.write_back.check import Check, check_for
from cafe24_pipelines.cafe24.write_back.plan import Member, PlannedRequest, WritePlan
from cafe24_pipelines.cafe24.write_back.report import SendReport
from cafe24_pipelines.errors import BadInput, Cafe24Error
from cafe24_pipelines.stores.events import Event, EventLog

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.admin_api.client import AdminClient
    from cafe24_pipelines.cafe24.admin_api.errors import AdminApiError, Refused

STARTED: Final = "write_back.started"
SENT: Final = "write_back.sent"
FINISHED: Final = "write_back.finished"
_TYPES: Final = (STARTED, SENT, FINISHED)
TRIES: Final = 3
MOST_REFUSALS: Final = 25
"""After so many refusals in a row sending stops: a paused coupon refuses everybody."""
SETTLE: Final = (0.0, 3.0, 10.0)
"""Seconds before each look after a lost answer: a coupon may appear some seconds after the call that issued it."""
IN_FLIGHT: Final = 15.0
"""Seconds in which a call of a process that was killed may still take effect: the mall doesn't know of the kill."""


class NotConfirmed(Cafe24Error):
    """Sending was asked for without the explicit word."""


class AlreadySent(Cafe24Error):
    """The plan was sent before, or is being sent now."""


def send(
    plan: WritePlan,
    client: "AdminClient",
    log: EventLog,
    *,
    confirmed: bool = False,
    force: bool = False,
    requested_by: str = "",
    sleep: Callable[[float], None] = time.sleep,
) -> SendReport:
    """Send a plan, or go on with one that was interrupted.

    Args:
        confirmed: the explicit word; without it nothing is sent.
        force: send a plan again that was sent completely (a tier move is harmless; a coupon may be a second one).
        requested_by: who asked, for the audit.
        sleep: waits before a read-back, and before going on where a process was killed.

    Raises:
        NotConfirmed: `confirmed` is not set.
        BadInput: the plan names nobody.
        AlreadySent: the plan was sent completely and `force` is not set, or another process is sending it.
        ScopeMissing: the scope to write, or to read back, is not granted.
    """
    if not confirmed:
        raise NotConfirmed("nothing was sent: this is a dry run", where=f"plan {plan.digest[:12]}",
                           remedy="look the plan over, then send it with --send")  # fmt: skip
    if not plan.requests:
        raise BadInput("nobody is left to write to", where=f"mall {plan.mall_id}",
                       remedy="look at the plan: the segment is empty, or ids or consent are missing")  # fmt: skip
    for scope in plan.scopes:
        client.require(scope)
    with _alone(plan, log):
        return _Sending(plan, client, log, force=force, by=requested_by, sleep=sleep).run()


@contextmanager
def _alone(plan: WritePlan, log: EventLog) -> Iterator[None]:
    """The operating system's lock on a mall's write-back: two terminals don't send at once, a kill leaves nothing."""
    from filelock import FileLock, Timeout

    log.path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(log.path.parent / f"write_back-{plan.mall_id}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise AlreadySent("another write-back of this mall is being sent now", where=f"mall {plan.mall_id}",
                          remedy="wait until it ends") from None  # fmt: skip
    try:
        yield
    finally:
        lock.release()


class _Sending:
    """One attempt at a plan."""

    def __init__(
        self, plan: WritePlan, client: "AdminClient", log: EventLog, *, force: bool, by: str,
        sleep: Callable[[float], None],
    ) -> None:  # fmt: skip
        self.plan, self.client, self.log, self.by, self.sleep = plan, client, log, by, sleep
        self.report, self.refusals = SendReport(plan.digest, len(plan.members)), 0
        past = [e for e in _history(log, plan.mall_id) if e.payload.get("plan") == plan.digest]
        finished = [e for e in past if e.type == FINISHED]
        interrupted = [e for e in past if not finished or e.seq > finished[-1].seq]
        if finished and not interrupted and not force:
            when = finished[-1].occurred_at.strftime("%Y-%m-%d %H:%M UTC")
            raise AlreadySent(f"this plan was sent on {when}", where=f"plan {plan.digest[:12]}",
                              remedy="nothing to do; --force sends it again")  # fmt: skip
        starts = [e for e in interrupted if e.type == STARTED]
        self.resuming = bool(starts)
        self.baseline = str(starts[0].payload["baseline"]) if starts else None
        self.settled = {e.payload["request"] for e in interrupted if e.type == SENT and e.payload["settled"]}
        self.round = 1 + sum(e.type == STARTED for e in past)

    def run(self) -> SendReport:
        """Send every request; stops at the first error that would repeat itself."""
        from cafe24_pipelines.cafe24.admin_api.errors import AdminApiError

        try:
            if self.resuming:
                self.sleep(IN_FLIGHT)
            self.check: Check = check_for(self.plan, self.client, self.baseline)
            started = {"baseline": self.check.baseline, "kind": self.plan.kind, "target": self.plan.target,
                       "members": len(self.plan.members), "requests": len(self.plan.requests)}  # fmt: skip
            self._log(STARTED, "start", started)
            for request in self.plan.requests:
                self._request(request)
        except AdminApiError as e:
            self.report.stopped = str(e)
        if self.report.complete:
            totals = {"done": self.report.done, "already": self.report.already, "refused": len(self.report.refused)}
            self._log(FINISHED, "finish", totals)
        return self.report

    def _request(self, request: PlannedRequest) -> None:
        if request.digest in self.settled:
            self.report.already += len(request.members)
            return
        members: Sequence[Member] = request.members
        if self.resuming:
            members = self.check.missing(members)
            self.report.already += len(request.members) - len(members)
        self._deliver(request, members)

    def _deliver(self, request: PlannedRequest, members: Sequence[Member]) -> None:
        """Send until every member is settled: done, refused, or not to be found out."""
        from cafe24_pipelines.cafe24.admin_api.errors import Refused

        pending, lost = list(members), False
        for turn in range(TRIES):
            if not pending:
                return
            left, error = self._call(request.of(pending))
            if isinstance(error, Refused):
                self._refused(request, pending, error)
                return
            lost = error is not None and _may_have_acted(error)
            if error is not None and not lost:
                if turn == TRIES - 1:
                    raise error
                continue
            if left:
                left = self._missing(left, SETTLE if lost else SETTLE[:1])
            self.report.done += len(pending) - len(left)
            self.refusals = self.refusals if len(left) == len(pending) else 0
            pending = left
            final = not self.check.safe_to_repeat if lost else self.check.one_answer_is_final
            if final:
                break
        if lost:
            self.report.uncertain += [m.key for m in pending]
        else:
            self.report.refused += [(m.key, "the API took the call but did nothing for this member") for m in pending]

    def _call(self, part: PlannedRequest) -> "tuple[list[Member], AdminApiError | None]":
        """One request and its audit: members that its answer doesn't confirm, and what went wrong."""
        from cafe24_pipelines.cafe24.admin_api.errors import MalformedAnswer, Refused, Unavailable

        try:
            answer = self.client.send(part.method, part.path, at=dict(part.at), body=part.body())
        except Refused as e:
            self._audit(part, "refused", status=e.status)
            return list(part.members), e
        except (Unavailable, MalformedAnswer) as e:
            self._audit(part, "unknown" if _may_have_acted(e) else "not taken")
            return list(part.members), e
        except Exception:
            self._audit(part, "failed")
            raise
        left = self.check.unconfirmed(answer, part.members)
        self._audit(part, "partly" if left else "accepted", settled=not left)
        return left, None

    def _missing(self, members: list[Member], pauses: Sequence[float]) -> list[Member]:
        """Who lacks it, read from the mall now; looks again while anybody does, since effects may lag."""
        from cafe24_pipelines.cafe24.admin_api.errors import AdminApiError

        left = members
        for pause in pauses:
            self.sleep(pause)
            try:
                left = self.check.missing(left)
            except AdminApiError:
                self.report.done += len(members) - len(left)
                self.report.uncertain += [m.key for m in left]
                raise
            if not left:
                break
        return left

    def _refused(self, request: PlannedRequest, members: list[Member], error: "Refused") -> None:
        """One refused member is reported; a refused batch is halved until the bad member stands alone."""
        self.refusals += 1
        if self.refusals > MOST_REFUSALS:
            raise error  # the reason is not the members
        if len(members) == 1:
            reason = str(error.message)
            self.report.refused.append((members[0].key, reason.replace(members[0].member_id, "[회원]")[:200]))
            return
        middle = len(members) // 2
        for half in (members[:middle], members[middle:]):
            self._deliver(request, half)

    def _audit(
        self, request: PlannedRequest, outcome: str, *, status: int | None = None, settled: bool = False
    ) -> None:
        self.report.requests += 1
        whole = {"method": request.method, "path": request.path.format(**request.at), "request": request.digest}
        self._log(SENT, f"{self.report.requests}", whole | {
            "members": len(request.members), "outcome": outcome, "status": status, "settled": settled})  # fmt: skip

    def _log(self, kind: str, name: str, payload: dict[str, Any]) -> None:
        event_id = f"write_back:{self.plan.digest}:{self.round}:{name}"
        payload = {"plan": self.plan.digest, "by": self.by, **payload}
        self.log.append([Event(event_id, self.plan.mall_id, kind, datetime.now(UTC), payload)])


def _may_have_acted(error: "AdminApiError") -> bool:
    """Whether a call that went wrong may have taken effect all the same."""
    from cafe24_pipelines.cafe24.admin_api.errors import Unavailable

    return not isinstance(error, Unavailable) or error.acted is None


def _history(log: EventLog, mall_id: str) -> Iterator[Event]:
    after = 0
    while page := log.read(mall_id, types=_TYPES, after=after):
        yield from page
        after = page[-1].seq

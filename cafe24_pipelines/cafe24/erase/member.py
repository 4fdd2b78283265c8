"""Erasing one member, step after step, each of which may be repeated.

The intent is on disk before anything is removed, and is closed when a search of the installation finds nothing. A
killed erasure is taken up by calling `erase_member` again, or by `resume_erasures` without the id. The home's writer
lock is held throughout, so no run lands or publishes meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.cafe24.erase.alone import alone
from cafe24_pipelines.cafe24.erase.needles import Needles, needles_of
from cafe24_pipelines.cafe24.erase.registry import ErasedMembers, erased_members
from cafe24_pipelines.cafe24.erase.trace import Search, Trace, search, unknown_fields_seal
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.erase.landed import Done
    from cafe24_pipelines.cafe24.malls import Mall

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ErasureReport:
    """What one erasure did. Names no member: `fingerprint` is the keyed one of the list of erased members.

    Attributes:
        mall_id: whose member.
        fingerprint: of the member in `lake/<mall>/erased.json`.
        removed: what was removed, by place: rows, values or files.
        guests: sales that stay, as a guest's, by place: rows.
        unnamed: rows of others that stay and no longer mention the member, by place.
        nothing_found: nothing of the member was there to remove; the request is on the list all the same.
        asked_before: the member was on the list already.
        rebuilt: projections made anew.
        superseded: older builds removed from disk.
        traces: what still identifies the member; empty when the erasure is complete.
        files: files searched, by kind.
        bytes: their size.
        stores: graphs and collections asked.
        not_searched: what this process can't reach.
    """

    mall_id: str
    fingerprint: str
    removed: dict[str, int] = field(default_factory=dict)
    guests: dict[str, int] = field(default_factory=dict)
    unnamed: dict[str, int] = field(default_factory=dict)
    nothing_found: bool = False
    asked_before: bool = False
    rebuilt: tuple[str, ...] = ()
    superseded: int = 0
    traces: tuple[Trace, ...] = ()
    files: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    stores: tuple[str, ...] = ()
    not_searched: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing is left of the member."""
        return not self.traces

    def rows(self) -> list[tuple[str, str, str]]:
        """(where, what, value) for a printed table."""
        return [
            *(("removed", place, f"{count:,}") for place, count in self.removed.items()),
            *(("made a guest's", place, f"{count:,}") for place, count in self.guests.items()),
            *(("name taken out", place, f"{count:,}") for place, count in self.unnamed.items()),
            *(("rebuilt", name, "") for name in self.rebuilt),
            *([("removed", "superseded builds", f"{self.superseded:,}")] if self.superseded else []),
            *(("searched", f"{kind} files", f"{count:,}") for kind, count in self.files.items()),
            ("searched", "bytes", f"{self.bytes:,}"),
            *(("searched", name, "") for name in self.stores),
            *(("not searched", name, "") for name in self.not_searched),
            *(("found", f"{t.file}: {t.place}", t.kind) for t in self.traces),
        ]

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "mall": self.mall_id, "fingerprint": self.fingerprint, "complete": self.complete,
            "nothing_found": self.nothing_found, "asked_before": self.asked_before, "removed": self.removed,
            "made_guests": self.guests, "unnamed": self.unnamed, "rebuilt": list(self.rebuilt),
            "superseded_builds": self.superseded,
            "searched": {"files": self.files, "bytes": self.bytes, "stores": list(self.stores)},
            "not_searched": list(self.not_searched), "found": [vars(t) for t in self.traces],
        }  # fmt: skip


def erase_member(
    settings: Settings, mall_id: str, member_id: str, *, progress: Progress | None = None
) -> ErasureReport:
    """Remove a member from everything that this installation holds, and prove it.

    Orders, their lines, refunds and purchase events stay as a guest's: bookkeeping law keeps the sale, not the
    person. Members, reviews and other articles, carts, views, wish lists, points, credits, coupon issues and contact
    fields go; projections are made anew without them; superseded builds and previews in Dagster's storage go too.
    Later landings of any source leave the member out. Where a search finds nothing of the member, nothing is made
    anew, and the request is listed all the same; so erasing again changes nothing.

    Args:
        settings: of the installation.
        mall_id: a registered mall.
        member_id: as the shop knows the member; reaches no log, no report and no file in the clear.
        progress: told one line a step, without identifiers.

    Raises:
        BadInput: the id is empty.
        ConfigError: the mall is unknown, or the list of erased members was made with another key.
        Cafe24Error: a file or database is in use or damaged; erase again after mending it.
    """
    from cafe24_pipelines.cafe24.malls import mall as registered
    from cafe24_pipelines.cafe24.privacy import pseudonyms

    say = progress or (lambda line: None)
    mall = registered(settings.home, mall_id)
    if not member_id.strip():
        raise BadInput("the member id is empty", remedy="give the id as the shop's admin shows it")
    needles = needles_of(mall_id, member_id, pseudonyms(settings, mall_id))
    with alone(settings, mall_id, lambda: say("another run is writing; erasing begins when that has ended")):
        erased = erased_members(settings, mall_id, writing=True)
        fingerprint, before = erased.fingerprint(needles.member_key), erased.covers(needles.member_key)
        if not before:
            erased.intend(needles.member_key, needles.member_id)
        if not before or erased.is_done(needles.member_key):  # else it was interrupted, and is completed in any case
            say("searching")
            found = search(settings, mall_id, needles, any_will_do=True)
            if not found.traces:
                if not before:
                    erased.finish(needles.member_key)
                return ErasureReport(
                    mall_id, fingerprint, nothing_found=True, asked_before=before, **_searched(settings, found)
                )
        erased.intend(needles.member_key, needles.member_id)
        done = _remove_landed(settings, mall, needles, erased, say)
        rebuilt, superseded = _remove_derived(settings, mall, needles, done, say)
        say("searching")
        after = search(settings, mall_id, needles)
        if not after.traces:
            erased.finish(needles.member_key)
        return ErasureReport(
            mall_id, fingerprint, dict(+done.removed), dict(+done.guests), dict(+done.unnamed), asked_before=before,
            rebuilt=tuple(rebuilt), superseded=superseded, **_searched(settings, after),
        )  # fmt: skip


def resume_erasures(settings: Settings, mall_id: str, *, progress: Progress | None = None) -> list[ErasureReport]:
    """Finish every erasure of a mall that was begun and did not come to its end.

    Raises:
        As `erase_member`.
    """
    waiting = erased_members(settings, mall_id)
    return [erase_member(settings, mall_id, one, progress=progress) for one in waiting.pending()] if waiting else []


def _remove_landed(
    settings: Settings, mall: "Mall", needles: Needles, erased: ErasedMembers, say: Progress
) -> "Done":
    from cafe24_pipelines import parts
    from cafe24_pipelines.cafe24.erase import landed

    done = landed.Done()
    root = settings.home.lake / mall.mall_id
    done.removed["contacts"] += _forget_contacts(settings, mall.mall_id, needles)
    if (root / "api").exists():
        target = landed.Target(erased, needles, unknown_fields_seal(settings, mall.mall_id))
        landed.erase_api_rows(parts.api_lake(settings, mall.mall_id), target, done)
        say("API rows: done")
    landed.erase_shop_tables(parts.mall_lake(settings, mall.mall_id), erased, done)
    done.unnamed["quarantine"] += landed.erase_quarantine(root, needles)
    done.unnamed["accounts"] += landed.erase_accounts(root, needles)
    say("landed rows: done")
    return done


def _remove_derived(
    settings: Settings, mall: "Mall", needles: Needles, done: "Done", say: Progress
) -> tuple[list[str], int]:
    from cafe24_pipelines.cafe24.erase import databases, projections

    rebuilt = projections.rebuild_projections(settings, mall, say)
    superseded = projections.remove_superseded(settings.home, mall.mall_id)
    done.unnamed.update(databases.erase_databases(settings.home, needles))
    done.unnamed["compute logs"] += databases.erase_logs(settings.home, needles)
    say("event log and run history: done")
    return rebuilt, superseded


def _forget_contacts(settings: Settings, mall_id: str, needles: Needles) -> int:
    if not settings.home.contacts.exists():
        return 0
    from cafe24_pipelines.cafe24.contacts import ContactTable

    return int(ContactTable(settings, mall_id).forget(needles.member_key))


def _searched(settings: Settings, found: Search) -> dict[str, Any]:
    """What a report says about the search."""
    beyond = ["sandbox/ (a sandbox mall's own data)"] if settings.home.sandbox.exists() else []
    if settings.profile == "server":
        beyond.append("Dagster's own database (PostgreSQL): previews of earlier runs")
    if settings.state_url:
        beyond.append("shared state on a server (tokens and budgets; holds no member)")
    return {
        "traces": tuple(found.traces),
        "files": dict(sorted(found.files.items())),
        "bytes": found.bytes,
        "stores": tuple(found.stores),
        "not_searched": tuple(beyond),
    }

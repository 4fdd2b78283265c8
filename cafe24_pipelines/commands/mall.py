"""`cafe24 mall`: the malls of an installation and their lives: plan, suspension, removal."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cafe24_pipelines import show
from cafe24_pipelines.commands.common import common, show_result
from cafe24_pipelines.errors import BadInput, ConfigError
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.lifecycle.removal import RemovalReport
    from cafe24_pipelines.lifecycle.state import MallState
    from cafe24_pipelines.stores.events import EventLog

_STAGES = {
    "unknown": "직접 등록", "authorized": "동의함", "installed": "설치함 (첫 분석 전)", "active": "이용 중",
    "suspended": "중지됨", "uninstalled": "앱 삭제됨 (유예 기간)", "removing": "자료 삭제 중",
    "removed": "자료 삭제됨",
}  # fmt: skip


@click.group()
def mall() -> None:
    """Malls: where each stands, its plan, suspension and removal."""


@mall.command("list")
@common
def list_malls(*, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Every mall that is registered or has a life in the event log."""
    from cafe24_pipelines.cafe24.malls import known_malls
    from cafe24_pipelines.lifecycle.plan import limits_of
    from cafe24_pipelines.lifecycle.state import MallState, mall_states

    known, states = known_malls(settings.home), mall_states(_log(settings))
    found = []
    for name in sorted(known.keys() | states.keys()):
        state = states.get(name, MallState(name))
        stage = state.stage if as_json or lang == "en" else _STAGES[state.stage]
        source = known[name].source if name in known else "-"
        row = {"mall": name, "source": source, "stage": stage, "plan": limits_of(settings, state).plan}
        found.append(row | {"reasons": ", ".join(state.reasons)})
    show_result(found, as_json, show.rows(found, lang))


@mall.command("show")
@common
def show_mall(*, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Where a mall stands, what its plan allows, and what was made of it."""
    told = _told(settings, _known(settings, mall_id))
    shown = [{"": key, " ": value} for key, value in told.items() if value not in (None, [], {})]
    show_result(told, as_json, show.rows(shown, lang))


@mall.command("plan")
@click.argument("name", type=click.Choice(["free", "basic", "pro"]))
@common
def change_plan(*, name: str, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Give a mall another plan from now on."""
    from cafe24_pipelines.inbox.post import post

    _known(settings, mall_id)
    now = datetime.now(UTC)
    post(_log(settings), mall_id, "plan.changed", {"plan": name}, key=f"cli:{name}:{now.isoformat()}", now=now)
    _show_state(settings, mall_id, as_json, lang)


@mall.command("suspend")
@common
def suspend(*, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """No sync and no answers for a mall until it is resumed; its data is kept."""
    from cafe24_pipelines.lifecycle.state import SUSPENDED

    _say(settings, _known(settings, mall_id).mall_id, SUSPENDED)
    _show_state(settings, mall_id, as_json, lang)


@mall.command("resume")
@common
def resume(*, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """End every reason for which a mall is suspended."""
    from cafe24_pipelines.lifecycle.state import RESUMED

    _say(settings, _known(settings, mall_id).mall_id, RESUMED)
    _show_state(settings, mall_id, as_json, lang)


@mall.command("remove")
@click.option("--yes", is_flag=True, help="Remove; without it only what would go is told.")
@click.option("--export", "export_to", type=click.Path(path_type=Path), help="Write the mall's results here before.")
@common
def remove(
    *, yes: bool, export_to: Path | None, settings: Settings, mall_id: str, as_json: bool, lang: str
) -> None:  # fmt: skip
    """Remove everything of a mall, search for it, and show the proof; a removal that was interrupted goes on.

    The tokens are ended at Cafe24 as well. Ends with 1 if the mall is not removed.
    """
    state = _known(settings, mall_id)
    if export_to is not None and state.stage not in ("removing", "removed"):
        _write_export(settings, mall_id, export_to)
    if not yes:
        told = _told(settings, state) | {"removed": False, "remedy": "add --yes"}
        ko, en = f"{mall_id}의 모든 자료를 삭제합니다. 되돌릴 수 없습니다. 실행하려면 --yes를 붙이세요.", (
            f"everything of {mall_id} would be removed for good; add --yes to do it"
        )  # fmt: skip
        show_result(told, as_json, en if lang == "en" else ko)
        sys.exit(1)
    report = _remove(settings, mall_id)
    rows = [{"": place, " ": f"{n:,}"} for place, n in sorted(report.removed.items())]
    ko, en = _proof(report)
    table = show.rows(rows, lang) + "\n\n" if rows else ""
    show_result(report.to_json(), as_json, table + (en if lang == "en" else ko))


def _proof(report: "RemovalReport") -> tuple[str, str]:
    """What was proved, in Korean and English."""
    if report.searched_for:
        n = report.searched_for
        return (f"{n}개 값을 모든 파일에서 찾았고, 남은 것이 없습니다.",
                f"{n} values were searched for in every file: nothing is left.")  # fmt: skip
    if report.removed:
        return ("적재된 자료가 없어 찾을 값이 없었습니다. 이 몰의 이름으로 남은 것은 없습니다.",
                "nothing had landed, so no value could be searched for; nothing is left by its name.")  # fmt: skip
    return "이미 삭제되어 남은 것이 없습니다.", "it was removed before: nothing is left."


def _remove(settings: Settings, mall_id: str) -> "RemovalReport":
    from cafe24_pipelines.instance import dagster_instance
    from cafe24_pipelines.lifecycle.removal import remove_mall
    from cafe24_pipelines.sensors.orphans import fail_orphans
    from cafe24_pipelines.sensors.run_history import forget_mall, refuse_while_under_way

    with dagster_instance(settings) as instance:
        if settings.profile == "embedded":
            fail_orphans(instance)  # a run whose process is gone holds nothing up
        refuse_while_under_way(instance, mall_id)
        return remove_mall(
            settings, mall_id, history=lambda name: forget_mall(instance, settings, name),
            progress=lambda line: click.echo(line, err=True),
        )  # fmt: skip


def _write_export(settings: Settings, mall_id: str, path: Path) -> None:
    """Outside of the home, so that the removal leaves it alone."""
    from cafe24_pipelines.lifecycle.export import packed
    from cafe24_pipelines.stores.files import write_atomic

    if path.resolve().is_relative_to(settings.home.root):
        raise BadInput("the export would be removed with the mall", where=str(path),
                       remedy="name a file outside of the installation's folder")  # fmt: skip
    write_atomic(path, packed(settings, mall_id)[0], private=True)


def _known(settings: Settings, mall_id: str) -> "MallState":
    """The mall's state, if there is such a mall."""
    from cafe24_pipelines.cafe24.malls import known_malls
    from cafe24_pipelines.lifecycle.state import mall_state

    state = mall_state(_log(settings), mall_id)
    if state.stage == "unknown" and mall_id not in known_malls(settings.home):
        raise ConfigError(f"mall {mall_id!r} is unknown", remedy="cafe24 mall list shows them")
    return state


def _told(settings: Settings, state: "MallState") -> dict[str, Any]:
    """All that a person asks of a mall, JSON-able."""
    from cafe24_pipelines.lifecycle.plan import allowed, limits_of

    log = _log(settings)
    found = {
        what: allowed(settings, log, state.mall_id, what) for what in ("question", "snippet")
    }  # fmt: skip
    latest = {e.type: e.payload for e in reversed(log.latest(state.mall_id, ("mall.onboarded", "mall.exported"), 10))}
    return state.to_json() | {
        "limits": vars(limits_of(settings, state)),
        "used_today": {what: one.used for what, one in found.items() if one.limit is not None},  # else uncounted
        "not_allowed": found["question"].text("ko") or None, "onboarded": latest.get("mall.onboarded"),
        "export": latest.get("mall.exported"),
    }  # fmt: skip


def _show_state(settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    state = _known(settings, mall_id)
    told = _told(settings, state)
    stage = state.stage if lang == "en" else _STAGES[state.stage]
    show_result(told, as_json, f"{mall_id}: {stage}, {told['limits']['plan']}")


def _say(settings: Settings, mall_id: str, kind: str) -> None:
    from cafe24_pipelines.stores.events import Event

    now = datetime.now(UTC)
    _log(settings).append([Event(f"{kind}:{mall_id}:{now.isoformat()}", mall_id, kind, now, {"by": "operator"})])


def _log(settings: Settings) -> "EventLog":
    from cafe24_pipelines import parts

    return parts.event_log(settings)

"""Commands of the Admin API connector: consent, sync, writing back, erasure."""

import sys
from typing import TYPE_CHECKING

import click

from cafe24_pipelines.commands import texts
from cafe24_pipelines.commands.common import admit, common, show_result
from cafe24_pipelines.crm.rfm import SEGMENTS
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from cafe24_pipelines.cafe24.write_back.commands import WriteBackResult
    from cafe24_pipelines.cafe24.write_back.members import Consent
    from cafe24_pipelines.cafe24.write_back.plan import Duplication, WritePlan


@click.command()
@click.option("--code", help="The code of the address that the consent page returned to.")
@click.option("--state", help="The state of that address.")
@click.option("--revoke", is_flag=True, help="End the mall's access: at Cafe24, and the tokens that are stored here.")
@common
def authorize(
    *, code: str | None, state: str | None, revoke: bool, settings: Settings, mall_id: str, as_json: bool, lang: str
) -> None:
    """Have a mall's operator consent: print the address to open, then finish with --code and --state.

    With `cafe24 serve` behind CAFE24_REDIRECT_URI the second half happens by itself.
    """
    from cafe24_pipelines import parts
    from cafe24_pipelines.cafe24.admin_api.consent import begin_consent
    from cafe24_pipelines.lifecycle.consent import finish_consent

    if revoke:
        if code or state:
            raise BadInput("--revoke goes alone", remedy="leave out --code and --state")
        _revoke(settings, mall_id, as_json, lang)
        return
    if bool(code) != bool(state):
        raise BadInput("--code and --state go together", remedy="copy both from the address you were sent back to")
    if code and state:
        granted = finish_consent(settings, parts.event_log(settings), mall_id, code=code, state=state)
        show_result({"mall": mall_id, "scopes": sorted(granted)}, as_json, texts.consented(mall_id, granted, lang))
        return
    url = begin_consent(settings, mall_id)
    show_result({"mall": mall_id, "url": url}, as_json, texts.consent_needed(url, lang))


def _revoke(settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper

    done = token_keeper(settings, mall_id).revoke()
    show_result({"mall": mall_id, "revoked": done}, as_json, texts.revoked(mall_id, done, lang))


@click.command()
@click.option("--only", help="Resources, separated by commas (default: all that are granted).")
@click.option("--touched", is_flag=True, help="Only what webhooks say has changed since the last such sync.")
@click.option("--whole", is_flag=True, help="Read everything again and compare, whatever the ledger says.")
@click.option(
    "--keep-contacts/--no-keep-contacts",
    default=None,
    help="Keep names and numbers, encrypted, in a table of their own for campaigns. Default: no.",
)
@common
def sync(
    *,
    only: str | None,
    touched: bool,
    whole: bool,
    keep_contacts: bool | None,
    settings: Settings,
    mall_id: str,
    as_json: bool,
    lang: str,
) -> None:
    """Land what the mall's Admin API holds, without the rest of the chain; ends with 1 while anything is open."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.cafe24.malls import register
    from cafe24_pipelines.cafe24.sources import api_mall
    from cafe24_pipelines.cafe24.sync.hints import sync_touched

    if touched and (only or whole):
        raise BadInput("--touched goes alone", remedy="leave out --only and --whole")
    admit(settings, mall_id, "run")
    mall = api_mall(settings, mall_id, keep_contacts=keep_contacts)
    names = [name.strip() for name in only.split(",")] if only else None
    with parts.mall_sync(settings, mall, progress=lambda line: click.echo(line, err=True)) as opened:
        register(settings.home, mall)
        if touched:
            found = sync_touched(opened, parts.event_log(settings), mall_id)
            if found is None:
                show_result({"mall": mall_id, "touched": []}, as_json, texts.untouched(lang))
                return
            report = found
        else:
            report = opened.run(names, whole=whole)
    show_result(report.to_json(), as_json, texts.synced(report, lang))
    if not report.agreed:
        sys.exit(1)


@click.command()
@click.option("--resume", is_flag=True, help="Complete erasures that were interrupted.")
@click.option("--member", help="The member's id as the shop knows it; - reads it from standard input.")
@common
def erase(*, member: str | None, resume: bool, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Remove a member from everything that was landed and built, search all of it, and show the proof.

    Ends with 1 if anything of the member was found afterwards.
    """
    from cafe24_pipelines.cafe24.erase import erase_member, resume_erasures

    if bool(member) == resume:
        raise BadInput("give --member ID or --resume", remedy="see `cafe24 erase --help`")
    if member == "-":  # keeps the id out of the shell's history
        member = sys.stdin.readline().strip()

    def say(line: str) -> None:
        click.echo(line, err=True)

    reports = (
        [erase_member(settings, mall_id, member, progress=say)]
        if member
        else resume_erasures(settings, mall_id, progress=say)
    )
    told = "\n\n".join(texts.erased(report, lang) for report in reports) or texts.nothing_pending(lang)
    shown = [report.to_json() for report in reports]
    show_result(shown[0] if member else shown, as_json, told)
    if not all(report.complete for report in reports):
        sys.exit(1)


def _tell(result: "WriteBackResult", as_json: bool, lang: str) -> None:
    """Show a write-back; ends with 1 if some of what was to be sent is not confirmed."""
    show_result(result.to_json(), as_json, result.show(lang))
    if result.report and not result.report.complete:
        sys.exit(1)


@click.group()
def writeback() -> None:
    """Write to the mall: shows the requests; sends them only with --send."""


_SEGMENT = click.option(
    "--segment", required=True, help=f"A segment of the RFM table of the last run: {', '.join(SEGMENTS)}."
)
_SHOP = click.option("--shop", type=click.IntRange(1), default=1, show_default=True, help="Which shop of the mall.")
_SEND = click.option("--send", "send_it", is_flag=True, help="Send what is shown; without it nothing is sent.")
_FORCE = click.option("--force", is_flag=True, help="Send a plan that was sent before.")


@writeback.command("group")
@_SEGMENT
@click.option("--to", type=int, required=True, help="Number of the tier to move to.")
@click.option("--fixed-group", is_flag=True, help="Keep the mall's automatic tier change from moving them again.")
@_SHOP
@_SEND
@_FORCE
@common
def writeback_group(
    *, segment: str, to: int, fixed_group: bool, shop: int, send_it: bool, force: bool, settings: Settings,
    mall_id: str, as_json: bool, lang: str,
) -> None:  # fmt: skip
    """Move a segment's members into a tier."""
    from cafe24_pipelines.cafe24.write_back.commands import write_back_group

    admit(settings, mall_id, "run")
    result = write_back_group(
        settings, mall_id, segment=segment, to=to, shop_no=shop, fixed_group=fixed_group, send_it=send_it,
        force=force, before=_telling(lang),
    )  # fmt: skip
    _tell(result, as_json, lang)


@writeback.command("coupon")
@_SEGMENT
@click.option("--coupon", required=True, help="Number of the coupon to issue.")
@click.option("--sms", "send_sms", is_flag=True, help="Have the mall tell members by SMS (those who accept it).")
@click.option(
    "--consent", type=click.Choice(["sms", "any", "off"]),
    help="Whom to keep: who accepts SMS, who accepts SMS or e-mail, or everybody. Asked of the mall now. Default: "
    "sms with --sms, else off, because nobody is told.",
)  # fmt: skip
@click.option(
    "--allow-duplication", type=click.Choice(["F", "S", "T"]), default="F", show_default=True,
    help="As the API has it: with T a member may get the coupon a second time; F and S have the mall refuse that.",
)  # fmt: skip
@_SHOP
@_SEND
@_FORCE
@common
def writeback_coupon(
    *, segment: str, coupon: str, send_sms: bool, consent: "Consent | None", allow_duplication: "Duplication",
    shop: int, send_it: bool, force: bool, settings: Settings, mall_id: str, as_json: bool, lang: str,
) -> None:  # fmt: skip
    """Issue a coupon to a segment's members."""
    from cafe24_pipelines.cafe24.write_back.commands import write_back_coupon

    if send_sms and consent in ("any", "off"):
        raise BadInput(f"--sms with --consent {consent} would text members who don't accept SMS",
                       remedy="leave out --consent, or --sms")  # fmt: skip
    admit(settings, mall_id, "run")
    result = write_back_coupon(
        settings, mall_id, segment=segment, coupon=coupon, shop_no=shop, allow_duplication=allow_duplication,
        send_sms=send_sms, consent=consent, send_it=send_it, force=force, before=_telling(lang),
    )  # fmt: skip
    _tell(result, as_json, lang)


def _telling(lang: str) -> "Callable[[WritePlan], None]":
    """Shows a plan that is about to be sent, beside the result; a dry run's plan is its result."""
    return lambda plan: click.echo(plan.show(lang, sending=True), err=True)

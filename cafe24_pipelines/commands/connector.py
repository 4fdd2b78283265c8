"""Commands of the Admin API connector: consent, sync, writing back, erasure."""

import sys
from typing import TYPE_CHECKING

import click

from cafe24_pipelines.commands import texts
from cafe24_pipelines.commands.common import common, show_result
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.write_back.commands import WriteBackResult


@click.command()
@click.option("--code", help="The code of the address that the consent page returned to.")
@click.option("--state", help="The state of that address.")
@common
def authorize(
    *, code: str | None, state: str | None, settings: Settings, mall_id: str, as_json: bool, lang: str
) -> None:
    """Have a mall's operator consent: print the address to open, then finish with --code and --state.

    With `cafe24 serve` behind CAFE24_REDIRECT_URI the second half happens by itself.
    """
    from cafe24_pipelines.cafe24.admin_api.consent import begin_consent, finish_consent

    if bool(code) != bool(state):
        raise BadInput("--code and --state go together", remedy="copy both from the address you were sent back to")
    if code and state:
        granted = finish_consent(settings, mall_id, code=code, state=state)
        show_result({"mall": mall_id, "scopes": sorted(granted)}, as_json, texts.consented(mall_id, granted, lang))
        return
    url = begin_consent(settings, mall_id)
    show_result({"mall": mall_id, "url": url}, as_json, texts.consent_needed(url, lang))


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


_SEGMENT = click.option("--segment", required=True, help="Name of a segment of the RFM table, such as vip.")
_SEND = click.option("--send", "send_it", is_flag=True, help="Send what is shown; without it nothing is sent.")
_FORCE = click.option("--force", is_flag=True, help="Send a plan that was sent before.")


@writeback.command("group")
@_SEGMENT
@click.option("--to", type=int, required=True, help="Number of the tier to move to.")
@_SEND
@_FORCE
@common
def writeback_group(
    *,
    segment: str,
    to: int,
    send_it: bool,
    force: bool,
    settings: Settings,
    mall_id: str,
    as_json: bool,
    lang: str,
) -> None:
    """Move a segment's members into a tier."""
    from cafe24_pipelines.cafe24.write_back.commands import write_back_group

    result = write_back_group(
        settings, mall_id, segment=segment, to=to, send_it=send_it, force=force,
        before=lambda plan: click.echo(plan.show(lang), err=True),
    )  # fmt: skip
    _tell(result, as_json, lang)


@writeback.command("coupon")
@_SEGMENT
@click.option("--coupon", required=True, help="Number of the coupon to issue.")
@click.option("--sms", "send_sms", is_flag=True, help="Have the mall tell members by SMS (those who accept it).")
@_SEND
@_FORCE
@common
def writeback_coupon(
    *,
    segment: str,
    coupon: str,
    send_sms: bool,
    send_it: bool,
    force: bool,
    settings: Settings,
    mall_id: str,
    as_json: bool,
    lang: str,
) -> None:
    """Issue a coupon to a segment's members."""
    from cafe24_pipelines.cafe24.write_back.commands import write_back_coupon

    result = write_back_coupon(
        settings, mall_id, segment=segment, coupon=coupon, send_sms=send_sms, send_it=send_it, force=force,
        before=lambda plan: click.echo(plan.show(lang), err=True),
    )  # fmt: skip
    _tell(result, as_json, lang)

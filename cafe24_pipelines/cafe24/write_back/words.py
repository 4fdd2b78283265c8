"""The words of write-back: what a plan and a report tell the person who decides. Korean, or English.

Does not belong here: anything that decides. Nothing personal is available here.
"""

import json
from typing import TYPE_CHECKING

from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.write_back.plan import WritePlan
    from cafe24_pipelines.cafe24.write_back.report import SendReport


def plan_text(plan: "WritePlan", lang: str, *, sending: bool = False) -> str:
    """A plan before it is sent; with `sending`, when the word to send it was given."""
    calls, ko = len(plan.requests), lang == "ko"
    segment = plan.segment or "-"
    lines = [
        f"[{plan.mall_id}] {_deed(plan, ko)}.",
        f"세그먼트: {segment} · 요청 {calls:,}번 · 필요한 권한: {', '.join(plan.scopes)}" if ko
        else f"Segment: {segment} · {calls:,} requests · scopes: {', '.join(plan.scopes)}",
    ]  # fmt: skip
    if plan.unresolved:
        lines.append(f"아이디를 찾지 못한 회원 {len(plan.unresolved):,}명은 보내지 않습니다." if ko
                     else f"{len(plan.unresolved):,} members whose id was not found are left out.")  # fmt: skip
    if plan.excluded:
        lines.append(f"수신에 동의하지 않은 회원 {len(plan.excluded):,}명은 뺐습니다." if ko
                     else f"{len(plan.excluded):,} members without consent are left out.")  # fmt: skip
    if plan.requests:
        shown = plan.requests[0].shown()
        lines += [("첫 요청:" if ko else "First request:"), f"  {shown['method']} {shown['path']}",
                  f"  {json.dumps(shown['body'], ensure_ascii=False)}"]  # fmt: skip
    lines.append(f"{'계획' if ko else 'Plan'} {plan.digest}")
    if sending:
        lines.append("보냅니다." if ko else "Sending it.")
    elif plan.requests:
        lines.append("아직 아무것도 보내지 않았습니다. 보내려면 --send 를 붙이세요." if ko
                     else "Nothing has been sent. Add --send to send it.")  # fmt: skip
    else:
        lines.append("보낼 회원이 없습니다." if ko else "There is nobody to write to.")
    return "\n".join(lines)


def _deed(plan: "WritePlan", ko: bool) -> str:
    """What the plan does, in one clause."""
    n, label = len(plan.members), f" ({plan.label})" if plan.label else ""
    shop = "" if plan.shop_no == 1 else f"{plan.shop_no}번 숍에서 " if ko else f" in shop {plan.shop_no}"
    if plan.kind == "group_move":
        if ko:
            return f"{shop}회원 {n:,}명을 등급 {plan.target}번{label}으로 옮깁니다"
        return f"Move {n:,} members into tier {plan.target}{label}{shop}"
    if ko:
        coupon = f"{plan.target}{label}"
        return f"{shop}쿠폰 {coupon}{particle(coupon, '을(를)')} 회원 {n:,}명에게 발급합니다"
    return f"Issue coupon {plan.target}{label} to {n:,} members{shop}"


def report_text(report: "SendReport", lang: str) -> str:
    """What sending did."""
    ko = lang == "ko"
    words = (("반영됨", report.done), ("이미 반영되어 있음", report.already), ("거절됨", len(report.refused)),
             ("확인하지 못함", len(report.uncertain)), ("보내지 않음", report.not_sent)) if ko else (
        ("done", report.done), ("already so", report.already), ("refused", len(report.refused)),
        ("unconfirmed", len(report.uncertain)), ("not sent", report.not_sent))  # fmt: skip
    unit = "명" if ko else ""
    lines = [" · ".join(f"{name} {count:,}{unit}" for name, count in words)]
    lines += [f"  {key[:12]}…: {reason}" for key, reason in report.refused[:20]]
    if report.stopped:
        lines.append(f"{'중단: ' if ko else 'Stopped: '}{report.stopped}")
        lines.append("같은 명령을 다시 실행하면 빠진 회원만 이어서 처리합니다." if ko
                     else "Run the same command again: it goes on with the members that are missing.")  # fmt: skip
    if report.uncertain:
        lines.append("확인하지 못한 회원은 관리자 화면에서 쿠폰·등급을 확인하세요." if ko
                     else "Check the unconfirmed members in the admin.")  # fmt: skip
    return "\n".join([*lines, f"{'계획' if ko else 'Plan'} {report.plan}"])

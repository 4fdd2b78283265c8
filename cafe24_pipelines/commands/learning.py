"""`cafe24 recipes` and `cafe24 settings`: what was mined from generated code, and what retrieval works with.

Options in, a room called, text out.
"""

from typing import Any

import click

from cafe24_pipelines.commands.common import admit, common, show_result
from cafe24_pipelines.settings import Settings


@click.command()
@click.option("--min-support", type=click.IntRange(1), help="Verdicts of a chain from which on it is shown.")
@common
def recipes(*, min_support: int | None, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Chains of Admin API calls that generated code proved to work, with how often and a snippet."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.cafe24.malls import mall
    from cafe24_pipelines.learning.recipes import MIN_SUPPORT
    from cafe24_pipelines.learning.recipes import recipes as mined

    admit(settings, mall_id, "read")
    known = mall(settings.home, mall_id)
    found = [one.to_json() for one in mined(parts.event_log(settings), known.mall_id,
                                            min_support=min_support or MIN_SUPPORT)]  # fmt: skip
    show_result(found, as_json, recipes_text(found, lang))


@click.command("settings")
@click.option("--rollback", is_flag=True, help="Go back to the version before the one in force.")
@common
def settings_in_force(*, rollback: bool, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """The search settings in force for the mall, what proved them better, and how the last trial ended."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.cafe24.malls import mall
    from cafe24_pipelines.commands.settings_text import settings_text
    from cafe24_pipelines.learning.active import roll_back
    from cafe24_pipelines.learning.standing import standing

    known, log = mall(settings.home, mall_id), parts.event_log(settings)
    if rollback:
        roll_back(log, known.mall_id)
    told = standing(log, known.mall_id)
    show_result(told, as_json, settings_text(told, lang, zone=known.time_zone))


def recipes_text(found: list[dict[str, Any]], lang: str) -> str:
    """Each recipe with its figures and its snippet."""
    if not found:
        none = "아직 레시피가 없습니다. 코드 생성 결과가 더 쌓이면 나타납니다."
        return "no recipe yet: more generated code is needed" if lang == "en" else none
    frame = (
        "{operations}\n  {support} verdicts, {questions} questions; {worked} of {run} runs worked "
        "({share:.0%}, 95% interval {low:.0%} to {high:.0%})"
        if lang == "en"
        else "{operations}\n  판정 {support}건, 질문 {questions}가지, 실행 {run}건 중 {worked}건 성공 "
        "({share:.0%}, 95% 신뢰구간 {low:.0%}~{high:.0%})"
    )
    blocks = []
    for one in found:
        head = frame.format(**{**one, "operations": " → ".join(one["operations"])})
        used = ", ".join(f"{name} {n}" for name, n in one["parameters"].items())
        if one["dry_run"]:
            dry = "dry runs: what writes was not sent"
            head += f"\n  {dry if lang == 'en' else '모의 실행: 쓰기 요청은 보내 보지 않았습니다'}"
        names = f"\n  {'parameters' if lang == 'en' else '파라미터'}: {used}" if used else ""
        code = "\n".join(f"    {line}" for line in one["snippet"].rstrip().splitlines())
        blocks.append(f"{head}{names}\n{code}")
    return "\n\n".join(blocks)

"""`cafe24 recipes` and `cafe24 settings`: what was mined from generated code, and what retrieval works with.

Options in, a room called, text out.
"""

from typing import Any

import click

from cafe24_pipelines.commands.common import common, show_result
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

    known = mall(settings.home, mall_id)
    found = [one.to_json() for one in mined(parts.event_log(settings), known.mall_id,
                                            min_support=min_support or MIN_SUPPORT)]  # fmt: skip
    show_result(found, as_json, recipes_text(found, lang))


@click.command("settings")
@click.option("--rollback", is_flag=True, help="Go back to the version before the one in force.")
@common
def settings_in_force(*, rollback: bool, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """The retrieval settings in force for the mall, with what proved them better."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.cafe24.malls import mall
    from cafe24_pipelines.learning.active import roll_back, settings_history

    known, log = mall(settings.home, mall_id), parts.event_log(settings)
    found = roll_back(log, known.mall_id) if rollback else settings_history(log, known.mall_id)
    told: dict[str, Any] = found.active.to_json() | {
        "versions": [one.to_json() for one in found.versions],
        "refused": [{"event": event, "reason": reason} for event, reason in found.refused],
    }
    show_result(told, as_json, settings_text(told, lang, rolled_back=rollback))


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
        names = f"\n  {'parameters' if lang == 'en' else '파라미터'}: {used}" if used else ""
        code = "\n".join(f"    {line}" for line in one["snippet"].rstrip().splitlines())
        blocks.append(f"{head}{names}\n{code}")
    return "\n\n".join(blocks)


def settings_text(told: dict[str, Any], lang: str, *, rolled_back: bool) -> str:
    """The version in force, its values, and the evidence of its promotion."""
    english, evidence = lang == "en", told["evidence"]
    lines = [("rolled back" if english else "이전 설정으로 되돌렸습니다.")] if rolled_back else []
    shipped = " (as shipped)" if english else " (기본 설정)"
    lines.append(f"{'version' if english else '버전'} {told['version']}{'' if told['version'] else shipped}")
    lines += [f"  {name} = {value:g}" for name, value in told["settings"].items()]
    if evidence:
        frame = (
            "held-out questions: {wins} better, {losses} worse, {ties} alike; {difference:+.4f} nDCG@10 "
            "[{low:+.4f}, {high:+.4f}], p = {p:.2g} at alpha {alpha:.2g} (look {look})"
            if english
            else "검증용 질문: 나아짐 {wins}, 나빠짐 {losses}, 같음 {ties}; nDCG@10 {difference:+.4f} "
            "[{low:+.4f}, {high:+.4f}], p = {p:.2g}, 유의수준 {alpha:.2g} ({look}번째 확인)"
        )
        lines.append(frame.format(**evidence))
    if told["refused"]:
        count = len(told["refused"])
        lines.append(f"{count} events refused" if english else f"받아들이지 않은 설정 이벤트 {count}건")
    return "\n".join(lines)

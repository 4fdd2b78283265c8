"""`cafe24 generate`: code for a question, with its verdict. Options in, text out.

Does not belong here: making code.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cafe24_pipelines.commands.common import admit, common, show_result
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.codegen.generated import Generated

_MARK = {True: "✓", False: "✗", None: "?"}
_STATUS = {
    "executed_ok": "실행 확인", "executed_failed": "실행 실패", "not_executed": "실행 안 함", "invalid": "사용 불가",
    "refused": "답하지 않음",
}  # fmt: skip


@click.command()
@click.argument("question")
@click.option("--out", type=click.Path(path_type=Path), help="Write the code to this file.")
@click.option("--no-run", is_flag=True, help="Check the code, but don't run it against the sandbox mall.")
@common
def generate(
    question: str, *, out: Path | None, no_run: bool, settings: Settings, mall_id: str, as_json: bool, lang: str
) -> None:
    """Python for a question to the Cafe24 Admin API: checked against the catalogue and run in isolation.

    Code that fails the check is shown as rejected and never written to --out.
    """
    from cafe24_pipelines import parts
    from cafe24_pipelines.codegen.generate import generate as make

    admit(settings, mall_id, "snippet")
    made = make(question, settings, mall_id, execute=not no_run, log=parts.event_log(settings))
    if out is not None and made.code:
        try:
            out.write_text(made.code, encoding="utf-8")
        except OSError as e:
            raise BadInput("the file can't be written", where=str(out), remedy="choose another --out") from e
    show_result(made.to_json(), as_json, text_of(made, out if made.code else None))


def text_of(made: "Generated", out: Path | None) -> str:
    """The code, or where it went; then the verdict with its checks, and the notes."""
    verdict = made.verdict
    lines = [f"코드를 {out}에 썼습니다." if out else made.code] if made.code else []
    if made.rejected:
        lines += [
            "검사를 통과하지 못한 코드입니다. 실행하지 마세요.",
            "",
            *(f"# {x}" for x in made.rejected.splitlines()),
        ]
    lines += ["", f"판정: {_STATUS[verdict.status]}. {verdict.reason}"]
    lines += [f"  {_MARK[c.ok]} {c.name}{f': {c.detail}' if c.detail else ''}" for c in verdict.checks]
    lines += [f"API: {op.id} ({op.title})" for op in made.operations]
    lines += [f"권한: {', '.join(made.scopes)}"] if made.scopes else []
    lines += [f"참고: {note}" for note in made.notes]
    lines += ["실행 결과:", verdict.output.rstrip()] if verdict.output else []
    return "\n".join(lines).strip()

"""One comparison, end to end: the mall's questions, every arm's answers, their scores, the comparisons, the report.

Each step can be run alone (Dagster does) and is stored under the mall; nothing is asked twice. Does not belong here:
how any step works (see the files it calls).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.errors import BadInput, NotBuilt
from cafe24_pipelines.experiments.answering import Progress, answer_arm
from cafe24_pipelines.experiments.frames import raw_of_lake
from cafe24_pipelines.experiments.question_set import QuestionSet, question_set
from cafe24_pipelines.experiments.scoring import Score, score
from cafe24_pipelines.experiments.store import ExperimentBook, Row
from cafe24_pipelines.stores.files import writer_lock

if TYPE_CHECKING:
    from cafe24_pipelines.answers.ask import Services
    from cafe24_pipelines.answers.llm import LanguageModel
    from cafe24_pipelines.experiments.judging import Judging
    from cafe24_pipelines.experiments.report import Report


@dataclass(frozen=True)
class Experiment:
    """A mall's comparison over its published state."""

    services: "Services"
    book: ExperimentBook
    limit: int | None = None

    @property
    def mall_id(self) -> str:
        """Whose comparison this is."""
        return self.services.mall.mall_id

    def arms(self) -> tuple[str, ...]:
        """The arms that can answer here."""
        from cafe24_pipelines.answers.side_by_side import arms_of

        return arms_of(self.services)

    def questions(self) -> QuestionSet:
        """The question set, computed from the landed rows; published when it is the whole one.

        Raises:
            NotBuilt: nothing has landed for this mall.
        """
        if not self.services.lake.counts().get("orders"):
            raise NotBuilt("nothing has landed for this mall", where=self.mall_id, remedy="run it with `cafe24 run`")
        found = question_set(raw_of_lake(self.services.lake, self.services.mall))
        self.book.publish(self.mall_id, "questions", [q.to_json() for q in found.questions], set=found.digest)
        return found.sample(self.limit)

    def answers(self, arm: str, questions: QuestionSet, progress: Progress = lambda line: None) -> list[Row]:
        """One arm's answers, published; a second run of the mall's comparison waits for the first."""
        with writer_lock(self.book.root / f"{self.mall_id}.lock"):
            rows = answer_arm(arm, self.services, questions.questions, self.book, progress=progress)
            self.book.publish(self.mall_id, f"answers-{arm}", rows, set=questions.digest)
        return rows

    def scores(self, arm: str, questions: QuestionSet) -> list[Score]:
        """One arm's scores over its published answers, published.

        Raises:
            NotBuilt: the arm has not answered these questions.
        """
        rows = {str(r["question_id"]): r for r in self.book.rows(self.mall_id, f"answers-{arm}")}
        if any(rows.get(q.id, {}).get("question") != q.text for q in questions.questions):
            raise NotBuilt(f"arm {arm} has not answered these questions", where=self.mall_id,
                           remedy="run `cafe24 compare`, or materialise ab_answers of this arm")  # fmt: skip
        found = [score(q, rows[q.id]) for q in questions.questions]
        self.book.publish(self.mall_id, f"scores-{arm}", [_plain(s) for s in found], set=questions.digest)
        return found

    def report(self, arms: Sequence[str], questions: QuestionSet, judging: "Judging | None" = None) -> "Report":
        """The report over the published scores of these arms, published in Korean and English.

        Raises:
            NotBuilt: fewer than two arms have scores for these questions.
        """
        from cafe24_pipelines.experiments.report import make_report

        scored = {arm: self._scored(arm, questions) for arm in arms}
        present = {arm: scores for arm, scores in scored.items() if scores}
        if len(present) < 2:
            raise NotBuilt("fewer than two arms have scores for these questions", where=self.mall_id,
                           remedy="run `cafe24 compare`, or ab_answers and ab_scores of two arms")  # fmt: skip
        answers = {arm: self.book.rows(self.mall_id, f"answers-{arm}") for arm in present}
        made = make_report(self.services.mall, questions, present, answers, judging)
        texts = {"report.ko.md": made.text("ko"), "report.en.md": made.text("en"),
                 **{f"{name}.svg": svg for name, svg in made.charts.items()}}  # fmt: skip
        self.book.publish(self.mall_id, "report", made.summary_rows(), texts=texts, set=questions.digest)
        return made

    def _scored(self, arm: str, questions: QuestionSet) -> list[Score]:
        rows = self.book.rows(self.mall_id, f"scores-{arm}")
        if self.book.meta(self.mall_id, f"scores-{arm}").get("set") != questions.digest:
            return []
        return [Score(**{**row, "why": tuple(row["why"])}) for row in rows]

    def run(self, arms: Sequence[str] = (), progress: Progress = lambda line: None,
            judge: "LanguageModel | None" = None) -> "Report":  # fmt: skip
        """Everything: questions, answers and scores of the arms, report; `judge` is asked when it is given.

        Raises:
            BadInput: fewer than two arms, or one that can't answer here.
        """
        chosen = checked_arms(arms, self.services)
        questions = self.questions()
        for line in before_the_run(questions, chosen):
            progress(line)
        for arm in chosen:
            self.answers(arm, questions, progress)
            self.scores(arm, questions)
        return self.report(chosen, questions, self._judging(judge, chosen, questions, progress))

    def _judging(self, judge: "LanguageModel | None", arms: Sequence[str], questions: QuestionSet,
                 progress: Progress) -> "Judging | None":  # fmt: skip
        if judge is None:
            return None
        from cafe24_pipelines.experiments.judging import run_judge

        progress(f"심판 {judge.model}: 표시된 짝을 먼저 봅니다.")
        answers = {arm: self.book.rows(self.mall_id, f"answers-{arm}") for arm in arms}
        return run_judge(judge, judge.model, questions.questions, answers)


def checked_arms(arms: Sequence[str], services: "Services") -> tuple[str, ...]:
    """The arms to compare, in their own order; all that can answer here when none is named.

    Raises:
        BadInput: fewer than two, or one that can't answer here.
    """
    from cafe24_pipelines.answers.side_by_side import arms_of

    able = arms_of(services)
    if unknown := [arm for arm in arms if arm not in able]:
        raise BadInput(f"arm {unknown[0]!r} can't answer here",
                       remedy=f"choose of {', '.join(able)}; finetuned needs FINETUNED_MODEL")  # fmt: skip
    chosen = tuple(arm for arm in able if not arms or arm in arms)
    if len(chosen) < 2:
        raise BadInput("a comparison needs two arms", remedy=f"choose two or more of {', '.join(able)}")
    return chosen


def before_the_run(questions: QuestionSet, arms: Sequence[str]) -> list[str]:
    """What has to be said before anybody sees a result: how many questions it takes to see a difference."""
    from cafe24_pipelines.experiments.report import tests_of
    from cafe24_pipelines.experiments.statistics import POWER, WIN_RATE, pairs_needed

    n, tests = len(questions.questions), tests_of(arms)
    alone, together = pairs_needed(WIN_RATE), pairs_needed(WIN_RATE, comparisons=tests)
    lines = [
        f"질문 {n}개, 팔 {len(arms)}개({', '.join(arms)}), 검정 {tests}개.",
        f"이기는 비율 {WIN_RATE:.0%}를 검정력 {POWER:.0%}로 알아보려면 승부가 갈린 질문이 {alone}개 필요하고, "
        f"검정 {tests}개를 함께 보면 {together}개가 필요합니다.",
    ]
    if n < together:
        lines.append(f"주의: 질문이 {n}개뿐이라 모든 질문에서 승부가 갈려도 {WIN_RATE:.0%} 차이는 가리지 못합니다.")
    return lines


def _plain(one: Score) -> dict[str, Any]:
    return {**asdict(one), "why": list(one.why)}

"""An experiment over a real mall: kept answer by answer, resumed, reported, as a command and in Dagster."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from cafe24_pipelines import names
from cafe24_pipelines.answers import ask as asking
from cafe24_pipelines.answers.aggregates import AGGREGATES
from cafe24_pipelines.answers.ask import Services
from cafe24_pipelines.answers.llm import ModelError
from cafe24_pipelines.errors import BadInput, Cafe24Error, NotBuilt
from cafe24_pipelines.experiments import experiment as experiments
from cafe24_pipelines.experiments.answering import GIVE_UP_AFTER, answer_arm, run_key
from cafe24_pipelines.experiments.data_files import yaml_file
from cafe24_pipelines.experiments.experiment import Experiment, before_the_run, checked_arms
from cafe24_pipelines.experiments.question_set import FAMILIES, QuestionSet
from cafe24_pipelines.experiments.report import not_built_for
from cafe24_pipelines.experiments.store import ExperimentBook
from cafe24_pipelines.settings import Settings

FEW = 12


@pytest.fixture(scope="module")
def few(questions: QuestionSet) -> QuestionSet:
    """Some questions of the mall."""
    return questions.sample(FEW)


@pytest.fixture
def experiment(built: Services, few: QuestionSet, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """The comparison of the mall over those questions, kept in a folder of the test's own."""
    monkeypatch.setattr(experiments, "question_set", lambda raw: few)
    return Experiment(built, ExperimentBook(folder))


@pytest.fixture
def counted_asks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that were really asked."""
    asked: list[str] = []
    real = asking.ask

    def ask(question: str, services: Services, **more: Any) -> Any:
        asked.append(question)
        return real(question, services, **more)

    monkeypatch.setattr(asking, "ask", ask)
    return asked


def test_a_kill_loses_one_answer_and_a_second_run_asks_only_the_rest(
    built: Services, few: QuestionSet, folder: Path, monkeypatch: pytest.MonkeyPatch, counted_asks: list[str]
) -> None:
    book, real = ExperimentBook(folder), asking.ask

    def killed(question: str, services: Services, **more: Any) -> Any:
        if len(counted_asks) == 7:
            raise KeyboardInterrupt
        return real(question, services, **more)

    monkeypatch.setattr(asking, "ask", killed)
    with pytest.raises(KeyboardInterrupt):
        answer_arm("baseline", built, few.questions, book)
    log = book.log("sandbox", "baseline", run_key("baseline", built))
    assert len(log.read()) == 7
    with log.path.open("ab") as f:
        f.write(b'{"question_id": "half')  # what a kill in the middle of a line leaves
    monkeypatch.setattr(asking, "ask", real)
    rows = answer_arm("baseline", built, few.questions, book)
    assert len(counted_asks) == FEW and [r["question_id"] for r in rows] == [q.id for q in few.questions]
    assert answer_arm("baseline", built, few.questions, book) == rows and len(counted_asks) == FEW


def test_another_model_wording_or_state_of_the_mall_is_another_run(
    built: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cafe24_pipelines.answers import prompts
    from cafe24_pipelines.answers.llm import LanguageModel

    key = run_key("ontology", built)
    assert key == run_key("ontology", built) != run_key("rag", built)
    assert run_key("ontology", replace(built, llm=LanguageModel("openai/other"))) != key
    assert run_key("ontology", replace(built, patterns=[SimpleNamespace(id="p1")])) != key  # type: ignore[list-item]
    monkeypatch.setattr(prompts, "prompt_version", lambda: "another")
    assert run_key("ontology", built) != key


def test_a_model_that_fails_is_given_up_and_what_was_answered_is_kept(
    built: Services, few: QuestionSet, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, real = [0], asking.ask

    def failing(question: str, services: Services, **more: Any) -> Any:
        asked[0] += 1
        if asked[0] > 5:
            raise ModelError("not reachable", where="model x")
        return real(question, services, **more)

    monkeypatch.setattr(asking, "ask", failing)
    book = ExperimentBook(folder)
    with pytest.raises(Cafe24Error, match=f"{FEW - 5} of {FEW} questions of arm baseline have no answer"):
        answer_arm("baseline", built, few.questions, book)
    assert asked[0] == 5 + GIVE_UP_AFTER
    assert len(book.log("sandbox", "baseline", run_key("baseline", built)).read()) == 5


def test_the_experiment_reports_what_it_shows_and_what_it_can_t(experiment: Experiment, folder: Path) -> None:
    said: list[str] = []
    report = experiment.run(progress=said.append)
    assert any("승부가 갈린 질문이 199개" in line for line in said[:3]) and any("주의" in line for line in said[:3])
    baseline, ontology = report.arms["baseline"], report.arms["ontology"]
    assert baseline.wrong == 0 and baseline.over_refusals == baseline.answerable
    assert ontology.right > baseline.right and sum(sum(v) for v in ontology.by_kind.values()) == FEW
    korean, english = report.text("ko"), report.text("en")
    assert "자료와 거절 규칙의 차이" in korean and "material and refusal rules" in english
    assert "303" in korean and "| ontology − baseline |" in korean and "McNemar" in korean
    assert (
        "nan" not in korean.lower() and json.loads(json.dumps(report.to_json(), allow_nan=False))["questions"] == FEW
    )
    assert {"right", "kinds"} == set(report.charts) and all(svg.startswith("<?xml") for svg in report.charts.values())
    assert experiment.book.text("sandbox", "report", "report.ko.md") == korean
    again = experiment.run()
    assert again.to_json() == report.to_json()


def test_scores_wait_for_answers_and_a_report_for_two_arms(experiment: Experiment, few: QuestionSet) -> None:
    with pytest.raises(NotBuilt, match="has not answered"):
        experiment.scores("rag", few)
    experiment.answers("baseline", few)
    experiment.scores("baseline", few)
    with pytest.raises(NotBuilt, match="fewer than two arms"):
        experiment.report(("baseline", "rag"), few)


def test_arms_that_can_t_answer_here_are_refused(built: Services) -> None:
    assert checked_arms((), built) == ("baseline", "rag", "ontology")
    assert checked_arms(("ontology", "rag"), built) == ("rag", "ontology")
    with pytest.raises(BadInput, match="finetuned"):
        checked_arms(("rag", "finetuned"), built)
    with pytest.raises(BadInput, match="two arms"):
        checked_arms(("rag",), built)
    assert checked_arms((), replace(built, finetuned=built.llm))[-1] == "finetuned"
    assert names.ARMS == asking.ARMS


def test_the_fewest_questions_are_told_before_the_run(few: QuestionSet) -> None:
    lines = before_the_run(few, ("baseline", "rag"))
    assert "검정 2개" in lines[0] and "199개" in lines[1] and "주의" in lines[2]


def test_the_map_of_families_to_the_library_names_what_exists() -> None:
    library = yaml_file("library.yaml")
    computed = {f.key for f in FAMILIES if not f.key.startswith(("api_", "hop_api_", "no_"))}
    assert set(library) == computed
    gone = {family: keys for family, keys in library.items() if keys and not set(keys) & set(AGGREGATES)}
    assert not gone  # an aggregate was renamed or removed: read the library again
    assert not_built_for() == {family for family, keys in library.items() if not keys}


@pytest.fixture
def own_home(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the home that a command may write to."""
    copy = tmp_path / "copy"
    shutil.copytree(home.home.root, copy)
    monkeypatch.setenv("CAFE24_HOME", str(copy))
    return copy


@pytest.mark.slow
def test_the_command_compares_and_writes_the_report(own_home: Path, tmp_path: Path) -> None:
    from cafe24_pipelines.cli import main

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(main, ["compare", *arguments], catch_exceptions=False)

    file = tmp_path / "report.md"
    done = run("--limit", "10", "--arms", "baseline,ontology", "--report", str(file), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["questions"] == 10
    assert file.read_text("utf-8").startswith("# 팔 비교 보고서") and file.with_name("report-right.svg").exists()
    single = run("지난달 매출은?", "--arms", "rag,ontology")
    assert single.exit_code == 0 and "── rag" in single.stdout and "── ontology" in single.stdout
    refused = CliRunner().invoke(main, ["compare", "--arms", "rag"])
    assert refused.exit_code == 1 and "two arms" in refused.output


@pytest.mark.slow
def test_dagster_compares_by_mall_and_arm(
    own_home: Path, few: QuestionSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from cafe24_pipelines.definitions import build_defs

    monkeypatch.setattr(experiments, "question_set", lambda raw: few)
    defs = build_defs()
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        instance.add_dynamic_partitions("malls", ["sandbox"])

        def job(name: str, key: Any) -> dg.ExecuteInProcessResult:
            return defs.resolve_job_def(name).execute_in_process(instance=instance, partition_key=key)

        for arm in names.ARMS:
            done = job("comparison", dg.MultiPartitionKey({"mall": "sandbox", "arm": arm}))
            metadata = done.asset_materializations_for_node("ab_scores")[0].metadata
            expected = 0 if arm == "finetuned" else FEW
            assert metadata["dagster/row_count"].value == expected, arm
            if (
                arm == "baseline"
            ):  # its own condition may ask for the report now; one arm is no comparison, and no error
                alone = job("comparison_report", "sandbox").asset_materializations_for_node("ab_report")[0].metadata
                assert "fewer than two arms" in str(alone["note"].value)
        report = job("comparison_report", "sandbox").asset_materializations_for_node("ab_report")[0].metadata
    assert "자료와 거절 규칙의 차이" in str(report["report"].value)
    assert str(report["kinds"].value).startswith("![kinds](data:image/svg+xml;base64,")
    assert "finetuned" not in str(report["report"].value)


def test_removing_a_malls_comparison_leaves_nothing_of_it(
    experiment: Experiment, folder: Path, few: QuestionSet
) -> None:
    experiment.answers("baseline", few)
    experiment.book.publish("other", "report", [])
    experiment.book.remove("sandbox")
    assert not (folder / "sandbox").exists() and (folder / "other").exists()

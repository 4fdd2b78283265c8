"""The provider's rules: every one is checked, named with its line, and agrees with the provider's own check."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.finetune.validate import MAX_PROBLEMS, require_valid, validate_file, validate_lines

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(str.strip)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=9), inner, max_size=3)),
    max_leaves=8,
)


def said(role: str, content: Any = "말", **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def chat(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


def problems(*rows: Any) -> list[str]:
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    return [str(p) for p in validate_lines(lines)]


U, A, S = said("user"), said("assistant"), said("system")
PREFERENCE = {"input": chat(S, U), "preferred_output": [A], "non_preferred_output": [A]}


@pytest.mark.parametrize(
    "row",
    [
        chat(U, A), chat(S, U, A), chat(U, A, U, A), chat(U, said("assistant", weight=0)),
        {"prompt": "q", "completion": "a"}, {"text": "t"}, PREFERENCE,
        PREFERENCE | {"input": chat(U, A, U)},
    ],
)  # fmt: skip
def test_every_format_passes(row):
    assert problems(row, row) == []


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (b"\xef\xbb\xbf" + json.dumps(chat(U, A)).encode(), "byte order mark"),
        ("안녕".encode("cp949"), "not UTF-8"),
        (b'{"messages": ', "not JSON"),
        (b'{"text": "a"} {"text": "b"}', "not JSON"),
        (b'{"text": NaN}', "NaN is not JSON"),
        (b'{"text": ' + b"9" * 5000 + b"}", "not readable"),
        (b"[" * 100_000, "not JSON"),
        (b'{"text": "a", "text": "b"}', "key repeats"),
        ([1], "not a JSON object"),
        ({}, "fit no format"),
        ({"prompt": "q"}, "fit no format"),
        ({"text": "t", "prompt": "q", "completion": "a"}, "two formats"),
        (chat(U, A, id=7), "extra columns ['id']"),
        (chat(U, A, tools=[]), "extra columns ['tools']"),
        (chat(), "not a list with messages"),
        ({"messages": "hello"}, "not a list with messages"),
        (chat(A), "assistant where user is due"),
        (chat(S), "doesn't end with assistant"),
        (chat(U), "doesn't end with assistant"),
        (chat(U, A, U), "doesn't end with assistant"),
        (chat(U, U, A), "user where assistant is due"),
        (chat(S, S, U, A), "comes first or not at all"),
        (chat(U, S, A), "comes first or not at all"),
        (chat(S, A), "assistant where user is due"),
        (chat(said("tool"), A), "role 'tool'"),
        (chat(said("User"), A), "role 'User'"),
        (chat(U, said("assistant", name="x")), "extra keys ['name']"),
        (chat(U, {"role": "assistant"}), "lacks role or content"),
        (chat(U, "hello"), "lacks role or content"),
        (chat(U, said("assistant", None)), "is NoneType, not text"),
        (chat(U, said("assistant", [{"type": "text", "text": "x"}])), "is list, not text"),
        (chat(U, said("assistant", "")), "is blank"),
        (chat(said("user", " \n"), A), "is blank"),
        (chat(U, said("assistant", "\ud800")), "surrogate"),
        (chat(U, said("assistant", weight=2)), "weight 2"),
        (chat(U, said("assistant", weight=1.0)), "weight 1.0"),
        (chat(U, said("assistant", weight=True)), "weight True"),
        (chat(U, said("assistant", weight=None)), "weight None"),
        ({"prompt": "q", "completion": ""}, "completion is blank"),
        ({"text": 3}, "text is int"),
        (PREFERENCE | {"input": "q"}, "input is not an object"),
        (PREFERENCE | {"input": chat(U, tools=[])}, "input is not an object"),
        (PREFERENCE | {"input": chat(U, A)}, "doesn't end with user"),
        (PREFERENCE | {"preferred_output": [A, A]}, "not a list of one"),
        (PREFERENCE | {"preferred_output": A}, "not a list of one"),
        (PREFERENCE | {"non_preferred_output": [U]}, "not an assistant message"),
    ],
)
def test_every_breach_is_named_with_its_line_and_a_remedy(row, what):
    found = problems(row)
    assert len(found) == 1
    assert found[0].startswith("line 1: ") and what in found[0]
    assert len(found[0].split(" — ")[1]) > 5


def test_lines_are_counted_from_one_and_blank_lines_too():
    assert [p.split(":")[0] for p in problems(chat(U, A), b"\n", chat(U), b"  ", {"text": "t"})] == [
        "line 3",
        "line 5",
    ]


def test_formats_do_not_mix():
    assert "text format in a file of conversation format" in problems(chat(U, A), {"text": "t"})[0]


def test_a_file_without_examples_is_a_problem(tmp_path):
    (tmp_path / "empty.jsonl").write_text("\n\n")
    assert "no example" in str(validate_file(tmp_path / "empty.jsonl")[0])
    assert "not a file" in str(validate_file(tmp_path / "none.jsonl")[0])


def test_a_file_over_the_limit_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("cafe24_pipelines.finetune.validate.MAX_BYTES", 5)
    (tmp_path / "big.jsonl").write_text('{"text": "t"}')
    assert "13 bytes" in str(validate_file(tmp_path / "big.jsonl")[0])


def test_a_hopeless_file_stops_after_a_hundred_problems():
    assert len(problems(*[{}] * 500)) == MAX_PROBLEMS


def test_the_error_of_a_file_says_where_and_how_to_mend_it(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(chat(U, A)) + "\n" + json.dumps(chat(U)))
    with pytest.raises(BadInput, match=r"train\.jsonl:2: messages doesn't end with assistant — end with"):
        require_valid(path)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.none() | TEXT, st.lists(st.tuples(TEXT, TEXT, st.sampled_from([None, 0, 1])), min_size=1)),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_any_well_formed_conversation_passes(conversations):
    rows = []
    for system, turns in conversations:
        messages = [said("system", system)] if system else []
        for question, answer, weight in turns:
            messages += [
                said("user", question),
                said("assistant", answer) | ({} if weight is None else {"weight": weight}),
            ]
        rows.append(chat(*messages))
    assert problems(*rows) == []


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(["system", "user", "assistant"]), max_size=7))
def test_roles_pass_exactly_when_they_take_turns(roles):
    turns = roles[1:] if roles[:1] == ["system"] else roles
    fine = bool(turns) and len(turns) % 2 == 0 and turns == ["user", "assistant"] * (len(turns) // 2)
    assert (problems(chat(*map(said, roles))) == []) is fine


@settings(deadline=None, max_examples=150)
@given(st.one_of(JSON, st.fixed_dictionaries({"messages": JSON}), st.binary(max_size=30)))
def test_anything_at_all_gives_problems_and_never_an_error(row):
    for problem in problems(row):
        assert " — " in problem


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.one_of(st.just(chat(U, A)), st.just({}), st.binary(min_size=1, max_size=9)), min_size=1, max_size=4)
)
def test_what_we_take_the_providers_own_check_takes_too(tmp_path_factory, rows):
    from together.lib.utils.files import check_file

    path: Path = tmp_path_factory.mktemp("check") / "train.jsonl"
    lines = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in rows]
    path.write_bytes(b"\n".join(line.replace(b"\n", b" ") for line in lines))
    if not validate_file(path):
        assert check_file(path)["is_check_passed"], check_file(path)["message"]

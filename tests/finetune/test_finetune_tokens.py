"""Counting tokens: a local file exactly, else an approximation whose error is measured."""

import subprocess
import sys

import pytest

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.finetune.dataset import build_dataset
from cafe24_pipelines.finetune.tokens import APPROXIMATION, PER_MESSAGE, approximate, token_counter


def corpus() -> list[str]:
    from cafe24_pipelines.knowledge.documents import load_documents

    return [d.body for d in load_documents()]


@pytest.fixture(scope="module")
def tokenizer_file(tmp_path_factory):
    """A byte-level BPE of the kind that current models use, trained here on half of the documents."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=3000, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(corpus()[::2], trainer)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def test_a_tokenizer_file_counts_as_the_library_does(tokenizer_file):
    from tokenizers import Tokenizer

    counter = token_counter(str(tokenizer_file))
    text = "카페24 주문 API는 GET /api/v2/admin/orders 입니다."
    assert counter.count(text) == len(Tokenizer.from_file(str(tokenizer_file)).encode(text).ids)
    assert counter.name == "tokenizer file tokenizer.json"
    assert counter.conversation(["주문", "답"]) == counter.count("주문") + counter.count("답") + 2 * PER_MESSAGE


def test_the_data_set_names_the_tokenizer_it_was_counted_with(sources, tokenizer_file):
    answers = [sources.answer("매출은?", "1,000원입니다.", "s")]
    by_file = build_dataset([], answers, [], "shop", tokenizer_file=str(tokenizer_file)).report
    by_guess = build_dataset([], answers, [], "shop").report
    assert by_file.tokenizer == "tokenizer file tokenizer.json" and by_guess.tokenizer == APPROXIMATION
    assert by_file.tokens != by_guess.tokens


def test_the_approximation_errs_by_less_than_half_on_text_it_has_not_seen(tokenizer_file):
    """The vocabulary is small (3,000 for a narrow domain), so this bounds the order of magnitude, no more."""
    counter = token_counter(str(tokenizer_file))
    unseen = corpus()[1::2]
    ratio = sum(map(approximate, unseen)) / sum(map(counter.count, unseen))
    print(f"approximation / trained BPE on {len(unseen)} documents: {ratio:.2f}")
    assert 0.67 < ratio < 2.0


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("가" * 10, 8),
        ("漢" * 10, 10),
        ("1" * 10, 5),
        ("a" * 10, 3),
        ("!" * 10, 7),
        (" " * 10, 0),
        ("a_b", 2),
    ],
)
def test_the_constants_are_what_they_are_said_to_be(text, tokens):
    assert approximate(text) == tokens


def test_more_text_never_has_fewer_tokens():
    text = "카페24 orders 12, 漢字!\n" * 3
    counts = [approximate(text[:n]) for n in range(len(text) + 1)]
    assert counts == sorted(counts)


@pytest.mark.parametrize("content", [None, "", "{}", "not json", '{"model": {"type": "Nope"}}'])
def test_a_file_that_is_no_tokenizer_is_named_with_a_remedy(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"tokenizer\.json") as caught:
        token_counter(str(path))
    assert "CAFE24_TOKENIZER_FILE" in caught.value.remedy


def test_nothing_is_fetched_and_importing_is_cheap(tokenizer_file):
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import cafe24_pipelines.finetune.dataset, cafe24_pipelines.finetune.store\n"
        "heavy = {'pandas', 'pyarrow', 'tokenizers', 'sklearn', 'duckdb', 'numpy', 'litellm', 'together'}\n"
        "print(sorted(heavy & {m.split('.')[0] for m in sys.modules}))\n"
        "from cafe24_pipelines.finetune.tokens import token_counter\n"
        "print(token_counter(sys.argv[1]).count('주문') > 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tokenizer_file)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == ["[]", "True"]

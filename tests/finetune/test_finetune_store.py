"""Keeping and exporting data sets."""

import json

import pytest

from cafe24_pipelines.errors import BadInput, NotBuilt
from cafe24_pipelines.finetune.dataset import Dataset, build_dataset, jsonl
from cafe24_pipelines.finetune.examples import Example
from cafe24_pipelines.finetune.store import DatasetStore
from cafe24_pipelines.finetune.validate import validate_file


@pytest.fixture(scope="module")
def dataset(shop_documents, sources) -> Dataset:
    return build_dataset(shop_documents, [], [sources.pattern()], "shop")


def test_before_the_first_build_everything_says_so(tmp_path):
    store = DatasetStore(tmp_path / "none")
    assert store.current("shop") is None and store.digest("shop") == ""
    assert store.summary("shop") == {"examples": 0, "train": 0, "validation": 0, "tokens": 0}
    with pytest.raises(NotBuilt, match="cafe24 run"):
        store.export("shop", tmp_path / "x.jsonl")
    assert not (tmp_path / "none").exists() and not (tmp_path / "x.jsonl").exists()


def test_publishing_the_same_again_writes_nothing(tmp_path, dataset):
    store = DatasetStore(tmp_path)
    assert store.publish("shop", dataset) == dataset.digest == store.digest("shop")
    before = store.folder("shop")
    assert store.publish("shop", dataset) == dataset.digest
    assert store.folder("shop") == before
    assert [p.name for p in (tmp_path / "shop" / "builds").iterdir()] == [dataset.digest]
    assert store.digest("other") == ""


def test_the_export_is_what_was_built_and_the_providers_check_takes_it(tmp_path, dataset):
    from together.lib.utils.files import check_file

    store = DatasetStore(tmp_path / "store")
    store.publish("shop", dataset)
    report = store.export("shop", tmp_path / "deep" / "train.jsonl")
    names = {p.name for p in (tmp_path / "deep").iterdir()}
    assert names == {"train.jsonl", "train.validation.jsonl", "train.manifest.json"}
    assert (tmp_path / "deep" / "train.jsonl").read_text(encoding="utf-8") == jsonl(dataset.train)
    assert (tmp_path / "deep" / "train.validation.jsonl").read_text(encoding="utf-8") == jsonl(dataset.validation)
    assert report["examples"] == dataset.report.examples and report["digest"] == dataset.digest
    for part, count in (("train", len(dataset.train)), ("validation", len(dataset.validation))):
        assert validate_file(type(tmp_path)(report[part])) == []
        second = check_file(report[part])
        assert second["is_check_passed"] and second["num_samples"] == count


def test_the_manifest_tells_counts_tokens_hashes_and_sources(tmp_path, dataset):
    store = DatasetStore(tmp_path)
    store.publish("shop", dataset)
    report = store.export("shop", tmp_path / "x.jsonl")
    manifest = json.loads((tmp_path / "x.manifest.json").read_text(encoding="utf-8"))
    assert manifest["tokens"] == dataset.report.tokens and manifest["tokenizer"] == dataset.report.tokenizer
    assert manifest["by_source"] == dataset.report.by_source and manifest["digest"] == report["digest"]
    assert len(manifest["sources"]) == len({e.source for e in [*dataset.train, *dataset.validation]})
    assert manifest["upload"] == {"purpose": "fine-tune", "file_type": "jsonl"}
    assert store.summary("shop")["examples"] == dataset.report.examples


def test_a_data_set_that_breaks_the_rules_is_not_published(tmp_path, dataset):
    store = DatasetStore(tmp_path)
    store.publish("shop", dataset)
    broken = Dataset([Example("질문", " ", "s", "k")], [], dataset.report)
    with pytest.raises(BadInput, match=r"train\.jsonl:1: .*blank"):
        store.publish("shop", broken)
    assert store.digest("shop") == dataset.digest


def test_a_folder_is_no_place_for_an_export_and_a_damaged_build_is_not_exported(tmp_path, dataset):
    store = DatasetStore(tmp_path / "store")
    store.publish("shop", dataset)
    with pytest.raises(BadInput, match="folder"):
        store.export("shop", tmp_path)
    (store.folder("shop") / "train.jsonl").write_text("{")
    with pytest.raises(BadInput, match=r"train\.jsonl:1"):
        store.export("shop", tmp_path / "out.jsonl")
    assert [p.name for p in tmp_path.iterdir()] == ["store"]

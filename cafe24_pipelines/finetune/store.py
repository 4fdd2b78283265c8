"""Where data sets are kept, and how they leave: one published build a mall, exported as JSONL.

A build holds `train.jsonl`, `validation.jsonl` and `manifest.json`. Does not belong here: what an example says.
"""

import json
from pathlib import Path
from typing import Any, Final

from cafe24_pipelines.errors import BadInput, NotBuilt
from cafe24_pipelines.finetune.dataset import Dataset, jsonl
from cafe24_pipelines.finetune.validate import require_valid
from cafe24_pipelines.stores.digest import text_digest
from cafe24_pipelines.stores.files import Build, Published, friendly_os_errors, write_atomic

TRAIN: Final = "train.jsonl"
VALIDATION: Final = "validation.jsonl"
MANIFEST: Final = "manifest.json"


class DatasetStore:
    """The current data set of every mall under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def publish(self, mall_id: str, dataset: Dataset) -> str:
        """Make this the mall's current data set and return its digest; equal content is not written again.

        Raises:
            BadInput: a file would break the provider's rules; nothing is published.
        """
        manifest = manifest_of(dataset)
        published = Published(self.root / mall_id)
        current = published.current()
        if current and current.meta == manifest:
            return dataset.digest
        staging = published.staging(dataset.digest)
        with friendly_os_errors(staging):
            for name, examples in ((TRAIN, dataset.train), (VALIDATION, dataset.validation)):
                (staging / name).write_text(jsonl(examples), encoding="utf-8", newline="\n")
                if examples or name == TRAIN:
                    require_valid(staging / name)
            (staging / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
        published.publish(staging, dataset.digest, manifest)
        return dataset.digest

    def current(self, mall_id: str) -> Build | None:
        """The mall's current build (its `meta` is the manifest), or None before the first."""
        return Published(self.root / mall_id).current()

    def folder(self, mall_id: str) -> Path:
        """The folder of the mall's current data set.

        Raises:
            NotBuilt: there is none yet.
        """
        build = self.current(mall_id)
        if build is None:
            raise NotBuilt(f"mall {mall_id} has no fine-tune data set yet", remedy="run `cafe24 run` first")
        return build.path

    def digest(self, mall_id: str) -> str:
        """Digest of the mall's current data set ("" before the first)."""
        build = self.current(mall_id)
        return build.build_id if build else ""

    def summary(self, mall_id: str) -> dict[str, Any]:
        """Counts of the mall's current data set; zeros before the first."""
        build = self.current(mall_id)
        keys = ("examples", "train", "validation", "tokens")
        return {key: build.meta[key] if build else 0 for key in keys}

    def export(self, mall_id: str, out: Path) -> dict[str, Any]:
        """Write the training file to `out`, and beside it the validation file and the manifest.

        `out` = `DIR/NAME.jsonl` gives `DIR/NAME.validation.jsonl` and `DIR/NAME.manifest.json`. Each file is whole or
        absent, and `out` comes last: when it is there, the others are.

        Returns:
            `{"train": path, "validation": path, "manifest": path, "examples", "tokens", "tokenizer", "digest"}`;
            without validation examples there is no `validation`.

        Raises:
            NotBuilt: there is no data set yet.
            BadInput: `out` is a folder, or a stored file breaks the provider's rules.
        """
        folder = self.folder(mall_id)
        if out.is_dir():
            raise BadInput("that is a folder", where=str(out), remedy="name a file, such as train.jsonl")
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        report = {"train": str(out), "manifest": str(out.with_name(f"{out.stem}.manifest.json"))}
        require_valid(folder / TRAIN)
        if manifest["validation"]:
            beside = out.with_name(f"{out.stem}.validation{out.suffix}")
            report["validation"] = str(beside)
            require_valid(folder / VALIDATION)
            write_atomic(beside, (folder / VALIDATION).read_bytes())
        write_atomic(Path(report["manifest"]), json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
        write_atomic(out, (folder / TRAIN).read_bytes())
        return report | {key: manifest[key] for key in ("examples", "tokens", "tokenizer", "digest")}


def manifest_of(dataset: Dataset) -> dict[str, Any]:
    """Counts, tokens, hashes and sources of a data set, and how the provider wants its files named."""
    sources = sorted({(e.kind, e.source) for e in [*dataset.train, *dataset.validation]})
    return {
        "version": 1,
        **dataset.report.to_json(),
        "digest": dataset.digest,
        "files_digest": {
            "train": text_digest(jsonl(dataset.train)),
            "validation": text_digest(jsonl(dataset.validation)),
        },
        "sources": [f"{kind}: {source}" for kind, source in sources],
        "format": "conversation",
        "upload": {"purpose": "fine-tune", "file_type": "jsonl"},
    }

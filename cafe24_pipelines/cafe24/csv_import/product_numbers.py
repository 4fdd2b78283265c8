"""One number for a product, where one file knows its number and another only its code.

Cafe24 gives a product a number (상품번호) and a code (상품코드, `P00000KV`); the code is no function of the number
that holds in every mall, so only a file that has both says which belong together. An item's code (상품품목코드)
begins with its product's.
"""

import re
from typing import TYPE_CHECKING

from cafe24_pipelines.cafe24.csv_import.rows import Rows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_VARIANT = re.compile(r"(P[0-9A-Z]{7})[0-9A-Z]{4}")


class ProductNumbers:
    """Product codes and the numbers that some file of the import pairs them with."""

    def __init__(self, *files: Rows) -> None:
        pairs: dict[str, set[str]] = {}
        for rows in files:
            if "product_no" in rows.columns:
                for number, code in zip(texts(rows, "product_no"), _codes(rows), strict=True):
                    if number and code:
                        pairs.setdefault(code, set()).add(number)
        self._known = {code: next(iter(numbers)) for code, numbers in pairs.items() if len(numbers) == 1}

    def fill(self, rows: Rows) -> None:
        """Give every row of a file its `product_no`; rows that name no product are refused."""
        import pyarrow as pa

        given = texts(rows, "product_no")
        own = [number or self._known.get(code or "", code) for number, code in zip(given, _codes(rows), strict=True)]
        rows.columns["product_no"] = pa.array(own, pa.string())
        rows.refuse(null(rows.columns["product_no"]), "is empty", "product_no")
        coded = sum(1 for number, code in zip(own, _codes(rows), strict=True) if number and number == code)
        if coded:
            rows.raw.parts[-1].notes.append(
                f"{coded:,} rows of the {rows.raw.resource.name} files name their product by its code, which no file "
                "pairs with a number; choose 상품번호 and 상품코드 in every form, so that all files mean the same "
                "product"
            )


def texts(rows: Rows, name: str) -> list[str | None]:
    """A text column's values; None for every row where the files do not have it."""
    return rows.columns[name].to_pylist() if name in rows.columns else [None] * rows.size


def null(array: "pa.Array") -> "np.ndarray":
    """Where a column has no value."""
    return array.is_null().to_numpy(zero_copy_only=False)


def _codes(rows: Rows) -> list[str | None]:
    """Each row's product code: its own column, else the part of the item's code (`P00000KV000A`) that names it."""
    own, variants = texts(rows, "product_code"), texts(rows, "variant_code")
    return [
        code or (m[1] if variant and (m := _VARIANT.fullmatch(variant)) else variant)
        for code, variant in zip(own, variants, strict=True)
    ]

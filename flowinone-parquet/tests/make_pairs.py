#!/usr/bin/env python3
"""Writes the Parquet files of these tests with VP-Bench's columns, as `datasets` writes them: text
columns, and pictures as structs of bytes and path. Needs pyarrow and Pillow.

    python3 make_pairs.py fixtures
"""

import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("pair_id", "subset", "category", "image_name")]
    + [(name, pa.string()) for name in ("input_relpath", "output_relpath", "recognized_text")]
    + [("input_image", PICTURE), ("output_image", PICTURE)]
)


def picture(number, kind):
    image = Image.new("RGB", (32, 24), (20 * number % 256, 90, 200))
    ImageDraw.Draw(image).rectangle([4, 4, 12 + number, 15], fill=(250, 220, 10))
    data = io.BytesIO()
    image.save(data, kind)
    return data.getvalue()


def row(number, subset, category, name, words, kind="PNG"):
    return {
        "pair_id": f"{subset}_{number:04}",
        "subset": subset,
        "category": category,
        "image_name": name,
        "input_relpath": f"{subset}/input/{name}",
        "output_relpath": f"{subset}/output/{name}",
        "recognized_text": words,
        "input_image": {"bytes": picture(number, kind), "path": name},
        "output_image": {"bytes": picture(number + 50, "PNG"), "path": name},
    }


def write(path, rows, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path, **options)


def main(root):
    force = [row(n, "force", "push", f"{n:03}.png", f"push it {n}") for n in range(1, 6)]
    # Two rows a group, so that a row is found across groups.
    write(root / "bench/force/train-00000-of-00001.parquet", force, row_group_size=2)
    words = [
        row(1, "text2image", "a", "same.png", "a cat"),
        row(2, "text2image", "b", "same.png", None),
        row(3, "text2image", "b", "own.jpg", "", "JPEG"),
    ]
    write(root / "bench/text2image/train-00000-of-00001.parquet", words)
    odd = [
        row(1, "doodles", "", "fine.png", "draw"),
        row(2, "paintings", "", "other.png", "what"),
        row(3, "doodles", "", "../../escape.png", "out"),
        row(4, "doodles", "", "empty.png", "none"),
        row(5, "doodles", "", "broken.png", "half"),
    ]
    odd[3]["input_image"] = {"bytes": None, "path": "elsewhere.png"}
    odd[4]["input_image"]["bytes"] = odd[4]["input_image"]["bytes"][:40]
    write(root / "odd.parquet", odd)
    write(root / "gzip.parquet", force[:1], compression="gzip")
    pq.write_table(pa.table({"subset": ["force"], "image_name": [7]}), root / "columns.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

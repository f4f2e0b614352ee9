"""Shards against Python's own `webdataset`.

    pip install webdataset
    python webdataset_roundtrip.py SHARD.tar COPY.tar

reads SHARD with webdataset, prints one JSON line a sample (key, and the SHA-256 of every field's
bytes), and writes the samples to COPY with webdataset's own writer. The test in `data_webdataset.rs`
runs it and compares both ways; it uses the interpreter named by FLOWINONE_PYTHON (`python3` without).
"""

import hashlib
import json
import sys

try:
    import webdataset
except ImportError:
    sys.exit(77)  # the test knows this as "not installed"


def main(shard, copy):
    samples = webdataset.WebDataset(shard, shardshuffle=False)
    with webdataset.TarWriter(copy, encoder=False) as writer:
        for sample in samples:
            fields = {name: data for name, data in sample.items() if not name.startswith("__")}
            digests = {name: hashlib.sha256(data).hexdigest() for name, data in fields.items()}
            print(json.dumps({"key": sample["__key__"], "fields": digests}))
            writer.write({"__key__": sample["__key__"], **fields})


if __name__ == "__main__":
    main(*sys.argv[1:])

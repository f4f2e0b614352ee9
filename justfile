# What a contributor runs most.

default: check

# Format, lints and tests.
check:
    cargo fmt --all --check
    .ci/wrap
    cargo clippy --workspace --all-targets --features flowinone-cli/judge,flowinone-cli/serve,flowinone-cli/hub,flowinone-cli/parquet,flowinone-cli/queue -- -D warnings
    cargo test --workspace

test:
    cargo test --workspace

# The reference's numbers, printed.
parity:
    cargo test --workspace -- --nocapture | grep parity

bench:
    cargo bench -p flowinone-benches

# PyTorch beside this, in turns: needs a Python with torch.
compare *ARGS:
    python3 benches/compare.py {{ARGS}}

# API documentation and the book (needs mdbook).
docs:
    cargo doc --workspace --no-deps
    mdbook build docs

# Trains the mini model from nothing: many hours, resumable.
train-mini:
    bash flowinone-train/recipes/mini/train.sh

# Everything that must hold before a change lands.
ci:
    bash .ci/run

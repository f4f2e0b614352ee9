# What a contributor runs most.

default: check

# Format, lints and tests.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --features cpu -- -D warnings
    cargo test --workspace --features cpu

test:
    cargo test --workspace --features cpu

# The reference's numbers, printed.
parity:
    cargo test --workspace --features cpu -- --nocapture | grep parity

bench:
    cargo bench -p flowinone-benches

# API documentation and the book (needs mdbook).
docs:
    cargo doc --workspace --no-deps --features cpu
    mdbook build docs

# Everything that must hold before a change lands.
ci:
    bash .ci/run

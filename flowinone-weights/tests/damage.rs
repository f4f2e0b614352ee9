//! Damaged files end in an error that names the file: never a panic, never other numbers where the
//! format carries a checksum.

use std::path::Path;

use burn::tensor::TensorData;
use flowinone_parity::{folders, mutated};
use flowinone_weights::Checkpoint;

const MUTATIONS: u64 = 1_500;

/// Opens and reads everything of moderate size; `Err` is the text of the first error.
fn read_all(path: &Path) -> Result<Vec<(String, TensorData)>, String> {
    let checkpoint = Checkpoint::open(path).map_err(|e| e.to_string())?;
    checkpoint
        .entries()
        // A view may claim gigabytes over a small storage; a model's own shapes rule that out.
        .filter(|entry| entry.len() < 1 << 20)
        .map(|entry| {
            let data = entry.read().map_err(|e| e.to_string())?;
            Ok((entry.name().to_string(), data))
        })
        .collect()
}

struct Outcome {
    refused: usize,
    equal: usize,
    different: usize,
}

fn damage(file: &str) -> Outcome {
    let temporary = tempfile::tempdir().unwrap();
    let mut outcome = Outcome {
        refused: 0,
        equal: 0,
        different: 0,
    };
    for folder in folders().iter().filter(|folder| folder.has(file)) {
        let original = folder.file(file);
        let whole = std::fs::read(&original).unwrap();
        let expected = read_all(&original).unwrap();
        let path = temporary.path().join(file);
        for seed in 0..MUTATIONS {
            std::fs::write(&path, mutated(&whole, seed)).unwrap();
            match read_all(&path) {
                Err(text) => {
                    assert!(text.contains(path.to_str().unwrap()), "seed {seed}: {text}");
                    outcome.refused += 1;
                }
                Ok(actual) if actual == expected => outcome.equal += 1,
                Ok(_) => outcome.different += 1,
            }
        }
    }
    let Outcome {
        refused,
        equal,
        different,
    } = outcome;
    println!("{file}: {refused} refused, {equal} equal, {different} different");
    assert!(refused > 0, "no mutation of {file} was noticed");
    outcome
}

#[test]
fn a_mutated_zip_checkpoint_is_refused_or_unchanged() {
    // Every tensor of it spans its storage, so that the archive's checksums cover every value.
    let outcome = damage("janus_vision.pth");
    assert_eq!(outcome.different, 0);
}

#[test]
fn mutated_zip_checkpoints_with_views_never_panic() {
    damage("odd_tensors.pth");
}

#[test]
fn mutated_legacy_checkpoints_never_panic() {
    damage("odd_tensors_legacy.pth");
}

#[test]
fn mutated_safetensors_never_panic() {
    damage("odd_tensors.safetensors");
}

#[test]
fn files_of_other_kinds_are_refused_by_name() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("weights.safetensors");
    let huge_header = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    let long_header = [&(20u64 << 20).to_le_bytes()[..], b"{}"].concat();
    let no_tensors = [&2u64.to_le_bytes()[..], b"{}"].concat();
    let kinds: [&[u8]; 9] = [
        b"",
        b"x",
        b"{",
        b"{}",
        b"GIF89a and then some more bytes of no use",
        &[0; 4096],
        &huge_header,
        &long_header,
        &no_tensors,
    ];
    for bytes in kinds {
        std::fs::write(&path, bytes).unwrap();
        let text = read_all(&path).unwrap_err();
        assert!(text.contains(path.to_str().unwrap()), "{text}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(read_all(&path).unwrap_err().contains("weights.safetensors"));
    assert!(
        read_all(temporary.path())
            .unwrap_err()
            .contains("the folder has none of")
    );
}

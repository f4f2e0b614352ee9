//! The chapter on visual prompts shows what its commands make.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::path::{Path, PathBuf};

mod support;

use support::Bench;

fn chapter() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/visual-prompts.md");
    std::fs::read_to_string(file).unwrap()
}

fn figures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/figures/prompts")
}

/// A folder with the drawings that the chapter starts from.
fn bench() -> Bench {
    let bench = Bench::new();
    for name in ["scene.svg", "cloud.json"] {
        std::fs::copy(figures().join(name), bench.path(name)).unwrap();
    }
    bench
}

/// The lines of the chapter's blocks of a language, with continued ones joined.
fn blocks(language: &str) -> Vec<String> {
    let text = chapter();
    let parts = text.split("```").skip(1).step_by(2);
    let own = parts.filter_map(|part| part.strip_prefix(&format!("{language}\n")));
    let lines = own.map(|part| part.replace("\\\n", " "));
    lines
        .flat_map(|part| part.lines().map(str::to_string).collect::<Vec<_>>())
        .collect()
}

/// The pixels of a file that the chapter shows; of an animation the first frame's.
fn pixels(path: &Path) -> (u32, Vec<u8>) {
    let picture = image::open(path).unwrap().into_rgb8();
    (picture.width(), picture.into_raw())
}

#[test]
fn every_picture_is_made_by_the_command_beside_it() {
    let bench = bench();
    let mut commands: Vec<String> = blocks("sh");
    commands.retain(|line| !line.starts_with("flowinone batch"));
    // The scene comes first, since the others are drawn on it.
    commands.sort_by_key(|line| !line.contains("-o scene.png"));
    let shown = chapter();
    for command in &commands {
        let words = command.strip_prefix("flowinone ").unwrap();
        let only = if words.contains("--prompt-only") {
            ""
        } else {
            "--prompt-only"
        };
        bench.succeed(&format!("{words} {only}"));
        let name = command.split(" -o ").nth(1).unwrap();
        let name = name.split_whitespace().next().unwrap();
        let (width, here) = pixels(&bench.path(name));
        let (other, there) = pixels(&figures().join(name));
        assert_eq!(width, other, "{name}");
        // Another processor may round the edge of a line differently.
        let far = here
            .iter()
            .zip(&there)
            .map(|(a, b)| f64::from(a.abs_diff(*b)));
        let mean = far.sum::<f64>() / here.len() as f64;
        assert!(
            mean < 0.1,
            "{name} is no longer what its command makes: run docs/make-prompts.sh"
        );
        assert!(
            name == "scene.png" || shown.contains(&format!("figures/prompts/{name}")),
            "{name}"
        );
    }
    assert!(commands.len() >= 15, "{commands:?}");
}

#[test]
fn the_batch_file_of_the_chapter_is_read() {
    let bench = bench();
    let lines = blocks("json");
    std::fs::write(bench.path("prompts.jsonl"), lines.join("\n")).unwrap();
    let scene = blocks("sh")
        .into_iter()
        .find(|line| line.contains("-o scene.png"));
    bench.succeed(scene.unwrap().strip_prefix("flowinone ").unwrap());
    bench.succeed("batch prompts.jsonl -o pictures --steps 2 --device cpu");
    assert_eq!(bench.report("pictures/report.jsonl").len(), lines.len());
}

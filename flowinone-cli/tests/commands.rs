//! Prompts from a person's hand: every task is one command.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

use flowinone_prompts::{Prompt, Task, TextBox, VisualPrompt};

mod support;

use support::Bench;

/// One command of each task, in the order of `Task::ALL`; `photo.png` is 320 x 240.
const COMMANDS: [&str; 8] = [
    "class 'golden retriever'",
    "text 'a tram in the rain'",
    "edit photo.png --instruction 'Remove the boat.'",
    "box photo.png --box 120,60,25%,80 --text 'a red hat'",
    "mark photo.png --circle 160,120,0.1 --arrow 60,40,150,110 --instruction 'Remove it.'",
    "doodle photo.png --strokes cloud.json --strokes tree.svg",
    "force photo.png --arrow 100,120,180,110 --global 90,0.3",
    "trajectory photo.png --path '100,60 50%,50% 220,90'",
];

#[test]
fn every_command_makes_a_picture_that_replays_equal() {
    let bench = Bench::with_drawings();
    for (task, command) in Task::ALL.into_iter().zip(COMMANDS) {
        bench.succeed(&format!(
            "{command} -o out/a.png --steps 2 --seed 5 --device cpu"
        ));
        assert_eq!(bench.pixels("out/a.png").len(), 256 * 256 * 3);
        let record: serde_json::Value =
            serde_json::from_str(&bench.succeed("inspect out/a.png")).unwrap();
        assert_eq!(record["task"], task.name(), "{command}");
        assert_eq!(record["structure"], task.keeps_structure(), "{command}");
        let text = bench.succeed("replay out/a.png --device cpu");
        assert!(
            text.contains("equal to out/a.png, pixel by pixel"),
            "{command}\n{text}"
        );
    }
}

#[test]
fn the_prompt_alone_needs_no_model_and_makes_the_same_picture() {
    // A model without conventions of its own sees the published form of a prompt.
    let bench = Bench::with_drawings();
    bench.succeed("init --preset tiny -o model");
    for (task, command) in Task::ALL.into_iter().zip(COMMANDS) {
        let text = bench.succeed(&format!(
            "{command} -o out/p.png --prompt-only --model absent"
        ));
        assert_eq!(text, "out/p.png\n", "{command}");
        let size = image::image_dimensions(bench.path("out/p.png")).unwrap();
        assert_eq!(size, (512, 512));
        bench.succeed(&format!(
            "generate --model model -i out/p.png --task {task} -o out/a.png --steps 2 --device cpu"
        ));
        bench.succeed(&format!(
            "{command} --model model -o out/b.png --steps 2 --device cpu"
        ));
        assert!(
            bench.pixels("out/a.png") == bench.pixels("out/b.png"),
            "{command}"
        );
    }
    bench.succeed(&format!(
        "{} -o out/p.png --prompt-only --side 300",
        COMMANDS[3]
    ));
    let region = "120,60,25%,80".parse().unwrap();
    let prompt = TextBox::new(bench.path("photo.png"), region, "a red hat");
    assert!(bench.pixels("out/p.png") == prompt.render(300).unwrap().into_raw());
}

#[test]
fn a_saved_prompt_makes_the_same_picture() {
    let bench = Bench::with_drawings();
    bench.succeed("init --preset tiny -o model");
    for command in COMMANDS {
        let made = "--model model --steps 2 --seed 3 --side 256 --device cpu";
        bench.succeed(&format!(
            "{command} -o out/a.png {made} --save-prompt saved/p.json"
        ));
        // The line says its side and its noise; the folder is another one.
        bench
            .succeed("batch saved/p.json --model model -o out/all --steps 2 --seed 3 --device cpu");
        assert!(
            bench.pixels("out/a.png") == bench.pixels("out/all/a.png"),
            "{command}"
        );
        std::fs::remove_dir_all(bench.path("out/all")).unwrap();
        bench.succeed(&format!(
            "{command} -o out/b.png {made} --save-prompt saved/p.png"
        ));
        bench.succeed(&format!("{command} -o out/p.png --prompt-only --side 256"));
        assert!(
            bench.pixels("saved/p.png") == bench.pixels("out/p.png"),
            "{command}"
        );
    }
    // Files below its folder are named from there, so that the folder can be moved.
    bench
        .succeed("edit photo.png --instruction go -o out/p.png --prompt-only --save-prompt p.json");
    let line = std::fs::read_to_string(bench.path("p.json")).unwrap();
    assert!(line.contains(r#""picture":"photo.png""#), "{line}");
    assert!(
        matches!(
            serde_json::from_str(&line.replace(r#""output":"p","item":0,"side":512,"#, "")),
            Ok(Prompt::TextInImage(_))
        ),
        "{line}"
    );
}

#[test]
fn a_moved_picture_is_found_again_by_its_digest() {
    let bench = Bench::with_drawings();
    bench.succeed("doodle photo.png --drawing drawing.png -o out/a.png --steps 2 --device cpu");
    std::fs::create_dir(bench.path("elsewhere")).unwrap();
    for name in ["photo.png", "drawing.png"] {
        std::fs::rename(bench.path(name), bench.path("elsewhere").join(name)).unwrap();
    }
    let text = bench.fail("replay out/a.png --device cpu");
    assert!(text.contains("--input says where it is now"), "{text}");
    let text = bench.fail("replay out/a.png --device cpu --input in/a.png");
    assert!(text.contains("is not the prompt"), "{text}");
    let both = "--input elsewhere/drawing.png elsewhere/photo.png";
    let text = bench.succeed(&format!("replay out/a.png --device cpu {both}"));
    assert!(text.contains("pixel by pixel"), "{text}");
    std::fs::copy(bench.path("in/a.png"), bench.path("photo.png")).unwrap();
    let text = bench.fail("replay out/a.png --device cpu --input elsewhere/drawing.png");
    assert!(text.contains("photo.png is not the prompt"), "{text}");
}

#[test]
fn every_drawing_flag_changes_the_prompt() {
    let bench = Bench::with_drawings();
    let drawn = |command: &str, flags: &str| {
        bench.succeed(&format!(
            "{command} {flags} -o out/p.png --prompt-only --side 256"
        ));
        bench.pixels("out/p.png")
    };
    let lettering = [
        "--face comic",
        "--text-size 20",
        "--text-colour #0000ff",
        "--text-outline #ff0000",
        "--align left",
        "--text-place 0.1",
    ];
    let own: [(&str, &[&str]); 9] = [
        (
            "class cat",
            &[
                "--ground #336699",
                "--ground #336699,#ffffff",
                "--canvas-seed 4",
            ],
        ),
        (
            "text cat",
            &[
                "--ground #336699",
                "--ground #336699,#ffffff",
                "--canvas-seed 4",
            ],
        ),
        ("edit photo.png --instruction go", &[]),
        ("box photo.png --box 120,60,80,80 --text hat", &[]),
        (
            "mark photo.png --instruction go --arrow 60,40,150,110",
            &[
                "--colour #0000ff",
                "--width 6",
                "--arrow 90,200,150,110",
                "--circle 160,120,20",
                "--cross 160,120,20",
                "--scribble '90,90 150,150 200,90'",
                "--highlight 90,90,90,60",
            ],
        ),
        (
            "doodle photo.png --strokes tree.svg",
            &[
                "--pen-colour #0000ff",
                "--pen-width 5",
                "--no-instruction",
                "--instruction 'A tree'",
                "--strokes cloud.json",
                "--drawing drawing.png",
            ],
        ),
        ("doodle --drawing drawing.png", &["--ground #ccffcc"]),
        (
            "force photo.png --arrow 100,120,180,110",
            &[
                "--colour #0000ff",
                "--width 9",
                "--instruction Push",
                "--global 45,0.5",
                "--arrow 90,90,90,150",
            ],
        ),
        (
            "trajectory photo.png --path '100,60 160,120 220,90'",
            &[
                "--colour #0000ff",
                "--width 9",
                "--instruction Move",
                "--straight",
                "--path '90,90 90,150'",
            ],
        ),
    ];
    for (command, flags) in own {
        let plain = drawn(command, "");
        let placed = !command.starts_with("box"); // a label stands at its box
        let lettering = &lettering[..lettering.len() - usize::from(!placed)];
        for flag in flags.iter().chain(lettering) {
            assert!(
                drawn(command, flag) != plain,
                "{command}: {flag} has no effect"
            );
        }
    }
    assert_eq!(
        drawn("doodle --drawing drawing.png --no-instruction", "")[..3],
        [255; 3]
    );
}

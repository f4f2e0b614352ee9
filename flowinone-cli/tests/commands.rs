//! Prompts from a person's hand: every task is one command.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::net::TcpListener;

use flowinone_tasks::{Prompt, Task, TextBox, VisualPrompt};
use image::{Rgb, RgbImage};

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

fn bench() -> Bench {
    let bench = Bench::new();
    let photo = RgbImage::from_fn(320, 240, |x, y| Rgb([(x / 2) as u8, y as u8, 120]));
    photo.save(bench.path("photo.png")).unwrap();
    let mut drawing = RgbImage::from_pixel(64, 64, Rgb([255; 3]));
    (10..50).for_each(|x| (30..33).for_each(|y| drawing.put_pixel(x, y, Rgb([0; 3]))));
    drawing.save(bench.path("drawing.png")).unwrap();
    let cloud =
        r##"[{"points": [[200, 50], [240, 30], [260, 60]], "smooth": true, "closed": true}]"##;
    let tree = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 240"><path d="M90 90V180"/></svg>"#;
    for (name, text) in [("cloud.json", cloud), ("tree.svg", tree)] {
        std::fs::write(bench.path(name), text).unwrap();
    }
    std::fs::create_dir(bench.path("out")).unwrap();
    bench
}

#[test]
fn every_command_makes_a_picture_that_replays_equal() {
    let bench = bench();
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
    let bench = bench();
    for (task, command) in Task::ALL.into_iter().zip(COMMANDS) {
        let text = bench.succeed(&format!(
            "{command} -o out/p.png --prompt-only --model absent"
        ));
        assert_eq!(text, "out/p.png\n", "{command}");
        let size = image::image_dimensions(bench.path("out/p.png")).unwrap();
        assert_eq!(size, (512, 512));
        bench.succeed(&format!(
            "generate -i out/p.png --task {task} -o out/a.png --steps 2 --device cpu"
        ));
        bench.succeed(&format!("{command} -o out/b.png --steps 2 --device cpu"));
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
    let bench = bench();
    for command in COMMANDS {
        let made = "--steps 2 --seed 3 --side 256 --device cpu";
        bench.succeed(&format!(
            "{command} -o out/a.png {made} --save-prompt saved/p.json"
        ));
        // The line says its side and its noise; the folder is another one.
        bench.succeed("batch saved/p.json -o out/all --steps 2 --seed 3 --device cpu");
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
            serde_json::from_str(&line.replace(r#""output":"p","item":0,"#, "")),
            Ok(Prompt::TextInImage(_))
        ),
        "{line}"
    );
}

#[test]
fn a_moved_picture_is_found_again_by_its_digest() {
    let bench = bench();
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
    let bench = bench();
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

#[test]
fn bad_prompts_are_named_and_nothing_is_written() {
    let bench = bench();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let mut nested = String::from(r#"<defs><path id="a0" d="M0 0L9 9" stroke="red"/>"#);
    for i in 1..30 {
        let uses = format!(r##"<use href="#a{}"/>"##, i - 1).repeat(10);
        nested += &format!(r#"<g id="a{i}">{uses}</g>"#);
    }
    nested += r##"</defs><use href="#a29"/>"##;
    let path = r#"<path d="M0 0L9 9" stroke="red"/>"#;
    for (name, size, body) in [
        ("nested.svg", "9", nested),
        (
            "itself.svg",
            "9",
            r##"<g id="a"><use href="#a"/></g>"##.into(),
        ),
        (
            "deep.svg",
            "9",
            format!("{}{path}{}", "<g>".repeat(50_000), "</g>".repeat(50_000)),
        ),
        (
            "huge.svg",
            "1e30",
            format!(r#"<g transform="scale(1e30)">{path}</g>"#),
        ),
        (
            "outside.svg",
            "9",
            format!(r#"<use href="http://{address}/a.svg#a"/>{path}"#),
        ),
        (
            "image.svg",
            "9",
            format!(r#"<image href="http://{address}/a.png" width="9" height="9"/>{path}"#),
        ),
        (
            "style.svg",
            "9",
            format!(r#"<style>@import url("http://{address}/a.css");</style>{path}"#),
        ),
    ] {
        let svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}">{body}</svg>"#
        );
        std::fs::write(bench.path(name), svg).unwrap();
    }
    std::fs::write(
        bench.path("entity.svg"),
        r#"<!DOCTYPE svg [<!ENTITY a "a">]><svg/>"#,
    )
    .unwrap();
    std::fs::write(
        bench.path("nan.json"),
        r#"[{"points": [["nan", 5], [9, 9]]}]"#,
    )
    .unwrap();
    std::fs::write(bench.path("empty.png"), b"").unwrap();
    let before = bench.files(".");
    let long = "word ".repeat(20_000);
    for (line, reason) in [
        ("text '' -o out/a.png".to_string(), "the caption is empty"),
        ("class '  ' -o out/a.png".into(), "the class name is empty"),
        (
            "edit photo.png --instruction '' -o out/a.png".into(),
            "the instruction is empty",
        ),
        (
            format!("text '{long}' -o out/a.png"),
            "99999 characters is too long",
        ),
        ("text '\u{732b}' -o out/a.png".into(), "U+732B"),
        ("text a -o out/a.jpg".into(), "must end in .png"),
        ("text a -o out".into(), "must end in .png"),
        ("text a -o out/a.png --side 8".into(), "16 to 4096"),
        (
            "text a -o out/a.png --side 100000 --prompt-only".into(),
            "16 to 4096",
        ),
        ("text a -o out/a.png --face gothic".into(), "serif-bold"),
        (
            "text a -o out/a.png --align middle".into(),
            "left, centre or right",
        ),
        ("text a -o out/a.png --ground red".into(), "#rrggbb"),
        ("text a -o out/a.png --text-size nan".into(), "must be"),
        (
            "text a -o out/a.png --save-prompt out/p.txt".into(),
            ".json",
        ),
        (
            "text a -o out/a.png --save-prompt out/a.png".into(),
            "another name",
        ),
        (
            "text '' -o out/a.png --save-prompt out/p.json".into(),
            "the caption is empty",
        ),
        (
            "text '' -o out/a.png --save-prompt out/p.png --prompt-only".into(),
            "empty",
        ),
        (
            "text a -o out/a.png --model absent".into(),
            "there is no such directory",
        ),
        (
            "text a -o out/a.png --model absent --save-prompt out/p.json".into(),
            "no such",
        ),
        ("text a -o out/a.png --steps 0".into(), "0 steps"),
        (
            "edit absent.png --instruction a -o out/a.png".into(),
            "absent.png",
        ),
        (
            "edit empty.png --instruction a -o out/a.png".into(),
            "the file is empty",
        ),
        (
            "edit photo.png --instruction a -o photo.png".into(),
            "made from",
        ),
        (
            "edit photo.png --instruction a -o out/a.png --save-prompt photo.png".into(),
            "made from",
        ),
        (
            "box photo.png --text a --box 300,10,90,90 -o out/a.png".into(),
            "outside",
        ),
        (
            "box photo.png --text a --box -9,10,90,90 -o out/a.png".into(),
            "outside",
        ),
        (
            "box photo.png --text a --box 90,90,0,9 -o out/a.png".into(),
            "larger",
        ),
        (
            "box photo.png --text a --box nan,9,9,9 -o out/a.png".into(),
            "not a finite number",
        ),
        (
            "box photo.png --text a --box 1e999,9,9,9 -o out/a.png".into(),
            "not a finite number",
        ),
        (
            "box photo.png --text a --box 9,9,9 -o out/a.png".into(),
            "x,y,w,h",
        ),
        (
            "box photo.png --text a --box 1.0,9,9,9 -o out/a.png".into(),
            "100%",
        ),
        (
            "mark photo.png --instruction a -o out/a.png".into(),
            "--arrow",
        ),
        (
            "mark photo.png --instruction a --arrow 99,99,99,99 -o out/a.png".into(),
            "larger",
        ),
        (
            "mark photo.png --instruction a --arrow 99,99,999,99 -o out/a.png".into(),
            "arrow's tip",
        ),
        (
            "mark photo.png --instruction a --circle 99,99 -o out/a.png".into(),
            "x,y,radius",
        ),
        (
            "mark photo.png --instruction a --cross 99,99,inf -o out/a.png".into(),
            "finite",
        ),
        ("doodle photo.png -o out/a.png".into(), "--strokes"),
        (
            "doodle photo.png --strokes photo.png -o out/a.png".into(),
            "--drawing takes",
        ),
        (
            "doodle photo.png --drawing photo.png -o out/a.png".into(),
            "dark",
        ),
        (
            "doodle photo.png --strokes absent.svg -o out/a.png".into(),
            "absent.svg",
        ),
        (
            "doodle photo.png --strokes nan.json -o out/a.png".into(),
            "finite",
        ),
        (
            "doodle --strokes nested.svg -o out/a.png".into(),
            "unfolds to more than",
        ),
        (
            "doodle --strokes itself.svg -o out/a.png".into(),
            "refer to themselves",
        ),
        (
            "doodle --strokes deep.svg -o out/a.png".into(),
            "nested more than",
        ),
        ("doodle --strokes huge.svg -o out/a.png".into(), "huge.svg"),
        (
            "doodle --strokes outside.svg -o out/a.png".into(),
            "nothing outside the file",
        ),
        (
            "doodle --strokes image.svg -o out/a.png".into(),
            "nothing outside the file",
        ),
        (
            "doodle --strokes style.svg -o out/a.png".into(),
            "nothing outside the file",
        ),
        (
            "doodle --strokes entity.svg -o out/a.png".into(),
            "entities",
        ),
        ("force photo.png -o out/a.png".into(), "--arrow"),
        (
            "force photo.png --arrow 99,99,99,99 -o out/a.png".into(),
            "larger",
        ),
        (
            "force photo.png --arrow nan,99,99,99 -o out/a.png".into(),
            "finite",
        ),
        (
            "force photo.png --global nan,1 -o out/a.png".into(),
            "finite",
        ),
        (
            "force photo.png --global 90 -o out/a.png".into(),
            "angle,strength",
        ),
        (
            "force photo.png --global 90,7 -o out/a.png".into(),
            "0.05 to 1",
        ),
        ("trajectory photo.png -o out/a.png".into(), "--path"),
        (
            "trajectory photo.png --path 99,99 -o out/a.png".into(),
            "two points",
        ),
        (
            "trajectory photo.png --path '99,99 99,99' -o out/a.png".into(),
            "larger",
        ),
        (
            "trajectory photo.png --path '99,99 nan,9' -o out/a.png".into(),
            "finite",
        ),
    ] {
        let shown: String = line.chars().take(99).collect();
        let text = bench.fail(&line);
        assert!(text.contains(reason), "flowinone {shown}\n{text}");
        assert!(
            text.len() < 2_000,
            "flowinone {shown}: an error of {} bytes",
            text.len()
        );
        assert_eq!(bench.files("."), before, "flowinone {shown}");
    }
    assert!(listener.accept().is_err(), "something was fetched");
}

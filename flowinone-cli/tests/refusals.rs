//! What no prompt command takes: an error that says why, and no file anywhere.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::net::TcpListener;

mod support;

use support::Bench;

#[test]
fn bad_prompts_are_named_and_nothing_is_written() {
    let bench = Bench::with_drawings();
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
            "would be written over",
        ),
        (
            "edit photo.png --instruction a -o out/a.png --save-prompt photo.png".into(),
            "would be written over",
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

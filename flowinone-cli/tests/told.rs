//! Files in the wild are read, or refused with what they are and what to do; reasons are told once,
//! and before work is done.
#![cfg(all(feature = "cpu", feature = "train", unix))]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::process::Stdio;

use flowinone_parity::folders;
use image::{ImageEncoder, Rgb, RgbImage};

mod support;

use support::{Bench, said};

/// The widths of the small checkpoints of the reference.
const CONFIG: &str = include_str!("fixtures/open.json");

#[test]
fn other_files_than_checkpoints_are_told_as_what_they_are() {
    let bench = Bench::new();
    for (name, bytes, reason) in [
        (
            "pointer.safetensors",
            &b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 9\n"[..],
            "git lfs pull",
        ),
        (
            "page.safetensors",
            b"<!DOCTYPE html>\n<html><head>",
            "web page",
        ),
        (
            "weights.safetensors",
            b"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0",
            "GGUF",
        ),
        ("a.pth", b"\x1f\x8b\x08\0\0\0\0\0", "gunzip"),
        ("photo.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0", "JPEG"),
    ] {
        std::fs::write(bench.path(name), bytes).unwrap();
        let text = bench.fail(&format!("inspect {name}"));
        assert!(text.contains(reason) && text.contains(name), "{text}");
        let line = format!("convert --flow {name} --vae {name} --janus {name} -o m");
        assert!(bench.fail(&line).contains(reason), "{line}");
    }
    let text = bench.fail("inspect photo.jpg");
    assert!(
        text.contains("only PNG files written by flowinone"),
        "{text}"
    );
}

#[test]
fn checkpoints_inside_wrappers_are_converted() {
    let bench = Bench::new();
    let open = folders()
        .into_iter()
        .find(|folder| folder.has("nnet.safetensors"))
        .unwrap();
    let whole = std::fs::read(open.file("nnet.safetensors")).unwrap();
    let length = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let header: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&whole[8..8 + length]).unwrap();
    let write = |name: &str, rename: &dyn Fn(&str) -> Vec<String>| {
        let mut renamed = serde_json::Map::new();
        for (key, value) in header.iter().filter(|(key, _)| *key != "__metadata__") {
            renamed.extend(rename(key).into_iter().map(|key| (key, value.clone())));
        }
        let json = serde_json::to_vec(&renamed).unwrap();
        let bytes = [
            &(json.len() as u64).to_le_bytes(),
            &*json,
            &whole[8 + length..],
        ]
        .concat();
        std::fs::write(bench.path(name), bytes).unwrap();
    };
    std::fs::write(bench.path("config.json"), CONFIG).unwrap();
    let [vae, janus] =
        ["autoencoder_kl.pth", "janus_vision.pth"].map(|name| match open.has(name) {
            true => open.file(name),
            false => open.file(&name.replace(".pth", ".safetensors")),
        });
    let convert = |flow: &str, output: &str| {
        format!(
            "convert --flow {flow} --vae {} --janus {} --config config.json -o {output}",
            vae.display(),
            janus.display()
        )
    };
    for (number, prefix) in [
        "_orig_mod.",
        "model.",
        "ema.",
        "state_dict.model._orig_mod.",
        "module.",
        "anything.at.all.",
    ]
    .iter()
    .enumerate()
    {
        let name = format!("{number}.safetensors");
        write(&name, &|key| vec![format!("{prefix}{key}")]);
        bench.succeed(&convert(&name, &format!("m{number}")));
    }
    // Part of the names below another: that is said.
    write("half.safetensors", &|key| match key.len() % 2 {
        0 => vec![format!("inner.{key}")],
        _ => vec![key.into()],
    });
    let text = bench.fail(&convert("half.safetensors", "half"));
    assert!(text.contains("does not fit the model"), "{text}");
    // A wrong name of one file is told before another is read.
    let text = bench.fail(&convert("nope.pth", "m"));
    assert!(
        text.contains("nope.pth") && !text.contains("tensors,"),
        "{text}"
    );
    assert!(!bench.path("m").exists());
}

#[test]
fn every_reason_is_told_once() {
    let bench = Bench::new();
    for line in [
        "inspect nope.pth",
        "mark nope.png --cross 1,1,20 --instruction x -o o.png",
        "batch nope.jsonl -o out",
        "verify nope",
        "train --config nope.toml",
        "data list nope",
        "plot nope -o a.png",
    ] {
        let text = bench.fail(line);
        assert!(text.matches("No such file").count() <= 1, "{text}");
    }
}

#[test]
fn byte_order_marks_and_utf_16_are_read_everywhere() {
    let bench = Bench::new();
    let marked = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let wide = |text: &str| -> Vec<u8> {
        let units = "\u{feff}"
            .encode_utf16()
            .chain(text.encode_utf16().collect::<Vec<_>>());
        units.flat_map(u16::to_le_bytes).collect()
    };
    bench.succeed("init --preset tiny -o tiny");
    let config = std::fs::read_to_string(bench.path("tiny/config.json")).unwrap();
    let svg =
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1L8 8"/></svg>"#;
    let line = "{\"task\":\"text2image\",\"text\":\"cat\",\"output\":\"a\"}\r\n";
    for write in [&marked as &dyn Fn(&str) -> Vec<u8>, &wide] {
        std::fs::write(bench.path("tiny/config.json"), write(&config)).unwrap();
        assert!(bench.succeed("inspect tiny").starts_with("tiny"));
        std::fs::write(
            bench.path("s.json"),
            write(r#"[{"points": [[0.1, 0.1], [0.9, 0.9]]}]"#),
        )
        .unwrap();
        bench.succeed("doodle --strokes s.json --prompt-only -o s.png");
        std::fs::write(bench.path("s.svg"), write(svg)).unwrap();
        bench.succeed("doodle --strokes s.svg --prompt-only -o s.png");
        std::fs::write(bench.path("b.jsonl"), write(line)).unwrap();
        bench.succeed("batch b.jsonl -o out --steps 1 --overwrite");
    }
}

#[test]
fn lines_of_a_batch_file_are_told_by_their_own_number() {
    let bench = Bench::new();
    let good = "{\"task\":\"class-to-image\",\"name\":\"cat\"}\n";
    for (text, reason) in [
        (format!("{good}{{\"task\":\"class-to-image\"}}\n"), "line 2"),
        (
            format!("{good}[{{\"task\":\"class-to-image\",\"name\":\"cat\"}}]\n"),
            "each line is one prompt",
        ),
        (
            format!("{good}{{\n\"task\": \"class-to-image\",\n\"name\": \"cat\"\n}}\n"),
            "each line is one prompt",
        ),
    ] {
        std::fs::write(bench.path("b.jsonl"), &text).unwrap();
        let told = bench.fail("batch b.jsonl -o out --steps 1 --overwrite");
        assert!(
            told.contains(reason) && !told.contains("at line 1"),
            "{told}"
        );
    }
}

#[test]
fn brackets_in_names_and_pipes_are_inputs() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("trip [2024]")).unwrap();
    std::fs::copy(bench.path("in/a.png"), bench.path("trip [2024]/x.png")).unwrap();
    bench.succeed("generate -i 'trip [2024]/*.png' -o out --steps 1");
    bench.succeed("generate -i 'trip [2024]/[a-z].png' -o out --steps 1");
    bench.succeed("generate -i 'trip [2024]' -o out --steps 1");
    assert_eq!(bench.files("out"), ["report.jsonl", "x.png"]);
    let text = bench.fail("generate -i 'gone [2024]/*.png' -o out");
    assert!(text.contains("[[]"), "{text}");

    let mut command = bench.command("generate -i /dev/stdin -o piped.png --steps 1");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let bytes = std::fs::read(bench.path("in/a.png")).unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    bench.succeed("generate -i in/a.png -o plain.png --steps 1");
    assert_eq!(bench.pixels("piped.png"), bench.pixels("plain.png"));
    assert!(bench.fail("generate -i - -o a.png").contains("/dev/stdin"));
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_unicode_are_names() {
    use std::os::unix::ffi::OsStrExt;
    let bench = Bench::new();
    let name = std::ffi::OsStr::from_bytes(b"in/caf\xe9.png");
    std::fs::copy(
        bench.path("in/a.png"),
        bench.path("in").parent().unwrap().join(name),
    )
    .unwrap();
    bench.succeed("generate -i in -o out --steps 1");
    let mut command = bench.command("generate -o one.png --steps 1 -i");
    let output = command.arg(name).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    bench.succeed("inspect one.png");
}

#[test]
fn colour_profiles_are_converted_unless_they_are_to_be_ignored() {
    let bench = Bench::new();
    let picture = RgbImage::from_pixel(64, 64, Rgb([220, 40, 40]));
    let mut bytes = vec![];
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    encoder.set_icc_profile(profile).unwrap();
    encoder
        .write_image(&picture, 64, 64, image::ExtendedColorType::Rgb8)
        .unwrap();
    std::fs::write(bench.path("p3.png"), bytes).unwrap();
    picture.save(bench.path("plain.png")).unwrap();
    let draw = |line: &str| {
        bench.succeed(&format!(
            "mark {line} --cross 50%,50%,12px --instruction x --prompt-only --side 64 -o drawn.png"
        ));
        bench.pixels("drawn.png")[..3].to_vec()
    };
    assert_eq!(draw("plain.png"), draw("p3.png --ignore-profiles"));
    assert!(draw("p3.png")[0] >= 239);
    // The choice is part of the record, and replayed.
    bench.succeed("generate -i p3.png -o a.png --steps 1 --ignore-profiles");
    bench.succeed("generate -i p3.png -o b.png --steps 1");
    assert_ne!(bench.pixels("a.png"), bench.pixels("b.png"));
    for name in ["a.png", "b.png"] {
        let text = bench.succeed(&format!("replay {name}"));
        assert!(text.contains("equal to"), "{name}: {text}");
    }
}

#[test]
fn what_cannot_be_written_is_told_before_anything_is_computed() {
    let bench = Bench::new();
    std::fs::write(bench.path("file"), "").unwrap();
    for line in [
        "class cat -o file/x.png",
        "generate -i in -o file/x",
        "generate -i in/a.png -o file/x.png",
        "batch b.jsonl -o file/x",
        "text cat -o a.png --save-prompt file/p.png",
        "class cat -o /proc/x.png",
    ] {
        std::fs::write(
            bench.path("b.jsonl"),
            "{\"task\":\"class-to-image\",\"name\":\"cat\"}\n",
        )
        .unwrap();
        let text = bench.fail(line);
        assert!(!text.contains("loaded in"), "{line}: {text}");
    }
}

#[test]
fn a_plot_of_no_numbers_says_so() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("run")).unwrap();
    std::fs::write(
        bench.path("run/journal.jsonl"),
        "{\"step\":1,\"loss\":null}\n",
    )
    .unwrap();
    let text = bench.fail("plot run -o a.png");
    assert!(
        text.contains("\"loss\" is not finite in any entry"),
        "{text}"
    );
    std::fs::write(
        bench.path("run/journal.jsonl"),
        "{\"step\":1,\"loss\":1e308}\n{\"step\":18446744073709551615,\"loss\":-1e308}\n",
    )
    .unwrap();
    bench.succeed("plot run -o a.png");
    bench.succeed("plot run -o a.svg --log --smooth 9");
}

//! The program under test in a folder of its own.

use std::path::PathBuf;
use std::process::{Command, Output};

use flowinone_parity::folders;
use image::{Rgb, RgbImage};

/// A folder with pictures, and the program to run in it.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// A fresh folder with two prompt pictures in a tree.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self { folder };
        let images = &folders()[0];
        std::fs::create_dir_all(bench.path("in/deep")).unwrap();
        for (from, to) in [
            ("images/noise_64x64.png", "in/a.png"),
            ("images/photo_200x150.jpg", "in/deep/b.jpg"),
        ] {
            std::fs::copy(images.file(from), bench.path(to)).unwrap();
        }
        bench
    }

    /// The same with a photo of 320 x 240, three drawings that fit it, and an empty folder `out`.
    pub(crate) fn with_drawings() -> Self {
        let bench = Self::new();
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

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with words as a shell would split them: 'one word' stays together.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowinone"));
        command.current_dir(self.folder.path());
        for (number, part) in line.split('\'').enumerate() {
            match number % 2 {
                0 => command.args(part.split_whitespace()),
                _ => command.arg(part),
            };
        }
        command
    }

    pub(crate) fn output(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs what must succeed and returns what it said on both channels.
    pub(crate) fn succeed(&self, line: &str) -> String {
        let output = self.output(line);
        let text = said(&output);
        assert!(output.status.success(), "flowinone {line}\n{text}");
        text
    }

    /// Runs what must fail, without a panic, and returns what it said.
    pub(crate) fn fail(&self, line: &str) -> String {
        let output = self.output(line);
        let text = said(&output);
        assert!(
            matches!(output.status.code(), Some(1 | 2)),
            "flowinone {line}\n{text}"
        );
        assert!(!text.contains("panicked"), "flowinone {line}\n{text}");
        text
    }

    pub(crate) fn pixels(&self, name: &str) -> Vec<u8> {
        image::open(self.path(name)).unwrap().into_rgb8().into_raw()
    }

    pub(crate) fn report(&self, name: &str) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Names of all files below a folder, sorted.
    pub(crate) fn files(&self, name: &str) -> Vec<String> {
        let root = self.path(name);
        let mut files: Vec<String> = walkdir::WalkDir::new(&root)
            .into_iter()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                entry
                    .path()
                    .strip_prefix(&root)
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect();
        files.sort();
        files
    }
}

pub(crate) fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&text).into_owned()
}

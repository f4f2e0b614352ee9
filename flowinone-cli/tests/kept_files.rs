//! No file of a user is lost: outputs are compared with inputs by what the files are, in every
//! command that writes, before anything is computed; modes, links and left-overs are as a user
//! expects.
#![cfg(all(feature = "cpu", feature = "train", unix))]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

mod support;

use support::{Bench, said};

/// Ways to write `photo.png` that lead to the same file.
fn spellings(bench: &Bench) -> Vec<String> {
    std::fs::create_dir_all(bench.path("sub")).unwrap();
    symlink("photo.png", bench.path("link.png")).unwrap();
    symlink("link.png", bench.path("sub/../link2.png")).unwrap();
    symlink(bench.path("."), bench.path("sub/here")).unwrap();
    std::fs::hard_link(bench.path("photo.png"), bench.path("hard.png")).unwrap();
    let absolute = bench.path("photo.png").display().to_string();
    [
        "photo.png",
        "./photo.png",
        "sub/../photo.png",
        "link.png",
        "link2.png",
        "sub/here/photo.png",
        "hard.png",
    ]
    .map(String::from)
    .into_iter()
    .chain([absolute])
    .collect()
}

#[test]
fn no_command_writes_over_what_it_reads_however_that_is_spelled() {
    let bench = Bench::with_drawings();
    bench.succeed("class cat -o made.png --steps 1");
    bench.succeed("generate -i photo.png -o from.png --steps 1");
    std::fs::write(bench.path("b.jsonl"), "{\"task\":\"text-in-image\",\"picture\":\"photo.png\",\"instruction\":\"x\",\"output\":\"photo\"}\n").unwrap();
    let before = std::fs::read(bench.path("photo.png")).unwrap();
    for name in spellings(&bench) {
        let files = bench.files(".").len();
        for line in [
            format!("generate -i photo.png -o {name} --steps 1"),
            format!("edit photo.png --instruction x -o {name} --steps 1"),
            format!("mark photo.png --cross 50%,50%,20px --instruction x -o {name} --steps 1"),
            format!("box photo.png --box 100,60,90,90 --text x -o {name} --steps 1"),
            format!("doodle photo.png --drawing drawing.png -o {name} --prompt-only"),
            format!(
                "edit photo.png --instruction x -o out/a.png --save-prompt {name} --prompt-only"
            ),
            format!("replay from.png -o {name}"),
            format!("generate -i in photo.png -o out --report {name} --steps 1"),
            format!("batch b.jsonl -o out --report {name} --steps 1"),
            "batch b.jsonl -o . --steps 1 --overwrite".to_string(),
            "batch b.jsonl -o out --report sub/../b.jsonl --steps 1".to_string(),
        ] {
            let text = bench.fail(&line);
            assert!(text.contains("would be written over"), "{line}: {text}");
            assert!(!text.contains("loaded in"), "{line}: refused late: {text}");
        }
        assert_eq!(
            std::fs::read(bench.path("photo.png")).unwrap(),
            before,
            "{name}"
        );
        assert_eq!(bench.files(".").len(), files, "{name}");
    }
    // A picture is not replayed over itself, nor a preview written over an input.
    let text = bench.fail("replay made.png -o ./made.png");
    assert!(text.contains("would be written over"), "{text}");
    std::fs::copy(bench.path("photo.png"), bench.path("x.step0001.png")).unwrap();
    symlink("x.step0001.png", bench.path("seen.png")).unwrap();
    for name in ["x.step0001.png", "seen.png"] {
        let line = format!("generate -i {name} -o x.png --preview-every 1 --steps 2");
        let text = bench.fail(&line);
        assert!(text.contains("would be written over"), "{text}");
    }
}

#[test]
fn data_scores_and_plots_keep_what_they_read() {
    let bench = Bench::new();
    bench.succeed("data make --count 2 --side 32 --format folder -o pairs");
    std::fs::create_dir(bench.path("run")).unwrap();
    std::fs::write(
        bench.path("run/journal.jsonl"),
        "{\"step\":1,\"loss\":1}\n{\"step\":2,\"loss\":2}\n",
    )
    .unwrap();
    symlink("run/journal.jsonl", bench.path("j.svg")).unwrap();
    symlink("pairs/input/000000000.png", bench.path("s.png")).unwrap();
    for line in [
        "data show pairs -o pairs/output/000000001.png",
        "data show pairs -o s.png",
        "score pairs/output --truth pairs --sheet s.png",
        "score pairs/output --truth pairs --json ./pairs/truth/000000000.json",
        "plot run -o j.svg",
    ] {
        let text = bench.fail(line);
        assert!(text.contains("would be written over"), "{line}: {text}");
    }
    for line in [
        "data pack pairs -o pairs",
        "data make --count 1 -o pairs",
        "init --preset tiny -o pairs",
    ] {
        let text = bench.fail(line);
        assert!(text.contains("choose another"), "{line}: {text}");
    }
}

#[test]
fn a_run_never_replaces_a_folder_that_is_not_its_own_model() {
    let bench = Bench::new();
    bench.succeed("data make --count 2 --side 64 --format folder -o pairs");
    bench.succeed("init --preset tiny -o run/model");
    let config = |folder: &str, model: &str| {
        format!(
            "train = [\"velocity\"]\nmodel = {{ directory = \"{model}\" }}\n[run]\nfolder = \"{folder}\"\nseed = 1\nsteps = 1\nbatch = 1\n[run.schedule]\nlearning_rate = 1e-3\nwarm_up = 0\n[[data]]\nfiles = \"pairs\"\n"
        )
    };
    std::fs::create_dir_all(bench.path("mine/model")).unwrap();
    std::fs::write(bench.path("mine/model/thesis.txt"), "years").unwrap();
    for (folder, reason) in [("run", "starts from"), ("mine", "no model of training")] {
        std::fs::write(bench.path("a.toml"), config(folder, "run/model")).unwrap();
        let text = bench.fail("train --config a.toml");
        assert!(text.contains(reason), "{text}");
    }
    assert!(bench.path("mine/model/thesis.txt").is_file());
    assert!(bench.path("run/model/manifest.json").is_file());
}

#[test]
fn outputs_never_become_inputs() {
    let bench = Bench::new();
    let here = bench.path("in").display().to_string();
    symlink("in", bench.path("also")).unwrap();
    for (line, folder) in [
        ("generate -i in -o in/out --steps 1".to_string(), "in/out"),
        ("generate -i in -o ./in/out --steps 1".into(), "in/out"),
        (format!("generate -i in -o {here}/out --steps 1"), "in/out"),
        (format!("generate -i {here} -o in/out --steps 1"), "in/out"),
        ("generate -i also -o in/out --steps 1".into(), "in/out"),
        (
            "generate -i in/* in/*/* -o in/out --steps 1".into(),
            "in/out",
        ),
    ] {
        bench.succeed(&line);
        let first = bench.files(folder);
        let again = bench.succeed(&line);
        assert_eq!(bench.files(folder), first, "{line}");
        assert!(again.contains("already there"), "{line}: {again}");
        if line.contains('*') {
            std::fs::remove_dir_all(bench.path(folder)).unwrap();
        }
    }
    for line in [
        "generate -i in -o in",
        "generate -i in -o ./in/",
        "generate -i also -o in",
    ] {
        let text = bench.fail(line);
        assert!(text.contains("same directory"), "{line}: {text}");
    }
}

#[test]
fn files_have_the_modes_of_any_other_program() {
    let bench = Bench::with_drawings();
    let program = env!("CARGO_BIN_EXE_flowinone");
    let run = |mask: &str, line: &str| {
        let script = format!("umask {mask}; exec {program} {line}");
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(bench.path("."))
            .output();
        assert!(
            output.as_ref().unwrap().status.success(),
            "{}",
            said(&output.unwrap())
        );
    };
    let mode = |name: &str| {
        std::fs::metadata(bench.path(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    for (mask, file, folder) in [
        ("077", 0o600, 0o700),
        ("002", 0o664, 0o775),
        ("022", 0o644, 0o755),
    ] {
        run(mask, &format!("class cat -o new{mask}.png --steps 1"));
        run(mask, &format!("init --preset tiny -o model{mask}"));
        run(
            mask,
            &format!("data make --count 1 --side 32 -o data{mask}"),
        );
        assert_eq!(mode(&format!("new{mask}.png")), file);
        assert_eq!(mode(&format!("model{mask}")), folder);
        assert_eq!(mode(&format!("model{mask}/flow.safetensors")), file);
        assert_eq!(mode(&format!("data{mask}/pairs-000000.tar")), file);
    }
    std::fs::set_permissions(
        bench.path("new022.png"),
        std::fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    run("022", "class dog -o new022.png --steps 1");
    assert_eq!(mode("new022.png"), 0o600);
    symlink("new002.png", bench.path("link.png")).unwrap();
    let before = std::fs::read(bench.path("new002.png")).unwrap();
    run("022", "class dog -o link.png --steps 1");
    assert!(bench.path("link.png").is_symlink());
    assert_ne!(std::fs::read(bench.path("new002.png")).unwrap(), before);
}

#[test]
fn one_run_at_a_time_holds_a_directory() {
    let bench = Bench::new();
    for number in 0..6 {
        std::fs::copy(
            bench.path("in/a.png"),
            bench.path(&format!("in/{number}.png")),
        )
        .unwrap();
    }
    let start = || {
        let mut command = bench.command("generate -i in -o out --steps 40");
        command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let first = start();
    while !bench.path("out/report.jsonl").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let second = start().wait_with_output().unwrap();
    let first = first.wait_with_output().unwrap();
    // Whichever came later was refused; the report is that of the other, whole.
    let codes = [first.status.code(), second.status.code()];
    assert!(
        codes.contains(&Some(0)) && codes.contains(&Some(1)),
        "{codes:?}"
    );
    let text = said(&first) + &said(&second);
    assert!(text.contains("another run writes"), "{text}");
    assert_eq!(bench.report("out/report.jsonl").len(), 8);
}

#[test]
fn what_a_stopped_or_killed_conversion_began_is_removed() {
    let bench = Bench::new();
    let hidden = || {
        let names = std::fs::read_dir(bench.path("."))
            .unwrap()
            .map(|e| e.unwrap().file_name());
        names
            .filter(|name| name.to_string_lossy().starts_with(".flowinone-"))
            .count()
    };
    for signal in ["INT", "KILL"] {
        let mut command = bench.command("init -o model");
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while hidden() == 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
            assert!(child.try_wait().unwrap().is_none());
        }
        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let code = child.wait().unwrap().code();
        match signal {
            "INT" => assert_eq!((code, hidden()), (Some(130), 0)),
            _ => assert_eq!((code, hidden()), (None, 1)),
        }
    }
    // The next run to the same place finds what the killed one left, unless that is seconds old.
    let left = std::fs::read_dir(bench.path("."))
        .unwrap()
        .map(|e| e.unwrap().path());
    let left = left.filter(|path| path.display().to_string().contains(".flowinone-"));
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    for path in left {
        std::fs::File::open(path)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
    }
    bench.succeed("init --preset tiny -o other");
    assert_eq!(hidden(), 0);
}

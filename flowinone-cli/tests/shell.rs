//! What shells and `man` need to know the program.
#![cfg(all(feature = "cpu", feature = "train", unix))]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::io::Write;
use std::process::{Command, Stdio};

mod support;

use support::Bench;

#[test]
fn every_shell_completes_every_command() {
    let bench = Bench::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = bench.succeed(&format!("completions {shell}"));
        for word in ["text", "train-vae", "trajectory", "--instruction"] {
            let word = word.trim_start_matches(match shell {
                "fish" => "--",
                _ => "",
            });
            assert!(script.contains(word), "{shell} lacks {word}");
        }
    }
    let text = bench.fail("completions tcsh");
    assert!(text.contains("tcsh") && text.contains("zsh"), "{text}");
}

#[test]
fn bash_offers_commands_and_options() {
    let bench = Bench::new();
    let script = bench.succeed("completions bash");
    let asked = format!(
        "{script}
offer() {{ COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _flowinone flowinone \"${{@: -1}}\" \"${{@: -2:1}}\"; echo \"${{COMPREPLY[*]}}\"; }}
offer flowinone tra
offer flowinone mark --cro
"
    );
    let mut shell = Command::new("bash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    shell
        .stdin
        .take()
        .unwrap()
        .write_all(asked.as_bytes())
        .unwrap();
    let output = shell.wait_with_output().unwrap();
    let offered = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = offered.lines().collect();
    assert_eq!(
        lines,
        ["trajectory train train-vae train-upscale", "--cross"]
    );
}

#[test]
fn every_command_has_a_manual_page() {
    let bench = Bench::new();
    let text = bench.succeed("man -o pages");
    let commands = bench.succeed("--help");
    let commands = commands
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.split_whitespace().next());
    let mut pages = 1;
    for name in commands.filter(|name| *name != "help") {
        let page = std::fs::read_to_string(bench.path(&format!("pages/flowinone-{name}.1")));
        let page = page.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(
            page.contains(".TH") && page.contains(".SH SYNOPSIS"),
            "{name}"
        );
        pages += 1;
    }
    assert!(pages > 20, "{pages} pages");
    let mark = std::fs::read_to_string(bench.path("pages/flowinone-mark.1")).unwrap();
    assert!(mark.contains("highlight"), "{mark}");
    // Those of `data` have commands of their own.
    assert!(bench.path("pages/flowinone-data-make.1").is_file());
    let said: usize = text.split_whitespace().next().unwrap().parse().unwrap();
    let there = std::fs::read_dir(bench.path("pages")).unwrap().count();
    assert_eq!(said, there, "{text}");
}

//! `tune` measures what it says, stores what it found, and refuses what it cannot measure.
#![cfg(all(feature = "cpu", feature = "train"))]
#![allow(dead_code, reason = "the support is shared with other tests")]

mod support;

use support::Bench;

/// A quick measurement of a tiny model.
const QUICK: &str = "tune --model model --prompts in/a.png --truth rk4 --truth-steps 4 --solvers euler,ab2 --steps 2,4 --intervals 0-0.5 --adaptive 1 --cache 1 --first-block 0.2 --device cpu";

#[test]
fn the_table_the_plot_and_the_stored_setting_agree() {
    let bench = Bench::new();
    bench.succeed("init --preset tiny -o model");
    let text = bench.succeed(&format!(
        "{QUICK} --seeds 3,4 -o found --store --bound 1000"
    ));
    assert!(text.contains("21 settings, 2 pictures each"), "{text}");
    assert_eq!(bench.files("found"), ["tune.md", "tune.svg"]);
    let table = std::fs::read_to_string(bench.path("found/tune.md")).unwrap();
    assert!(
        text.contains(&table),
        "the table is printed as it is written"
    );
    assert_eq!(
        table.lines().filter(|l| l.contains("steps of")).count(),
        21 + 1
    );
    // The cheapest of all: with a bound that holds nothing back it is the best.
    let first = table.lines().nth(4).unwrap();
    let best = text
        .lines()
        .find(|line| line.starts_with("best within"))
        .unwrap();
    let setting = first.split('|').nth(2).unwrap().trim();
    assert!(best.contains(setting), "{first}\n{best}");

    // The directory is still whole, and --fast takes what was found.
    bench.succeed("verify model");
    let text = bench.succeed("generate --model model -i in/a.png -o o.png --device cpu --fast");
    assert!(
        text.contains(&format!("fast: {setting} (stored in the model)")),
        "{text}"
    );
    // What was stored changed nothing else.
    let inspected = bench.succeed("inspect model");
    assert!(inspected.contains("\"fast\": {"), "{inspected}");
}

#[test]
fn the_converged_solution_has_no_error() {
    let bench = Bench::new();
    bench.succeed("init --preset tiny -o model");
    let text = bench.succeed(
        "tune --model model --prompts in/a.png --truth rk4 --truth-steps 4 --solvers rk4 --steps 4 --cache 0 --first-block 0 --adaptive 0 --intervals 0-1 --device cpu",
    );
    let row = text
        .lines()
        .find(|line| line.contains("| 4 steps of rk4 on the uniform grid, guidance 7 |"));
    assert!(
        row.is_some_and(|row| row.contains("| 32.0 | 0.0000 | 0.0000 | 100.0 |")),
        "{text}"
    );
}

#[test]
fn bad_input_is_named_and_nothing_is_stored() {
    let bench = Bench::new();
    bench.succeed("init --preset tiny -o model");
    let before = std::fs::read(bench.path("model/config.json")).unwrap();
    for (line, reason) in [
        ("tune --store", "--model"),
        (
            "tune --model built-in:mini --store",
            "needs a model directory",
        ),
        ("tune --model absent", "there is no such directory"),
        ("tune --model model --bound 0", "--bound 0"),
        ("tune --model model --prompts absent.png", "absent.png"),
        ("tune --model model --task force", "--prompts"),
        ("tune --model model --solvers dopri5", "name it as --truth"),
        ("tune --model model --solvers quick", "is not a solver"),
        ("tune --model model --steps 0", "0 steps"),
        ("tune --model model --intervals 0.9-0.1", "no interval"),
        ("tune --model model --cache=-1", "step cache threshold"),
        (
            "tune --model model --adaptive nan",
            "adaptive guidance threshold",
        ),
        ("tune --model model --seeds x", "--seeds"),
        (&format!("{QUICK} --store --bound 1e-9"), "raise --bound"),
    ] {
        let text = bench.fail(line);
        assert!(text.contains(reason), "flowinone {line}\n{text}");
    }
    let after = std::fs::read(bench.path("model/config.json")).unwrap();
    assert!(before == after);
}

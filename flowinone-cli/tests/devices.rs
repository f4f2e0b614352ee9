//! What the program says about GPUs that are there, and about those that are not.
#![cfg(all(feature = "cpu", feature = "wgpu"))]

use std::process::{Command, Output};

fn flowinone(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowinone"));
    command.args(line.split_whitespace());
    command
}

fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// The same, on a machine whose Vulkan loader finds no driver at all.
fn without_drivers(line: &str) -> Output {
    let mut command = flowinone(line);
    // Vulkan's loader, then EGL's, by which OpenGL would be the next choice.
    for variable in [
        "VK_DRIVER_FILES",
        "VK_ICD_FILENAMES",
        "__EGL_VENDOR_LIBRARY_FILENAMES",
    ] {
        command.env(variable, "/nonexistent/driver.json");
    }
    command.output().unwrap()
}

#[test]
fn an_adapter_is_listed_and_makes_pictures() {
    let text = said(&flowinone("devices").output().unwrap());
    assert!(text.contains("wgpu:0"), "{text}");
    // A model of 64 pixels, since a software device is slow.
    let folder = tempfile::tempdir().unwrap();
    let mut config = flowinone_tasks::ModelConfig::tiny();
    config.picture_side = 64;
    config.flow.latent_side = 8;
    config.flow.transformer.side = 4;
    config.flow.convnext.side = 8;
    let json = folder.path().join("config.json");
    std::fs::write(&json, serde_json::to_vec(&config).unwrap()).unwrap();
    let model = folder.path().join("model");
    let init = format!("init --config {} -o {}", json.display(), model.display());
    assert!(flowinone(&init).status().unwrap().success());
    let images = &flowinone_parity::folders()[0];
    let run = format!(
        "generate --model {} -i {} -o {}/out.png --steps 2 --device wgpu",
        model.display(),
        images.file("images/noise_64x64.png").display(),
        folder.path().display()
    );
    let output = flowinone(&run).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("on wgpu:0"), "{}", said(&output));
    assert!(image::open(folder.path().join("out.png")).is_ok());
}

#[test]
fn a_missing_driver_is_an_error_that_lists_what_there_is() {
    let text = said(&without_drivers("devices"));
    assert!(!text.contains("wgpu:0") && text.contains("cpu"), "{text}");
    let images = &flowinone_parity::folders()[0];
    let input = images.file("images/noise_64x64.png");
    for device in ["wgpu", "wgpu:7"] {
        let run = format!(
            "generate -i {} -o out.png --device {device}",
            input.display()
        );
        let output = without_drivers(&run);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(!text.contains("panicked"), "{text}");
        assert!(
            text.contains("is not there") && text.contains("available: cpu"),
            "{text}"
        );
    }
}

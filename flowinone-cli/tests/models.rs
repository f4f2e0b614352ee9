//! Checkpoints and model directories as a person handles them.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::path::Path;

use flowinone_parity::folders;

mod support;

use support::Bench;

#[test]
fn checkpoints_convert_verify_and_generate() {
    let bench = Bench::new();
    let folder = &folders()[0];
    let file = |name: &str| folder.file(name).display().to_string();
    write_config(folder, &bench.path("config.json"));
    let convert = format!(
        "convert --flow {} --vae {} --janus {} --config config.json",
        file("nnet.safetensors"),
        file("autoencoder_kl.safetensors"),
        file("janus_vision.pth")
    );
    let text = bench.succeed(&format!("{convert} -o model --dtype f16"));
    assert!(text.contains("tensors not needed"), "{text}");
    assert!(
        bench
            .succeed("verify model")
            .contains("complete and undamaged")
    );
    let listing = bench.succeed("inspect model");
    assert!(
        listing.contains("janus_vision.pth") && listing.contains("f16"),
        "{listing}"
    );
    assert!(
        bench
            .fail(&format!("{convert} -o model"))
            .contains("exists already")
    );

    // Without --grid or --steps the directory's own defaults hold.
    let text = bench.succeed("generate --model model -i in/a.png -o out.png --device cpu");
    assert!(
        text.contains("3 steps, 6 evaluations") && !text.contains("not trained"),
        "{text}"
    );

    let weights = bench.path("model/vae.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    for line in [
        "verify model",
        "generate --model model -i in/a.png -o other.png --device cpu",
    ] {
        let text = bench.fail(line);
        assert!(
            text.contains("vae.safetensors") && text.contains("SHA-256"),
            "{text}"
        );
    }
    assert!(!bench.path("other.png").exists());

    let text = bench.fail(&format!(
        "convert --flow {0} --vae {0} --janus {0} --config config.json -o wrong",
        file("odd_tensors.pth")
    ));
    assert!(
        text.contains("odd_tensors.pth does not fit the model"),
        "{text}"
    );
    assert!(!bench.path("wrong").exists());
}

/// The configuration of a fixture folder, with sampling defaults of its own.
fn write_config(folder: &flowinone_parity::Folder, path: &Path) {
    let config = serde_json::json!({
        "format": 1,
        "name": "fixture",
        "trained": true,
        "picture_side": 256,
        "encoder": folder.encoder_config(),
        "vae": folder.vae_config(),
        "flow": folder.flow_config(),
        "sampling": {
            "steps": 3,
            "guidance": { "constant": { "scale": 3.0 } },
            "solver": "euler",
            "grid": "reference",
            "noise": 1.0,
        },
    });
    std::fs::write(path, config.to_string()).unwrap();
}

#[test]
fn init_writes_what_generate_reads() {
    let bench = Bench::new();
    bench.succeed("init --preset tiny --seed 4 --dtype bf16 -o one");
    bench.succeed("init --preset tiny --seed 4 --dtype bf16 -o two");
    bench.succeed("init --preset tiny --seed 5 --dtype bf16 -o three");
    let weights = |name: &str| std::fs::read(bench.path(name).join("flow.safetensors")).unwrap();
    assert!(weights("one") == weights("two") && weights("one") != weights("three"));
    let picture = |model: &str| {
        let line =
            format!("generate --model {model} -i in/a.png -o out.png --steps 2 --device cpu");
        assert!(bench.succeed(&line).contains("random, not trained"));
        bench.pixels("out.png")
    };
    assert_eq!(picture("one"), picture("two"));
    assert_ne!(picture("one"), picture("three"));
    assert!(
        bench
            .fail("init --preset huge -o four")
            .contains("no preset")
    );
}

#[test]
fn every_checkpoint_format_can_be_listed() {
    let bench = Bench::new();
    let folder = &folders()[0];
    for name in [
        "odd_tensors.pth",
        "odd_tensors_legacy.pth",
        "odd_tensors.safetensors",
    ] {
        let text = bench.succeed(&format!("inspect {}", folder.file(name).display()));
        for part in [
            "a.bf16\t7\tbf16",
            "a.view\t6x4\tf32",
            "a.scalar\tscalar\tf32",
            "8 tensors",
        ] {
            assert!(text.contains(part), "{name}: {text}");
        }
    }
    assert!(
        bench
            .fail("inspect in/deep/b.jpg")
            .contains("only PNG files written by flowinone carry settings")
    );
}

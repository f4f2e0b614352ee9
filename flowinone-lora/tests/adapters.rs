//! Adapters of all three programs: the same factors, what they add, and what is refused.
#![cfg(feature = "cpu")]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use flowinone_flow::FlowConfig;
use flowinone_lora::{Adapter, Adapters, Factors, Format, Layers};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize};

/// Names, shapes and values of a file.
type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;

/// Published names with the paths they stand for.
const NAMES: [(&str, &str); 3] = [
    (
        "stages.0.blocks.0.block1.query_key_value",
        "velocity.transformer.blocks.0.attention.query_key_value",
    ),
    (
        "stages.0.blocks.1.block1_cross.dense",
        "velocity.transformer.blocks.1.structure.dense",
    ),
    (
        "stages.1.blocks.0.block2.w2",
        "velocity.convnext.blocks.0.mlp.w2",
    ),
];

fn layers() -> Layers {
    Layers::of(&FlowConfig::tiny(), &Device::flex())
}

fn random(count: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// Factors of three layers with ranks 2, 3 and 4 and scales 2, 1/3 and 1.
fn factors(layers: &Layers, seed: u64) -> BTreeMap<String, Factors> {
    let of = |(index, (_, path)): (usize, &(&str, &str))| {
        let sizes = layers.sizes(path).unwrap_or_else(|| panic!("{path}"));
        let rank = index + 2;
        let factors = Factors {
            down: random(rank * sizes[0], seed + 2 * index as u64),
            up: random(sizes[1] * rank, seed + 2 * index as u64 + 1),
            sizes,
            rank,
            scale: [2.0, 1.0 / 3.0, 1.0][index],
        };
        (path.to_string(), factors)
    };
    NAMES.iter().enumerate().map(of).collect()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// A safetensors file.
fn save(path: &Path, tensors: &[(String, Vec<usize>, Vec<f32>)], notes: &[(&str, &str)]) {
    let held: Vec<Vec<u8>> = tensors.iter().map(|(_, _, values)| bytes(values)).collect();
    let views = tensors.iter().zip(&held).map(|((name, shape, _), bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        (name.clone(), view)
    });
    let notes: HashMap<String, String> = notes
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    std::fs::write(path, serialize(views, Some(notes)).unwrap()).unwrap();
}

/// The tensors of all layers as a program names them; those of kohya with alpha.
fn tensors(format: Format, factors: &BTreeMap<String, Factors>) -> Tensors {
    let mut all = vec![];
    for (name, path) in NAMES {
        let layer = &factors[path];
        let (start, down, up) = match format {
            Format::Peft => (format!("base_model.model.{name}"), "lora_A", "lora_B"),
            Format::Diffusers => (format!("transformer.{name}"), "lora_A", "lora_B"),
            Format::Kohya => {
                let name = name.replace('.', "_");
                (format!("lora_unet_{name}"), "lora_down", "lora_up")
            }
        };
        let [input, output] = layer.sizes;
        all.push((
            format!("{start}.{down}.weight"),
            vec![layer.rank, input],
            layer.down.clone(),
        ));
        all.push((
            format!("{start}.{up}.weight"),
            vec![output, layer.rank],
            layer.up.clone(),
        ));
        if format == Format::Kohya {
            let alpha = layer.scale * layer.rank as f32;
            all.push((format!("{start}.alpha"), vec![], vec![alpha]));
        }
    }
    all
}

struct Bench {
    layers: Layers,
    factors: BTreeMap<String, Factors>,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let layers = layers();
        Self {
            factors: factors(&layers, 7),
            layers,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A folder of peft's with these factors.
    fn peft(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        Adapter::write(&path, self.factors.clone(), Some("12ab".into())).unwrap();
        path
    }

    #[track_caller]
    fn refused(&self, path: &Path, parts: &[&str]) {
        let error = Adapter::open(path, &self.layers).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[track_caller]
fn assert_same(found: &BTreeMap<String, Factors>, expected: &BTreeMap<String, Factors>) {
    assert_eq!(found.len(), expected.len());
    for (path, expected) in expected {
        let found = &found[path];
        assert!((found.scale - expected.scale).abs() < 1e-6, "{path}");
        let scale = expected.scale;
        assert_eq!(
            &Factors {
                scale,
                ..found.clone()
            },
            expected,
            "{path}"
        );
    }
}

#[test]
fn what_is_written_is_read_again() {
    let bench = Bench::new();
    let folder = bench.peft("style");
    for path in [folder.clone(), folder.join("adapter_model.safetensors")] {
        let adapter = Adapter::open(&path, &bench.layers).unwrap();
        assert_same(adapter.layers(), &bench.factors);
        assert_eq!(
            (adapter.format(), adapter.base()),
            (Format::Peft, Some("12ab"))
        );
        assert!(
            adapter.to_string().starts_with("3 layers, rank 2, 3, 4"),
            "{adapter}"
        );
    }
}

#[test]
fn three_programs_write_the_same_adapter() {
    let bench = Bench::new();
    let file = bench.path("kohya.safetensors");
    save(&file, &tensors(Format::Kohya, &bench.factors), &[]);
    let adapter = Adapter::open(&file, &bench.layers).unwrap();
    assert_eq!(adapter.format(), Format::Kohya);
    assert_same(adapter.layers(), &bench.factors);
    // diffusers: without a configuration alpha is the rank, else the header says.
    let of_diffusers = tensors(Format::Diffusers, &bench.factors);
    let file = bench.path("pytorch_lora_weights.safetensors");
    let mut scaled = bench.factors.clone();
    for (note, scale) in [
        (vec![], (|_| 1.0) as fn(usize) -> f32),
        (
            vec![(
                "lora_adapter_metadata",
                r#"{"transformer.r": 4, "transformer.lora_alpha": 6.0}"#,
            )],
            |rank| 6.0 / rank as f32,
        ),
    ] {
        save(&file, &of_diffusers, &note);
        scaled
            .values_mut()
            .for_each(|layer| layer.scale = scale(layer.rank));
        for path in [file.as_path(), bench.folder.path()] {
            let adapter = Adapter::open(path, &bench.layers).unwrap();
            assert_eq!(adapter.format(), Format::Diffusers);
            assert_same(adapter.layers(), &scaled);
        }
    }
}

#[test]
fn adapters_add_their_products_one_after_the_other() {
    let bench = Bench::new();
    let open = |name: &str| Adapter::open(bench.peft(name), &bench.layers).unwrap();
    let (one, other) = (open("one"), open("other"));
    let both = Adapters::new(vec![(one.clone(), 0.5), (other, -2.0)]);
    let alone = Adapters::new(vec![(one, -1.5)]);
    for (path, layer) in &bench.factors {
        assert!(both.change(path));
        let [input, output] = layer.sizes;
        let base = random(input * output, 99);
        let (mut summed, mut single) = (base.clone(), base.clone());
        both.add(path, &mut summed);
        alone.add(path, &mut single);
        for row in 0..input {
            for column in 0..output {
                let product: f64 = (0..layer.rank)
                    .map(|rank| {
                        let down = f64::from(layer.down[rank * input + row]);
                        down * f64::from(layer.up[column * layer.rank + rank])
                    })
                    .sum();
                let at = row * output + column;
                let expected = f64::from(base[at]) - 1.5 * f64::from(layer.scale) * product;
                assert!((f64::from(summed[at]) - expected).abs() < 1e-5, "{path}");
                assert!((f64::from(single[at]) - expected).abs() < 1e-5, "{path}");
            }
        }
    }
    assert!(!both.change("velocity.transformer.blocks.0.attention.dense"));
    assert_ne!(both.digest("ab"), alone.digest("ab"));
    assert_eq!(Adapters::default().digest("ab"), "ab");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let bench = Bench::new();
    let all = tensors(Format::Kohya, &bench.factors);
    let file = bench.path("a.safetensors");
    let with = |change: &dyn Fn(&mut Tensors)| {
        let mut changed = all.clone();
        change(&mut changed);
        save(&file, &changed, &[]);
    };
    with(&|all| all[0].0 = all[0].0.replace("blocks_0", "blocks_77"));
    bench.refused(&file, &["blocks_77", "no layer"]);
    with(&|all| drop(all.remove(1)));
    bench.refused(
        &file,
        &["stages.0.blocks.0.block1.query_key_value lacks its second factor"],
    );
    with(&|all| all[0].1.reverse());
    bench.refused(
        &file,
        &[
            "stages.0.blocks.0.block1.query_key_value has factors",
            "[rank, ",
        ],
    );
    with(&|all| all[3].2[5] = f32::NAN);
    bench.refused(&file, &["not finite", "lora_unet_stages_0_blocks_1"]);
    with(&|all| all.push(("lora_unet_stages_0.dora_scale".into(), vec![1], vec![1.0])));
    bench.refused(&file, &["DoRA"]);
    with(&|all| all[2].0 = "conv_in.hada_w1_a".into());
    bench.refused(&file, &["LoHa"]);
    save(&file, &tensors(Format::Peft, &bench.factors), &[]);
    bench.refused(&file, &["adapter_config.json"]);
    let folder = bench.peft("style");
    let config = folder.join("adapter_config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(
        &config,
        text.replace("\"use_dora\": false", "\"use_dora\": true"),
    )
    .unwrap();
    bench.refused(&folder, &["use_dora"]);
    bench.refused(&bench.path("nothing"), &["nothing"]);
}

#[test]
fn damaged_files_are_refused_without_a_panic() {
    let bench = Bench::new();
    let folder = bench.peft("style");
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for name in ["adapter_model.safetensors", "adapter_config.json"] {
        let file = folder.join(name);
        let whole = std::fs::read(&file).unwrap();
        for _ in 0..300 {
            let mut damaged = whole.clone();
            let head = damaged.len().min(2000);
            match random.random_range(0..3) {
                0 => damaged.truncate(random.random_range(0..whole.len())),
                1 => damaged[random.random_range(0..head)] = random.random(),
                _ => damaged[random.random_range(0..head)] ^= 1 << random.random_range(0..8),
            }
            std::fs::write(&file, &damaged).unwrap();
            // A change of a value or of a space leaves an adapter.
            if let Ok(adapter) = Adapter::open(&folder, &bench.layers) {
                assert_eq!(adapter.layers().len(), 3);
            }
        }
        std::fs::write(&file, whole).unwrap();
    }
}

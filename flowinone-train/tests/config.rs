//! A description that cannot be run is refused with file, line and key.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

mod support;

use flowinone_prompts::PromptStyle;
use flowinone_tasks::Dtype;
use flowinone_train::{
    AutoencoderTrainingConfig, DistillationConfig, FlowTrainingConfig, TrainingData,
    UpscaleTrainingConfig, initialise, read_training_config,
};
use support::{Bench, FILES, PAIRS, RUN, device, write_pairs};

#[test]
fn the_recipes_can_be_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let (mut flows, mut autoencoders, mut upscaling, mut distillations) = (0, 0, 0, 0);
    for preset in std::fs::read_dir(folder).unwrap() {
        for file in std::fs::read_dir(preset.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let of_upscaling = file.parent().unwrap().ends_with("upscale");
            match file.file_stem().unwrap().to_str() {
                Some(name) if of_upscaling || name == "upscale" => {
                    read_training_config::<UpscaleTrainingConfig>(&file).unwrap();
                    upscaling += 1;
                }
                Some("distil") => {
                    read_training_config::<DistillationConfig>(&file).unwrap();
                    distillations += 1;
                }
                Some("vae" | "compositor") => {
                    read_training_config::<AutoencoderTrainingConfig>(&file).unwrap();
                    autoencoders += 1;
                }
                _ => {
                    read_training_config::<FlowTrainingConfig>(&file).unwrap();
                    flows += 1;
                }
            }
        }
    }
    assert!(flows >= 1 && autoencoders >= 2 && upscaling >= 1);
    assert_eq!(distillations, 2);
}

#[test]
fn what_cannot_be_is_named_with_file_line_and_key() {
    let bench = Bench::new();
    let good = format!("train = [\"velocity\"]\n{RUN}{PAIRS}");
    read_training_config::<FlowTrainingConfig>(&bench.describe("good", &good)).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let line = |text: &str| 1 + lines.iter().position(|l| l.starts_with(text)).unwrap();
    for (from, to, at, words) in [
        ("steps = 6", "stepz = 6", line("steps"), "stepz"),
        ("steps = 6", "steps = 0", line("steps"), "run.steps is 0"),
        ("batch = 2", "batch = -2", line("batch"), "-2"),
        ("\"velocity\"", "\"velocty\"", line("train"), "velocty"),
        ("\"velocity\"", "", line("train"), "train names no network"),
        ("config = ", "preset = \"big\" #", line("config"), "big"),
        ("1e-3", "-1e-3", line("learning_rate"), "learning_rate"),
        ("cosine", "sine", line("decay"), "sine"),
        (
            "ema_decay = 0.99",
            "ema_decay = 1.0",
            line("ema_decay"),
            "run.ema_decay",
        ),
        (
            "[[data]]",
            "[[data]]\nwieght = 2",
            line("[[data]]"),
            "wieght",
        ),
        ("side = 48", "syde = 48", line("[[data]]"), "syde"),
        (
            "[[data]]",
            "[auxiliary_losses]\nlayout_start = -1\n[[data]]",
            line("[[data]]") + 1,
            "auxiliary_losses.layout_start",
        ),
        (
            "[[data]]",
            "[auxiliary_losses]\nlayout_errors = 0.3\n[[data]]",
            line("[[data]]") + 1,
            "auxiliary_losses.layout_start too",
        ),
        (
            "train = ",
            "init_from = \"a\"\ninit_heads = \"b\"\ntrain = ",
            line("train") + 1,
            "init_heads",
        ),
        ("\"everyday\"", "\"evryday\"", line("[[data]]"), "evryday"),
        (
            "seed = 3",
            "seed = 3\nseed = 4",
            line("seed") + 1,
            "duplicate key",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        let file = bench.describe("bad", &good.replacen(from, to, 1));
        let message = read_training_config::<FlowTrainingConfig>(&file)
            .unwrap_err()
            .to_string();
        assert!(message.contains("bad.toml"), "{to}: {message}");
        assert!(
            message.contains(&format!("line {at}")),
            "{to}, line {at}: {message}"
        );
        assert!(message.contains(words), "{to}: {message}");
    }
}

#[test]
fn what_cannot_be_of_an_upscaling_run_is_named_with_file_line_and_key() {
    let bench = Bench::new();
    let recipe = concat!(env!("CARGO_MANIFEST_DIR"), "/recipes/upscale/icons.toml");
    let good = std::fs::read_to_string(recipe).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    for (from, to, words) in [
        ("features = 48", "features = 0", "network.features is 0"),
        ("features = 48", "features = 1025", "expected 1 to 1024"),
        ("features = 48", "features = -1", "-1"),
        (
            "convolutions = 8",
            "convolutions = 251",
            "expected 0 to 250",
        ),
        ("scale = 4", "scale = 0", "network.scale is 0"),
        ("scale = 4", "scale = 17", "expected 1 to 16"),
        (
            "decoded = 0.6",
            "decoded = 0.6\nflow_made = 0.5",
            "objective.decoded is 0.6, expected 0 to 0.5",
        ),
        ("decoded = 0.6", "flow_made = 1.5", "expected 0 to 1"),
        ("decoded = 0.6", "steepness = -1.0", "steepness is -1"),
        (
            "crop = 32",
            "crop = 4\nsteepness = 0.4",
            "objective.crop is 4, expected 5 or more",
        ),
        ("scale = 4", "scaling = 4", "scaling"),
        ("side = 256", "side = 4", "objective.side is 4, expected 8"),
        (
            "side = 256",
            "side = 254",
            "expected a multiple of the scale",
        ),
        ("side = 256", "side = 16388", "to 16384"),
        ("crop = 32", "crop = 1", "objective.crop is 1"),
        ("decoded = 0.6", "decoded = 1.5", "is 1.5, expected 0 to 1"),
        ("decoded = 0.6", "decoded = nan", "is NaN, expected 0 to 1"),
        ("decoded = 0.6", "blur = -0.1", "objective.blur is -0.1"),
        ("decoded = 0.6", "noise = 2.0", "objective.noise is 2"),
        (
            "decoded = 0.6",
            "latent_noise = inf",
            "objective.latent_noise",
        ),
        (
            "decoded = 0.6",
            "gradient = inf",
            "expected a finite number",
        ),
        ("decoded = 0.6", "squared = \"much\"", "much"),
        ("model = ", "network = ", "network"),
        ("steps = 5000", "steps = 0", "run.steps is 0"),
        ("split = \"train\"", "split = \"half\"", "half"),
    ] {
        assert!(good.contains(from), "{from}");
        // Of what stands in a list of tables, the list's line is told.
        let told = match from.starts_with("split") {
            true => "[[data]]",
            false => from,
        };
        let at = lines.iter().position(|line| line.starts_with(told));
        let at = 1 + at.unwrap();
        let file = bench.describe("bad", &good.replacen(from, to, 1));
        let refused = read_training_config::<UpscaleTrainingConfig>(&file);
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("bad.toml"), "{to}: {message}");
        assert!(message.contains(words), "{to}: {message}");
        assert!(
            message.contains(&format!("line {at}")),
            "{to}, line {at}: {message}"
        );
    }
    let empty = good.split("[[data]]").next().unwrap();
    for (text, words) in [
        (empty.to_string(), "missing field `data`"),
        (format!("data = []\n{empty}"), "data is empty"),
    ] {
        let file = bench.describe("bad", &text);
        let refused = read_training_config::<UpscaleTrainingConfig>(&file);
        let message = refused.unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_step_multiplies_in_f32_or_bf16_by_either_name() {
    let bench = Bench::new();
    let read = |name: &str| {
        let run = RUN.replace(
            "seed = 3",
            &format!("seed = 3\nmatmul_precision = \"{name}\""),
        );
        let text = format!("train = [\"velocity\"]\n{run}{PAIRS}");
        read_training_config::<FlowTrainingConfig>(&bench.describe("run", &text))
    };
    for (name, dtype) in [
        ("f32", Dtype::F32),
        ("float32", Dtype::F32),
        ("bf16", Dtype::Bf16),
        ("bfloat16", Dtype::Bf16),
    ] {
        assert_eq!(read(name).unwrap().run.matmul_precision, dtype);
    }
    for name in ["f16", "int8"] {
        let message = read(name).unwrap_err().to_string();
        let expected = format!("run.matmul_precision is {name}, expected f32 or bf16");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn a_run_without_data_is_refused() {
    let bench = Bench::new();
    let top = "train = [\"velocity\"]\n";
    for (data, words) in [
        ("", "missing field `data`"),
        ("data = []\n", "data is empty"),
    ] {
        let file = bench.describe("bad", &format!("{top}{data}{RUN}"));
        let message = read_training_config::<FlowTrainingConfig>(&file)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("bad.toml") && message.contains(words),
            "{message}"
        );
        let file = bench.describe("bad", &format!("{data}{RUN}"));
        let message = read_training_config::<AutoencoderTrainingConfig>(&file)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("bad.toml") && message.contains(words),
            "{message}"
        );
    }
}

#[test]
fn data_and_models_that_are_not_there_are_named() {
    let bench = Bench::new();
    let top = "train = [\"velocity\"]\n";
    let absent = "[[data]]\nfiles = \"FOLDER/absent\"\n";
    let config: FlowTrainingConfig =
        read_training_config(&bench.describe("run", &format!("{top}{RUN}{absent}"))).unwrap();
    let message = TrainingData::open(&config.data, &config.run)
        .err()
        .unwrap()
        .to_string();
    assert!(message.contains("absent"), "{message}");

    let model = "[model]\ndirectory = \"FOLDER/nowhere\"";
    let run = RUN.replace("[model]\nconfig = \"FOLDER/model.json\"", model);
    let config: FlowTrainingConfig =
        read_training_config(&bench.describe("run", &format!("{top}{run}{PAIRS}"))).unwrap();
    let message = initialise(&config.model, 0, None, &device())
        .err()
        .unwrap()
        .to_string();
    assert!(message.contains("nowhere"), "{message}");

    let judged = RUN.replace("examples = 1", "examples = 1\nsource = \"FOLDER/judges\"");
    let config: FlowTrainingConfig =
        read_training_config(&bench.describe("run", &format!("{top}{judged}{PAIRS}"))).unwrap();
    let message = TrainingData::open(&config.data, &config.run)
        .err()
        .unwrap()
        .to_string();
    assert!(message.contains("judges"), "{message}");
}

#[test]
fn what_procedural_sources_share_may_stand_once() {
    let bench = Bench::new();
    let read = |name: &str, data: &str| {
        let text = format!("train = [\"velocity\"]\n{RUN}{data}");
        read_training_config::<FlowTrainingConfig>(&bench.describe(name, &text))
    };
    let shared = PAIRS
        .replace("[[data]]\n", "")
        .replace("[data.procedural", "[procedural");
    let sources = r#"
[[data]]
procedural = {}
[[data]]
weight = 3
procedural.pairs = { seed = 2, tasks = ["doodle"], variety.objects = 1 }
[[data]]
files = "FOLDER/pairs"
"#;
    let own = PAIRS
        .replace("[[data]]", "[[data]]\nweight = 3")
        .replace("seed = 1", "seed = 2\nvariety = { objects = 1 }")
        .replace("\"class-to-image\", \"text-in-image\"", "\"doodle\"");
    let joined = read("joined", &format!("{shared}{sources}")).unwrap();
    let written = read("written", &format!("{PAIRS}{own}{FILES}")).unwrap();
    assert_eq!(joined.data, written.data);

    let message = read("bad", &format!("{FILES}{shared}"))
        .unwrap_err()
        .to_string();
    let line = 1 + format!("train\n{RUN}{FILES}").lines().count() + 1;
    assert!(
        message.contains(&format!("line {line}: procedural is shared")),
        "{message}"
    );
}

#[test]
fn a_model_knows_the_classes_that_its_files_show() {
    let bench = Bench::new();
    write_pairs(&bench, 2);
    let known = |data: &str, before: &[&str]| {
        let text = format!("train = [\"velocity\"]\n{RUN}{data}");
        let config: FlowTrainingConfig =
            read_training_config(&bench.describe("run", &text)).unwrap();
        let before = PromptStyle {
            classes: before.iter().map(|class| class.to_string()).collect(),
            ..PromptStyle::default()
        };
        let data = TrainingData::open(&config.data, &config.run).unwrap();
        let known = data.known(before);
        // Templates have no words that are written down.
        assert!(known.words.is_empty() && known.synonyms.is_empty());
        known.classes
    };
    let six = "classes = { named = [\"apple\", \"boat\", \"car\", \"cat\", \"house\", \"star\"] }";
    let pairs = PAIRS.replace("classes = \"everyday\"", six);
    let named = format!("{FILES}classes = [\"umbrella\", \"bee\"]\n");
    assert_eq!(known(FILES, &["pear", "plum"]), ["pear", "plum"]);
    assert_eq!(
        known(&named, &["pear", "plum"]),
        ["bee", "pear", "plum", "umbrella"]
    );
    // A model that is not limited to some classes stays so.
    assert!(known(&named, &[]).is_empty());
    assert_eq!(
        known(&format!("{named}{pairs}"), &["pear"]),
        [
            "apple", "bee", "boat", "car", "cat", "house", "star", "umbrella"
        ]
    );

    let both = pairs.replace("[[data]]", "[[data]]\nclasses = [\"bee\"]");
    let file = bench.describe("bad", &format!("train = [\"velocity\"]\n{RUN}{both}"));
    let message = read_training_config::<FlowTrainingConfig>(&file)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("data has classes next to procedural"),
        "{message}"
    );
}

#[test]
fn natural_pairs_tell_a_model_its_words_and_the_other_names_of_its_classes() {
    let bench = Bench::new();
    let six = ["apple", "boat", "car", "cat", "house", "star"];
    let named = format!("classes = {{ named = {six:?} }}");
    let pairs = PAIRS.replace("classes = \"everyday\"", &named);
    let natural = format!("{pairs}variety.language = \"natural\"\n");
    let file = bench.describe(
        "natural",
        &format!("train = [\"velocity\"]\n{RUN}{natural}"),
    );
    let config: FlowTrainingConfig = read_training_config(&file).unwrap();
    let data = TrainingData::open(&config.data, &config.run).unwrap();
    let known = data.known(PromptStyle::default());
    assert_eq!(known.classes, six);
    assert!(known.synonyms["car"].contains(&"automobile".into()));
    for said in ["Please get rid of the automobile!", "paint the house RED"] {
        assert_eq!(known.unknown_words(said), [], "{said}");
    }
    assert_eq!(known.unknown_words("a giraffe")[0].word, "giraffe");
}

#[test]
fn keys_are_also_read_by_their_former_names() {
    let bench = Bench::new();
    let present = format!(
        "train = [\"velocity\"]\ninit_from = \"a\"\nreinit = [\"source\"]\n{RUN}{PAIRS}
[run.optimiser]
clip = 1.0
[objective]
path = {{ sigma_min = 1e-5 }}
condition_dropout = 0.2
coarse_weight = 1
fine_weight = 1
kl_weight = 0.5
[auxiliary_losses]
anchor = 0.5
"
    )
    .replace("seed = 3", "seed = 3\nmatmul_precision = \"bfloat16\"");
    let mut former = present.clone();
    for (key, before) in [
        ("init_from", "start"),
        ("reinit", "anew"),
        ("matmul_precision", "products"),
        ("condition_dropout", "null_probability"),
        ("kl_weight", "divergence_weight"),
        ("auxiliary_losses", "aids"),
        ("ema_decay", "average"),
        ("run.validation", "run.evaluations"),
    ] {
        assert!(former.contains(key), "{key}");
        former = former.replace(key, before);
    }
    let read = |name: &str, text: &str| -> FlowTrainingConfig {
        read_training_config(&bench.describe(name, text)).unwrap()
    };
    let [present, former] = [read("run", &present), read("run", &former)];
    assert_eq!(present, former);
    assert_eq!(present.objective.kl_weight, 0.5);
    assert_eq!(present.auxiliary_losses.anchor, 0.5);
}

//! Networks that a run does not change: what they cost, and what is kept of them.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

mod support;

use burn::module::Module;
use burn::optim::GradientsParams;
use flowinone_data::{Mixer, Source, StreamConfig};
use flowinone_train::{
    BatchRng, FlowTrainTask, FlowTrainingConfig, TrainTask, initialise, read_training_config,
};
use flowinone_weights::{param_specs, values};
use support::{Bench, FILES, PAIRS, RUN, device, flow, losses, small, train_flow, write_pairs};

#[test]
fn frozen_networks_have_no_gradient_and_no_moments_and_stay_as_they_are() {
    let bench = Bench::new();
    let file = bench.describe("run", &format!("train = [\"velocity\"]\n{RUN}{PAIRS}"));
    let (task, start, mut mixer, _) = flow(&file);
    let batch = task.batcher()(mixer.batch().unwrap().unwrap()).unwrap();
    let losses = task.train_step(&start, batch, &mut BatchRng::new(1, 0));
    let gradients = GradientsParams::from_grads(losses.total.backward(), &start);
    let trained = param_specs(&start.network.velocity).len();
    // Beside the velocity network, the contrastive loss has a scale of its own.
    assert!(
        gradients.len() <= trained + 1,
        "{} of {trained}",
        gradients.len()
    );
    assert!(gradients.len() > trained / 2);

    train_flow(&file, None);
    let left = bench.left("run");
    let moments = 2 * gradients.len()..=2 * (trained + 1);
    assert!(
        moments.contains(&left.parameters),
        "{} tensors",
        left.parameters
    );
    let checkpoint = flowinone_train::newest_checkpoint(&bench.path("run"))
        .unwrap()
        .unwrap();
    let [weights, average] = [
        checkpoint.weights(start.clone()),
        checkpoint.ema(start.clone()),
    ];
    let (weights, average) = (weights.unwrap(), average.unwrap());
    for trained in [&weights, &average] {
        assert_eq!(all(&trained.encoder), all(&start.encoder));
        assert_eq!(all(&trained.network.source), all(&start.network.source));
        assert_ne!(all(&trained.network.velocity), all(&start.network.velocity));
    }
}

#[test]
fn reinitialised_networks_forget_the_run_they_start_from() {
    let bench = Bench::new();
    let top = "train = [\"source\", \"velocity\"]\n";
    train_flow(
        &bench.describe("before", &format!("{top}{RUN}{PAIRS}")),
        None,
    );
    let start = format!("init_from = \"{}\"\n", bench.path("before").display());
    let started = |name: &str, reinit: &str| {
        let text = format!("{top}{start}{reinit}{RUN}{PAIRS}");
        flow(&bench.describe(name, &text)).1.network
    };
    let kept = started("kept", "");
    let fresh = started("fresh", "reinit = [\"velocity\"]\n");
    assert_eq!(all(&fresh.source), all(&kept.source));
    assert_ne!(all(&fresh.velocity), all(&kept.velocity));
}

#[test]
fn a_run_with_other_classes_keeps_what_does_not_name_them() {
    let bench = Bench::new();
    let top = "train = [\"encoder\"]\n";
    let some = r#"{ named = ["apple", "ball", "bell", "boat", "book", "car"] }"#;
    let more = r#"{ named = ["apple", "ball", "bell", "boat", "book", "car", "cat"] }"#;
    let of = |classes: &str| PAIRS.replace("\"everyday\"", classes);
    let labels = "[auxiliary_losses]\nlabels = 1\n";
    let before = format!("{top}{RUN}{labels}{}", of(some));
    train_flow(&bench.describe("before", &before), None);
    let start = format!("init_from = \"{}\"\n", bench.path("before").display());
    let started = |name: &str, classes: &str| {
        let text = format!("{top}{start}{RUN}{labels}{}", of(classes));
        let mut parameters = std::collections::BTreeMap::new();
        values(&flow(&bench.describe(name, &text)).1, |param, data| {
            parameters.insert(param.path.clone(), data.as_bytes().to_vec());
        });
        parameters
    };
    let (kept, widened) = (started("kept", some), started("widened", more));
    assert!(kept.keys().eq(widened.keys()));
    let changed: Vec<_> = kept
        .keys()
        .filter(|path| kept[*path] != widened[*path])
        .collect();
    assert_eq!(changed, ["heads.class.bias", "heads.class.weight"]);
    let length =
        |parameters: &std::collections::BTreeMap<_, Vec<u8>>| parameters["heads.class.bias"].len();
    assert_eq!((length(&kept), length(&widened)), (7 * 4, 8 * 4));
}

fn all<M: Module>(module: &M) -> Vec<u8> {
    let mut bytes = vec![];
    values(module, |_, data| bytes.extend_from_slice(data.as_bytes()));
    bytes
}

#[test]
fn a_cache_changes_no_bit() {
    let bench = Bench::new();
    write_pairs(&bench, 5);
    let top = "train = [\"source\", \"velocity\"]\n";
    let cached = format!("{top}cache = \"FOLDER/cache\"\n{RUN}{FILES}");
    train_flow(
        &bench.describe("without", &format!("{top}{RUN}{FILES}")),
        None,
    );
    train_flow(&bench.describe("filling", &cached), None);
    // Six steps of two: each of the five pairs came, most of them twice or more.
    let files = || {
        let files = walk(&bench.path("cache"));
        files.into_iter().map(|file| std::fs::read(file).unwrap())
    };
    let first: Vec<_> = files().collect();
    let pictures: std::collections::BTreeSet<_> = (0..5)
        .flat_map(|key| ["input", "output"].map(|side| format!("{side}/{key}.png")))
        .map(|name| std::fs::read(bench.path("pairs").join(name)).unwrap())
        .collect();
    assert!(first.len() > pictures.len(), "{} files", first.len());

    train_flow(&bench.describe("full", &cached), None);
    assert_eq!(first, files().collect::<Vec<_>>());
    // A truncated file is computed again.
    let broken = walk(&bench.path("cache")).remove(0);
    std::fs::write(&broken, &first[0][..100]).unwrap();
    train_flow(&bench.describe("broken", &cached), None);
    assert_eq!(std::fs::read(&broken).unwrap(), first[0]);

    let without = bench.left("without");
    for run in ["filling", "full", "broken"] {
        assert_eq!(losses(&bench.path(run)), without.losses, "{run}");
        assert!(bench.left(run) == without, "{run}");
    }
}

#[test]
fn a_cache_counts_what_it_did() {
    let bench = Bench::new();
    write_pairs(&bench, 3);
    let top = "train = [\"velocity\"]\ncache = \"FOLDER/cache\"\n";
    let (task, model, _, _) = flow(&bench.describe("run", &format!("{top}{RUN}{FILES}")));
    let stream = StreamConfig::new(0);
    let source = Source::open(bench.path("pairs"), stream).unwrap();
    let mut mixer = Mixer::new(vec![(source, 1)], 3, 0).unwrap();
    for _ in 0..2 {
        let batch = task.batcher()(mixer.batch().unwrap().unwrap()).unwrap();
        task.train_step(&model, batch, &mut BatchRng::new(0, 0));
    }
    let report = task.cache().unwrap().report().unwrap();
    assert_eq!(report.entries, report.computed);
    assert_eq!(report.found, report.computed, "the second pass only reads");
    assert!(report.bytes > 1000 && report.damaged == 0);
}

#[test]
fn a_cache_for_pairs_made_on_the_fly_is_refused() {
    let bench = Bench::new();
    let top = "train = [\"velocity\"]\ncache = \"FOLDER/cache\"\n";
    let file = bench.describe("run", &format!("{top}{RUN}{PAIRS}"));
    let message = read_training_config::<FlowTrainingConfig>(&file)
        .unwrap_err()
        .to_string();
    assert!(message.contains("line 2: cache"), "{message}");
    assert!(message.contains("data make"), "{message}");
}

#[test]
fn a_deviation_that_the_model_states_is_not_learned() {
    let bench = Bench::new();
    let mut model = small();
    model.flow.source.deviation = Some(0.125);
    let described = serde_json::to_string(&model).unwrap();
    std::fs::write(bench.path("model.json"), described).unwrap();
    let open = |head: &str| {
        let file = bench.describe("run", &format!("train = [\"source\"]\n{RUN}{head}{PAIRS}"));
        let config: FlowTrainingConfig = read_training_config(&file).unwrap();
        let (model, networks) = initialise(&config.model, 3, None, &device()).unwrap();
        FlowTrainTask::new(&config, model, networks.codec(), vec![], None, &device())
    };
    assert!(open("").is_ok());
    let message = open("[auxiliary_losses]\ndeviation = 0.1\n")
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("auxiliary_losses.deviation") && message.contains("0.125"),
        "{message}"
    );
}

/// What is said of prompts that are read.
const READ: [&str; 5] = [
    "right_class",
    "way",
    "right_layout",
    "right_start",
    "layout_start",
];
/// What the names of the heads' parameters begin with.
const HEADS: [&str; 4] = ["heads.", "ways.", "layout.", "layout_start."];

#[test]
fn a_velocity_network_draws_from_layouts_and_reads_no_prompt() {
    let bench = Bench::new();
    let losses =
        "[auxiliary_losses]\nlabels = 1\nways = 1\nthings = 1\nlayout = 1\nlayout_start = 1\n";
    let text = format!("train = [\"velocity\"]\n{RUN}{losses}{PAIRS}");
    let file = bench.describe("predicted", &text);
    let config: FlowTrainingConfig = read_training_config(&file).unwrap();
    let (model, networks) = initialise(&config.model, 3, None, &device()).unwrap();
    let task = FlowTrainTask::new(&config, model, networks.codec(), vec![], None, &device());
    let message = task.map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("flow.source.deviation"), "{message}");

    let mut model = small();
    model.flow.source.deviation = Some(0.125);
    let described = serde_json::to_string(&model).unwrap();
    std::fs::write(bench.path("model.json"), described).unwrap();
    let parts = |name: &str, text: &str| {
        let (task, start, mut mixer, _) = flow(&bench.describe(name, text));
        let batch = task.batcher()(mixer.batch().unwrap().unwrap()).unwrap();
        let losses = task.train_step(&start, batch, &mut BatchRng::new(1, 0));
        let names: Vec<&str> = losses.parts.iter().map(|(name, _)| *name).collect();
        let gradients = GradientsParams::from_grads(losses.total.backward(), &start);
        (names, gradients.len(), start)
    };
    let mut few = model.clone();
    few.flow.source.codebook = Some(flowinone_flow::Codebook {
        codes: 2,
        numbers: 13,
        temperature: 1.0,
    });
    let classes = vec!["cat".to_string(), "dog".to_string()];
    let task = FlowTrainTask::new(&config, few, networks.codec(), classes, None, &device());
    let message = task.map(|_| ()).unwrap_err().to_string();
    assert!(
        message.contains("flow.source.codebook has 2") && message.contains("2 classes"),
        "{message}"
    );

    let (names, reached, start) = parts("draw", &text);
    for drawn in ["fine", "things"] {
        assert!(names.contains(&drawn), "{names:?}");
    }
    for read in READ {
        assert!(!names.contains(&read), "{names:?}");
    }
    // The velocity network, the map from layouts to starts, and the contrastive loss's scale.
    let velocity = param_specs(&start.network.velocity).len();
    assert!(
        (velocity / 2..=velocity + 3).contains(&reached),
        "{reached} of {velocity}"
    );

    // Heads outlive their run; another seed would have begun with others.
    let kept = bench.path("heads.safetensors");
    start.save_heads(&kept).unwrap();
    let started = |name: &str, top: &str| {
        let text = format!("{top}{}", text.replace("seed = 3", "seed = 4"));
        let mut heads = vec![];
        values(&flow(&bench.describe(name, &text)).1, |param, data| {
            if HEADS.iter().any(|head| param.path.starts_with(head)) {
                heads.extend(data.try_to_vec::<f32>().unwrap());
            }
        });
        heads
    };
    let before = started("before", "");
    let after = started("after", &format!("init_heads = \"{}\"\n", kept.display()));
    let mut wanted = vec![];
    values(&start, |param, data| {
        if HEADS.iter().any(|head| param.path.starts_with(head)) {
            wanted.extend(data.try_to_vec::<f32>().unwrap());
        }
    });
    let apart = |these: &[f32]| {
        let pairs = these.iter().zip(&wanted).map(|(a, b)| (a - b).abs());
        pairs.fold(0.0, f32::max)
    };
    assert_eq!(after.len(), wanted.len());
    assert!(apart(&after) < 2e-3, "{}", apart(&after));
    assert!(apart(&before) > 0.5, "{}", apart(&before));

    // Another start is another loss.
    let loss = |name: &str, text: &str| -> f32 {
        let (task, start, mut mixer, _) = flow(&bench.describe(name, text));
        let batch = task.batcher()(mixer.batch().unwrap().unwrap()).unwrap();
        let losses = task.train_step(&start, batch, &mut BatchRng::new(1, 0));
        losses.total.into_scalar()
    };
    let exact = loss("exact", &text);
    assert_eq!(loss("again", &text), exact);
    let errors = text.replace("layout_start = 1", "layout_start = 1\nlayout_errors = 2");
    assert_ne!(loss("errors", &errors), exact);

    // A run of all networks draws pairs that do not say what they show, and reads the others.
    let text = text.replace("[\"velocity\"]", "[\"encoder\", \"source\", \"velocity\"]");
    let (names, ..) = parts("told", &text);
    assert!(names.contains(&"right_class") && !names.contains(&"drawn"));
    let many = |tasks: &str| {
        let tasks = format!("tasks = [{tasks}]\n");
        let text = text.replace("tasks = [\"class-to-image\", \"text-in-image\"]\n", &tasks);
        format!("{text}variety.captions = [\"many\"]\nvariety.letterings = [\"serif\"]\n")
    };
    let (names, ..) = parts("both", &many("\"class-to-image\", \"text-to-image\""));
    for part in ["right_class", "fine", "things", "drawn"] {
        assert!(names.contains(&part), "{part} in {names:?}");
    }
    let (names, ..) = parts("untold", &many("\"text-to-image\""));
    assert!(names.contains(&"fine") && !names.contains(&"right_class"));

    let text = text.replace(", \"velocity\"]", "]");
    let (names, ..) = parts("say", &text);
    for read in READ {
        assert!(names.contains(&read), "{names:?}");
    }
    assert!(!names.contains(&"fine"), "{names:?}");
}

/// The files below a folder of folders, sorted.
fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let inside = |path: &std::path::Path| -> Vec<_> {
        let entries = std::fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let mut files: Vec<_> = inside(folder)
        .iter()
        .flat_map(|group| inside(group))
        .collect();
    files.sort();
    files
}

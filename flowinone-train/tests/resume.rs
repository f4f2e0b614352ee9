//! Stopping and going on is the same as not stopping, bit for bit: losses, weights, their average
//! and the optimiser's moments.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

mod support;

use burn::tensor::Device;
use flowinone_train::{
    AutoencoderTrainingConfig, FlowTrainTask, StopReason, checkpoints, initialise,
    read_training_config,
};
use support::{Bench, FILES, Line, PAIRS, RUN, train, train_autoencoder, train_flow, write_pairs};

/// Runs `text` without a stop and with one after three steps of `batches` batches each, and
/// compares what is left.
fn compare(
    bench: &Bench,
    text: &str,
    batches: u64,
    run: fn(&std::path::Path, Option<u64>) -> StopReason,
) {
    let whole = bench.describe("whole", text);
    assert_eq!(run(&whole, None), StopReason::Complete);
    let halves = bench.describe("halves", text);
    assert_eq!(run(&halves, Some(3 * batches)), StopReason::Stopped);
    let stopped = checkpoints(&bench.path("halves/checkpoints")).unwrap();
    assert_eq!(stopped.last().map(|checkpoint| checkpoint.step()), Some(3));
    assert_eq!(run(&halves, None), StopReason::Complete);

    let [whole, halves] = ["whole", "halves"].map(|run| bench.left(run));
    assert_eq!(whole.losses.last().map(|(step, _)| *step), Some(6));
    assert_eq!(whole.losses, halves.losses);
    assert!(whole.weights == halves.weights, "weights differ");
    assert!(whole.average == halves.average, "averages differ");
    assert!(whole.moments == halves.moments, "moments differ");
    assert!(whole.weights != whole.average);
}

#[test]
fn a_flow_of_all_parts_with_labels_resumes_exactly() {
    let top = "train = [\"encoder\", \"source\", \"velocity\"]\n";
    let auxiliary = "[auxiliary_losses]\nanchor = 0.5\nlabels = 0.5\nlayout = 0.5\n";
    compare(
        &Bench::new(),
        &format!("{top}{RUN}{auxiliary}{PAIRS}"),
        1,
        train_flow,
    );
}

#[test]
fn a_flow_with_frozen_parts_on_files_resumes_exactly() {
    let bench = Bench::new();
    write_pairs(&bench, 5);
    let top = "train = [\"velocity\"]\ncache = \"FOLDER/cache\"\n";
    let run = RUN.replace("batch = 2", "batch = 2\naccumulate = 2");
    compare(&bench, &format!("{top}{run}{FILES}"), 2, train_flow);
}

#[test]
fn a_reinitialised_flow_stepped_by_muon_resumes_exactly() {
    let top = "train = [\"encoder\", \"source\", \"velocity\"]\nreinit = [\"velocity\"]\n";
    let muon = "[run.optimiser]\nmatrices = { muon = 2 }\n";
    let run = RUN.replace("batch = 2", "batch = 2\nmatmul_precision = \"bfloat16\"");
    compare(
        &Bench::new(),
        &format!("{top}{run}{muon}{PAIRS}"),
        1,
        train_flow,
    );
}

#[test]
fn products_in_bfloat16_change_losses_by_their_rounding() {
    let bench = Bench::new();
    let top = "train = [\"encoder\", \"source\", \"velocity\"]\n";
    let losses = ["float32", "bfloat16"].map(|products| {
        let run = RUN.replace(
            "batch = 2",
            &format!("batch = 4\nmatmul_precision = \"{products}\""),
        );
        // Adam's first steps are as long for small gradients as for large ones, and rounding may
        // turn a small one: such steps are to be short.
        let run = run.replace("learning_rate = 1e-3", "learning_rate = 1e-4");
        let config = bench.describe(products, &format!("{top}{run}{PAIRS}"));
        assert_eq!(train_flow(&config, None), StopReason::Complete);
        bench.left(products).losses
    });
    let [plain, rounded] = losses.map(|entries| -> Vec<f64> {
        let numbers = entries.into_iter().flat_map(|(_, numbers)| numbers);
        let totals = numbers.filter(|(name, _)| name == "loss");
        totals.map(|(_, bits)| f64::from_bits(bits)).collect()
    });
    assert_eq!(plain.len(), 6);
    for (step, (plain, rounded)) in plain.iter().zip(&rounded).enumerate() {
        let off = (rounded - plain).abs() / plain;
        // Factors are off by up to 2^-9 each, losses are means of many products.
        let most = if step == 0 { 0.002 } else { 0.02 };
        assert!(off < most, "step {step}: {rounded} for {plain}");
    }
    assert_eq!(plain != rounded, flowinone_kernels::prefers_bfloat16());
}

#[test]
fn an_autoencoder_on_random_crops_resumes_exactly() {
    let crop = "[reconstruction]\ncrop = 16\n";
    compare(
        &Bench::new(),
        &format!("{RUN}{crop}{PAIRS}"),
        1,
        train_autoencoder,
    );
}

#[test]
fn fine_levels_and_compositor_resume_exactly() {
    let top = "train = [\"fine\", \"compositor\"]\n";
    let extend = "[extend]\nfine_channels = [2, 4]\ncompositor_channels = 2\n";
    let disturbed = "[reconstruction]\ncrop = 32\ncrops = 2\nblur = 0.5\nnoise = 0.5\n";
    compare(
        &Bench::new(),
        &format!("{top}{RUN}{extend}{disturbed}{PAIRS}"),
        1,
        train_autoencoder,
    );
}

#[test]
fn a_compositor_of_larger_pictures_resumes_exactly() {
    let top = "train = [\"decoder\", \"compositor\"]\n";
    let extend = "[extend]\ncompositor_channels = 2\ncompositor_scale = 2\n";
    let crops = "[reconstruction]\ncrop = 32\ncrops = 2\nblur = 0.5\nflow_made = 0.5\n";
    compare(
        &Bench::new(),
        &format!("{top}{RUN}{extend}{crops}{PAIRS}"),
        1,
        train_autoencoder,
    );
}

#[test]
fn fine_levels_behind_what_the_flow_makes_resume_exactly() {
    let top = "train = [\"fine\", \"compositor\"]\n";
    let extend = "[extend]\nfine_channels = [2, 4]\ncompositor_channels = 2\n";
    let run = |share: f64| {
        let made = format!("[reconstruction]\ncrop = 32\nflow_made = {share}\n");
        format!("{top}{RUN}{extend}{made}{PAIRS}")
    };
    let bench = Bench::new();
    compare(&bench, &run(0.5), 1, train_autoencoder);
    // What the flow makes is not what was encoded.
    let encoded = bench.describe("encoded", &run(0.0));
    assert_eq!(train_autoencoder(&encoded, None), StopReason::Complete);
    assert_ne!(bench.left("encoded").losses, bench.left("whole").losses);
}

#[test]
fn a_flow_that_makes_latents_needs_what_comes_after_them() {
    let made = "train = [\"decoder\"]\n";
    let text = format!("{made}{RUN}[reconstruction]\nflow_made = 0.5\n{PAIRS}");
    let bench = Bench::new();
    let file = bench.describe("run", &text);
    let config: AutoencoderTrainingConfig = read_training_config(&file).unwrap();
    let (model, networks) = initialise(&config.model, 1, None, &Device::flex()).unwrap();
    let error = config.begin(model, networks.codec().clone()).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("reconstruction.flow_made needs"), "{error}");
}

#[test]
fn a_run_in_use_is_not_run_twice() {
    let bench = Bench::new();
    let file = bench.describe("run", &format!("train = [\"source\"]\n{RUN}{PAIRS}"));
    let (task, model, mixer, run) = support::flow(&file);
    let _running: flowinone_train::Trainer<FlowTrainTask> =
        flowinone_train::Trainer::new(task, model, mixer, run.clone()).unwrap();
    let second = train(Line::new(), Line::layer(), Line::mixer(2), run, None);
    let message = second.unwrap_err().to_string();
    assert!(message.contains("another process trains"), "{message}");
}

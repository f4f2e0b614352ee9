//! `flowinone lora`: what an adapter changes, and a model directory with adapters merged into it.

use std::path::PathBuf;

use anyhow::{Result, bail};
use flowinone_files::keep_apart;
use flowinone_lora::{Adapter, Factors, Layers};
use flowinone_tasks::{AdapterChoice, Dtype, ModelDirectory, device, merge};

use crate::Outcome;

/// Look into adapters (LoRA), or merge them into a model.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List the layers that an adapter changes, with rank, scale and size of the change
    Inspect(InspectArgs),
    /// Write a model directory whose weights have adapters in them
    Merge(MergeArgs),
}

#[derive(clap::Args)]
struct InspectArgs {
    /// Folder of peft's, or a file of factors
    adapter: PathBuf,
    /// Model directory that it is for; without it the small model that is built in
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
}

#[derive(clap::Args)]
struct MergeArgs {
    /// Model directory to begin with
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Adapter to add, and its weight if it is not 1; may be given several times
    #[arg(long, value_name = "FILE[:WEIGHT]", required = true)]
    lora: Vec<AdapterChoice>,
    /// Element type to store: f32, f16 or bf16
    #[arg(long, value_name = "TYPE", default_value_t = Dtype::F32)]
    dtype: Dtype,
    /// Directory to write
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    match &args.action {
        Action::Inspect(args) => inspect(args),
        Action::Merge(args) => merged(args),
    }
}

fn opened(model: Option<&PathBuf>) -> Result<ModelDirectory> {
    let built_in = PathBuf::from(flowinone_mini::NAME);
    Ok(ModelDirectory::named(model.unwrap_or(&built_in))?)
}

fn inspect(args: &InspectArgs) -> Result<Outcome> {
    let model = opened(args.model.as_ref())?;
    let layers = Layers::of(&model.config().flow, &device::blueprint());
    let adapter = Adapter::open(&args.adapter, &layers)?;
    out!("{adapter}");
    out!("sha256 {}", adapter.sha256());
    if let Some(base) = adapter.base() {
        let same = base == model.base_digest();
        out!(
            "trained on {base}{}",
            if same {
                ", this model"
            } else {
                ", not this model"
            }
        );
    }
    out!("layer\trank\tscale\tRMS of the change");
    for (layer, factors) in adapter.layers() {
        let Factors { rank, scale, .. } = factors;
        out!(
            "{layer}\t{rank}\t{scale}\t{:.2e}",
            factors.root_mean_square()
        );
    }
    Ok(Outcome::Done)
}

fn merged(args: &MergeArgs) -> Result<Outcome> {
    if args.output.exists() {
        bail!(
            "{} is there already; name a directory that is not",
            args.output.display()
        );
    }
    let inputs = args.lora.iter().map(|choice| choice.path.as_path());
    keep_apart(inputs, [args.output.as_path()])?;
    let device = device::blueprint();
    let model = opened(args.model.as_ref())?.adapted(&args.lora, &device)?;
    for (adapter, weight) in model.adapters().iter() {
        tell!("lora {} x {weight}: {adapter}", adapter.path().display());
    }
    let written = merge(&model, args.dtype, &args.output, &device)?;
    out!("{}", written.path().display());
    Ok(Outcome::Done)
}

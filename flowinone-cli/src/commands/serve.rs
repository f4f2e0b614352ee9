//! `flowinone serve`: a server and a page. What it does is in `flowinone-serve`; here are its
//! options.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use flowinone_serve::{Config, Listen};
use flowinone_tasks::device::Choice;

use crate::options::ModelOptions;
use crate::upscaling::UpscaleOptions;
use crate::{Outcome, interrupt};

/// Serve a page to draw on, OpenAI's Images API and one of our own.
///
/// Without options: the built-in model at port 7860 of this machine. Pictures and the journal of
/// jobs are kept in --data, so that neither a crash nor a restart loses an accepted job.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    upscaling: UpscaleOptions,
    /// Another device that computes beside --device, from the same queue; can be given several
    /// times
    #[arg(long, value_name = "NAME")]
    and_device: Vec<Choice>,
    /// Where to listen: ADDRESS:PORT (port 0: any that is free) or unix:PATH
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7860")]
    listen: String,
    /// Folder of the journal, the pictures and what was sent [default: flowinone in the user's
    /// data folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    end: End,
    /// Write the log, one JSON object a line, to this file instead of the standard error; "-" for
    /// no log
    #[arg(long, value_name = "FILE", help_heading = "Log")]
    log: Option<PathBuf>,
    /// Let the log hold what prompts say
    #[arg(long, help_heading = "Log")]
    log_prompts: bool,
    /// Write the OpenAPI document to the standard output and end
    #[arg(long)]
    openapi: bool,
    /// Read the page from this folder, to work on it
    #[arg(long, value_name = "DIR", hide = true)]
    page: Option<PathBuf>,
}

/// How much work is taken and kept.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Work")]
struct Work {
    /// Most jobs that wait; more are refused with 429
    #[arg(long, value_name = "N", default_value_t = 64)]
    queue: usize,
    /// Most pictures computed together; their bytes do not depend on it
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch_size: u16,
    /// Most MiB of pictures and uploads that are kept; the oldest go first
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    keep_mib: u64,
    /// Days after which a finished job and its picture are forgotten
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    keep_days: u32,
    /// Free MiB of the disk below which no job is taken
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    least_free: u64,
    /// Largest request, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    max_body: u16,
    /// Most megapixels of a picture that is sent
    #[arg(long, value_name = "MP", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    max_pixels: u16,
    /// Most steps of a solve
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_steps: usize,
}

/// Who may ask.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Access")]
struct Access {
    /// File with the token that requests have to carry
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Serve others than this machine without a token
    #[arg(long, conflicts_with = "token_file")]
    no_auth: bool,
    /// A name by which the server is reached, besides localhost and addresses
    #[arg(long, value_name = "NAME")]
    host_name: Vec<String>,
    /// A page of another address that may use the server, as `https://example.org`
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// The address by which clients reach the server, for links
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Another name of the model, for clients that can say only one
    #[arg(long, value_name = "NAME")]
    alias: Vec<String>,
    /// Most connections at a time
    #[arg(long, value_name = "N", default_value_t = 256)]
    max_connections: usize,
    /// Seconds within which a request has to arrive
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    patience: u16,
}

/// How it ends, at SIGTERM or Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "End")]
struct End {
    /// Seconds to be not ready and still take jobs, for a balancer to notice
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    drain_delay: u32,
    /// Seconds that accepted jobs have to finish; the rest waits for the next start
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    drain_timeout: u32,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    if args.openapi {
        out!(
            "{}",
            serde_json::to_string_pretty(&flowinone_serve::document())?
        );
        return Ok(Outcome::Done);
    }
    let config = config(args)?;
    let mut sessions = vec![args.upscaling.laid_over(args.model.session()?)?];
    for device in &args.and_device {
        let session = args.model.session_on(*device)?;
        sessions.push(args.upscaling.laid_over(session)?);
    }
    let log = log(args.log.as_deref())?;
    interrupt::listen();
    let ready = |address: &str| {
        out!("{address}");
        if args.open {
            open(address);
        }
    };
    flowinone_serve::serve(config, sessions, log, &interrupt::asked, ready)?;
    Ok(Outcome::Done)
}

fn config(args: &Args) -> Result<Config> {
    let data = match &args.data {
        Some(folder) => folder.clone(),
        None => data_folder()?,
    };
    let listen = match args.listen.strip_prefix("unix:") {
        Some(path) => Listen::Unix(path.into()),
        None => Listen::Tcp(args.listen.clone()),
    };
    let Work {
        queue,
        batch_size,
        keep_mib,
        keep_days,
        least_free,
        max_body,
        max_pixels,
        max_steps,
    } = args.work;
    let access = &args.access;
    Ok(Config {
        listen,
        queue,
        batch_size: batch_size.into(),
        keep_bytes: keep_mib << 20,
        keep_for: Duration::from_secs(u64::from(keep_days) * 24 * 3600),
        least_free: least_free << 20,
        token: access.token_file.as_deref().map(token).transpose()?,
        open: access.no_auth,
        host_names: access.host_name.clone(),
        origins: access.origin.clone(),
        public_url: access.public_url.clone(),
        aliases: access.alias.clone(),
        most_body: usize::from(max_body) << 20,
        most_pixels: u64::from(max_pixels) << 20,
        most_steps: max_steps,
        most_connections: access.max_connections,
        patience: Duration::from_secs(access.patience.into()),
        drain_delay: Duration::from_secs(args.end.drain_delay.into()),
        drain_timeout: Duration::from_secs(args.end.drain_timeout.into()),
        log_prompts: args.log_prompts,
        page: args.page.clone(),
        ..Config::new(data)
    })
}

/// The user's folder for data of programs, by the XDG rules.
fn data_folder() -> Result<PathBuf> {
    let folder = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base =
        folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")));
    match base {
        Some(base) => Ok(base.join("flowinone/serve")),
        None => bail!("there is no home folder to keep pictures in; --data names a folder"),
    }
}

/// The token in a file, which others need not be able to read.
fn token(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the token file {}", file.display()))?;
    let token = text.trim();
    match token.is_empty() || token.contains(char::is_whitespace) {
        true => bail!("{} holds no token: write one word into it", file.display()),
        false => Ok(token.to_string()),
    }
}

fn log(file: Option<&Path>) -> Result<flowinone_serve::Sink> {
    use std::io::Write;
    Ok(match file {
        None => Box::new(|line| tell!("{line}")),
        Some(file) if file == Path::new("-") => Box::new(|_| {}),
        Some(file) => {
            let opened = std::fs::File::options()
                .create(true)
                .append(true)
                .open(file);
            let opened =
                opened.with_context(|| format!("cannot write the log {}", file.display()))?;
            // A line that cannot be written must not stop the server.
            Box::new(move |line| drop(writeln!(&opened, "{line}")))
        }
    })
}

/// Opens an address in the browser; where there is none, the address is on the screen.
fn open(address: &str) {
    let program = match () {
        () if cfg!(target_os = "macos") => "open",
        () if cfg!(windows) => "explorer",
        () => "xdg-open",
    };
    let started = std::process::Command::new(program)
        .arg(address)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    if started.is_err() {
        tell!("no browser could be opened; open {address} yourself");
    }
}

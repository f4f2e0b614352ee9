//! What a server is told when it starts.

use std::path::PathBuf;
use std::time::Duration;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// `ADDRESS:PORT`; port 0 lets the system choose one.
    Tcp(String),
    /// A unix socket, which only its owner and group may open.
    Unix(PathBuf),
}

/// Everything that a server is told; [`Config::new`] has the defaults.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: Listen,
    /// Folder of its journal, pictures and uploads.
    pub data: PathBuf,
    /// Most jobs that wait.
    pub queue: usize,
    /// Most pictures that are computed together.
    pub batch_size: usize,
    /// Most bytes that pictures and uploads may take; the oldest go first.
    pub keep_bytes: u64,
    /// Age after which a finished job and its picture are forgotten.
    pub keep_for: Duration,
    /// Free space below which no job is taken.
    pub least_free: u64,
    /// The token that requests have to carry.
    pub token: Option<String>,
    /// Serve without a token although others than this machine can reach the server.
    pub open: bool,
    /// Names by which the server is reached besides `localhost` and its address.
    pub host_names: Vec<String>,
    /// Other pages that may use the server, as `https://example.org`.
    pub origins: Vec<String>,
    /// The address by which clients reach it, for links: `https://example.org/pictures`.
    pub public_url: Option<String>,
    /// Other names of the loaded model, for clients that can say only one.
    pub aliases: Vec<String>,
    /// Largest body of a request, in bytes.
    pub most_body: usize,
    /// Most pixels of a picture that is sent.
    pub most_pixels: u64,
    /// Most steps of a solve.
    pub most_steps: usize,
    /// Most frames of a motion.
    pub most_frames: u32,
    /// Most connections at a time.
    pub most_connections: usize,
    /// The time within which a body has to arrive, and within which a connection has to say
    /// something.
    pub patience: Duration,
    /// The time between the signal to end and the end of taking jobs, in which a balancer notices
    /// that the server is not ready.
    pub drain_delay: Duration,
    /// The time that accepted jobs have to finish after that; what is left waits for the next
    /// start.
    pub drain_timeout: Duration,
    /// Whether logs may hold what prompts say.
    pub log_prompts: bool,
    /// Whether records inside pictures name files without their folders.
    pub hide_paths: bool,
    /// Folder from which the page is read instead of from the program, to work on it.
    pub page: Option<PathBuf>,
}

impl Config {
    /// A server on the loopback interface at port 7860, with its data in `data`.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: Listen::Tcp("127.0.0.1:7860".into()),
            data: data.into(),
            queue: 64,
            batch_size: 8,
            keep_bytes: 2 << 30,
            keep_for: Duration::from_secs(30 * 24 * 3600),
            least_free: 256 << 20,
            token: None,
            open: false,
            host_names: vec![],
            origins: vec![],
            public_url: None,
            aliases: vec![],
            most_body: 32 << 20,
            most_pixels: 4_194_304,
            most_steps: 1000,
            most_frames: 120,
            most_connections: 256,
            patience: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(30),
            log_prompts: false,
            hide_paths: false,
            page: None,
        }
    }
}

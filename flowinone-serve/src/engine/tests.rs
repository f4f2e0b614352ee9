//! What holds whatever the model does: one that is slow, panics, or makes what is not finite.

use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;

use flowinone_prompts::ClassToImage;
use flowinone_tasks::{Cost, Dtype, Error, Input, Job, Record, Settings, Source};
use image::RgbImage;

use super::*;
use crate::asked::Asked;
use crate::metrics;
use crate::refusal::Refusal;
use crate::store::State;

/// A model of ten steps, each taken when the test says so, or at once.
struct Fake {
    steps: Option<mpsc::Receiver<()>>,
    batches: Arc<Mutex<Vec<usize>>>,
    evaluations: Arc<AtomicUsize>,
}

fn name(job: &Job) -> String {
    match &job.source {
        Source::Prompt { prompt, .. } => format!("{prompt:?}"),
        Source::Picture { file, .. } => file.display().to_string(),
    }
}

fn record(job: &Job, settings: &Settings) -> Record {
    Record {
        version: "0".into(),
        input: Input::Picture {
            file: "/folder/a.png".into(),
            sha256: String::new(),
        },
        model: "/folder/model".into(),
        model_digest: String::new(),
        task: None,
        structure: false,
        seed: job.seed,
        item: job.number,
        settings: *settings,
        preview: None,
        upscale: None,
        adapters: vec![],
        ignore_profiles: false,
        precision: Dtype::F32,
        device: "cpu".into(),
    }
}

impl Model for Fake {
    fn load(&self) -> Result<(), Error> {
        Ok(())
    }

    fn run(
        &self,
        work: Work<'_>,
        see: &mut dyn FnMut(flowinone_tasks::Event),
    ) -> Result<(), Error> {
        use flowinone_tasks::Event;
        self.batches.lock().unwrap().push(work.jobs.len());
        let names: Vec<String> = work.jobs.iter().map(name).collect();
        assert!(
            !names.iter().any(|name| name.contains("panic")),
            "a bug, shall we say"
        );
        for step in 1..=10 {
            if let Some(steps) = &self.steps {
                let _ = steps.recv();
            }
            if (work.stop)() {
                see(Event::Stopped);
                return Ok(());
            }
            self.evaluations.fetch_add(1, Ordering::SeqCst);
            see(Event::Step {
                jobs: (0..names.len()).collect(),
                step,
                steps: Some(10),
                t: f64::from(step as u32) / 10.0,
            });
            for job in 0..names.len() {
                if step < 10 && (work.preview)(job, step) {
                    let mut record = record(&work.jobs[job], work.settings);
                    record.preview = Some(step);
                    see(Event::Preview {
                        job,
                        picture: RgbImage::new(8, 8),
                        record: record.into(),
                    });
                }
            }
        }
        for (place, job) in work.jobs.iter().enumerate() {
            if names[place].contains("large") {
                for share in [0.0, 0.004, 0.5, 0.504, 0.9] {
                    (work.upscaled)(place, share);
                }
            }
            if names[place].contains("nan") {
                let stage = flowinone_sampler::Stage::State;
                let error = flowinone_sampler::Error::NonFinite {
                    step: 3,
                    stage,
                    t: 0.3,
                }
                .into();
                see(Event::Failed { job: place, error });
                continue;
            }
            let cost = Cost {
                batch: work.jobs.len(),
                steps: 10,
                evaluations: 10,
                vision_seconds: 0.0,
                structure_seconds: 0.0,
                solve_seconds: 0.0,
                decode_seconds: 0.0,
                upscale_seconds: 0.0,
                peak_bytes: None,
            };
            see(Event::Done {
                job: place,
                picture: RgbImage::new(8, 8),
                record: record(job, work.settings).into(),
                cost,
            });
        }
        Ok(())
    }
}

struct Bench {
    engine: Arc<Engine>,
    tick: Option<mpsc::Sender<()>>,
    batches: Arc<Mutex<Vec<usize>>>,
    evaluations: Arc<AtomicUsize>,
}

/// An engine over a fake model that steps when it is told to, if `by_hand`.
fn bench(folder: &std::path::Path, by_hand: bool) -> Bench {
    bench_of(
        Config {
            queue: 4,
            ..Config::new(folder)
        },
        by_hand,
    )
}

fn bench_of(config: Config, by_hand: bool) -> Bench {
    let (tick, steps) = mpsc::channel();
    let (batches, evaluations) = <(Arc<Mutex<Vec<usize>>>, Arc<AtomicUsize>)>::default();
    let model = Fake {
        steps: by_hand.then_some(steps),
        batches: Arc::clone(&batches),
        evaluations: Arc::clone(&evaluations),
    };
    let info = ModelInfo {
        config: ModelConfig::mini(),
        digest: String::new(),
        size: [64; 2],
        dtype: "f32".into(),
        devices: vec![],
    };
    let store = Store::open(&config.data, 0).unwrap();
    let log = Arc::new(Log::new(Box::new(|_| {}), false));
    let engine = Engine::start(
        &config,
        store,
        info,
        vec![model],
        Arc::new(metrics::none()),
        log,
    );
    Bench {
        engine,
        tick: by_hand.then_some(tick),
        batches,
        evaluations,
    }
}

fn asked(name: &str) -> Asked {
    Asked {
        prompt: ClassToImage::new(name).into(),
        side: 64,
        seed: 0,
        item: 0,
        settings: Settings::mini(),
        frames: None,
        frame_rate: 12.0,
        partial: 0,
        name: None,
        inputs: vec![],
    }
}

impl Bench {
    fn submit(&self, name: &str) -> String {
        self.try_submit(asked(name)).unwrap()
    }

    fn try_submit(&self, asked: Asked) -> Result<String, Refusal> {
        self.engine
            .submit(vec![asked], None)
            .map(|mut tickets| tickets.remove(0).id)
    }

    fn tick(&self, steps: usize) {
        (0..steps).for_each(|_| self.tick.as_ref().unwrap().send(()).unwrap());
    }

    fn state(&self, id: &str) -> State {
        self.engine.view(id).unwrap().unwrap().state
    }

    fn code(&self, id: &str) -> String {
        let error = self.engine.view(id).unwrap().unwrap().error;
        error.unwrap()["code"].as_str().unwrap().to_string()
    }

    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < deadline, "{what} did not come");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn idle(&self) {
        self.until("the end of all jobs", || self.engine.is_idle());
    }
}

#[test]
fn waiting_jobs_of_equal_settings_are_computed_together() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path(), true);
    let first = bench.submit("first");
    bench.until("the first batch", || bench.state(&first) == State::Running);
    let mut other = asked("other");
    other.settings.steps = 20;
    let ids = [
        bench.submit("a"),
        bench.try_submit(other).unwrap(),
        bench.submit("b"),
        bench.submit("c"),
    ];
    let positions = ids
        .each_ref()
        .map(|id| bench.engine.view(id).unwrap().unwrap().position);
    assert_eq!(positions, [1, 2, 3, 4].map(Some));
    let full = bench.try_submit(asked("one too many")).unwrap_err();
    assert_eq!((full.status, full.code), (429, "queue_full"));
    assert!(full.retry_after.is_some());
    bench.tick(30);
    bench.idle();
    assert_eq!(*bench.batches.lock().unwrap(), [1, 3, 1]);
    assert!(ids.iter().all(|id| bench.state(id) == State::Done));
}

#[test]
fn a_cancelled_job_ends_within_a_step_and_its_neighbours_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path(), true);
    let first = bench.submit("first");
    bench.until("the first batch", || bench.state(&first) == State::Running);
    let [a, b] = ["a", "b"].map(|name| bench.submit(name));
    bench.tick(3);
    bench.until("three steps", || {
        bench.evaluations.load(Ordering::SeqCst) == 3
    });
    assert_eq!(bench.engine.cancel(&first).unwrap(), Some(true));
    assert_eq!(
        bench.state(&first),
        State::Cancelled,
        "the client hears it at once"
    );
    assert_eq!(
        bench.engine.cancel(&first).unwrap(),
        Some(false),
        "once is enough"
    );
    bench.tick(1);
    bench.until("the second batch", || bench.state(&a) == State::Running);
    assert_eq!(
        bench.evaluations.load(Ordering::SeqCst),
        3,
        "it stopped before the next step"
    );
    assert_eq!(bench.engine.cancel(&b).unwrap(), Some(true));
    bench.tick(10);
    bench.idle();
    assert_eq!(
        (bench.state(&a), bench.state(&b)),
        (State::Done, State::Cancelled)
    );
    assert!(!bench.engine.store.picture(&b).exists());
    assert_eq!(
        bench.engine.cancel("0000000000000000000000000a").unwrap(),
        None
    );
}

#[test]
fn a_queued_job_is_cancelled_without_touching_the_one_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path(), true);
    let running = bench.submit("running");
    bench.until("the first batch", || {
        bench.state(&running) == State::Running
    });
    let queued = bench.submit("queued");
    assert_eq!(bench.engine.cancel(&queued).unwrap(), Some(true));
    bench.tick(10);
    bench.idle();
    assert_eq!(
        (bench.state(&running), bench.state(&queued)),
        (State::Done, State::Cancelled)
    );
}

#[test]
fn a_panic_and_a_bad_state_cost_their_own_job_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path(), true);
    let first = bench.submit("first");
    bench.until("the first batch", || bench.state(&first) == State::Running);
    let [a, bad, nan] = ["a", "panic", "nan"].map(|name| bench.submit(name));
    bench.tick(100);
    bench.idle();
    assert_eq!(
        *bench.batches.lock().unwrap(),
        [1, 3, 1, 1, 1],
        "together, then one by one"
    );
    assert_eq!(
        (bench.state(&first), bench.state(&a)),
        (State::Done, State::Done)
    );
    assert_eq!(
        [bench.code(&bad), bench.code(&nan)],
        ["panicked", "not_finite"]
    );
    let after = bench.submit("after");
    bench.tick(10);
    bench.idle();
    assert_eq!(bench.state(&after), State::Done);
}

#[test]
fn events_tell_the_whole_story_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path(), true);
    let mut events = bench.engine.events();
    let mut wanted = asked("a");
    wanted.partial = 1;
    let id = bench.try_submit(wanted).unwrap();
    bench.tick(10);
    bench.idle();
    let mut names = vec![];
    while let Ok(event) = events.try_recv() {
        assert_eq!(&*event.job, id);
        names.push(event.kind.name());
    }
    let expected = [
        &["queued", "started"][..],
        &["step"; 5],
        &["preview"],
        &["step"; 5],
        &["done"],
    ];
    assert_eq!(names, expected.concat());
}

#[test]
fn a_picture_that_is_made_larger_tells_every_hundredth_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path(), true);
    let mut events = bench.engine.events();
    bench.submit("large");
    bench.tick(10);
    bench.idle();
    let mut told = vec![];
    while let Ok(event) = events.try_recv() {
        let data = event.kind.data();
        match event.kind.name() {
            "upscaling" => {
                let left = data["seconds_left"].as_f64();
                assert_eq!(left.is_some(), data["upscaled"] != 0.0, "{data}");
                told.push(data["upscaled"].as_f64().unwrap());
            }
            _ => assert_eq!(data["upscaled"], serde_json::Value::Null),
        }
    }
    assert_eq!(told, [0.0, 0.5, 0.9]);
}

#[test]
fn jobs_outlive_the_process_and_one_that_kills_it_twice_fails() {
    let folder = tempfile::tempdir().unwrap();
    let id = {
        let bench = bench(folder.path(), true);
        let id = bench.submit("poison");
        bench.until("its start", || bench.state(&id) == State::Running);
        let engine = Arc::clone(&bench.engine);
        let closing = std::thread::spawn(move || engine.close(Duration::ZERO));
        bench.until("the end", || bench.engine.abort.load(Ordering::Relaxed));
        bench.tick(1);
        closing.join().unwrap();
        id
    };
    // Ended in order: that was no attempt.
    let store = Store::open(folder.path(), 0).unwrap();
    assert_eq!(store.job(&id).unwrap().unwrap().attempts, 0);
    for _ in 0..2 {
        store.begin(&[&id]).unwrap(); // as a process does that dies then
    }
    drop(store);
    let bench = bench(folder.path(), false);
    bench.idle();
    assert_eq!(bench.code(&id), "killed");
}

#[test]
fn a_job_that_was_there_when_a_process_died_is_computed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), 0).unwrap();
    for _ in 0..3 {
        let id = crate::id::new();
        let request = serde_json::to_string(&asked("a")).unwrap();
        store
            .accept(&id, "class-to-image", &request, &[], None)
            .unwrap();
        store.begin(&[&id]).unwrap();
    }
    drop(store);
    let bench = bench(folder.path(), false);
    bench.idle();
    assert_eq!(*bench.batches.lock().unwrap(), [1, 1, 1]);
}

#[test]
fn a_motion_is_one_job_of_many_frames() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path(), false);
    let mut moving = asked("a");
    moving.prompt = serde_json::from_str(
        r##"{"task":"force","picture":{"plain":"#ffffff"},"arrows":[{"at":{"from":[0.2,0.5],"to":[0.8,0.5]}}]}"##,
    )
    .unwrap();
    moving.frames = Some(5);
    let id = bench.try_submit(moving).unwrap();
    bench.idle();
    assert_eq!(bench.state(&id), State::Done);
    let frames = std::fs::read_dir(bench.engine.store.frames(&id))
        .unwrap()
        .count();
    assert_eq!(
        (frames, bench.engine.store.picture(&id).exists()),
        (5, true)
    );
    let mut still = asked("a");
    still.frames = Some(5);
    assert_eq!(bench.try_submit(still).unwrap_err().code, "invalid_prompt");
}

#[test]
fn records_may_hide_folders() {
    let folder = tempfile::tempdir().unwrap();
    for hide_paths in [false, true] {
        let config = Config {
            hide_paths,
            ..Config::new(folder.path())
        };
        let bench = bench_of(config, false);
        let id = bench.submit("a");
        bench.idle();
        let record = flowinone_tasks::read_record(&bench.engine.store.picture(&id)).unwrap();
        assert_eq!(
            record.model.to_string_lossy().contains("folder"),
            !hide_paths
        );
        assert_eq!(
            record
                .input
                .files()
                .contains_key("/folder/a.png".as_ref() as &std::path::Path),
            !hide_paths
        );
        bench.engine.close(Duration::ZERO);
    }
}

//! A session makes pictures of jobs, one event after the other; a batch writes them into files.
#![cfg(all(feature = "cpu", feature = "prompts"))]

use std::cell::RefCell;
use std::path::Path;

use flowinone_prompts::{ClassToImage, Force, Point, TextToImage};
use flowinone_tasks::batch::{self, BatchJob, Jobs, Options, Report};
use flowinone_tasks::{
    Dtype, Event, Job, ModelConfig, Session, Upscaling, device, init, read_record,
};
use flowinone_upscale::{CompactConfig, initialised};
use image::RgbImage;

/// A session of a model of a few thousand random weights.
fn session(folder: &Path) -> Session {
    let mut model = ModelConfig::tiny();
    model.picture_side = 32;
    model.vae.multipliers = vec![1, 1, 2];
    model.flow.latent_side = 8;
    model.flow.transformer.side = 4;
    model.flow.convnext.side = 8;
    model.sampling.steps = 3;
    model.prompts.side = 64;
    model.prompts.text_scale = 2.0;
    let device = device::open("cpu".parse().unwrap()).unwrap();
    let path = folder.join("model");
    init(&model, 3, Dtype::F32, &path, &device.device, |_| ()).unwrap();
    Session::open(&path, &device, Dtype::F32).unwrap()
}

fn jobs(session: &Session) -> Vec<Job> {
    let words = ["apple", "key", "lamp"].map(|name| session.job(ClassToImage::new(name)));
    words.into_iter().map(|job| job.seed(7)).collect()
}

/// The finished pictures by job, and what was told in short.
fn run(session: &Session, jobs: Vec<Job>, batch_size: usize) -> (Vec<(usize, RgbImage)>, String) {
    let (mut pictures, mut told) = (vec![], String::new());
    let settings = session.config().sampling;
    for event in session.run(jobs, &settings).batch_size(batch_size) {
        told += match event.unwrap() {
            Event::Loaded { .. } => "L",
            Event::Step { .. } => ".",
            Event::Done { job, picture, .. } => {
                pictures.push((job, picture));
                "D"
            }
            Event::Failed { .. } => "F",
            Event::Batch { .. } => "|",
            _ => "?",
        };
    }
    (pictures, told)
}

#[test]
fn events_come_in_order_and_pictures_do_not_depend_on_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let (alone, told) = run(&session, jobs(&session), 1);
    assert_eq!(told, "L...D|...D|...D|");
    let (together, told) = run(&session, jobs(&session), 3);
    assert_eq!(told, "...DDD|", "the weights are loaded once");
    assert_eq!(alone, together);
    assert_eq!(alone[0].1.dimensions(), (32, 32));
}

#[test]
fn a_bad_prompt_costs_its_own_job() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let push = Force::new("absent.png").push(Point::pixels(1.0, 1.0), Point::pixels(9.0, 9.0));
    let mut jobs = jobs(&session);
    jobs.insert(1, session.job(push));
    jobs.insert(2, session.job(TextToImage::new("")));
    let (pictures, told) = run(&session, jobs, 2);
    let made: Vec<usize> = pictures.iter().map(|(job, _)| *job).collect();
    assert_eq!(
        (made.as_slice(), told.as_str()),
        (&[0, 3, 4][..], "FFL...DD|...D|")
    );
}

#[test]
fn a_loop_that_is_left_computes_no_further_and_a_stop_ends_within_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let settings = session.config().sampling;
    let mut run = session.run(jobs(&session), &settings);
    let first = run.find(|event| matches!(event, Ok(Event::Step { .. })));
    assert!(matches!(first, Some(Ok(Event::Step { step: 1, .. }))));
    drop(run);
    let stopped = session.run(jobs(&session), &settings).until(&|| true);
    let events: Vec<_> = stopped.map(Result::unwrap).collect();
    assert!(matches!(events.as_slice(), [Event::Stopped]), "{events:?}");
}

#[test]
fn pictures_that_are_made_larger_tell_their_job_and_the_share_that_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let network = CompactConfig {
        channels: 3,
        features: 8,
        convolutions: 3,
        scale: 2,
    };
    let model = folder.path().join("upscale.safetensors");
    let drawn = initialised(&network, 1, &session.device().device).unwrap();
    drawn.save(&model, false).unwrap();
    let settings = flowinone_upscale::Settings::default();
    let upscaling = Upscaling::open(&model, settings, session.device(), Dtype::F32);
    let session = session.upscaled(upscaling.unwrap()).unwrap();
    let told = RefCell::new(vec![]);
    let tell = |job, share| told.borrow_mut().push((job, share));
    let settings = session.config().sampling;
    let run = session.run(jobs(&session), &settings).batch_size(2);
    for event in run.upscale_progress(&tell) {
        match event.unwrap() {
            // Five convolutions a picture, each told before it is done.
            Event::Done { job, picture, .. } => {
                assert_eq!(picture.dimensions(), (64, 64));
                let mut told = told.borrow_mut();
                let (own, others) = told.split_at(5);
                assert!(own.iter().all(|(of, _)| *of == job), "{told:?}");
                let shares: Vec<f64> = own.iter().map(|(_, share)| *share).collect();
                assert!(shares[0] == 0.0 && shares[4] < 1.0, "{shares:?}");
                assert!(shares.is_sorted_by(|a, b| a < b), "{shares:?}");
                *told = others.to_vec();
            }
            Event::Step { .. } => assert!(told.borrow().is_empty()),
            _ => {}
        }
    }
    assert!(told.borrow().is_empty());
    // Stopped while the first picture is made larger.
    let told = RefCell::new(0);
    let tell = |_, _| *told.borrow_mut() += 1;
    let stop = || *told.borrow() >= 3;
    let run = session.run(jobs(&session), &settings).until(&stop);
    let last = run.upscale_progress(&tell).last().unwrap().unwrap();
    assert!(matches!(last, Event::Stopped), "{last:?}");
    assert_eq!(*told.borrow(), 3);
}

#[test]
fn previews_are_pictures_of_unfinished_states() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let job = jobs(&session).remove(0);
    let run = session.run([job], &session.config().sampling);
    let steps: Vec<usize> = run
        .preview_every(Some(1))
        .filter_map(|event| match event.unwrap() {
            Event::Preview { record, .. } => record.preview,
            _ => None,
        })
        .collect();
    assert_eq!(steps, [1, 2], "the last state is the picture itself");
}

#[test]
fn a_batch_writes_records_and_skips_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let out = folder.path().join("out");
    let told = |seed: u64, options: Options| -> String {
        let list = jobs(&session).into_iter().enumerate();
        let jobs = Jobs {
            list: list
                .map(|(i, job)| BatchJob {
                    job: job.seed(seed),
                    output: out.join(format!("{i}.png")),
                    line: None,
                })
                .collect(),
            refused: vec![],
            directory: Some(out.clone()),
        };
        let report = Report::beside(&jobs, None, None, false).unwrap();
        let run = batch::run(&session, jobs, &session.config().sampling, options, report);
        run.filter_map(|event| match event.unwrap() {
            Event::Done { .. } => Some('D'),
            Event::Skipped { .. } => Some('S'),
            Event::Failed { error, .. } => {
                assert!(
                    error.to_string().contains("exists but was not made"),
                    "{error}"
                );
                Some('F')
            }
            _ => None,
        })
        .collect()
    };
    assert_eq!(told(7, Options::default()), "DDD");
    let record = read_record(&out.join("1.png")).unwrap();
    assert_eq!((record.seed, record.settings.steps), (7, 3));
    std::fs::remove_file(out.join("1.png")).unwrap();
    assert_eq!(told(7, Options::default()), "SDS");
    assert_eq!(told(8, Options::default()), "FFF");
    let overwrite = Options {
        overwrite: true,
        batch_size: 2,
        ..Options::default()
    };
    assert_eq!(told(8, overwrite), "DDD");
    let report = std::fs::read_to_string(out.join("report.jsonl")).unwrap();
    assert_eq!(
        report
            .lines()
            .filter(|line| line.contains("\"done\""))
            .count(),
        3
    );
}

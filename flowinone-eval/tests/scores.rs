//! The scorer before results of which we know what they are worth: the target itself, the target of
//! another pair, the unedited prompt, and targets that are a little blurred, noisy, moved or
//! recoloured.
use std::sync::Arc;

use flowinone_data::{
    Classes, Colour, ColourName, EditKind, Icons, Object, Pair, PairConfig, PairSampler, Variety,
};
use flowinone_eval::{Failure, ItemScore, Place, Scorer, Summary, Work};
use flowinone_prompts::Task;
use image::RgbImage;
use image::imageops::{FilterType, blur, resize};

struct Bench {
    sampler: PairSampler,
    scorer: Scorer,
    pairs: Vec<Pair>,
}

impl Bench {
    fn new(count: u64, config: PairConfig) -> Self {
        let icons = Arc::new(Icons::builtin());
        let sampler = PairSampler::new(icons.clone(), config).unwrap();
        Self {
            pairs: (0..count)
                .map(|index| sampler.pair(index).unwrap())
                .collect(),
            scorer: Scorer::new(icons, Classes::Everyday).unwrap(),
            sampler,
        }
    }

    fn of_side(side: u32, count: u64) -> Self {
        let config = PairConfig {
            side,
            ..PairConfig::new(21)
        };
        Self::new(count, config)
    }

    fn of_tasks(tasks: &[Task], count: u64) -> Self {
        let config = PairConfig {
            side: 64,
            tasks: tasks.to_vec(),
            ..PairConfig::new(22)
        };
        Self::new(count, config)
    }

    fn scores(&self, result: impl Fn(&Pair) -> RgbImage) -> Vec<ItemScore> {
        let score = |pair: &Pair| self.scorer.item(&pair.truth, &pair.prompt, &result(pair));
        self.pairs.iter().map(|pair| score(pair).unwrap()).collect()
    }

    /// The target with each expected object changed.
    fn changed(&self, pair: &Pair, change: impl Fn(&mut Object)) -> RgbImage {
        let mut scene = pair.truth.target.clone();
        for number in &pair.truth.expected {
            change(&mut scene.objects[*number]);
        }
        scene.render(self.sampler.icons(), pair.truth.side).unwrap()
    }
}

fn assert_all_pass(items: &[ItemScore]) {
    for item in items {
        let why: Vec<String> = item.failures.iter().map(ToString::to_string).collect();
        assert!(item.passes(), "{} of {}: {why:?}", item.key, item.task);
    }
}

fn checks(item: &ItemScore) -> Vec<&'static str> {
    item.failures.iter().map(Failure::check).collect()
}

/// Normal noise of deviation `sigma`, the same for the same seed.
fn noisy(picture: &RgbImage, sigma: f32, seed: u64) -> RgbImage {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut unit = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let mut picture = picture.clone();
    for value in picture.iter_mut() {
        let normal = (0..12).map(|_| unit()).sum::<f32>() - 6.0;
        *value = (f32::from(*value) + sigma * normal)
            .round()
            .clamp(0.0, 255.0) as u8;
    }
    picture
}

#[test]
fn ground_truth_passes_and_reaches_its_ceiling_in_every_task() {
    for (side, count) in [(64, 320), (100, 40), (256, 40)] {
        let bench = Bench::of_side(side, count);
        let items = bench.scores(|pair| pair.target.clone());
        assert_all_pass(&items);
        let summary = Summary::of(&items);
        assert_eq!(summary.tasks.len(), 8);
        for row in &summary.tasks {
            let score = &row.score;
            assert_eq!(score.passed, Some(1.0), "{} at {side}", row.task);
            let reached = score.top_1.zip(score.top_5).map(|(one, five)| [one, five]);
            assert_eq!(reached, score.ceiling, "{} at {side}", row.task);
            assert_eq!(score.psnr[0], Some(100.0));
            assert!(score.off_pixels.unwrap_or(0.0) == 0.0 && score.lost == 0);
        }
        assert_eq!(summary.all.ceiling, Some([1.0, 1.0]));
    }
}

#[test]
fn shuffled_results_are_at_the_floor() {
    let bench = Bench::of_side(64, 480);
    let count = bench.pairs.len();
    let shuffled = |pair: &Pair| {
        // Eight tasks in turn: the next pair of the same task.
        let other = (pair.truth.index as usize + 8) % count;
        bench.pairs[other].target.clone()
    };
    let all = Summary::of(&bench.scores(shuffled)).all;
    let (top_1, [floor, _]) = (all.top_1.unwrap(), all.floor.unwrap());
    // 20 classes: 0.05, give or take three standard errors of 500 objects.
    assert!((floor - 0.05).abs() < 1e-9);
    assert!(
        (0.02..0.08).contains(&top_1),
        "{top_1} of {} objects",
        all.objects
    );
    assert!(all.passed.unwrap() < 0.01, "{:?} pass", all.passed);
}

#[test]
fn an_unedited_input_fails_every_task_with_and_without_its_marks() {
    for (side, count) in [(64, 320), (256, 40)] {
        let bench = Bench::of_side(side, count);
        let unedited = bench.scores(|pair| pair.prompt.clone());
        let clean = |pair: &Pair| {
            let icons = bench.sampler.icons();
            pair.truth.scene.render(icons, pair.truth.side).unwrap()
        };
        for row in Summary::of(&unedited).tasks {
            assert_eq!(row.score.passed, Some(0.0), "{} at {side}", row.task);
            assert!(row.score.marks_gone.unwrap() < 0.02);
        }
        for item in bench.scores(clean) {
            assert!(checks(&item).contains(&"unchanged"), "{:?}", checks(&item));
        }
    }
}

#[test]
fn what_a_small_autoencoder_does_to_a_target_still_passes() {
    let bench = Bench::of_side(64, 320);
    // Gaussian blur of 0.7 px: 29 dB where objects are; noise of 8 of 255: 30 dB everywhere.
    for blurred in [0.5, 0.7] {
        assert_all_pass(&bench.scores(|pair| blur(&pair.target, blurred)));
    }
    assert_all_pass(&bench.scores(|pair| noisy(&pair.target, 8.0, pair.truth.index)));
    let both = |pair: &Pair| noisy(&blur(&pair.target, 0.6), 6.0, pair.truth.index);
    let items = bench.scores(both);
    assert_all_pass(&items);
    let inside = Summary::of(&items).all.psnr[0].unwrap();
    assert!(
        (27.0..31.0).contains(&inside),
        "{inside} dB is what was meant"
    );
    let large = Bench::of_side(256, 40);
    assert_all_pass(&large.scores(|pair| noisy(&blur(&pair.target, 2.0), 8.0, pair.truth.index)));
}

#[test]
fn prompts_and_results_of_other_sides_are_measured_at_the_truths() {
    let bench = Bench::of_side(128, 40);
    assert_all_pass(&bench.scores(|pair| resize(&pair.target, 64, 64, FilterType::CatmullRom)));
    assert_all_pass(&bench.scores(|pair| resize(&pair.target, 300, 300, FilterType::CatmullRom)));
    for pair in &bench.pairs {
        let prompt = resize(&pair.prompt, 256, 256, FilterType::CatmullRom);
        let unedited = bench.scorer.item(&pair.truth, &prompt, &prompt).unwrap();
        assert!(
            unedited.marks_left.unwrap() > 0.8,
            "{:?}",
            unedited.marks_left
        );
        let edited = bench
            .scorer
            .item(&pair.truth, &prompt, &pair.target)
            .unwrap();
        assert_all_pass(&[edited]);
    }
}

#[test]
fn a_moved_object_may_be_a_little_off_and_no_further() {
    let bench = Bench::of_tasks(&[Task::Force, Task::Trajectory], 60);
    let off = |way: f32| bench.scores(|pair| bench.changed(pair, |object| object.center[0] += way));
    for (pixels, passes) in [(1.0, true), (2.0, true), (6.0, false)] {
        for item in off(pixels as f32 / 64.0) {
            let found = item.objects.iter().map(|object| object.place);
            let off: Vec<f64> = found
                .filter_map(|place| match place {
                    Place::Off { pixels, .. } => Some(pixels),
                    _ => None,
                })
                .collect();
            assert!(
                off.iter().all(|found| (found - pixels).abs() < 0.5),
                "{off:?}"
            );
            assert_eq!(item.passes(), passes, "{:?}", item.failures);
            if !passes {
                assert!(checks(&item).contains(&"place"));
                assert!(
                    !checks(&item).contains(&"class"),
                    "its place does not count twice"
                );
            }
        }
    }
    // An object that is nowhere is lost, and no distance is made up for it.
    let empty = bench.scores(|pair| {
        let (mut scene, expected) = (pair.truth.target.clone(), &pair.truth.expected);
        let mut number = 0..;
        scene
            .objects
            .retain(|_| !expected.contains(&number.next().unwrap()));
        scene.render(bench.sampler.icons(), 64).unwrap()
    });
    for object in empty.iter().flat_map(|item| &item.objects) {
        assert!(matches!(object.place, Place::Lost | Place::Unasked));
    }
}

#[test]
fn a_wrong_class_and_a_wrong_colour_are_named() {
    let bench = Bench::of_tasks(&[Task::ClassToImage, Task::Doodle, Task::TextBox], 60);
    let other = |class: &str| if class == "key" { "fish" } else { "key" };
    let wrong = bench
        .scores(|pair| bench.changed(pair, |object| object.class = other(&object.class).into()));
    for (item, pair) in wrong.iter().zip(&bench.pairs) {
        for number in &pair.truth.expected {
            let class = &pair.truth.target.objects[*number].class;
            let named = Failure::Class {
                class: class.clone(),
                nearest: other(class).into(),
            };
            assert!(item.failures.contains(&named), "{:?}", item.failures);
        }
    }

    let recoloured = PairConfig {
        side: 64,
        tasks: vec![Task::TextInImage],
        variety: Variety {
            edits: vec![EditKind::Recolour],
            ..Variety::full()
        },
        ..PairConfig::new(23)
    };
    let bench = Bench::new(40, recoloured);
    let next = |colour: Colour| {
        let all = ColourName::STRONG;
        let at = all.iter().position(|name| *name == colour.name).unwrap();
        all[(at + 1) % all.len()]
    };
    let wrong = bench.scores(|pair| {
        bench.changed(pair, |object| {
            object.tint = object.tint.map(|tint| next(tint).into());
        })
    });
    for (item, pair) in wrong.iter().zip(&bench.pairs) {
        assert!(
            checks(item).contains(&"colour"),
            "{}: {:?}",
            pair.truth.caption,
            item.failures
        );
    }
}

#[test]
fn a_bystander_that_vanishes_is_noticed() {
    let bench = Bench::of_tasks(&[Task::TextInImage, Task::VisualMarker], 120);
    let mut seen = 0;
    for pair in &bench.pairs {
        let truth = &pair.truth;
        let kept = |n: &usize| !truth.expected.contains(n);
        let Some(number) = (0..truth.target.objects.len()).find(kept) else {
            continue;
        };
        let mut scene = truth.target.clone();
        scene.objects.remove(number);
        let picture = scene.render(bench.sampler.icons(), truth.side).unwrap();
        let item = bench.scorer.item(truth, &pair.prompt, &picture).unwrap();
        seen += 1;
        // Where the ground changes, all objects are looked for by class.
        let noticed = |check: &&'static str| ["vanished", "class", "unseen"].contains(check);
        let noticed = checks(&item).iter().any(noticed);
        assert!(noticed, "{}: {:?}", truth.caption, item.failures);
    }
    assert!(seen > 40, "{seen} pairs have bystanders");
}

#[test]
fn the_ceiling_is_what_can_be_shown_at_best() {
    let bench = Bench::of_side(64, 80);
    let work = |pair: &Pair| Work {
        key: format!("deep/{}", pair.truth.index),
        truth: pair.truth.clone(),
        prompt: pair.prompt.clone(),
        result: pair.target.clone(),
        reachable: Some(blur(&pair.target, 4.0)),
    };
    let work: Vec<Work> = bench.pairs.iter().map(work).collect();
    let items = bench.scorer.items(&work).unwrap();
    assert_eq!(items[3].key, "deep/3");
    let all = Summary::of(&items).all;
    assert_eq!(all.top_1, Some(1.0), "the results are sharp");
    assert!(
        all.ceiling.unwrap()[0] < 0.95,
        "not even a perfect model gets through the blur"
    );
}

#[test]
fn what_cannot_be_scored_is_an_error_that_names_it() {
    let bench = Bench::of_side(64, 8);
    let Pair {
        prompt,
        target,
        truth,
        ..
    } = &bench.pairs[2];
    let wide = RgbImage::new(64, 32);
    let text = bench
        .scorer
        .item(truth, prompt, &wide)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("result") && text.contains("64 x 32"),
        "{text}"
    );
    let text = bench
        .scorer
        .item(truth, &wide, target)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("prompt") && text.contains("000000002"),
        "{text}"
    );
    let mut damaged = truth.clone();
    damaged.expected = vec![7];
    let text = bench
        .scorer
        .item(&damaged, prompt, target)
        .unwrap_err()
        .to_string();
    assert!(text.contains("object 7"), "{text}");
    let mut damaged = truth.clone();
    damaged.side = 0;
    assert!(bench.scorer.item(&damaged, prompt, target).is_err());
    let unknown = Classes::Named(vec!["key".into(), "unicorn".into()]);
    let error = Scorer::new(Arc::new(Icons::builtin()), unknown)
        .err()
        .unwrap();
    assert!(error.to_string().contains("unicorn"));
}

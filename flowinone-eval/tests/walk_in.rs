//! The walk-in judge before results of which we know what they are worth: expected pictures pass,
//! also blurred, at other sizes, a little off or larger; whatever shows something else does not.

use std::sync::Arc;

use flowinone_data::{
    Classes, ColourName, Edit, Icons, Object, Operation, Pair, PairConfig, PairSampler, PixelBox,
    Scene, SceneBackground,
};
use flowinone_eval::walk_in::{Judge, Verdict};
use flowinone_prompts::Task;
use image::imageops::{FilterType, blur, resize};
use image::{Rgb, RgbImage};

const SIDE: u32 = 256;
/// Colours that built-in things have anyway: a leaf in its own colours is a green leaf.
const OWN: [(&str, ColourName); 20] = [
    ("apple", ColourName::Red),
    ("ball", ColourName::Blue),
    ("ball", ColourName::Red),
    ("bell", ColourName::Yellow),
    ("boat", ColourName::Red),
    ("book", ColourName::Blue),
    ("car", ColourName::Red),
    ("cup", ColourName::Blue),
    ("flower", ColourName::Pink),
    ("hat", ColourName::Blue),
    ("hat", ColourName::Red),
    ("house", ColourName::Red),
    ("key", ColourName::Yellow),
    ("leaf", ColourName::Green),
    ("moon", ColourName::Yellow),
    ("mushroom", ColourName::Red),
    ("star", ColourName::Yellow),
    ("sun", ColourName::Yellow),
    ("tree", ColourName::Green),
    ("umbrella", ColourName::Purple),
];

struct Bench {
    icons: Arc<Icons>,
    judge: Judge,
    pairs: Vec<Pair>,
}

impl Bench {
    fn new(config: PairConfig, count: u64) -> Self {
        let icons = Arc::new(Icons::builtin());
        let sampler = PairSampler::new(icons.clone(), config).unwrap();
        Self {
            pairs: (0..count).map(|n| sampler.pair(n).unwrap()).collect(),
            judge: Judge::new(icons.clone(), &Classes::Everyday).unwrap(),
            icons,
        }
    }

    /// What people ask for: one or two things on a plain ground, in one style.
    fn wishes(tasks: &[Task], seed: u64, count: u64) -> Self {
        let narrow = r#"{"objects": 2, "patterns": false, "edits": ["add", "remove", "replace", "recolour", "ground"]}"#;
        let config = PairConfig {
            side: SIDE,
            tasks: tasks.to_vec(),
            styles: vec!["flat".into()],
            variety: serde_json::from_str(narrow).unwrap(),
            ..PairConfig::new(seed)
        };
        Self::new(config, count)
    }

    /// The verdicts on what `result` makes of the pairs for which it makes something.
    fn verdicts(&self, result: impl Fn(&Pair) -> Option<RgbImage>) -> Vec<Verdict> {
        let judged = self.pairs.iter().filter_map(|pair| {
            let key = pair.truth.index.to_string();
            let verdict = self.judge.item(&key, &pair.truth, &result(pair)?);
            Some(verdict.unwrap())
        });
        judged.collect()
    }

    fn render(&self, scene: &Scene) -> RgbImage {
        scene.render(&self.icons, SIDE).unwrap()
    }

    /// The target, changed.
    fn changed(&self, pair: &Pair, change: impl Fn(&mut Scene)) -> RgbImage {
        let mut scene = pair.truth.target.clone();
        change(&mut scene);
        self.render(&scene)
    }

    /// The target with each new or changed object changed.
    fn with_objects(&self, pair: &Pair, change: impl Fn(&mut Object)) -> RgbImage {
        self.changed(pair, |scene| {
            for number in &pair.truth.expected {
                change(&mut scene.objects[*number]);
            }
        })
    }
}

fn assert_all_pass(verdicts: &[Verdict]) {
    assert!(!verdicts.is_empty());
    for verdict in verdicts {
        let why: Vec<String> = verdict.failures.iter().map(ToString::to_string).collect();
        let Verdict {
            key, task, caption, ..
        } = verdict;
        assert!(verdict.passes(), "{key}, {task}, {caption:?}: {why:?}");
    }
}

/// At most 2 of 100 pass.
fn assert_hardly_any_passes(verdicts: &[Verdict], least: usize) {
    assert!(verdicts.len() >= least, "{} items", verdicts.len());
    let passed: Vec<&Verdict> = verdicts.iter().filter(|v| v.passes()).collect();
    let named = passed.iter().map(|v| (&v.key, v.task, &v.caption));
    assert!(
        passed.len() * 50 <= verdicts.len(),
        "{} of {} pass: {:?}",
        passed.len(),
        verdicts.len(),
        named.collect::<Vec<_>>()
    );
}

/// Whether a thing of the pair should take a colour that it does not have anyway.
fn takes_colour(pair: &Pair) -> bool {
    let truth = &pair.truth;
    let asked = truth.expected.iter().map(|n| &truth.target.objects[*n]);
    let takes = |object: &Object| {
        let own = |name| OWN.contains(&(object.class.as_str(), name));
        object.tint.is_some_and(|tint| !own(tint.name))
    };
    asked.into_iter().any(takes)
}

fn places_things(pair: &Pair) -> bool {
    !matches!(pair.truth.task, Task::ClassToImage | Task::TextToImage)
}

#[test]
fn expected_pictures_pass_at_every_size_and_blurred() {
    let bench = Bench::wishes(&Task::ALL, 61, 96);
    assert_all_pass(&bench.verdicts(|pair| Some(pair.target.clone())));
    assert_all_pass(&bench.verdicts(|pair| Some(blur(&pair.target, 1.0))));
    let small = |pair: &Pair| resize(&pair.target, 64, 64, FilterType::Triangle);
    assert_all_pass(&bench.verdicts(|pair| Some(small(pair))));
    assert_all_pass(&bench.verdicts(|pair| Some(blur(&small(pair), 1.0))));
}

#[test]
fn gradients_patterns_rotations_and_three_things_pass_too() {
    let config = PairConfig {
        side: SIDE,
        ..PairConfig::new(64)
    };
    let bench = Bench::new(config, 104);
    // All but a thing in the very shade of a patterned ground, of which hardly anything is seen.
    for verdicts in [
        bench.verdicts(|pair| Some(pair.target.clone())),
        bench.verdicts(|pair| Some(blur(&pair.target, 1.0))),
    ] {
        let passed = verdicts.iter().filter(|verdict| verdict.passes());
        assert!(passed.count() * 100 >= 99 * verdicts.len());
    }
}

#[test]
fn a_little_off_or_larger_passes() {
    let bench = Bench::wishes(&Task::ALL, 61, 96);
    let off = |pair: &Pair| {
        let off = |object: &mut Object| object.center[0] += 0.04;
        places_things(pair).then(|| bench.with_objects(pair, off))
    };
    assert_all_pass(&bench.verdicts(off));
    let larger = |object: &mut Object| object.size *= 1.15;
    assert_all_pass(&bench.verdicts(|pair| Some(bench.with_objects(pair, larger))));
}

#[test]
fn unedited_inputs_and_blanks_fail() {
    let bench = Bench::wishes(&Task::ALL, 61, 96);
    let asked = |pair: &Pair| {
        let colours = pair.truth.target.objects.iter().any(|o| o.tint.is_some());
        !colours || takes_colour(pair)
    };
    let prompt = |pair: &Pair| asked(pair).then(|| pair.prompt.clone());
    assert_hardly_any_passes(&bench.verdicts(prompt), 88);
    let clean = |pair: &Pair| asked(pair).then(|| bench.render(&pair.truth.scene));
    assert_hardly_any_passes(&bench.verdicts(clean), 88);
    // Where the only thing is to go, a blank is right.
    let wrong = |pair: &Pair| !pair.truth.target.objects.is_empty();
    for value in [0, 255] {
        let blank = RgbImage::from_pixel(SIDE, SIDE, Rgb([value; 3]));
        let blanks = bench.verdicts(|pair| wrong(pair).then(|| blank.clone()));
        assert_hardly_any_passes(&blanks, 80);
    }
    let bare = |pair: &Pair| bench.changed(pair, |scene| scene.objects.clear());
    let blanks = bench.verdicts(|pair| wrong(pair).then(|| bare(pair)));
    assert_hardly_any_passes(&blanks, 80);
}

#[test]
fn another_class_and_a_place_far_off_fail() {
    let bench = Bench::wishes(&Task::ALL, 61, 96);
    let asked = |pair: &Pair| !pair.truth.expected.is_empty();
    let wrong = |object: &mut Object| {
        let other = if object.class == "key" { "fish" } else { "key" };
        object.class = other.into();
    };
    let another = |pair: &Pair| asked(pair).then(|| bench.with_objects(pair, wrong));
    assert_hardly_any_passes(&bench.verdicts(another), 70);
    let off = |pair: &Pair| {
        let off = |object: &mut Object| {
            let way = if object.center[0] < 0.5 { 0.14 } else { -0.14 };
            object.center[0] += way;
        };
        (asked(pair) && places_things(pair)).then(|| bench.with_objects(pair, off))
    };
    assert_hardly_any_passes(&bench.verdicts(off), 48);
}

#[test]
fn another_ground_and_a_kept_thing_gone_fail() {
    let bench = Bench::wishes(&Task::ALL, 61, 96);
    let another = |pair: &Pair| {
        let all = ColourName::ALL;
        let asked = pair.truth.target.ground.colour().name;
        let at = all.iter().position(|name| *name == asked).unwrap();
        let colour = all[(at + 3) % all.len()].into();
        Some(bench.changed(pair, |scene| {
            scene.ground = SceneBackground::Plain { colour }
        }))
    };
    assert_hardly_any_passes(&bench.verdicts(another), 96);
    let missing = |pair: &Pair| {
        let truth = &pair.truth;
        let kept = |number: &usize| !truth.expected.contains(number);
        let kept = (0..truth.target.objects.len()).find(kept)?;
        Some(bench.changed(pair, |scene| drop(scene.objects.remove(kept))))
    };
    assert_hardly_any_passes(&bench.verdicts(missing), 24);
}

#[test]
fn another_tint_and_none_fail() {
    let tasks = [Task::TextToImage, Task::TextInImage, Task::VisualMarker];
    let bench = Bench::wishes(&tasks, 62, 150);
    let another = |pair: &Pair| {
        let next = |object: &mut Object| {
            if let Some(tint) = &mut object.tint {
                let all = ColourName::STRONG;
                let at = all.iter().position(|name| *name == tint.name).unwrap();
                *tint = all[(at + 1) % all.len()].into();
            }
        };
        takes_colour(pair).then(|| bench.with_objects(pair, next))
    };
    assert_hardly_any_passes(&bench.verdicts(another), 25);
    let plain = |object: &mut Object| object.tint = None;
    let none = |pair: &Pair| takes_colour(pair).then(|| bench.with_objects(pair, plain));
    assert_hardly_any_passes(&bench.verdicts(none), 25);
}

#[test]
fn something_else_in_the_picture_fails() {
    let bench = Bench::wishes(&Task::ALL, 61, 48);
    // A block of 6 % of the picture in its emptiest corner.
    let block = |pair: &Pair| {
        let size = SIDE / 4;
        let corners = [[0, 0], [SIDE - size, 0], [0, SIDE - size], [SIDE - size; 2]];
        let free = |[x, y]: &[u32; 2]| {
            let block = PixelBox {
                x: *x,
                y: *y,
                width: size,
                height: size,
            };
            let seen = pair.truth.objects.iter().chain(&pair.truth.gone);
            seen.into_iter().all(|seen| !seen.bounds.overlaps(&block))
        };
        let [left, top] = corners.into_iter().find(free)?;
        let mut picture = pair.target.clone();
        let Rgb(ground) = *picture.get_pixel(left, top);
        for y in top..top + size {
            for x in left..left + size {
                picture.put_pixel(x, y, Rgb(ground.map(|v| v / 3)));
            }
        }
        places_things(pair).then_some(picture)
    };
    let verdicts = bench.verdicts(block);
    assert_hardly_any_passes(&verdicts, 20);
    for verdict in &verdicts {
        assert!(
            verdict
                .failures
                .iter()
                .any(|failure| failure.rule() == "elsewhere")
        );
    }
}

#[test]
fn a_thing_that_should_grow_does_not_stay_as_it_was() {
    let config = PairConfig {
        side: SIDE,
        tasks: vec![Task::TextInImage],
        variety: serde_json::from_str(r#"{"edits": ["enlarge", "shrink", "move"]}"#).unwrap(),
        ..PairConfig::new(63)
    };
    let bench = Bench::new(config, 45);
    assert_all_pass(&bench.verdicts(|pair| Some(pair.target.clone())));
    let verdicts = bench.verdicts(|pair| Some(bench.render(&pair.truth.scene)));
    assert_hardly_any_passes(&verdicts, 45);
    let grows = |pair: &Pair| {
        matches!(
            &pair.truth.operation,
            Operation::Instruct { edit: Edit::Resize { factor, .. } } if *factor > 1.0
        )
    };
    let larger = bench
        .pairs
        .iter()
        .zip(&verdicts)
        .filter(|(pair, _)| grows(pair));
    let sized = |verdict: &Verdict| verdict.failures.iter().any(|f| f.rule() == "size");
    assert!(larger.clone().count() > 8);
    assert!(larger.into_iter().all(|(_, verdict)| sized(verdict)));
}

#[test]
fn a_result_need_not_be_square_and_a_broken_truth_is_named() {
    let bench = Bench::wishes(&Task::ALL, 61, 8);
    let pair = &bench.pairs[2];
    let wide = resize(&pair.target, 200, 100, FilterType::Triangle);
    assert!(bench.judge.item("2", &pair.truth, &wide).unwrap().passes());
    let mut broken = pair.truth.clone();
    broken.target.objects[0].size = f32::NAN;
    let error = bench.judge.item("2", &broken, &pair.target).unwrap_err();
    assert!(error.to_string().contains("item 2"), "{error}");
    let unknown = Classes::Named(vec!["key".into(), "unicorn".into()]);
    let error = Judge::new(bench.icons.clone(), &unknown).err().unwrap();
    assert!(error.to_string().contains("unicorn"), "{error}");
}

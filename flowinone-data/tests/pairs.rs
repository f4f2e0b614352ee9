//! Procedural pairs: the same from any number of threads, and true to their pictures.
use std::collections::BTreeSet;
use std::sync::Arc;

use flowinone_data::{
    Axis, CaptionKind, EditKind, Error, Holdout, Icons, Language, Lettering, PairConfig,
    PairSampler, Sample, Split, Truth, Variety,
};
use flowinone_prompts::Task;
use image::RgbImage;

fn sampler(config: PairConfig) -> PairSampler {
    PairSampler::new(Arc::new(Icons::builtin()), config).unwrap()
}

fn made(sampler: &PairSampler, threads: usize) -> Vec<Sample> {
    let pool = rayon_pool(threads);
    let mut samples = vec![];
    let encode = |pair: flowinone_data::Pair| {
        let key = format!("{:09}", pair.truth.index);
        Sample::encode(key, &pair)
    };
    pool.install(|| {
        sampler.make(0..80, encode, |sample| {
            samples.push(sample);
            Ok(())
        })
    })
    .unwrap();
    samples
}

fn rayon_pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
}

#[test]
fn one_thread_and_two_make_the_same_bytes() {
    let config = PairConfig {
        side: 128,
        ..PairConfig::new(5)
    };
    let one = made(&sampler(config.clone()), 1);
    assert_eq!(one, made(&sampler(config), 2));
    let keys: Vec<&str> = one.iter().map(|sample| &*sample.key).collect();
    assert!(keys.is_sorted() && keys.len() == 80);
    assert_eq!(one[0].kind.as_deref(), Some("t2i"));
    assert_eq!(one[6].kind.as_deref(), Some("force"));
}

fn differences(a: &RgbImage, b: &RgbImage) -> Vec<(u32, u32)> {
    let pixels = a.enumerate_pixels().zip(b.pixels());
    let differing = pixels.filter(|((_, _, a), b)| a != b);
    differing.map(|((x, y, _), _)| (x, y)).collect()
}

#[test]
fn objects_lie_exactly_in_their_boxes() {
    let sampler = sampler(PairConfig::new(11));
    let icons = sampler.icons();
    for index in 0..64 {
        let truth = sampler.truth(index).unwrap();
        let whole = truth.target.render(icons, truth.side).unwrap();
        for (number, seen) in truth.objects.iter().enumerate() {
            let mut without = truth.target.clone();
            without.objects.remove(number);
            let changed = differences(&whole, &without.render(icons, truth.side).unwrap());
            assert!(!changed.is_empty());
            let outside = changed.iter().find(|(x, y)| !seen.bounds.contains(*x, *y));
            assert_eq!(outside, None, "{} of pair {index}", seen.class);
        }
    }
}

#[test]
fn outside_the_edited_boxes_nothing_changes_and_inside_something_does() {
    let sampler = sampler(PairConfig::new(12));
    for index in 0..96 {
        let pair = sampler.pair(index).unwrap();
        let truth = &pair.truth;
        let scene = truth.scene.render(sampler.icons(), truth.side).unwrap();
        let changed = differences(&scene, &pair.target);
        let inside = |(x, y): &(u32, u32)| truth.edited.iter().any(|b| b.contains(*x, *y));
        assert!(
            changed.iter().all(inside),
            "pair {index}: {}",
            truth.caption
        );
        for area in &truth.edited {
            let touched = changed.iter().any(|(x, y)| area.contains(*x, *y));
            assert!(touched, "pair {index}: {}", truth.caption);
        }
        // The prompt carries words or marks, and the target is the target scene alone.
        assert!(!differences(&scene, &pair.prompt).is_empty());
        let clean = truth.target.render(sampler.icons(), truth.side).unwrap();
        assert_eq!(clean, pair.target);
    }
}

#[test]
fn what_is_removed_is_gone() {
    let config = PairConfig {
        tasks: vec![Task::TextInImage, Task::VisualMarker, Task::TextBox],
        ..PairConfig::new(13)
    };
    let sampler = sampler(config);
    let mut removed = 0;
    for index in 0..150 {
        let pair = sampler.pair(index).unwrap();
        let truth = &pair.truth;
        if !truth.expected.is_empty() || truth.gone.is_empty() {
            continue;
        }
        removed += 1;
        let ground = truth.target.ground.render(truth.side);
        for area in truth.gone.iter().map(|seen| seen.bounds) {
            for y in area.y..area.y + area.height {
                for x in area.x..area.x + area.width {
                    let other = truth.objects.iter().any(|seen| seen.bounds.contains(x, y));
                    assert!(other || pair.target.get_pixel(x, y) == ground.get_pixel(x, y));
                }
            }
        }
    }
    assert!(removed > 15, "{removed}");
}

#[test]
fn ground_truth_survives_its_json() {
    let sampler = sampler(PairConfig::new(14));
    for index in 0..32 {
        let truth = sampler.truth(index).unwrap();
        let json = serde_json::to_string(&truth).unwrap();
        assert_eq!(serde_json::from_str::<Truth>(&json).unwrap(), truth);
    }
}

fn held_out() -> Holdout {
    Holdout {
        templates: true,
        word_order: true,
        lettering: Some(Lettering::Comic),
        style: Some("contour".into()),
        positions: true,
        pairs: 0.1,
        combinations: 0.3,
    }
}

#[test]
fn training_uses_nothing_held_out_and_each_test_split_its_axis() {
    let holdout = held_out();
    let config = |split, tasks: &[Task]| PairConfig {
        holdout: holdout.clone(),
        split,
        tasks: tasks.to_vec(),
        ..PairConfig::new(15)
    };
    let seen = |truth: &Truth, axis: Axis| match axis {
        Axis::Lettering => truth.lettering == Lettering::Comic,
        Axis::Style => {
            let objects = truth.scene.objects.iter().chain(&truth.target.objects);
            objects.into_iter().any(|o| o.style == "contour")
        }
        Axis::Pairs => [&truth.scene, &truth.target].into_iter().any(|scene| {
            let classes: Vec<&str> = scene.objects.iter().map(|o| &*o.class).collect();
            (1..classes.len()).any(|b| (0..b).any(|a| holdout.holds_pair(classes[a], classes[b])))
        }),
        Axis::Templates => truth.template.ends_with(['2', '3']) && truth.template != "remove/2",
        Axis::Positions | Axis::Combinations | Axis::WordOrder => false,
    };
    let training = sampler(config(Split::Train, &Task::ALL));
    for index in 0..80 {
        let truth = training.truth(index).unwrap();
        for axis in Axis::ALL {
            assert!(!seen(&truth, axis), "{axis:?} in {truth:?}");
        }
    }
    // Templates have one order of words.
    for axis in Axis::ALL.into_iter().filter(|a| *a != Axis::WordOrder) {
        let tasks = [Task::TextInImage, Task::Force, Task::VisualMarker];
        let test = sampler(config(Split::HeldOut(axis), &tasks));
        for index in 0..12 {
            let truth = test.truth(index).unwrap();
            if !matches!(axis, Axis::Positions | Axis::Combinations) {
                assert!(seen(&truth, axis), "{axis:?}: {truth:?}");
            }
        }
    }
}

/// Pairs as people would ask for them.
fn natural(seed: u64, split: Split) -> PairConfig {
    PairConfig {
        split,
        holdout: Holdout {
            templates: true,
            word_order: true,
            ..Holdout::default()
        },
        variety: Variety {
            language: Language::Natural,
            edits: vec![
                EditKind::Remove,
                EditKind::Replace,
                EditKind::Recolour,
                EditKind::Ground,
            ],
            captions: vec![
                CaptionKind::Tinted,
                CaptionKind::One,
                CaptionKind::Beside,
                CaptionKind::Above,
            ],
            free: true,
            by_hand: true,
            ..Variety::full()
        },
        ..PairConfig::new(seed)
    }
}

#[test]
fn natural_pairs_are_drawn_for_every_task_and_draw_again_the_same() {
    let sampler = sampler(natural(21, Split::Train));
    for index in 0..48 {
        let pair = sampler.pair(index).unwrap();
        assert_eq!(sampler.pair(index).unwrap(), pair);
        assert_ne!(pair.prompt, pair.target, "{:?}", pair.truth);
        for object in &pair.truth.scene.objects {
            assert!((0.14..0.71).contains(&object.size), "{object:?}");
        }
    }
}

#[test]
fn many_things_fill_a_picture_and_the_caption_does_not_tell_them() {
    let mut config = natural(23, Split::Train);
    config.tasks = vec![Task::TextToImage];
    config.variety.captions = vec![CaptionKind::Many];
    let many = sampler(config);
    let mut count = 0;
    for index in 0..40 {
        let truth = many.truth(index).unwrap();
        assert!(!truth.tells(), "{}", truth.caption);
        count += truth.objects.len();
        for (number, object) in truth.target.objects.iter().enumerate() {
            for other in &truth.target.objects[..number] {
                let way = [0, 1].map(|axis| (object.center[axis] - other.center[axis]).abs());
                let apart = (object.size + other.size) / 2.0;
                assert!(way[0] > apart || way[1] > apart, "{object:?} on {other:?}");
                assert_ne!(object.class, other.class);
            }
        }
    }
    assert!(
        (120..400).contains(&count),
        "{count} objects in 40 pictures"
    );
    let told = sampler(natural(23, Split::Train));
    assert!((0..40).all(|index| told.truth(index).unwrap().tells()));
}

#[test]
fn forms_and_word_orders_kept_for_tests_are_never_trained_on() {
    let forms = |split| -> BTreeSet<String> {
        let sampler = sampler(natural(22, split));
        let truths = (0..400).map(|index| sampler.truth(index).unwrap());
        truths.map(|truth| truth.template).collect()
    };
    let training = forms(Split::Train);
    let held = forms(Split::HeldOut(Axis::Templates));
    let order = forms(Split::HeldOut(Axis::WordOrder));
    assert!(
        training.is_disjoint(&held) && training.is_disjoint(&order) && held.is_disjoint(&order)
    );
    assert!(training.len() > 100 && held.len() > 30 && order.len() > 20);
}

#[test]
fn impossible_configurations_are_refused_by_name() {
    let icons = Arc::new(Icons::builtin());
    let refused = |config: PairConfig, reason: &str| {
        let error = PairSampler::new(icons.clone(), config).err().unwrap();
        assert!(matches!(error, Error::Config(_)));
        assert!(error.to_string().contains(reason), "{error}");
    };
    let new = || PairConfig::new(1);
    refused(
        PairConfig {
            tasks: vec![],
            ..new()
        },
        "no task",
    );
    refused(
        PairConfig {
            side: 1 << 20,
            ..new()
        },
        "1048576",
    );
    refused(
        PairConfig {
            styles: vec!["noto".into()],
            ..new()
        },
        "noto",
    );
    let split = Split::HeldOut(Axis::Pairs);
    refused(PairConfig { split, ..new() }, "nothing is held out");
    let holdout = held_out();
    refused(
        PairConfig {
            split,
            holdout,
            ..new()
        },
        "class-to-image",
    );
}

//! Shards and folders: bit-exact round trips, exact resumption and proportions, and damage.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flowinone_data::{
    Error, FolderStream, FolderWriter, Icons, Layout, Mixer, PairConfig, PairSampler, Part, Sample,
    ShardWriter, Source, StreamConfig, Walk, shards,
};

fn sampler(seed: u64) -> PairSampler {
    let config = PairConfig {
        side: 48,
        ..PairConfig::new(seed)
    };
    PairSampler::new(Arc::new(Icons::builtin()), config).unwrap()
}

fn samples(seed: u64, count: u64) -> Vec<Sample> {
    let sampler = sampler(seed);
    let encode = |index| Sample::encode(format!("{index:09}"), &sampler.pair(index).unwrap());
    (0..count).map(|index| encode(index).unwrap()).collect()
}

fn written(folder: &Path, samples: &[Sample], per_shard: usize) -> Vec<PathBuf> {
    let mut writer = ShardWriter::create(folder, per_shard).unwrap();
    samples
        .iter()
        .for_each(|sample| writer.write(sample).unwrap());
    writer.finish().unwrap()
}

fn once(seed: u64) -> StreamConfig {
    StreamConfig {
        epochs: Some(1),
        buffer: 5,
        ..StreamConfig::new(seed)
    }
}

fn keys(source: &mut Source) -> Vec<String> {
    std::iter::from_fn(|| source.next_example().unwrap())
        .map(|example| example.key)
        .collect()
}

#[test]
fn shards_give_back_every_sample_once_and_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let samples = samples(1, 23);
    let paths = written(folder.path(), &samples, 5);
    assert_eq!(paths.len(), 5);
    assert!(paths[4].ends_with("pairs-000004.tar"));
    assert_eq!(shards(folder.path()).unwrap(), paths);
    let mut source = Source::open(folder.path(), once(3)).unwrap();
    let mut seen = BTreeSet::new();
    while let Some(example) = source.next_example().unwrap() {
        let original = samples.iter().find(|s| s.key == example.key).unwrap();
        assert_eq!(example, original.decode(source.name()).unwrap());
        assert_eq!(
            example.structure(),
            example.truth().unwrap().task.keeps_structure()
        );
        assert!(seen.insert(example.key));
    }
    assert_eq!(seen.len(), 23);
    // The same samples make the same bytes, and nothing is written over.
    let again = tempfile::tempdir().unwrap();
    for (a, b) in paths.iter().zip(written(again.path(), &samples, 5)) {
        assert_eq!(std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
    }
    let refused = ShardWriter::create(folder.path(), 5).err().unwrap();
    assert!(refused.to_string().contains("already"));
}

#[test]
fn an_unfinished_shard_is_never_seen() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = ShardWriter::create(folder.path(), 10).unwrap();
    let sample = samples(1, 1).remove(0);
    writer.write(&sample).unwrap();
    for (key, part) in [
        ("a.b", "has a dot in its name"),
        ("../a", "leads out"),
        ("", "an empty part"),
        ("/a", "an empty part"),
        ("a//b", "an empty part"),
        ("__a__", "belong to no sample"),
        ("a\\b", "a backslash"),
        (&*"a".repeat(201), "200 bytes"),
        (&sample.key, "the sample before"),
    ] {
        let bad = Sample {
            key: key.into(),
            ..sample.clone()
        };
        let text = writer.write(&bad).unwrap_err().to_string();
        assert!(text.contains(part), "{key:?}: {text}");
    }
    drop(writer);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_walk_gives_every_sample_in_order_with_its_bytes() {
    let (tars, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut samples = samples(8, 7);
    // Long names, names of other languages, and types that no truth tells.
    samples[2].key = "v1.2/été ö".into();
    samples[3].key = "w".repeat(180);
    (samples[4].kind, samples[4].json) = (Some("t2i".into()), None);
    (samples[5].kind, samples[5].json) = (None, Some("{\"mine\": 1}".into()));
    written(tars.path(), &samples, 3);
    let writer = FolderWriter::create(files.path()).unwrap();
    samples
        .iter()
        .for_each(|sample| writer.write(sample).unwrap());
    let twice = writer.write(&samples[2]).unwrap_err().to_string();
    assert!(twice.contains("there already"), "{twice}");

    let walked = |path: &Path| -> (Layout, Vec<Sample>) {
        let mut walk = Walk::open(path, 0.0).unwrap();
        let all = std::iter::from_fn(|| walk.next_sample().unwrap()).collect();
        assert_eq!(walk.damage().samples, 0);
        (walk.layout(), all)
    };
    assert_eq!(walked(tars.path()), (Layout::Shards(3), samples.clone()));
    samples.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(walked(files.path()), (Layout::Folder, samples));

    assert!(Walk::open(tars.path(), 1.5).is_err());
    assert!(Walk::open(files.path().join("truth"), 0.0).is_err());
    let empty = tempfile::tempdir().unwrap();
    FolderWriter::create(empty.path()).unwrap();
    let text = Walk::open(empty.path(), 0.0).err().unwrap().to_string();
    assert!(text.contains("holds no pictures"), "{text}");
}

#[test]
fn a_sample_at_a_damaged_place_is_not_taken_for_another_kind() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &samples(9, 2), 2).remove(0);
    let bytes = std::fs::read(&path).unwrap();
    // Cut at every block: what is read is whole, with its type and its truth.
    for end in (512..bytes.len()).step_by(512) {
        std::fs::write(&path, &bytes[..end]).unwrap();
        let mut walk = Walk::open(&path, 1.0).unwrap();
        while let Some(sample) = walk.next_sample().unwrap() {
            assert!(
                sample.kind.is_some() && sample.json.is_some(),
                "cut at {end}"
            );
        }
        assert!(
            walk.damage().shards == 1 || end + 1024 > bytes.len(),
            "cut at {end}"
        );
    }
}

#[test]
fn folders_give_back_every_sample_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let mut samples = samples(2, 9);
    samples[4].key = "deeper/down".into();
    let writer = FolderWriter::create(folder.path()).unwrap();
    samples
        .iter()
        .for_each(|sample| writer.write(sample).unwrap());
    let outside = Sample {
        key: "../x".into(),
        ..samples[0].clone()
    };
    assert!(writer.write(&outside).is_err());
    let mut stream = FolderStream::open(folder.path(), once(1)).unwrap();
    let mut back: Vec<Sample> = std::iter::from_fn(|| stream.next_sample().unwrap()).collect();
    back.sort_by(|a, b| a.key.cmp(&b.key));
    samples.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(back, samples);
    assert!(FolderWriter::create(folder.path()).is_err());
    std::fs::remove_file(folder.path().join("output/000000002.png")).unwrap();
    let mut source = Source::open(folder.path(), once(1)).unwrap();
    assert!(
        std::iter::from_fn(|| source.next_example().transpose()).any(|example| example.is_err())
    );
    let lenient = StreamConfig {
        tolerance: 0.2,
        ..once(1)
    };
    let mut source = Source::open(folder.path(), lenient).unwrap();
    assert_eq!(keys(&mut source).len(), 8);
    assert!(source.damage().names[0].contains("000000002"));
}

fn mixer(a: &Path, b: &Path) -> Mixer {
    let config = |seed| StreamConfig {
        buffer: 4,
        ..StreamConfig::new(seed)
    };
    let sources = vec![
        (Source::open(a, config(1)).unwrap(), 5),
        (Source::open(b, config(2)).unwrap(), 2),
        (Source::procedural(sampler(9), config(3)), 1),
    ];
    Mixer::new(sources, 6, 4).unwrap()
}

#[test]
fn proportions_are_exact_and_resuming_changes_nothing() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    written(a.path(), &samples(3, 11), 3);
    let folder = FolderWriter::create(b.path()).unwrap();
    samples(4, 5)
        .iter()
        .for_each(|sample| folder.write(sample).unwrap());

    let mut whole = mixer(a.path(), b.path());
    let (mut batches, mut positions, mut counts) = (vec![], vec![], [0i64; 3]);
    for round in 1..=12 {
        positions.push(serde_json::to_string(&whole.position()).unwrap());
        let batch = whole.batch().unwrap().unwrap();
        assert_eq!(batch.len(), 6);
        for example in &batch {
            let of = whole
                .sources()
                .iter()
                .position(|(s, _)| s.name() == example.source);
            counts[of.unwrap()] += 1;
        }
        for (count, weight) in counts.iter().zip([5, 2, 1]) {
            let share = (round * 6 * weight) as f64 / 8.0;
            assert!(
                (*count as f64 - share).abs() < 1.0,
                "{counts:?} after {round}"
            );
        }
        batches.push(batch);
    }
    assert_eq!(counts, [45, 18, 9]);
    for left_at in [0, 1, 5, 11] {
        let mut resumed = mixer(a.path(), b.path());
        let position = serde_json::from_str(&positions[left_at]).unwrap();
        resumed.resume(position).unwrap();
        for batch in &batches[left_at..] {
            assert_eq!(resumed.batch().unwrap().as_ref(), Some(batch));
        }
    }
    let mut other = Source::open(a.path(), StreamConfig::new(77)).unwrap();
    let position = whole.position().sources.remove(0);
    assert!(matches!(other.resume(position), Err(Error::Resume(_))));
}

#[test]
fn parts_and_workers_share_all_shards_without_overlap() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), &samples(5, 12), 2);
    let mut all = vec![];
    for index in 0..2 {
        for worker in 0..3 {
            let part = Part::new(index, 2).unwrap().worker(worker, 3).unwrap();
            let config = StreamConfig { part, ..once(8) };
            all.extend(keys(&mut Source::open(folder.path(), config).unwrap()));
        }
    }
    assert_eq!(all.len(), 12);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 12);
    let part = Part::new(0, 7).unwrap();
    let error = Source::open(folder.path(), StreamConfig { part, ..once(8) })
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("6 shards, too few for 7"),
        "{error}"
    );
    assert!(Part::new(2, 2).is_err());
}

fn tar_of(path: &Path, files: &[(&str, &[u8])]) {
    let mut tar = tar::Builder::new(std::fs::File::create(path).unwrap());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.finish().unwrap();
}

#[test]
fn damaged_samples_are_skipped_counted_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let good = &samples(6, 1)[0];
    let (input, output) = (&*good.input.bytes, &*good.output.bytes);
    tar_of(
        &folder.path().join("a.tar"),
        &[
            ("__meta__", b"x"),
            ("good.in.png", input),
            ("good.out.png", output),
            ("good.cls", b"ignored"),
            ("lonely.in.png", input),
            ("broken.in.png", b"no picture"),
            ("broken.out.png", output),
            ("../../out.in.png", input),
            ("../../out.out.png", output),
            ("fine.in.png", input),
            ("fine.out.png", output),
        ],
    );
    let open = |tolerance| {
        let config = StreamConfig {
            tolerance,
            ..once(1)
        };
        Source::open(folder.path(), config).unwrap()
    };
    let mut source = open(1.0);
    let mut found = keys(&mut source);
    found.sort();
    assert_eq!(found, ["fine", "good"]);
    let damage = source.damage();
    assert_eq!((damage.seen, damage.samples, damage.shards), (5, 3, 0));
    let names = damage.names.join("\n");
    for part in ["lonely: out.png", "broken: in.png", "leads out"] {
        assert!(names.contains(part), "{names}");
    }
    let mut strict = open(0.2);
    let error = std::iter::from_fn(|| strict.next_example().transpose()).find_map(Result::err);
    let text = error.unwrap().to_string();
    assert!(text.contains("a.tar") && text.contains("0.2"), "{text}");
}

#[test]
fn a_damaged_shard_gives_what_is_before_the_damage() {
    let folder = tempfile::tempdir().unwrap();
    let paths = written(folder.path(), &samples(7, 9), 3);
    let bytes = std::fs::read(&paths[1]).unwrap();
    std::fs::write(&paths[1], &bytes[..bytes.len() / 2]).unwrap();
    let mut garbled = std::fs::read(&paths[2]).unwrap();
    garbled[..512].fill(7);
    std::fs::write(&paths[2], garbled).unwrap();
    let open = |tolerance| {
        let config = StreamConfig {
            tolerance,
            ..once(1)
        };
        Source::open(folder.path(), config).unwrap()
    };
    let mut source = open(1.0);
    let found = keys(&mut source);
    assert!((4..=5).contains(&found.len()), "{found:?}");
    let damage = source.damage();
    assert_eq!(damage.shards, 2);
    assert!(
        damage
            .names
            .iter()
            .any(|name| name.contains("pairs-000002.tar"))
    );
    let mut strict = open(0.0);
    let error = std::iter::from_fn(|| strict.next_example().transpose()).find_map(Result::err);
    assert!(matches!(error, Some(Error::Damaged { .. })));
}

#[test]
fn absurd_sizes_are_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    tar_of(&path, &[("a.in.png", b"x")]);
    let mut bytes = std::fs::read(&path).unwrap();
    let mut header = tar::Header::from_byte_slice(&bytes[..512]).clone();
    header.set_size(1 << 50);
    header.set_cksum();
    bytes[..512].copy_from_slice(header.as_bytes());
    std::fs::write(&path, bytes).unwrap();
    let config = StreamConfig {
        tolerance: 1.0,
        ..once(1)
    };
    let mut source = Source::open(folder.path(), config).unwrap();
    let text = source.next_example().unwrap_err().to_string();
    assert!(text.contains("no usable sample"), "{text}");
    assert!(Source::open(folder.path().join("absent"), once(1)).is_err());
}

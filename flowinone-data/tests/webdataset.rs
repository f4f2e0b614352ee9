//! Shards written here open in Python's `webdataset`, and those written by it open here.
//!
//! Needs `pip install webdataset`; says so and passes where it is missing, unless
//! `FLOWINONE_PYTHON` names an interpreter that is meant to have it.
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use flowinone_data::{Icons, PairConfig, PairSampler, Sample, ShardWriter, Source, StreamConfig};
use serde_json::Value;

#[test]
fn python_reads_our_shards_and_we_read_its() {
    let folder = tempfile::tempdir().unwrap();
    let config = PairConfig {
        side: 48,
        ..PairConfig::new(21)
    };
    let sampler = PairSampler::new(Arc::new(Icons::builtin()), config).unwrap();
    let mut writer = ShardWriter::create(folder.path().join("ours"), 100).unwrap();
    let mut samples = vec![];
    for index in 0..16 {
        let sample = Sample::encode(format!("{index:09}"), &sampler.pair(index).unwrap());
        samples.push(sample.unwrap());
        writer.write(&samples[index as usize]).unwrap();
    }
    let shard = writer.finish().unwrap().remove(0);
    let copy = folder.path().join("theirs.tar");
    let named = std::env::var("FLOWINONE_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/webdataset_roundtrip.py");
    let run = Command::new(python)
        .arg(script)
        .args([&shard, &copy])
        .output();
    let run = match run {
        Ok(run) if run.status.code() == Some(77) => Err("pip install webdataset"),
        Ok(run) => Ok(run),
        Err(_) => Err("no Python here"),
    };
    let run = match (run, named) {
        (Ok(run), _) => run,
        (Err(reason), None) => return eprintln!("skipped: {reason}"),
        (Err(reason), Some(python)) => panic!("FLOWINONE_PYTHON={python}: {reason}"),
    };
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );

    let lines = String::from_utf8(run.stdout).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), samples.len());
    for (line, sample) in lines.iter().zip(&samples) {
        assert_eq!(line["key"], *sample.key);
        assert_eq!(line["fields"].as_object().unwrap().len(), 4);
        for (name, bytes) in [
            ("in.png", &sample.input.bytes),
            ("out.png", &sample.output.bytes),
        ] {
            assert_eq!(
                line["fields"][name],
                flowinone_files::sha256_of(bytes.as_slice())
            );
        }
    }
    let once = StreamConfig {
        epochs: Some(1),
        buffer: 1,
        ..StreamConfig::new(1)
    };
    let mut source = Source::open(&copy, once).unwrap();
    for sample in &samples {
        let example = source.next_example().unwrap().unwrap();
        assert_eq!(example, sample.decode(source.name()).unwrap());
    }
    assert_eq!(source.next_example().unwrap(), None);
}

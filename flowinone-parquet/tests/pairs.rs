//! Files as Python's `pyarrow` writes them (`make_pairs.py`), whole and damaged.

use std::path::{Path, PathBuf};

use flowinone_image::decode_picture;
use flowinone_parquet::{Error, Pairs, container, find, read_picture_file};
use flowinone_prompts::Task;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn force() -> PathBuf {
    fixture("bench/force/train-00000-of-00001.parquet")
}

#[test]
fn rows_have_names_words_and_pictures() {
    let pairs = Pairs::open(force()).unwrap();
    let names: Vec<&str> = pairs.rows().iter().map(|row| row.name.as_str()).collect();
    assert_eq!(
        names,
        ["001.png", "002.png", "003.png", "004.png", "005.png"]
    );
    assert!(pairs.left_out().is_empty());
    for (number, row) in pairs.rows().iter().enumerate() {
        assert_eq!((row.task, row.number), (Task::Force, number));
        assert_eq!(row.words, Some(format!("push it {}", number + 1)));
        let place = pairs.place(row);
        assert_eq!(place, force().join("force").join(&row.name));
        let prompt = read_picture_file(&place).unwrap();
        assert_eq!(prompt, pairs.prompt(row).unwrap());
        // `make_pairs.py` counts the rows in red.
        let red = |bytes: &[u8]| decode_picture(bytes).unwrap().get_pixel(0, 0).0[0];
        assert_eq!(red(&prompt), 20 * (number as u8 + 1));
        let target = pairs.target(row).unwrap().unwrap();
        assert_eq!(u32::from(red(&target)), 20 * (number as u32 + 51) % 256);
    }
}

#[test]
fn names_that_repeat_get_their_category() {
    let pairs = Pairs::open(fixture("bench/text2image/train-00000-of-00001.parquet")).unwrap();
    let rows: Vec<_> = pairs
        .rows()
        .iter()
        .map(|row| (&*row.name, row.words.as_deref()))
        .collect();
    assert_eq!(
        rows,
        [
            ("a/same.png", Some("a cat")),
            ("b/same.png", None),
            ("own.jpg", None)
        ]
    );
    let place = pairs.place(&pairs.rows()[1]);
    assert_eq!(
        read_picture_file(place).unwrap(),
        pairs.prompt(&pairs.rows()[1]).unwrap()
    );
}

#[test]
fn what_is_no_pair_is_left_out_by_its_number() {
    let pairs = Pairs::open(fixture("odd.parquet")).unwrap();
    let left_out: Vec<String> = pairs.left_out().iter().map(ToString::to_string).collect();
    assert_eq!(left_out.len(), 2, "{left_out:?}");
    assert!(
        left_out[0].starts_with("row 2: \"paintings\""),
        "{left_out:?}"
    );
    assert!(
        left_out[1].starts_with("row 3: \"../../escape.png\""),
        "{left_out:?}"
    );
    let by_name = |name: &str| pairs.rows().iter().find(|row| row.name == name).unwrap();
    let text = pairs.prompt(by_name("empty.png")).unwrap_err().to_string();
    assert!(
        text.contains("doodles/empty.png") && text.contains("no bytes"),
        "{text}"
    );
    assert_eq!(pairs.prompt(by_name("broken.png")).unwrap().len(), 40);
    let text = read_picture_file(fixture("odd.parquet/doodles/absent.png")).unwrap_err();
    assert!(text.to_string().contains("no row of that name"), "{text}");
}

#[test]
fn other_files_and_columns_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Pairs::open(&path).err().unwrap().to_string()
    };
    for (bytes, words) in [
        (&b""[..], "begins with PAR1"),
        (b"\x89PNG\r\n\x1a\n", "PNG picture"),
        (
            b"version https://git-lfs.github.com/spec/v1",
            "git lfs pull",
        ),
        (b"PAR1", "cannot be read"),
        (b"PAR1 and nothing else PAR1", "cannot be read"),
    ] {
        let text = text("x.parquet", bytes);
        assert!(text.contains("x.parquet") && text.contains(words), "{text}");
    }
    let text = Pairs::open(fixture("columns.parquet"))
        .err()
        .unwrap()
        .to_string();
    assert!(
        text.contains("image_name") && text.contains("INT64"),
        "{text}"
    );
    let text = Pairs::open(fixture("gzip.parquet"))
        .err()
        .unwrap()
        .to_string();
    assert!(text.contains("Snappy"), "{text}");
    assert!(matches!(
        Pairs::open(folder.path().join("gone.parquet")),
        Err(Error::File(_))
    ));
}

#[test]
fn folders_of_parquet_files_are_found_and_folders_of_pictures_are_not() {
    let found = find(&fixture("bench")).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0], force());
    assert_eq!(find(&force()).unwrap(), [force()]);
    assert_eq!(find(&fixture("gone")).unwrap(), [""; 0].map(PathBuf::from));
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(force(), folder.path().join("a.parquet")).unwrap();
    assert_eq!(find(folder.path()).unwrap().len(), 1);
    std::fs::write(folder.path().join("z.png"), b"").unwrap();
    assert!(find(folder.path()).unwrap().is_empty());

    let place = force().join("force/001.png");
    assert_eq!(
        container(&place),
        Some((&*force(), Path::new("force/001.png")))
    );
    assert_eq!(container(&force()), None);
    assert_eq!(container(Path::new("gone.parquet/force/001.png")), None);
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let sound = std::fs::read(force()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let mut state = 5u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut refused, mut read) = (0, 0);
    for round in 0..900 {
        let mut bytes = sound.clone();
        match round % 3 {
            0 => bytes.truncate(random(sound.len())),
            // The footer and the heads of pages are where the structure is.
            1 => {
                let at = sound.len() - 1 - random(4000);
                bytes[at] ^= 1 << random(8);
            }
            _ => {
                let at = random(sound.len());
                bytes[at] = random(256) as u8;
            }
        }
        std::fs::write(&path, bytes).unwrap();
        match Pairs::open(&path) {
            Err(_) => refused += 1,
            Ok(pairs) => {
                for row in pairs.rows() {
                    match pairs.prompt(row) {
                        Ok(_) => read += 1,
                        Err(_) => refused += 1,
                    }
                }
            }
        }
    }
    println!("{refused} refused, {read} pictures read");
    assert!(refused > 300 && read > 300);
}

use super::*;

/// Pseudo-random numbers by `SplitMix64`, the same at every run.
struct Lot(u64);

impl Lot {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % count as u64) as usize
    }
}

#[test]
fn two_files_apart_are_no_collision() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a.png", "b.png"].map(|name| folder.path().join(name));
    std::fs::write(&a, "1").unwrap();
    assert_eq!(keep_apart([a.as_path()], [b.as_path()]), Ok(()));
    let text = keep_apart([a.as_path()], [b.as_path(), b.as_path()]).unwrap_err();
    assert!(text.to_string().contains("another output"), "{text}");
    let inside = Identity::of(folder.path().join("new/c.png"));
    assert!(inside.is_within(&Identity::of(folder.path())));
    // A name that begins alike is no folder above.
    let beside = Identity::of(format!("{}x", folder.path().display()));
    assert!(!beside.is_within(&Identity::of(folder.path())));
}

#[test]
fn letter_case_counts_only_where_the_file_system_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, ignored: bool| Identity::with(&folder.path().join(name), |_| ignored);
    assert!(of("New.PNG", true).is(&of("new.png", true)));
    assert!(!of("New.PNG", false).is(&of("new.png", false)));
    // This folder's own file system, asked with a file that is there.
    std::fs::write(folder.path().join("probe"), "").unwrap();
    let same = folder.path().join("PROBE").exists();
    assert_eq!(ignores_case(folder.path()), same);
}

/// A file under its plain name and under a way of writing it that leads over dots, links to the
/// file and links to folders is one; the others of the tree are not it.
#[cfg(unix)]
#[test]
fn a_file_is_itself_however_its_path_is_written() {
    let tree = tempfile::tempdir().unwrap();
    let root = std::fs::canonicalize(tree.path()).unwrap();
    let mut folders = vec![root.clone()];
    for name in ["a", "a/b", "a/b/c", "d"] {
        folders.push(root.join(name));
        std::fs::create_dir(root.join(name)).unwrap();
    }
    let mut files = vec![];
    for (number, folder) in folders.iter().enumerate() {
        let there = folder.join(format!("there{number}.png"));
        std::fs::write(&there, "1").unwrap();
        files.extend([there, folder.join(format!("new{number}.png"))]);
    }
    let mut lot = Lot(18);
    for round in 0..400 {
        let file = &files[lot.below(files.len())];
        let name = file.file_name().unwrap();
        let mut spelled = file.parent().unwrap().to_path_buf();
        for turn in 0..lot.below(4) {
            let link = folders[lot.below(folders.len())].join(format!("link{round}-{turn}"));
            match lot.below(4) {
                0 => spelled = spelled.join("."),
                // Into a folder and out of it again.
                1 => {
                    let inside = folders[lot.below(folders.len())].clone();
                    let depth = inside.strip_prefix(&root).unwrap().components().count();
                    let back: PathBuf = std::iter::repeat_n("..", depth).collect();
                    let way = spelled.strip_prefix(&root).map(Path::to_path_buf);
                    spelled = inside.join(back).join(way.unwrap_or_default());
                }
                // A link to the folder, absolute or by way of the parent.
                2 => {
                    std::os::unix::fs::symlink(&spelled, &link).unwrap();
                    spelled = link;
                }
                _ => spelled = PathBuf::from(format!("{}//", spelled.display())),
            }
        }
        let mut path = spelled.join(name);
        if lot.below(3) == 0 {
            // A link to the file, which dangles if it is not there yet.
            let link = folders[lot.below(folders.len())].join(format!("file{round}"));
            std::os::unix::fs::symlink(&path, &link).unwrap();
            path = link;
        } else if file.exists() && lot.below(3) == 0 {
            let link = folders[lot.below(folders.len())].join(format!("hard{round}"));
            std::fs::hard_link(file, &link).unwrap();
            path = link;
        }
        let identity = Identity::of(&path);
        for other in &files {
            let same = Identity::of(other).is(&identity);
            assert_eq!(
                same,
                other == file,
                "{} and {}",
                path.display(),
                other.display()
            );
        }
        let collision = keep_apart([file.as_path()], [path.as_path()]);
        assert!(
            collision.is_err(),
            "{} is {}",
            path.display(),
            file.display()
        );
    }
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_end() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    std::os::unix::fs::symlink(&a, &b).unwrap();
    std::os::unix::fs::symlink(&b, &a).unwrap();
    let identity = Identity::of(a.join("x.png"));
    assert!(identity.is_within(&Identity::of(folder.path())));
}

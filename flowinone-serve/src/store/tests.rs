use std::time::Duration;

use super::*;

fn store(folder: &Path) -> Store {
    Store::open(folder, 0).unwrap()
}

fn accept(store: &Store, inputs: &[String]) -> String {
    let id = crate::id::new();
    assert_eq!(
        store.accept(&id, "force", "{}", inputs, None).unwrap(),
        None
    );
    id
}

fn state(store: &Store, id: &str) -> Option<State> {
    store.job(id).unwrap().map(|job| job.state)
}

#[test]
fn accepted_jobs_are_there_again_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let opened = store(folder.path());
    let ids = [0; 3].map(|_| accept(&opened, &[]));
    opened.begin(&[&ids[0]]).unwrap();
    opened.cancelled(&ids[1]).unwrap();
    drop(opened); // as after kill -9: nothing is written at the end
    let opened = store(folder.path());
    let left = opened.left_over().unwrap();
    let left: Vec<_> = left
        .iter()
        .map(|job| (job.id.as_str(), job.attempts))
        .collect();
    let mut expected = [(ids[0].as_str(), 1), (ids[2].as_str(), 0)];
    expected.sort_unstable(); // ids of one millisecond sort by chance
    assert_eq!(left, expected);
    opened.put_back(&ids[0]).unwrap();
    assert_eq!(opened.job(&ids[0]).unwrap().unwrap().attempts, 0);
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _first = store(folder.path());
    let error = Store::open(folder.path(), 0).unwrap_err().to_string();
    assert!(error.contains("another server"), "{error}");
}

#[test]
fn a_full_disk_refuses_new_jobs_and_keeps_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let opened = store(folder.path());
    let old = accept(&opened, &[]);
    drop(opened);
    let full = Store::open(folder.path(), u64::MAX).unwrap();
    let refused = full.accept(&crate::id::new(), "force", "{}", &[], None);
    assert!(matches!(refused, Err(StoreError::Full(..))), "{refused:?}");
    assert!(matches!(
        full.keep_input(b"x", "png", [1, 1]),
        Err(StoreError::Full(..))
    ));
    assert_eq!(state(&full, &old), Some(State::Queued));
    full.begin(&[&old]).unwrap();
    full.done(&old, [1, 1], 1).unwrap();
    assert_eq!(state(&full, &old), Some(State::Done));
}

#[test]
fn a_key_gives_the_job_that_it_gave_before() {
    let folder = tempfile::tempdir().unwrap();
    let opened = store(folder.path());
    let first = crate::id::new();
    assert!(
        opened
            .accept(&first, "force", "{}", &[], Some("k"))
            .unwrap()
            .is_none()
    );
    let again = opened
        .accept(&crate::id::new(), "force", "{}", &[], Some("k"))
        .unwrap();
    assert_eq!(again.unwrap().id, first);
}

#[test]
fn the_oldest_go_first_and_only_what_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let opened = store(folder.path());
    let input = opened.keep_input(&[7; 100], "png", [1, 1]).unwrap();
    let mut ids = vec![];
    for _ in 0..4 {
        let id = accept(&opened, std::slice::from_ref(&input.sha256));
        std::fs::write(opened.picture(&id), [0; 100]).unwrap();
        ids.push(id);
        std::thread::sleep(Duration::from_millis(2));
    }
    for id in &ids[1..] {
        opened.done(id, [1, 1], 100).unwrap();
    }
    assert_eq!(opened.bytes().unwrap(), 400);
    let age = Duration::from_secs(3600);
    assert_eq!(opened.prune(300, age).unwrap(), 1);
    assert_eq!(state(&opened, &ids[0]), Some(State::Queued), "it waits");
    assert_eq!(state(&opened, &ids[1]), None);
    assert!(!opened.picture(&ids[1]).exists() && opened.picture(&ids[2]).exists());
    assert!(opened.input_file(&input).exists(), "a job needs it");
    std::thread::sleep(Duration::from_millis(2));
    assert_eq!(opened.prune(u64::MAX, Duration::ZERO).unwrap(), 2);
    assert!(
        opened.input_file(&input).exists(),
        "the waiting job needs it"
    );
    opened.cancelled(&ids[0]).unwrap();
    std::thread::sleep(Duration::from_millis(2));
    opened.prune(0, Duration::ZERO).unwrap();
    assert!(!opened.input_file(&input).exists());
    assert!(opened.list(None, 10).unwrap().is_empty());
}

#[test]
fn unfinished_pictures_go_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let opened = store(folder.path());
    let [done, begun] = [0; 2].map(|_| accept(&opened, &[]));
    for id in [&done, &begun] {
        std::fs::write(opened.picture(id), "x").unwrap();
    }
    opened.done(&done, [1, 1], 1).unwrap();
    drop(opened);
    let opened = store(folder.path());
    assert!(opened.picture(&done).exists() && !opened.picture(&begun).exists());
}

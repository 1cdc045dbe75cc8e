//! The store in real folders, and both ways to hold a folder open.

use super::*;
use std::fs;
use std::time::{Duration, SystemTime};

fn path(text: &str) -> Relative {
    Relative::parse(text.as_bytes()).unwrap()
}

fn mode(mode: u16) -> Attributes {
    Attributes { mode: Some(mode), modified: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(9)) }
}

fn put(store: &mut Store, name: &str, content: &[u8]) -> io::Result<()> {
    let mut part = store.begin(&path(name), mode(0o640))?;
    part.write(content)?;
    let mut finisher = Finisher::new();
    finisher.push((), store.complete(part, &path(name), mode(0o640))?);
    let ((), outcome) = finisher.pop(true).unwrap();
    outcome
}

#[test]
fn what_is_finished_at_the_same_time_comes_back_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), false).unwrap();
    fs::write(dir.path().join("7"), "taken").unwrap();
    let mut finisher = Finisher::new();
    for number in 0..100 {
        let path = path(&number.to_string());
        let mut part = store.begin(&path, mode(0o640)).unwrap();
        part.write(&[number]).unwrap();
        finisher.push(number, store.complete(part, &path, mode(0o640)).unwrap());
    }
    assert_eq!(finisher.len(), 100);
    for number in 0..50 {
        let (what, outcome) = finisher.pop(true).unwrap();
        assert_eq!((what, outcome.is_ok()), (number, number != 7));
    }
    // The others get their names too, before anything else goes on.
    drop(finisher);
    for number in 0..100_u8 {
        let content = if number == 7 { b"taken".to_vec() } else { vec![number] };
        assert_eq!(fs::read(dir.path().join(number.to_string())).unwrap(), content);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 100);
}

#[test]
fn an_existing_file_is_replaced_only_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), false).unwrap();
    put(&mut store, "x", b"old").unwrap();
    assert_eq!(put(&mut store, "x", b"new").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(dir.path().join("x")).unwrap(), b"old");
    let mut store = Store::open(dir.path(), true).unwrap();
    put(&mut store, "x", b"new").unwrap();
    assert_eq!(fs::read(dir.path().join("x")).unwrap(), b"new");
}

#[test]
fn a_folder_is_never_replaced_by_a_file_nor_a_file_by_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), true).unwrap();
    store.make_folder(&path("f"), mode(0o755)).unwrap();
    put(&mut store, "f", b"x").unwrap_err();
    put(&mut store, "x", b"x").unwrap();
    let error = store.make_folder(&path("x"), mode(0o755)).unwrap_err();
    assert!(error.to_string().contains("a file"), "{error}");
    let error = put(&mut store, "x/y", b"x").unwrap_err();
    assert!(error.to_string().contains("\"x\" is a file"), "{error}");
    assert_eq!(put(&mut store, "none/y", b"x").unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("secret"), "secret").unwrap();
    symlink(outside.path(), dir.path().join("out")).unwrap();
    symlink(outside.path().join("secret"), dir.path().join("file")).unwrap();
    for is_replacing in [false, true] {
        let mut store = Store::open(dir.path(), is_replacing).unwrap();
        for name in ["out/x", "out/secret"] {
            let error = put(&mut store, name, b"x").unwrap_err();
            assert!(error.to_string().contains("not followed"), "{error}");
        }
        assert!(store.make_folder(&path("out"), mode(0o777)).is_err());
        assert!(store.make_folder(&path("out/f"), mode(0o777)).is_err());
        assert!(store.leave_folder(&path("out"), mode(0o777)).is_err());
        assert!(store.hash(&path("file"), 6).is_err());
        assert!(store.set(&path("file"), mode(0o777)).is_err());
    }
    // A link at the end gives way, and what it leads to stays.
    put(&mut Store::open(dir.path(), true).unwrap(), "file", b"new").unwrap();
    assert_eq!(fs::read(outside.path().join("secret")).unwrap(), b"secret");
    assert_eq!(fs::read(dir.path().join("file")).unwrap(), b"new");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn attributes_are_kept_and_existing_folders_stay_as_they_are() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let bits = |name| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o7777;
    fs::create_dir(dir.path().join("old")).unwrap();
    let before = bits("old");
    let mut store = Store::open(dir.path(), false).unwrap();
    for name in ["old", "new"] {
        store.make_folder(&path(name), mode(0o507)).unwrap();
        put(&mut store, &format!("{name}/x"), b"x").unwrap();
    }
    assert_eq!(bits("new"), 0o707);
    for name in ["old", "new"] {
        store.leave_folder(&path(name), mode(0o507)).unwrap();
    }
    assert_eq!((bits("old"), bits("new"), bits("new/x")), (before, 0o507, 0o640));
    let modified = fs::metadata(dir.path().join("new")).unwrap().modified().unwrap();
    assert_eq!(modified, SystemTime::UNIX_EPOCH + Duration::from_secs(9));
}

#[test]
fn only_old_parts_that_nobody_writes_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), false).unwrap();
    let begin = |name: &str| {
        let mut part = store.begin(&path(name), mode(0o600)).unwrap();
        part.write(b"1").unwrap();
        part
    };
    let alive = begin("alive");
    drop(begin("dead"));
    fs::write(dir.path().join(".towline-notes.part"), "somebody's").unwrap();
    let day = Duration::from_hours(24);
    let now = fs::metadata(dir.path()).unwrap().modified().unwrap() + Duration::from_secs(5);
    assert_eq!(sweep(dir.path(), now, day).unwrap(), 0);
    assert_eq!(store.part_length(&path("dead")).unwrap(), 1);
    assert_eq!(sweep(dir.path(), now + day, day).unwrap(), 1);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    drop(alive);
}

/// What holds for both ways to hold a folder.
macro_rules! suite {
    ($name:ident, $folder:ty) => {
        #[test]
        fn $name() {
            type Folder = $folder;
            let dir = tempfile::tempdir().unwrap();
            let name = OsStr::new;
            let root = Folder::open(dir.path()).unwrap();
            assert_eq!(root.look(name("f")).unwrap(), Found::Nothing);
            root.make(name("f")).unwrap();
            assert_eq!(root.make(name("f")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(root.look(name("f")).unwrap(), Found::Folder);
            let inner = root.enter(name("f")).unwrap();
            let file = root.create(name("x"), true).unwrap();
            assert!(root.create(name("x"), true).is_err());
            assert!(root.is_sole_name(name("x"), &file).unwrap());
            assert_eq!(root.look(name("x")).unwrap(), Found::File { size: 0 });
            assert!(root.enter(name("x")).is_err() && Folder::open(&dir.path().join("x")).is_err());
            assert!(root.read(name("f")).is_err() && root.reopen(name("f")).is_err());
            assert_eq!(root.read(name("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
            root.rename(name("x"), &inner, name("y"), false).unwrap();
            root.create(name("x"), false).unwrap();
            let taken = root.rename(name("x"), &inner, name("y"), false).unwrap_err();
            assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
            root.rename(name("x"), &inner, name("y"), true).unwrap();
            inner.reopen(name("y")).unwrap();
            inner.remove(name("y")).unwrap();
            assert_eq!(inner.look(name("y")).unwrap(), Found::Nothing);
            inner.set(Attributes::default()).unwrap();
            inner.sync().unwrap();
            #[cfg(unix)]
            {
                std::os::unix::fs::symlink("f", dir.path().join("link")).unwrap();
                assert_eq!(root.look(name("link")).unwrap(), Found::Other);
                assert!(root.enter(name("link")).is_err());
                std::os::unix::fs::symlink("f/z", dir.path().join("dangling")).unwrap();
                assert!(root.create(name("dangling"), true).is_err());
                assert!(root.read(name("dangling")).is_err());
                assert!(root.reopen(name("dangling")).is_err());
            }
        }
    };
}

#[cfg(unix)]
suite!(a_folder_by_its_handle, unix::Folder);
suite!(a_folder_by_its_path, portable::Folder);

//! Both sides over pipes in memory, whole and broken.

use super::message::{Record, VERSION};
use super::*;
use crate::failure::Exit;
use crate::store::Store;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

/// One direction: a bounded queue of bytes, so that writers wait as on a network.
#[derive(Default)]
struct Pipe {
    state: Mutex<(VecDeque<u8>, bool)>,
    changed: Condvar,
}

const CAPACITY: usize = 100_000;

impl Pipe {
    fn read(&self, buffer: &mut [u8]) -> usize {
        let mut state = self.state.lock().unwrap();
        while state.0.is_empty() && !state.1 {
            state = self.changed.wait(state).unwrap();
        }
        self.changed.notify_all();
        state.0.read(buffer).unwrap()
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap();
        while state.0.len() >= CAPACITY && !state.1 {
            state = self.changed.wait(state).unwrap();
        }
        if state.1 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = bytes.len().min(CAPACITY - state.0.len());
        state.0.extend(&bytes[..taken]);
        self.changed.notify_all();
        Ok(taken)
    }

    fn close(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

/// One end of two pipes. Bytes that it writes may be changed on their way.
#[derive(Clone)]
struct End {
    from: Arc<Pipe>,
    to: Arc<Pipe>,
    written: usize,
    flip_at: Option<usize>,
    cut_at: Option<usize>,
}

impl End {
    fn pair() -> (Self, Self) {
        let (a, b) = (Arc::new(Pipe::default()), Arc::new(Pipe::default()));
        let end = |from: &Arc<Pipe>, to: &Arc<Pipe>| Self {
            from: from.clone(),
            to: to.clone(),
            written: 0,
            flip_at: None,
            cut_at: None,
        };
        (end(&a, &b), end(&b, &a))
    }

    fn close(&self) {
        self.from.close();
        self.to.close();
    }
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.from.read(buffer))
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut bytes = bytes.to_vec();
        let inside = |at: Option<usize>| at?.checked_sub(self.written).filter(|i| *i < bytes.len());
        if let Some(at) = inside(self.cut_at) {
            self.to.write(&bytes[..at])?;
            self.close();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let flip = inside(self.flip_at);
        if let Some(at) = flip {
            bytes[at] ^= 1;
        }
        let taken = self.to.write(&bytes)?;
        self.written += taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const SIZE: usize = 1_000_003;
const RULES: Rules = Rules { max_size: None, is_taking_hidden: false, is_replacing: false };

fn content(size: usize) -> Vec<u8> {
    (0..size as u64).map(|n| (n * n % 251) as u8).collect()
}

/// A folder to send from and one to receive into.
struct Folders {
    dir: tempfile::TempDir,
    rules: Rules,
}

impl Folders {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("from")).unwrap();
        fs::create_dir(dir.path().join("into")).unwrap();
        Self { dir, rules: RULES }
    }

    /// With one file.
    fn with(size: usize) -> Self {
        let folders = Self::new();
        folders.write("x", &content(size));
        folders
    }

    fn source(&self, name: &str) -> PathBuf {
        self.dir.path().join("from").join(name)
    }

    fn target(&self, name: &str) -> PathBuf {
        self.dir.path().join("into").join(name)
    }

    /// Makes or changes a file; every time with another time.
    fn write(&self, name: &str, content: &[u8]) {
        let path = self.source(name);
        fs::write(&path, content).unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(content.len() as u64);
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    /// The content of the part, if there is one.
    fn part(&self) -> Option<Vec<u8>> {
        let mut names = fs::read_dir(self.target("")).unwrap().map(|e| e.unwrap().path());
        let is_part = |path: &PathBuf| path.extension() == Some("part".as_ref());
        names.find(is_part).map(|path| fs::read(path).unwrap())
    }

    fn manifest(&self, names: &[&str]) -> Manifest {
        let paths: Vec<_> = names.iter().map(|name| self.source(name)).collect();
        Manifest::collect(&paths, None).unwrap()
    }

    /// Both sides at the same time.
    fn transfer(&self, names: &[&str], prepare: impl FnOnce(&mut End)) -> (Sending, Receiving) {
        self.transfer_of(&self.manifest(names), prepare)
    }

    fn transfer_of(
        &self,
        manifest: &Manifest,
        prepare: impl FnOnce(&mut End),
    ) -> (Sending, Receiving) {
        let (mut sender, receiver) = End::pair();
        prepare(&mut sender);
        thread::scope(|scope| {
            let sent = scope.spawn(move || Sending::run(&sender, manifest));
            let received = self.receive(&receiver);
            (sent.join().unwrap(), received)
        })
    }

    /// The receiver's side, as `recv` does it.
    fn receive(&self, end: &End) -> Receiving {
        let mut peer = Conversation::new(end.clone());
        peer.greet();
        let mut files = Vec::new();
        let outcome = read_greeting(&mut peer).and_then(|totals| {
            let mut store = Store::open(&self.target(""), self.rules.is_replacing).unwrap();
            let mut tell = |arrival: Arrival<'_>| files.push(described(&arrival));
            Incoming::new(&mut peer, totals, &mut store, self.rules, &mut tell).run()
        });
        let verdict = match &outcome {
            Ok(()) => Verdict::new(Status::Stored, ""),
            Err(error) => error.verdict(),
        };
        let _ = peer.say(&Note::Verdict(verdict)).and_then(|()| peer.flush());
        end.to.close();
        drain(&mut end.clone());
        Receiving { outcome, files }
    }
}

fn described(arrival: &Arrival<'_>) -> String {
    match arrival {
        Arrival::Stored { path, size, resumed, .. } => {
            format!("{} stored, {resumed} of {size} were there", path.display())
        }
        Arrival::Present => "present".to_owned(),
        Arrival::Folder => "folder".to_owned(),
        Arrival::Failed { path, error } => format!("{} failed: {error}", path.escape_ascii()),
    }
}

#[derive(Debug)]
struct Receiving {
    outcome: Result<(), TransferError>,
    files: Vec<String>,
}

#[derive(Debug)]
struct Sending {
    outcome: Result<(), TransferError>,
    stored: Vec<(Hash, u64)>,
    present: usize,
    folders: usize,
    failed: Vec<TransferError>,
    progress: u64,
}

impl Sending {
    fn run(end: &End, manifest: &Manifest) -> Self {
        let mut this = Self {
            outcome: Ok(()),
            stored: vec![],
            present: 0,
            folders: 0,
            failed: vec![],
            progress: 0,
        };
        let last = std::sync::atomic::AtomicU64::new(0);
        let watch = |bytes| last.store(bytes, std::sync::atomic::Ordering::Relaxed);
        let mut peer = end.clone();
        let outcome = greet(&mut peer, manifest).and_then(|()| {
            let hang_up = || end.close();
            send(manifest, &mut peer, end.clone(), &hang_up, &watch, &mut |_, what| match what {
                Departure::Stored { hash, resumed } => this.stored.push((hash, resumed)),
                Departure::Present { .. } => this.present += 1,
                Departure::Folder => this.folders += 1,
                Departure::Failed(error) => this.failed.push(error),
            })
        });
        end.to.close();
        this.outcome = outcome;
        this.progress = last.into_inner();
        this
    }

    /// The only failure of the only file.
    #[track_caller]
    fn failure(self) -> TransferError {
        self.outcome.unwrap();
        let [error] = <[_; 1]>::try_from(self.failed).unwrap();
        error
    }
}

#[test]
fn what_is_sent_is_stored_and_both_sides_know() {
    for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, SIZE] {
        let folders = Folders::with(size);
        let (sent, received) = folders.transfer(&["x"], |_| ());
        sent.outcome.unwrap();
        received.outcome.unwrap();
        let hash = blake3::hash(&content(size));
        assert_eq!(sent.stored, [(*hash.as_bytes(), 0)]);
        assert_eq!(received.files, [format!("x stored, 0 of {size} were there")]);
        assert!(fs::read(folders.target("x")).unwrap() == content(size));
        assert!(sent.progress as usize + 2 * CHUNK > size, "{}", sent.progress);
        assert_eq!(folders.part(), None);
    }
}

#[test]
fn more_files_than_may_be_ahead_arrive() {
    let folders = Folders::new();
    let files = 2 * MAX_AHEAD + 100;
    fs::create_dir_all(folders.source("f/empty")).unwrap();
    for number in 0..files {
        folders.write(&format!("f/{number}"), number.to_string().as_bytes());
    }
    for (stored, present) in [(files, 0), (0, files)] {
        let (sent, received) = folders.transfer(&["f"], |_| ());
        sent.outcome.unwrap();
        received.outcome.unwrap();
        assert_eq!((sent.stored.len(), sent.present, sent.folders), (stored, present, 2));
        // What is sent is told from time to time, what is skipped at once.
        let bytes = folders.manifest(&["f"]).totals.bytes;
        assert!(stored > 0 || sent.progress == bytes, "{} of {bytes}", sent.progress);
    }
    assert!(folders.target("f/empty").is_dir());
    for number in [0, MAX_AHEAD, files - 1] {
        let text = fs::read_to_string(folders.target(&format!("f/{number}"))).unwrap();
        assert_eq!(text, number.to_string());
    }
}

#[test]
fn a_flipped_bit_is_noticed() {
    // Past the greeting, the offer and the first record's head.
    for at in [100, SIZE / 2, SIZE] {
        let folders = Folders::with(SIZE);
        let (sent, received) = folders.transfer(&["x"], |end| end.flip_at = Some(at));
        assert!(received.files[0].contains("hashes differ"), "{received:?}");
        let error = sent.failure();
        assert_eq!(error.exit(), Exit::Content, "{error}");
        // Nothing is left that a later attempt would go on with.
        assert!(!folders.target("x").exists() && folders.part().is_none());
    }
}

#[test]
fn a_transfer_that_was_cut_anywhere_goes_on() {
    for at in [0, 5, 7, 8, 12, 30, 50, 70, 300_000, SIZE / 2, SIZE, SIZE + 60] {
        let folders = Folders::with(SIZE);
        let (sent, received) = folders.transfer(&["x"], |end| end.cut_at = Some(at));
        let is_cut =
            matches!(received.outcome, Err(TransferError::Ended | TransferError::Connection(_)));
        assert!(is_cut, "{at}: {received:?}");
        assert_eq!(sent.outcome.unwrap_err().exit(), Exit::Transfer);
        assert!(!folders.target("x").exists());
        let there = folders.part().map_or(0, |part| part.len() as u64);
        assert!(at < 200 || there as usize + 2 * CHUNK > at, "{there}");
        let (sent, _) = folders.transfer(&["x"], |_| ());
        assert_eq!(sent.stored, [(*blake3::hash(&content(SIZE)).as_bytes(), there)]);
        assert!(fs::read(folders.target("x")).unwrap() == content(SIZE));
        assert_eq!(folders.part(), None);
    }
}

#[test]
fn a_part_of_something_else_is_not_gone_on_with() {
    let folders = Folders::with(SIZE);
    folders.transfer(&["x"], |end| end.cut_at = Some(SIZE / 2));
    assert!(folders.part().unwrap().len() > SIZE / 4);
    for changed in [[content(SIZE), vec![1]].concat(), content(SIZE / 5), vec![]] {
        let mut changed = changed;
        if let Some(first) = changed.first_mut() {
            *first ^= 1;
        }
        folders.write("x", &changed);
        let (sent, _) = folders.transfer(&["x"], |_| ());
        assert_eq!(sent.stored, [(*blake3::hash(&changed).as_bytes(), 0)]);
        assert!(fs::read(folders.target("x")).unwrap() == changed);
        fs::remove_file(folders.target("x")).unwrap();
        folders.write("x", &content(SIZE));
        folders.transfer(&["x"], |end| end.cut_at = Some(SIZE / 2));
    }
    // A part that is longer than the file, and begins with it, is all that is needed.
    folders.write("x", &content(1000));
    let (sent, _) = folders.transfer(&["x"], |_| ());
    assert_eq!(sent.stored, [(*blake3::hash(&content(1000)).as_bytes(), 1000)]);
    assert!(fs::read(folders.target("x")).unwrap() == content(1000));
}

#[test]
fn what_is_there_is_compared_by_content() {
    let mut folders = Folders::with(SIZE);
    for name in ["same", "other", "longer"] {
        folders.write(name, &content(SIZE));
    }
    fs::copy(folders.source("same"), folders.target("same")).unwrap();
    fs::write(folders.target("other"), vec![7; SIZE]).unwrap();
    fs::write(folders.target("longer"), vec![7; SIZE + 1]).unwrap();
    let names = &["same", "other", "longer", "x"];
    let (sent, received) = folders.transfer(names, |_| ());
    assert_eq!((sent.stored.len(), sent.present, sent.failed.len()), (1, 1, 2));
    assert!(sent.failed.iter().all(|error| error.exit() == Exit::Unreachable));
    assert!(received.files.iter().filter(|file| file.contains("exists already")).count() == 2);
    assert!(fs::read(folders.target("other")).unwrap() == vec![7; SIZE]);
    folders.rules.is_replacing = true;
    let (sent, _) = folders.transfer(names, |_| ());
    assert_eq!((sent.stored.len(), sent.present, sent.failed.len()), (2, 2, 0));
    assert!(names.iter().all(|name| fs::read(folders.target(name)).unwrap() == content(SIZE)));
}

#[test]
fn a_source_that_changes_is_not_stored() {
    type Change = fn(&Folders);
    let changes: [(Change, &str); 4] = [
        (|f| f.write("x", &content(SIZE - 1)), "shrank from 1000003 to 1000002 bytes"),
        (|f| f.write("x", &content(SIZE + 1)), "changed while"),
        (|f| fs::write(f.source("x"), vec![7; SIZE]).unwrap(), "changed while"),
        (|f| fs::remove_file(f.source("x")).unwrap(), "cannot read the file"),
    ];
    for (change, part) in changes {
        let folders = Folders::with(SIZE);
        let manifest = folders.manifest(&["x"]);
        change(&folders);
        let (sent, received) = folders.transfer_of(&manifest, |_| ());
        assert!(received.files[0].contains(part), "{received:?}");
        let error = sent.failure();
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(error.exit(), Exit::Local);
        assert!(!folders.target("x").exists());
    }
}

/// Bytes that were sent by hand, after a greeting, and what a receiver made of them.
fn heard(folders: &Folders, bytes: &[u8]) -> (Receiving, Vec<Note>) {
    let (mut sender, receiver) = End::pair();
    sender.write_all(bytes).unwrap();
    sender.to.close();
    let received = folders.receive(&receiver);
    let mut notes = Vec::new();
    if message::read_preamble(&mut sender).is_ok() {
        while let Ok(note) = Note::read(&mut sender) {
            notes.push(note);
        }
    }
    (received, notes)
}

fn greeting() -> Vec<u8> {
    let mut bytes = Vec::new();
    message::put_preamble(&mut bytes);
    Totals::default().put(&mut bytes);
    bytes
}

fn records(records: &[Record]) -> Vec<u8> {
    let mut bytes = greeting();
    for record in records {
        record.put(&mut bytes);
    }
    bytes
}

fn file(path: &[u8], size: u64) -> Record {
    Record::File(Attributes::default(), size, path.to_vec())
}

#[test]
fn nonsense_ends_the_transfer() {
    let offered = |size, rest: &[u8]| [records(&[file(b"x", size)]).as_slice(), rest].concat();
    let data = |length: u32| [&[4], length.to_be_bytes().as_slice()].concat();
    let five = [&data(5), b"12345".as_slice()].concat();
    for (bytes, part) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "does not speak towline's file protocol"),
        (b"TOWFILE\x09whatever".to_vec(), "version 9"),
        (b"TOWFILE\x01whatever".to_vec(), "version 1"),
        (
            [greeting(), [[1; 15].as_slice(), b"\xff\xff"].concat()].concat(),
            "a name that is too long",
        ),
        (offered(5, &data(0)), "forbidden length"),
        (offered(u64::MAX, &data(u32::MAX)), "forbidden length"),
        (offered(5, &data(6)), "more content than was offered"),
        (offered(5, &[five.clone(), data(1)].concat()), "more content"),
        (offered(5, &[5; 33]), "an end before the end"),
        (offered(5, &[9]), "an end before the end"),
        (offered(5, &[99]), "an unknown record"),
        (offered(5, &[3; 33]), "a proof that was not asked for"),
        (
            offered(5, &[&data(5), b"12345".as_slice(), &[7]].concat()),
            "something else than content",
        ),
        (records(&[Record::Data(5)]), "content that was not asked for"),
        (records(&[Record::End([0; 32])]), "content that was not asked for"),
        (records(&vec![file(b"x", 5); MAX_AHEAD + 1]), "more files ahead than are allowed"),
        (offered(5, &[]), "before the end"),
        (offered(5, &[&data(5), b"123".as_slice()].concat()), "before the end"),
        (offered(5, &five), "before the end"),
    ] {
        let folders = Folders::new();
        let (received, _) = heard(&folders, &bytes);
        let error = received.outcome.unwrap_err().to_string();
        assert!(error.contains(part), "{error}, not {part}");
        assert!(!folders.target("x").exists());
    }
}

#[test]
fn a_wrong_hash_is_refused_and_a_reason_is_harmless() {
    let folders = Folders::new();
    let mut bytes = records(&[file(b"x", 5), file(b"y", 5), Record::Data(5)]);
    bytes.extend(b"12345");
    let rest = [Record::End([2; 32]), Record::Abandon("\x1b[m".to_owned()), Record::Finish];
    for record in rest {
        record.put(&mut bytes);
    }
    let (received, notes) = heard(&folders, &bytes);
    received.outcome.as_ref().unwrap();
    assert!(received.files[0].contains("hashes differ"), "{received:?}");
    assert_eq!(received.files[1], "y failed: the sender gave up: ?[m");
    let [Note::Wanted(0), Note::Wanted(0), Note::Failed(first), Note::Failed(_), Note::Verdict(_)] =
        notes.as_slice()
    else {
        panic!("{notes:?}")
    };
    assert_eq!(first.status, Status::Damaged);
    assert_eq!(fs::read_dir(folders.target("")).unwrap().count(), 0);
}

#[test]
fn results_come_in_order_although_flushing_takes_its_time() {
    let folders = Folders::new();
    let mut bytes = records(&[file(b"x", 5), file(b"y", 5), file(b"z", 5)]);
    let right = Record::End(*blake3::hash(b"12345").as_bytes());
    for end in [right.clone(), Record::End([2; 32]), right] {
        Record::Data(5).put(&mut bytes);
        bytes.extend(b"12345");
        end.put(&mut bytes);
    }
    Record::Finish.put(&mut bytes);
    let (received, notes) = heard(&folders, &bytes);
    received.outcome.unwrap();
    assert!(
        matches!(notes[3..], [Note::Stored, Note::Failed(_), Note::Stored, Note::Verdict(_)]),
        "{notes:?}"
    );
}

#[test]
fn names_that_lead_elsewhere_are_refused_one_by_one() {
    let folders = Folders::new();
    fs::create_dir(folders.target("f")).unwrap();
    let evil: [&[u8]; 9] = [
        b"../x",
        b"/tmp/x",
        b"f/../../x",
        b"f//x",
        b"con",
        b"C:\\x",
        b".profile",
        b".towline-x",
        b"",
    ];
    for path in evil {
        let attributes = Attributes::default();
        let folder = || Record::Folder(attributes, path.to_vec());
        let left = Record::Left(Attributes { mode: Some(0), ..attributes }, path.to_vec());
        let (received, notes) =
            heard(&folders, &records(&[folder(), file(path, 5), left, Record::Finish]));
        received.outcome.unwrap();
        assert!(
            matches!(notes[..], [Note::Refused(_), Note::Refused(_), Note::Verdict(_)]),
            "{notes:?}"
        );
    }
    // A file where a folder is, a folder where a file is.
    fs::write(folders.target("file"), "").unwrap();
    for record in
        [file(b"f", 0), Record::Folder(Attributes::default(), b"file".to_vec()), file(b"file/x", 1)]
    {
        let (_, notes) = heard(&folders, &records(&[record, Record::Finish]));
        assert!(matches!(notes[0], Note::Refused(_)), "{notes:?}");
    }
    assert_eq!(fs::read_dir(folders.target("")).unwrap().count(), 2);
    assert_eq!(fs::read_dir(folders.dir.path()).unwrap().count(), 2);
}

/// What a sender makes of these bytes, where `SIZE` bytes are to be sent.
fn told(bytes: &[u8]) -> TransferError {
    let folders = Folders::with(SIZE);
    let manifest = folders.manifest(&["x"]);
    let (sender, mut receiver) = End::pair();
    receiver.write_all(bytes).unwrap();
    receiver.to.close();
    thread::scope(|scope| {
        let sent = scope.spawn(|| Sending::run(&sender, &manifest));
        drain(&mut receiver);
        let mut sent = sent.join().unwrap();
        sent.outcome.err().or(sent.failed.pop()).unwrap()
    })
}

/// A preamble, then `rest`.
fn answered(rest: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    message::put_preamble(&mut bytes);
    [bytes.as_slice(), rest].concat()
}

#[test]
fn a_sender_believes_only_what_makes_sense() {
    let said = |kind: u8, status: u8, text: &str| {
        [&[kind, status, 0, text.len() as u8], text.as_bytes()].concat()
    };
    let verdict = |status, text| said(9, status, text);
    let number = |kind: u8, number: u64| [&[kind], number.to_be_bytes().as_slice()].concat();
    let stored = verdict(0, "");
    let wanted = |rest: &[u8]| answered(&[number(2, 0).as_slice(), rest].concat());
    for (bytes, exit, part) in [
        (Vec::new(), Exit::Transfer, "closed the connection"),
        (b"SSH-2.0-OpenSSH".to_vec(), Exit::Unreachable, "does not speak"),
        ([b"TOWFILE".as_slice(), &[VERSION + 1]].concat(), Exit::Unreachable, "version 3"),
        (
            answered(&[said(5, 1, "exists"), stored.clone()].concat()),
            Exit::Unreachable,
            "refuses it: exists",
        ),
        (
            answered(&[said(5, 2, "full"), stored.clone()].concat()),
            Exit::Transfer,
            "cannot store it: full",
        ),
        (answered(&verdict(4, "nonsense")), Exit::Transfer, "gave up: nonsense"),
        (answered(&stored), Exit::Transfer, "stored before all was sent"),
        (answered(&[77]), Exit::Transfer, "an unknown answer"),
        (answered(&said(9, 9, "")), Exit::Transfer, "an unknown verdict"),
        (answered(&[6]), Exit::Transfer, "a result of nothing"),
        (answered(&[1]), Exit::Transfer, "does not fit"),
        (answered(&[4]), Exit::Transfer, "does not fit"),
        (answered(&number(2, 5)), Exit::Transfer, "does not fit"),
        (answered(&number(3, SIZE as u64 + 1)), Exit::Transfer, "does not fit"),
        (answered(&[number(3, 5), number(3, 5)].concat()), Exit::Transfer, "does not fit"),
        (answered(&[number(3, 5), number(2, 6)].concat()), Exit::Transfer, "does not fit"),
        (answered(&[number(3, 5), vec![4]].concat()), Exit::Transfer, "does not fit"),
        (
            wanted(&[said(7, 2, "full"), stored.clone()].concat()),
            Exit::Transfer,
            "cannot store it: full",
        ),
        (wanted(&[said(7, 3, "hash"), stored.clone()].concat()), Exit::Content, "hash"),
        (wanted(&number(2, 0)), Exit::Transfer, "an answer to nothing"),
        (wanted(&[]), Exit::Transfer, "closed the connection"),
    ] {
        let error = told(&bytes);
        assert!(error.to_string().contains(part), "{error}, not {part}");
        assert_eq!(error.exit(), exit, "{error}");
    }
}

#[test]
fn silence_is_told_from_other_failures() {
    let error = TransferError::from(io::Error::from(io::ErrorKind::WouldBlock));
    assert_eq!(error.to_string(), "the other side has been silent for too long");
}

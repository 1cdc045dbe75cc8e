//! Both sides over pipes in memory, whole and broken.

use super::message::VERSION;
use super::*;
use crate::failure::Exit;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};

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

/// A disk with so many bytes left.
struct Disk {
    content: Vec<u8>,
    left: usize,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let taken = bytes.len().min(self.left);
        self.content.extend(&bytes[..taken]);
        self.left -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const SIZE: usize = 1_000_003;

fn content(size: usize) -> Vec<u8> {
    (0..size as u64).map(|n| (n * n % 251) as u8).collect()
}

/// The sender's side of a transfer of `source`, offered as `size` bytes.
fn send(end: &End, mut source: &[u8], size: usize) -> Result<(Hash, u64), TransferError> {
    let (mut writer, reader) = (end.clone(), end.clone());
    let size = size as u64;
    let result = offer(&mut writer, &Offer { size, name: "x".to_owned() }).and_then(|()| {
        let last = std::sync::atomic::AtomicU64::new(0);
        let set = |bytes| last.store(bytes, Ordering::Relaxed);
        let hash = send_content(&mut source, size, &mut writer, reader, &set)?;
        Ok((hash, last.into_inner()))
    });
    end.to.close();
    result
}

/// The receiver's side, as `recv` does it.
fn receive(end: &mut End, disk: &mut Disk) -> Result<Hash, TransferError> {
    let offer = read_offer(end)?;
    answer(end, &Note::Accepted)?;
    let received = receive_content(end, offer.size, disk, &|_| ());
    let verdict = match &received {
        Ok(hash) => Verdict { status: Status::Stored, hash: *hash, text: String::new() },
        Err(error) => error.verdict(),
    };
    let _ = conclude(end, verdict);
    end.to.close();
    drain(end);
    received
}

type Outcome<T> = Result<T, TransferError>;

/// Both sides at the same time.
fn transfer(
    prepare: impl FnOnce(&mut End),
    source: &[u8],
    size: usize,
    disk: &mut Disk,
) -> (Outcome<(Hash, u64)>, Outcome<Hash>) {
    let (mut sender, mut receiver) = End::pair();
    prepare(&mut sender);
    thread::scope(|scope| {
        let sent = scope.spawn(move || send(&sender, source, size));
        let received = receive(&mut receiver, disk);
        (sent.join().unwrap(), received)
    })
}

fn disk(left: usize) -> Disk {
    Disk { content: Vec::new(), left }
}

#[test]
fn what_is_sent_is_stored_and_both_sides_know() {
    for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, SIZE] {
        let (source, mut disk) = (content(size), disk(usize::MAX));
        let (sent, received) = transfer(|_| (), &source, size, &mut disk);
        let (hash, progress) = sent.unwrap();
        assert_eq!(hash, received.unwrap());
        assert_eq!(hash, *blake3::hash(&source).as_bytes());
        assert!(disk.content == source);
        let expected = if size as u64 >= PROGRESS_BYTES { size as u64 } else { 0 };
        assert!(progress <= expected && progress + 2 * CHUNK as u64 > expected, "{progress}");
    }
}

#[test]
fn a_flipped_bit_is_noticed() {
    let source = content(SIZE);
    // Past the preamble, the offer and the first record's head.
    for at in [40, SIZE / 2, SIZE] {
        let prepare = |end: &mut End| end.flip_at = Some(at);
        let (sent, received) = transfer(prepare, &source, SIZE, &mut disk(usize::MAX));
        assert!(matches!(received, Err(TransferError::Content)), "{received:?}");
        let error = sent.unwrap_err();
        assert_eq!(error.exit(), Exit::Content, "{error}");
    }
}

#[test]
fn a_cut_anywhere_is_noticed() {
    let source = content(SIZE);
    for at in [0, 5, 7, 8, 12, 18, 19, 30, SIZE / 2, SIZE, SIZE + 60] {
        let prepare = |end: &mut End| end.cut_at = Some(at);
        let (sent, received) = transfer(prepare, &source, SIZE, &mut disk(usize::MAX));
        let is_cut = matches!(received, Err(TransferError::Ended | TransferError::Connection(_)));
        assert!(is_cut, "{at}: {received:?}");
        assert_eq!(sent.unwrap_err().exit(), Exit::Transfer);
    }
}

#[test]
fn a_full_disk_is_reported_to_both_sides() {
    let source = content(SIZE);
    let (sent, received) = transfer(|_| (), &source, SIZE, &mut disk(SIZE / 2));
    assert!(matches!(received, Err(TransferError::Sink(_))));
    let error = sent.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("no storage space"), "{text}");
    assert_eq!(error.exit(), Exit::Transfer);
}

#[test]
fn a_file_that_shrinks_is_not_stored() {
    let source = content(SIZE);
    let (sent, received) = transfer(|_| (), &source, SIZE + 1, &mut disk(usize::MAX));
    let error = sent.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the file shrank from 1000004 to 1000003 bytes while it was sent"
    );
    assert_eq!(error.exit(), Exit::Local);
    let error = received.unwrap_err().to_string();
    assert!(error.starts_with("the sender gave up: the file shrank"), "{error}");
}

/// What a receiver makes of these bytes.
fn heard(bytes: &[u8]) -> (TransferError, Vec<u8>) {
    let mut disk = disk(usize::MAX);
    let (mut sender, mut receiver) = End::pair();
    sender.write_all(bytes).unwrap();
    sender.to.close();
    let error = receive(&mut receiver, &mut disk).unwrap_err();
    (error, disk.content)
}

/// A preamble, an offer of `size` bytes named `x`, then `rest`.
fn offered(size: u64, rest: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    message::put_preamble(&mut bytes);
    Offer { size, name: "x".to_owned() }.put(&mut bytes);
    [bytes.as_slice(), rest].concat()
}

#[test]
fn nonsense_is_refused() {
    let data = |length: u32| [&[1], length.to_be_bytes().as_slice()].concat();
    let long_name =
        [b"TOWFILE\x01\0\0\0\0\0\0\0\0\xff\xff".as_slice(), &vec![b'x'; 65_535]].concat();
    for (bytes, part) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "does not speak towline's file protocol"),
        (b"TOWFILE\x09whatever".to_vec(), "version 9"),
        (long_name, "a text that is too long"),
        (offered(5, &data(0)), "forbidden length"),
        (offered(u64::MAX, &data(u32::MAX)), "forbidden length"),
        (offered(5, &data(6)), "more content than was offered"),
        (offered(5, &[&data(5), b"12345".as_slice(), &data(1)].concat()), "more content"),
        (offered(5, &[2; 33]), "an end before the end"),
        (offered(5, &[9]), "an unknown record"),
        (offered(5, &[3, 0, 2, b'n', b'o']), "the sender gave up: no"),
        (offered(5, &[3, 0, 3, 27, b'[', b'm']), "the sender gave up: ?[m"),
        (offered(5, &[]), "before the end"),
        (offered(5, &[&data(5), b"123".as_slice()].concat()), "before the end"),
        (offered(5, &[&data(5), b"12345".as_slice()].concat()), "before the end"),
    ] {
        let (error, _) = heard(&bytes);
        assert!(error.to_string().contains(part), "{error}, not {part}");
    }
}

#[test]
fn a_wrong_hash_is_refused() {
    let rest = [[1, 0, 0, 0, 5].as_slice(), b"12345", &[2; 33]].concat();
    let (error, content) = heard(&offered(5, &rest));
    assert!(matches!(error, TransferError::Content));
    assert_eq!(content, b"12345");
}

/// What a sender makes of these bytes, where `SIZE` bytes are to be sent.
fn told(bytes: &[u8]) -> TransferError {
    let (sender, mut receiver) = End::pair();
    receiver.write_all(bytes).unwrap();
    receiver.to.close();
    thread::scope(|scope| {
        let sent = scope.spawn(|| send(&sender, &content(SIZE), SIZE));
        drain(&mut receiver);
        sent.join().unwrap().unwrap_err()
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
    let verdict = |status: u8, text: &str| {
        [[3, status].as_slice(), &[7; 32], &[0, text.len() as u8], text.as_bytes()].concat()
    };
    let accepted = |rest: &[u8]| answered(&[[1].as_slice(), rest].concat());
    for (bytes, exit, part) in [
        (Vec::new(), Exit::Transfer, "closed the connection"),
        (b"SSH-2.0-OpenSSH".to_vec(), Exit::Unreachable, "does not speak"),
        (
            vec![b'T', b'O', b'W', b'F', b'I', b'L', b'E', VERSION + 1],
            Exit::Unreachable,
            "version 2",
        ),
        (answered(&verdict(1, "exists")), Exit::Unreachable, "refuses it: exists"),
        (answered(&[2; 9]), Exit::Transfer, "progress before the start"),
        (answered(&[77]), Exit::Transfer, "an unknown answer"),
        (accepted(&verdict(0, "")), Exit::Transfer, "stored before all was sent"),
        (accepted(&verdict(2, "full")), Exit::Transfer, "cannot store it: full"),
        (accepted(&verdict(3, "hash")), Exit::Content, "hash"),
        (accepted(&verdict(9, "")), Exit::Transfer, "an unknown verdict"),
        (accepted(&[1]), Exit::Transfer, "accepted twice"),
        (accepted(&[]), Exit::Transfer, "closed the connection"),
    ] {
        let error = told(&bytes);
        assert!(error.to_string().contains(part), "{error}, not {part}");
        assert_eq!(error.exit(), exit, "{error}");
    }
}

#[test]
fn a_receiver_that_stored_something_else_is_noticed() {
    let (sender, mut receiver) = End::pair();
    let received = thread::scope(|scope| {
        let sent = scope.spawn(|| send(&sender, b"12345", 5));
        let offer = read_offer(&mut receiver).unwrap();
        answer(&mut receiver, &Note::Accepted).unwrap();
        receive_content(&mut receiver, offer.size, &mut disk(9), &|_| ()).unwrap();
        let verdict = Verdict { status: Status::Stored, hash: [1; 32], text: String::new() };
        conclude(&mut receiver, verdict).unwrap();
        sent.join().unwrap()
    });
    assert!(matches!(received, Err(TransferError::Content)), "{received:?}");
}

#[test]
fn silence_is_told_from_other_failures() {
    let error = TransferError::from(io::Error::from(io::ErrorKind::WouldBlock));
    assert_eq!(error.to_string(), "the other side has been silent for too long");
}

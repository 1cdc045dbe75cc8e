//! Peers that are none, and those that mean harm: records made by hand, as `docs/TRANSFER.md` says.

use super::folders::tree;
use super::{Files, Service, fails, names, run};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, UdpSocket};
use std::thread;
use towline::{Listener, Stream};

#[test]
fn strangers_do_not_disturb_a_receiver() {
    let files = Files::new("x", 50_000);
    let into = files.dir("into");
    let mut receiver = Service::recv(&into, &["--once"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in [0, 1, 20, 1200, 1472] {
        socket.send_to(&files.content[..length], &receiver.address).unwrap();
    }
    for (said, part) in [
        (b"GET / HTTP/1.1\r\n\r\n".as_slice(), "does not speak"),
        (b"TOWFILE\x09whatever", "version 9"),
        (b"TOWFILE\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x63", "unknown record"),
    ] {
        let mut stream = Stream::connect(receiver.address.as_str()).unwrap();
        stream.write_all(said).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"TOWFILE\x02"), "{answer:?}");
        drop(stream);
        let complaint = receiver.complaint();
        assert!(complaint.contains(part), "{complaint}");
    }
    assert!(run(&["send", files.file(), &receiver.address]).status.success());
    assert_eq!(receiver.end(), 0);
    assert_eq!(names(&into), ["x"]);
}

#[test]
fn a_sender_tells_strangers_from_receivers() {
    let files = Files::new("x", 50_000);
    for (answer, part) in
        [(b"TOWFILE\x03".as_slice(), "version 3"), (b"SSH-2.0-OpenSSH_9", "does not speak")]
    {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let stranger = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(answer).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        fails(&run(&["send", files.file(), &address]), 3, &[part]);
        stranger.join().unwrap();
    }
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let sent = run(&["send", files.file(), &address, "--timeout", "0.2"]);
    fails(&sent, 1, &["silent for too long"]);
}

/// What a sender says, in bytes.
struct Said(Vec<u8>);

/// Permissions rwxr-xr-x, no time.
const ATTRIBUTES: [u8; 14] = [1, 0o355, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];

impl Said {
    fn greeting() -> Self {
        Self([b"TOWFILE\x02".as_slice(), &[0; 16]].concat())
    }

    fn path(mut self, path: &[u8]) -> Self {
        self.0.extend((path.len() as u16).to_be_bytes());
        self.0.extend(path);
        self
    }

    fn folder(mut self, path: &[u8]) -> Self {
        self.0.push(1);
        self.0.extend(ATTRIBUTES);
        self.path(path)
    }

    fn file(mut self, path: &[u8], size: u64) -> Self {
        self.0.push(2);
        self.0.extend(ATTRIBUTES);
        self.0.extend(size.to_be_bytes());
        self.path(path)
    }

    fn left(mut self, path: &[u8]) -> Self {
        self.0.push(8);
        self.0.extend(ATTRIBUTES);
        self.path(path)
    }

    /// DATA and END of a file, whether it is wanted or not.
    fn content(mut self, content: &[u8]) -> Self {
        self.0.push(4);
        self.0.extend((content.len() as u32).to_be_bytes());
        self.0.extend(content);
        self.0.push(5);
        self.0.extend(blake3::hash(content).as_bytes());
        self
    }

    fn finish(mut self) -> Self {
        self.0.push(9);
        self
    }

    /// Says it all, and returns what the receiver answers behind its preamble.
    fn to(self, address: &str) -> Vec<u8> {
        let mut stream = Stream::connect(address).unwrap();
        let mut writer = stream.try_clone().unwrap();
        let writing = thread::spawn(move || {
            // The receiver may have heard enough before the end.
            let _ = writer.write_all(&self.0);
            let _ = writer.shutdown(Shutdown::Write);
        });
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        writing.join().unwrap();
        let rest = answer.strip_prefix(b"TOWFILE\x02");
        rest.unwrap_or_else(|| panic!("{}", answer.escape_ascii())).to_vec()
    }
}

const REFUSED: u8 = 5;

#[test]
fn a_file_that_is_offered_by_hand_is_stored() {
    let files = Files::new("x", 10);
    let into = files.dir("into");
    let receiver = Service::recv(&into, &["--once"]);
    let said = Said::greeting().folder(b"f").file(b"f/x", 4).content(b"evil").left(b"f").finish();
    let answer = said.to(&receiver.address);
    // READY, WANTED(0), STORED, VERDICT(stored, "").
    assert_eq!(answer, [&[1, 2], [0; 8].as_slice(), &[6, 9, 0, 0, 0]].concat());
    assert_eq!(receiver.end(), 0);
    assert_eq!(fs::read(into.join("f/x")).unwrap(), b"evil");
}

/// Paths that a receiver must not take.
fn evil(absolute: &[u8]) -> Vec<Vec<u8>> {
    let long = vec![b'x'; 256];
    let deep = vec!["d"; 257].join("/").into_bytes();
    let paths: [&[u8]; 29] = [
        b"../evil",
        b"../x",
        b"f/../../evil",
        b"f/..",
        b"..",
        b".",
        b"./evil",
        b"f/./evil",
        b"",
        b"f/",
        b"f//evil",
        b"/evil",
        absolute,
        b"..\\evil",
        b"f\\evil",
        b"C:\\evil",
        b"C:evil",
        b"f/c:evil",
        b"\\\\host\\share\\evil",
        b"CON",
        b"nul.txt",
        b"f/COM1",
        b"f/lpt9.log",
        b"evil\0.txt",
        b".evil",
        b".ssh/evil",
        b".towline-evil.part",
        &long,
        &deep,
    ];
    paths.into_iter().map(<[u8]>::to_vec).collect()
}

#[test]
fn no_name_leads_out_of_the_directory() {
    let files = Files::new("x", 10);
    let into = files.dir("into");
    fs::create_dir(into.join("f")).unwrap();
    let before = tree(files.dir.path());
    let mut receiver = Service::recv(&into, &["--overwrite"]);
    for path in evil(&files.path("evil").into_os_string().into_encoded_bytes()) {
        let name = path.escape_ascii();
        let said = Said::greeting().file(&path, 4).content(b"evil").finish();
        let answer = said.to(&receiver.address);
        assert_eq!(answer.first(), Some(&REFUSED), "{name}: {}", answer.escape_ascii());
        assert!(receiver.complaint().contains("not taken") || path.starts_with(b"."), "{name}");
        assert!(receiver.complaint().contains("not asked for"), "{name}");
        let said = Said::greeting().folder(&path).left(&path).finish();
        assert_eq!(said.to(&receiver.address).first(), Some(&REFUSED), "{name}");
        receiver.complaint();
        assert_eq!(tree(files.dir.path()), before, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_directory() {
    use std::os::unix::fs::symlink;
    let files = Files::new("x", 10);
    let (into, outside) = (files.dir("into"), files.dir("outside"));
    fs::write(outside.join("secret"), "secret").unwrap();
    symlink(&outside, into.join("absolute")).unwrap();
    symlink("../outside", into.join("relative")).unwrap();
    symlink("../outside/secret", into.join("secret")).unwrap();
    symlink("../outside/new", into.join("dangling")).unwrap();
    let before = tree(&outside);
    for more in [&["--overwrite"] as &[_], &[]] {
        let receiver = Service::recv(&into, more);
        for path in ["absolute/evil", "relative/evil", "relative/secret", "relative/f/evil"] {
            let said = Said::greeting().file(path.as_bytes(), 4).finish();
            assert_eq!(said.to(&receiver.address).first(), Some(&REFUSED), "{path}");
        }
        for path in ["absolute", "relative", "relative/f", "dangling"] {
            let said = Said::greeting().folder(path.as_bytes()).left(path.as_bytes()).finish();
            assert_eq!(said.to(&receiver.address).first(), Some(&REFUSED), "{path}");
        }
        assert_eq!(tree(&outside), before);
    }
    // A link in the place of a file gives way on request; what it leads to stays.
    let receiver = Service::recv(&into, &["--overwrite"]);
    for path in ["secret", "dangling"] {
        let said = Said::greeting().file(path.as_bytes(), 4).content(b"evil").finish();
        said.to(&receiver.address);
        assert!(into.join(path).symlink_metadata().unwrap().is_file());
        assert_eq!(fs::read(into.join(path)).unwrap(), b"evil");
    }
    assert_eq!(tree(&outside), before);
}

#[test]
fn what_a_sender_can_make_a_receiver_hold_is_bounded() {
    let files = Files::new("x", 10);
    let into = files.dir("into");
    let mut receiver = Service::recv(&into, &[]);
    // More offers than may be open, a name that is too long, a record that is too long.
    let offers = (0..1025).fold(Said::greeting(), |said, n| said.file(n.to_string().as_bytes(), 1));
    let mut long_record = Said::greeting().file(b"x", u64::MAX);
    long_record.0.extend([4, 0xff, 0xff, 0xff, 0xff]);
    for (said, part) in [
        (offers, "more files ahead"),
        (Said::greeting().file(&[b'x'; 4097], 1), "a name that is too long"),
        (long_record, "forbidden length"),
    ] {
        said.to(&receiver.address);
        let complaint = receiver.complaint();
        assert!(complaint.contains(part), "{complaint}");
    }
    assert_eq!(names(&into), [""; 0]);
}

#[test]
fn a_name_does_not_steer_the_terminal() {
    let files = Files::new("x", 10);
    let into = files.dir("into");
    let mut receiver = Service::recv(&into, &[]);
    let name = b"a\x1b[31m\nb\xe2\x80\xaec";
    Said::greeting().folder(name).finish().to(&receiver.address);
    let printed = receiver.line();
    assert!(printed.starts_with("received 0 files and 1 folder"), "{printed}");
    Said::greeting().file(name, 4).finish().to(&receiver.address);
    let complaint = receiver.complaint();
    assert!(complaint.contains("directory") && complaint.contains(r"\u{1b}[31m\nb"), "{complaint}");
    let is_harmful = |c: char| c.is_control() || c == '\u{202e}';
    assert!(!complaint.trim_end().contains(is_harmful), "{complaint}");
}

#[test]
fn what_is_there_is_not_told_to_who_does_not_have_it() {
    let files = Files::new("x", 10);
    let into = files.dir("into");
    fs::write(into.join("secret"), "1234").unwrap();
    let receiver = Service::recv(&into, &[]);
    let mut said = Said::greeting().file(b"secret", 4);
    said.0.push(3);
    said.0.extend([7; 32]);
    let answer = said.finish().to(&receiver.address);
    // HAVE(4), REFUSED(refused, why).
    let (have, refused) = answer.split_at(9);
    assert_eq!((have, &refused[..2]), ([3, 0, 0, 0, 0, 0, 0, 0, 4].as_slice(), [5, 1].as_slice()));
    assert!(!answer.windows(4).any(|bytes| bytes == b"1234"));
}

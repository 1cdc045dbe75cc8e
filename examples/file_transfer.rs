//! A file transfer: name, size, content, receipt.
//!
//! The receiver writes beside the file's place, and puts it there when it is whole, so half a file is
//! never seen; it takes nothing but a plain name, and replaces nothing. The sender knows that all is
//! well when the receipt has come, and not before. (`towline send` and `towline recv` do more:
//! folders, resuming, content hashes.)
//!
//! ```sh
//! cargo run --example file_transfer
//! ```
//!
//! It prints:
//!
//! ```text
//! received letter.txt, 3000000 bytes; it is equal: true
//! ../letter.txt is refused: not a plain name
//! ```

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::path::{Component, Path};
use std::thread;

use towline::{Listener, Stream};

/// Sends the file at `path` under `name`, and gives the receipt.
fn send(addr: SocketAddr, path: &Path, name: &str) -> io::Result<String> {
    let (mut stream, mut file) = (Stream::connect(addr)?, File::open(path)?);
    stream.write_all(format!("{name}\n{}\n", file.metadata()?.len()).as_bytes())?;
    // Who refuses says why: that it may be gone already is not the error to tell.
    match io::copy(&mut file, &mut stream) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(error),
        _ => {}
    }
    let mut receipt = String::new();
    stream.take(1000).read_to_string(&mut receipt)?;
    if receipt.starts_with("received ") { Ok(receipt) } else { Err(io::Error::other(receipt)) }
}

/// Receives one file into `folder`; the answer is a receipt, or the reason why there is none.
fn receive(mut stream: &Stream, folder: &Path) -> io::Result<()> {
    let answer = store(stream, folder).unwrap_or_else(|error| format!("refused: {error}"));
    stream.write_all(answer.as_bytes())?;
    stream.shutdown(Shutdown::Both)
}

fn store(stream: &Stream, folder: &Path) -> io::Result<String> {
    let mut from = BufReader::new(stream);
    let mut line = |limit| {
        let mut line = String::new();
        from.by_ref().take(limit).read_line(&mut line).map(|_| line)
    };
    let (name, size) = (line(300)?, line(30)?);
    let name = Path::new(name.trim_end_matches('\n'));
    let size: u64 = size.trim().parse().map_err(io::Error::other)?;
    // A root, a folder and `..` are components of other kinds, or further ones.
    let mut components = name.components();
    let (Some(Component::Normal(_)), None) = (components.next(), components.next()) else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not a plain name"));
    };
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    if io::copy(&mut from.take(size), &mut file)? != size {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    file.as_file().sync_all()?;
    file.persist_noclobber(folder.join(name)).map_err(|error| error.error)?;
    Ok(format!("received {}, {size} bytes", name.display()))
}

/// Both sides in one process.
pub(crate) fn run() -> io::Result<Vec<String>> {
    let (from, to) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (path, name) = (from.path().join("letter.txt"), "letter.txt");
    fs::write(&path, vec![b'x'; 3_000_000])?;
    let listener = Listener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let folder = to.path().to_owned();
    let receiver = thread::spawn(move || {
        listener.incoming().take(2).try_for_each(|stream| receive(&stream?, &folder))
    });

    let receipt = send(addr, &path, name)?;
    let is_equal = fs::read(&path)? == fs::read(to.path().join(name))?;
    let mut lines = vec![format!("{receipt}; it is equal: {is_equal}")];
    if let Err(why) = send(addr, &path, "../letter.txt") {
        lines.push(format!("../letter.txt is {why}"));
    }
    receiver.join().map_err(|_| io::Error::other("the receiver panicked"))??;
    Ok(lines)
}

fn main() -> io::Result<()> {
    for line in run()? {
        println!("{line}");
    }
    Ok(())
}

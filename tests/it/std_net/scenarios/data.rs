//! Reading and writing.

use super::{TcpStream, begin, each_ip, pair, pattern};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::sync::mpsc;
use std::thread;

/// Waits until `len` bytes can be read.
fn await_bytes(stream: &TcpStream, len: usize) {
    let mut buf = vec![0; len];
    while stream.peek(&mut buf).unwrap() < len {}
}

#[test]
fn a_read_takes_what_there_is() {
    each_ip(|addr| {
        let (mut client, mut server) = pair(addr);
        server.write_all(&[10]).unwrap();
        let mut buf = [0; 10];
        assert_eq!(client.read(&mut buf).unwrap(), 1);
        client.write_all(&[1, 2, 3]).unwrap();
        await_bytes(&server, 3);
        assert_eq!(server.read(&mut buf[..2]).unwrap(), 2);
        assert_eq!(server.read(&mut buf[2..]).unwrap(), 1);
        assert_eq!(buf[..3], [1, 2, 3]);
    });
}

#[test]
fn a_look_leaves_the_bytes_there() {
    each_ip(|addr| {
        let (client, mut server) = pair(addr);
        server.write_all(&[1, 3, 3, 7]).unwrap();
        await_bytes(&client, 4);
        let mut buf = [0; 10];
        for _ in 0..3 {
            assert_eq!(client.peek(&mut buf).unwrap(), 4);
            assert_eq!(client.peek(&mut buf[..2]).unwrap(), 2);
        }
        assert_eq!((&client).read(&mut buf).unwrap(), 4);
        assert_eq!(buf[..4], [1, 3, 3, 7]);
        drop(server);
        assert_eq!(client.peek(&mut buf).unwrap(), 0, "the end can be looked at, too");
    });
}

#[test]
fn a_vectored_read_fills_one_buffer_after_the_other() {
    each_ip(|addr| {
        let (mut client, server) = pair(addr);
        client.write_all(&[10, 11, 12, 13, 14, 15]).unwrap();
        await_bytes(&server, 6);
        let (mut a, mut b, mut c, mut d) = ([], [0], [0; 3], [0; 9]);
        let mut bufs = [&mut a[..], &mut b, &mut [], &mut c, &mut d].map(IoSliceMut::new);
        assert_eq!((&server).read_vectored(&mut bufs).unwrap(), 6);
        assert_eq!((b, c, &d[..3]), ([10], [11, 12, 13], &[14, 15, 0][..]));
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!((&server).read_vectored(&mut [IoSliceMut::new(&mut d)]).unwrap(), 0);
    });
}

#[test]
fn a_vectored_write_takes_one_buffer_after_the_other() {
    each_ip(|addr| {
        let (client, mut server) = pair(addr);
        let bufs = [&[][..], &[10], &[], &[11, 12], &[13, 14, 15]].map(IoSlice::new);
        assert_eq!((&client).write_vectored(&bufs).unwrap(), 6);
        assert_eq!((&client).write_vectored(&[]).unwrap(), 0);
        drop(client);
        let mut all = Vec::new();
        server.read_to_end(&mut all).unwrap();
        assert_eq!(all, [10, 11, 12, 13, 14, 15]);
    });
}

#[test]
fn many_vectors_are_written_and_read() {
    each_ip(|addr| {
        let (mut client, mut server) = pair(addr);
        let data = pattern(4 << 20);
        let expected = data.clone();
        let writer = thread::spawn(move || {
            let mut bufs: Vec<_> = data.chunks(5000).map(IoSlice::new).collect();
            let mut rest = &mut bufs[..];
            while !rest.is_empty() {
                let n = client.write_vectored(rest).unwrap();
                assert!(n > 0);
                IoSlice::advance_slices(&mut rest, n);
            }
        });
        let mut data = vec![0; expected.len()];
        let mut bufs: Vec<_> = data.chunks_mut(3000).map(IoSliceMut::new).collect();
        let mut rest = &mut bufs[..];
        while !rest.is_empty() {
            let n = server.read_vectored(rest).unwrap();
            assert!(n > 0, "ended too soon");
            IoSliceMut::advance_slices(&mut rest, n);
        }
        assert!(data == expected);
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        writer.join().unwrap();
    });
}

#[test]
fn more_than_all_buffers_hold_is_written_at_once() {
    each_ip(|addr| {
        let (mut client, mut server) = pair(addr);
        let data = pattern(40 << 20);
        let expected = data.clone();
        let writer = thread::spawn(move || {
            client.write_all(&data).unwrap();
            client.flush().unwrap();
        });
        let mut all = Vec::new();
        server.read_to_end(&mut all).unwrap();
        assert!(all == expected);
        writer.join().unwrap();
    });
}

#[test]
fn a_clone_writes_while_the_other_reads() {
    each_ip(|addr| {
        let (client, server) = pair(addr);
        let echo = thread::spawn(move || io::copy(&mut &server, &mut &server).unwrap());
        let clone = client.try_clone().unwrap();
        let data = pattern(3 << 20);
        let sent = data.clone();
        let writer = thread::spawn(move || {
            (&clone).write_all(&sent).unwrap();
            clone.shutdown(Shutdown::Write).unwrap();
        });
        let mut all = vec![0; data.len()];
        (&client).read_exact(&mut all).unwrap();
        assert!(all == data);
        writer.join().unwrap();
        assert_eq!(echo.join().unwrap(), 3 << 20);
    });
}

#[test]
fn two_clones_that_read_get_each_byte_once() {
    each_ip(|addr| {
        let (mut client, server) = pair(addr);
        let (tell, told) = mpsc::channel();
        for _ in 0..2 {
            let (mut clone, tell) = (server.try_clone().unwrap(), tell.clone());
            drop(begin(move || {
                let mut byte = [0];
                while clone.read(&mut byte).unwrap() > 0 {
                    tell.send(byte[0]).unwrap();
                }
            }));
        }
        drop(tell);
        for n in 0..100 {
            client.write_all(&[n]).unwrap();
        }
        client.shutdown(Shutdown::Write).unwrap();
        let mut all: Vec<u8> = told.iter().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..100));
    });
}

#[test]
fn two_clones_that_write_lose_nothing() {
    each_ip(|addr| {
        let (client, mut server) = pair(addr);
        let writers = [1, 2].map(|n| {
            let mut clone = client.try_clone().unwrap();
            thread::spawn(move || {
                for _ in 0..1000 {
                    clone.write_all(&[n]).unwrap();
                }
            })
        });
        drop(client);
        let mut all = Vec::new();
        server.read_to_end(&mut all).unwrap();
        all.sort_unstable();
        assert_eq!(all, [[1; 1000], [2; 1000]].concat());
        for writer in writers {
            writer.join().unwrap();
        }
    });
}

#[test]
fn a_stream_is_cloned_while_it_is_read() {
    each_ip(|addr| {
        let (mut client, server) = pair(addr);
        let mut clone = server.try_clone().unwrap();
        let reader = begin(move || {
            let mut byte = [0];
            clone.read_exact(&mut byte).unwrap();
            byte[0]
        });
        drop(server.try_clone().unwrap());
        drop(server);
        client.write_all(&[5]).unwrap();
        assert_eq!(reader.join().unwrap(), 5);
    });
}

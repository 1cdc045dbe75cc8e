//! x
use std::io::{Read, Write};
use towline::{Listener, Stream};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args[1] == "server" {
        let l = Listener::bind("127.0.0.1:0").unwrap();
        println!("{}", l.local_addr().unwrap().port());
        loop {
            let (mut s, _) = l.accept().unwrap();
            s.set_nodelay(true).unwrap();
            let mut b = [0; 64];
            while s.read_exact(&mut b).is_ok() {
                s.write_all(&b).unwrap();
            }
        }
    } else {
        let mut s = Stream::connect(("127.0.0.1", args[2].parse().unwrap())).unwrap();
        s.set_nodelay(true).unwrap();
        let mut b = [7; 64];
        let mut v = vec![];
        for _ in 0..40000 {
            let t = std::time::Instant::now();
            s.write_all(&b).unwrap();
            s.read_exact(&mut b).unwrap();
            v.push(t.elapsed());
        }
        v.sort();
        println!("p50 {:?} p90 {:?} p99 {:?} max {:?}", v[20000], v[36000], v[39600], v[39999]);
    }
}

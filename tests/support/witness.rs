//! A second listener on loopback that sees whether a page reached it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::DEADLINE;

/// Counts what comes. It may serve one page itself, at `/page`.
#[derive(Clone)]
pub struct Witness {
    addr: SocketAddr,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    /// The heads of the requests for anything but `/page` and the favicon.
    requests: Vec<String>,
}

impl Witness {
    /// At an address of loopback that nobody else uses: the other tests come back to ports of `127.0.0.1`
    /// that they had before.
    pub fn new() -> Self {
        Self::at((Ipv4Addr::new(127, 1, 2, 3), 0).into(), String::new())
    }

    /// Answer `/page` with this whole response, at `127.0.0.1`.
    pub fn serving(page: String) -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), page)
    }

    /// Where somebody else has listened before.
    pub fn in_place_of(addr: SocketAddr) -> Self {
        Self::at(addr, String::new())
    }

    fn at(addr: SocketAddr, page: String) -> Self {
        let listener = TcpListener::bind(addr).unwrap();
        let witness = Self { addr: listener.local_addr().unwrap(), seen: Arc::default() };
        let counting = witness.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counting.change(|seen| seen.connections += 1);
                let (counting, page) = (counting.clone(), page.clone());
                thread::spawn(move || counting.answer(stream, &page));
            }
        });
        witness
    }

    fn answer(&self, mut stream: TcpStream, page: &str) {
        let _ = stream.set_read_timeout(Some(DEADLINE));
        let (mut head, mut chunk) = (Vec::new(), [0; 4096]);
        while !head.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut chunk) {
                Ok(count) if count > 0 => head.extend(&chunk[..count]),
                _ => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        if head.starts_with("GET /page ") {
            let _ = stream.write_all(page.as_bytes());
            return;
        }
        if !head.starts_with("GET /favicon.ico ") {
            self.change(|seen| seen.requests.push(head));
        }
        let _ = stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.0.lock().unwrap());
        self.seen.1.notify_all();
    }

    /// `http://ADDRESS:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn connections(&self) -> usize {
        self.seen.0.lock().unwrap().connections
    }

    pub fn requests(&self) -> Vec<String> {
        self.seen.0.lock().unwrap().requests.clone()
    }

    /// Wait for any connection; false where none came in time.
    pub fn is_reached(&self) -> bool {
        self.wait_until(|seen| seen.connections > 0)
    }

    /// Wait for a request for anything but the page; false where none came in time.
    pub fn is_asked(&self) -> bool {
        self.wait_until(|seen| !seen.requests.is_empty())
    }

    fn wait_until(&self, done: impl Fn(&Seen) -> bool) -> bool {
        let seen = self.seen.0.lock().unwrap();
        let patience = DEADLINE / 3;
        let waited = self.seen.1.wait_timeout_while(seen, patience, |seen| !done(seen)).unwrap();
        !waited.1.timed_out()
    }
}

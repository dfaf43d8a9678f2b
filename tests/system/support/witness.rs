//! A listener on loopback that records its requests.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::DEADLINE;

/// A listener that records its requests. It can serve one page at `/page`.
#[derive(Clone)]
pub struct Witness {
    addr: SocketAddr,
    /// The heads of the requests, except those for `/page` and the favicon.
    seen: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Witness {
    /// Listen on `127.0.0.1`, and answer `/page` with this whole response.
    pub fn serving(page: String) -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), page)
    }

    /// Listen on an address on which another process listened before.
    pub fn in_place_of(addr: SocketAddr) -> Self {
        Self::at(addr, String::new())
    }

    fn at(addr: SocketAddr, page: String) -> Self {
        let listener = TcpListener::bind(addr).unwrap();
        let witness = Self { addr: listener.local_addr().unwrap(), seen: Arc::default() };
        let noting = witness.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (noting, page) = (noting.clone(), page.clone());
                thread::spawn(move || noting.answer(stream, &page));
            }
        });
        witness
    }

    fn answer(&self, mut stream: TcpStream, page: &str) {
        let Some(head) = read_head(&mut stream) else { return };
        if head.starts_with("GET /page ") {
            let _ = stream.write_all(page.as_bytes());
            return;
        }
        if !head.starts_with("GET /favicon.ico ") {
            self.seen.0.lock().unwrap().push(head);
            self.seen.1.notify_all();
        }
        let _ = stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }

    /// `http://ADDRESS:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn requests(&self) -> Vec<String> {
        self.seen.0.lock().unwrap().clone()
    }

    /// Wait for a request that is recorded. Returns false if none arrives in time.
    pub fn is_asked(&self) -> bool {
        let seen = self.seen.0.lock().unwrap();
        let waited = self.seen.1.wait_timeout_while(seen, DEADLINE / 3, |seen| seen.is_empty());
        !waited.unwrap().1.timed_out()
    }
}

/// Read the head of a request. Returns `None` if the client disconnects first.
pub fn read_head(stream: &mut TcpStream) -> Option<String> {
    let _ = stream.set_read_timeout(Some(DEADLINE));
    let (mut head, mut chunk) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => head.extend(&chunk[..count]),
            _ => return None,
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

//! The bounce on `wasmtime serve`: requests a second, memory, and four instances that share nothing.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::figures::{Figures, Verdict};
use crate::support::client::Client;
use crate::support::server::Server;

/// Clients that send requests at the same time, and the number of requests of each.
const CLIENTS: usize = 8;
const REQUESTS: usize = 500;
const INSTANCES: usize = 4;

pub fn run(verdict: &mut Verdict) {
    let version = Command::new("wasmtime").arg("--version").stdout(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        println!("skipped: `wasmtime` is not installed");
        return;
    }
    let server = Server::wasmtime();
    let one = Load::on(server.addr);
    one.print("one instance");
    #[cfg(target_os = "linux")]
    println!("its peak memory: {} MB", server.peak_memory() >> 20);
    drop(server);

    let servers: Vec<_> = (0..INSTANCES).map(|_| Server::wasmtime()).collect();
    let four = Load::on(take_turns(servers.iter().map(|server| server.addr).collect()));
    four.print("four instances that take turns");
    verdict.require("each answer leads to the port in its request", one.wrong + four.wrong == 0);
}

/// The measured requests. Each has its own connection, as from a browser, and its own port in `state`.
struct Load {
    times: Vec<Duration>,
    took: Duration,
    /// The number of answers that lead elsewhere or nowhere.
    wrong: usize,
}

impl Load {
    fn on(addr: SocketAddr) -> Self {
        let started = Instant::now();
        let clients = (0..CLIENTS).map(|client| {
            thread::spawn(move || {
                let request = |number| ask(addr, 1024 + (client * REQUESTS + number) as u16);
                (0..REQUESTS).map(request).collect::<Vec<_>>()
            })
        });
        let clients: Vec<_> = clients.collect();
        let answers = clients.into_iter().flat_map(|client| client.join().unwrap());
        let answers: Vec<_> = answers.collect();
        Self {
            took: started.elapsed(),
            wrong: answers.iter().filter(|(_, is_right)| !is_right).count(),
            times: answers.into_iter().map(|(time, _)| time).collect(),
        }
    }

    fn print(&self, what: &str) {
        let rate = self.times.len() as f64 / self.took.as_secs_f64();
        println!("{what}: {rate:.0} requests a second from {CLIENTS} clients");
        Figures::of(self.times.clone()).print(&format!("a request, {what}"));
    }
}

/// Send a callback with this port. Returns the time, and whether the answer leads to the port.
fn ask(addr: SocketAddr, port: u16) -> (Duration, bool) {
    let query = format!("code=abc&state={port:05}0123456789abcdef0123456789abcdef");
    let request = format!(
        "GET /callback?{query} HTTP/1.1\r\nHost: login.example.org\r\nConnection: close\r\n\r\n"
    );
    let started = Instant::now();
    let answer = Client::connect(addr).send(request).response();
    let url = format!("0; url=http://127.0.0.1:{port}/callback?{query}");
    (started.elapsed(), answer.header("refresh") == Some(url.as_str()))
}

/// A proxy that forwards each connection to the next of these servers. Returns its address.
fn take_turns(servers: Vec<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        let clients = listener.incoming().map_while(Result::ok);
        for (client, server) in clients.zip(servers.into_iter().cycle()) {
            thread::spawn(move || forward(client, server));
        }
    });
    addr
}

/// Forward until the server closes its connection.
fn forward(mut client: TcpStream, server: SocketAddr) -> io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || io::copy(&mut from_client, &mut to_server));
    io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Both)
}

//! Binding: only loopback addresses, the first free port, and no other process on it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};

use socket2::{Domain, Socket, Type};

use crate::support::client::Client;
use crate::support::host::Host;

/// A listener on a port of `127.0.0.1`, which stays taken until the listener is dropped.
fn taken() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A port that is free in both families, and different for each test. It is below `ip_local_port_range` (ip(7)), so
/// that no connection of another test takes it.
fn free() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let step = std::process::id() + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + u16::try_from(step % 12_000).unwrap();
        let is_free = |ip: IpAddr| TcpListener::bind((ip, port)).is_ok();
        if is_free(Ipv4Addr::LOCALHOST.into()) && is_free(Ipv6Addr::LOCALHOST.into()) {
            return port;
        }
    }
}

#[test]
fn the_first_free_port_of_a_list_is_used() {
    let ((_held, taken), free) = (taken(), free());
    let host = Host::run().args(["--port", &format!("{taken},{free}")]).start();
    assert_eq!(host.addr.port(), free);
}

#[test]
fn the_error_lists_each_port_with_its_reason() {
    let ((_a, first), (_b, second)) = (taken(), taken());
    let holder = holder(std::process::id());
    let finished = Host::run().args(["--port", &format!("{first},{second}")]).finish();
    finished.code(4).stdout("").stderr(&format!(
        "error: cannot listen on `127.0.0.1:PORT`: the port is already in use{holder}, \
         `127.0.0.1:PORT`: the port is already in use{holder}\n\
         hint: give other ports with `--port`, or use any free port with `--port 0`\n",
    ));
}

/// How an error names this process, which holds a port.
fn holder(process: u32) -> String {
    if !cfg!(target_os = "linux") {
        return String::new();
    }
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap();
    format!(" by `{}` (process {process})", name.trim_end())
}

#[cfg(target_os = "linux")]
#[test]
fn a_port_of_an_earlier_sign_in_is_reported_with_its_process() {
    let first = Host::run().start();
    let port = first.addr.port().to_string();
    for args in [&["--port", &port][..], &["--port", &port, "--bind", "localhost"]] {
        let second = Host::run().args(args).finish().code(4);
        let holder = format!("the port is already in use by `host` (process {})\n", first.id());
        assert!(second.stderr.contains(&holder), "{}", second.stderr);
    }
    // Counter-check: the other family is free.
    let other = Host::bare().args(["run", "--bind", "::1", "--timeout", "1ms", "--port", &port]);
    other.finish().code(124);
}

/// The name of a process is that of its file, which may be anything.
#[cfg(target_os = "linux")]
#[test]
fn the_name_of_the_process_cannot_control_the_terminal() {
    let folder = crate::support::guest::write("evil", b"").with_extension("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("\u{1b}[31m\u{202e}evil");
    let _ = std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_host"), &program);
    let first = Host::shell(&format!("exec '{}' run", program.display())).start();
    let second = Host::run().args(["--port", &first.addr.port().to_string()]).finish().code(4);
    let holder = format!("in use by `\\u{{1b}}[31m\\u{{202e}}evil` (process {})\n", first.id());
    assert!(second.stderr.contains(&holder), "{:?}", second.stderr);
}

#[test]
fn localhost_binds_both_families_on_one_port() {
    let host = Host::run().args(["--bind", "localhost"]).start();
    let port = host.addr.port();
    assert_eq!(host.redirect_uri, format!("http://localhost:{port}/callback"));
    let mut client = Client::connect(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
    client.send(format!("GET /callback?code=abc HTTP/1.1\r\nHost: [::1]:{port}\r\n\r\n"));
    assert_eq!(client.response().status(), 200);
    host.finish().code(0);
}

#[test]
fn localhost_fails_if_another_process_has_the_port_in_one_family() {
    let port = free();
    let _squatter = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).unwrap();
    let finished =
        Host::run().args(["--bind", "localhost", "--port", &port.to_string()]).finish().code(4);
    let holder = holder(std::process::id());
    let reason =
        format!("error: cannot listen on `[::1]:{port}`: the port is already in use{holder}\n");
    assert!(finished.stderr.starts_with(&reason), "{}", finished.stderr);
}

#[test]
fn ipv6_alone_works() {
    let host = Host::bare().args(["run", "--bind", "::1", "--timeout", "1ms"]).finish().code(124);
    assert!(host.stderr.contains("callback at http://[::1]:"), "{}", host.stderr);
}

/// The host closes connections first, so its port stays in TIME_WAIT for a minute. With SO_REUSEADDR, the next sign-in
/// can use the port.
#[test]
fn a_second_sign_in_on_a_fixed_port_works_at_once() {
    let port = free().to_string();
    for _ in 0..2 {
        let host = Host::run().args(["--port", &port]).start();
        assert_eq!(host.navigate("/callback?code=abc").status(), 200);
        host.finish().code(0);
    }
}

/// Counter-check: the port is in TIME_WAIT, so the bind fails without the option.
#[cfg(target_os = "linux")]
#[test]
fn without_reuseaddr_the_second_sign_in_fails() {
    let port = free();
    let host = Host::run().args(["--port", &port.to_string()]).start();
    assert_eq!(host.navigate("/callback?code=abc").status(), 200);
    host.finish().code(0);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let error = socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

/// The option does not admit a second listener, even if that one sets the option too.
#[cfg(unix)]
#[test]
fn another_process_cannot_listen_on_the_port() {
    for ports in [free().to_string(), "0".to_owned()] {
        let host = Host::run().args(["--port", &ports]).start();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        let stolen = socket.bind(&host.addr.into()).and_then(|()| socket.listen(1));
        assert_eq!(stolen.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    }
}

#[test]
fn only_the_requested_loopback_address_answers() {
    let host = Host::run().start();
    // Every address of 127.0.0.0/8 is loopback. The host binds only the requested one.
    let other = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), host.addr.port()));
    assert!(TcpStream::connect(other).is_err());
}

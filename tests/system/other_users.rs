//! Another local user, who can connect and knows everything that a forged callback needs.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::support::client::request;
use crate::support::host::{Host, Over, Running};
use crate::support::wait_for;

tests! {
    Root:
        a_request_of_another_user_is_not_read,
        another_user_wins_if_other_users_are_allowed,
        a_request_of_another_user_who_disconnects_at_once_is_not_read,
        a_reused_address_does_not_inherit_the_user,
        a_normal_user_accepts_only_that_user_and_root,
        under_sudo_the_calling_user_is_accepted,
        if_all_users_look_alike_the_check_is_off_with_a_notice,
        a_port_of_another_user_is_reported_without_the_process;
}

const NOBODY: u32 = 65534;
const SOMEBODY: u32 = 65533;
const WARNING: &str = "warning: closed a connection from another user of this machine: still waiting; if it was your browser ";

/// Send `request` as `user`, and run the shell commands `listen` on the connection. Returns what they print.
fn ask_as(user: u32, host: &Running, request: &str, listen: &str) -> String {
    let script = format!("exec 3<>\"/dev/tcp/$1/$2\" && printf %s \"$3\" >&3 && {listen}");
    let (ip, port) = (host.addr.ip().to_string(), host.addr.port().to_string());
    let output = Command::new("bash")
        .args(["-c", &script, "bash", &ip, &port, request])
        .uid(user)
        .gid(user)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A callback with the correct `state`, which another user may have read in a command line or a log.
fn callback(host: &Running, code: &str) -> String {
    request(host.addr, &format!("/callback?code={code}&state={}", host.state()))
}

const OPEN: [&str; 2] = ["--open", "https://idp.example/authorize?state={state}"];
const LISTEN: &str = "timeout 20 cat <&3";

/// Over TLS, the host closes the connection before the handshake. To plain HTTP of this user, it would answer.
fn a_request_of_another_user_is_not_read() {
    for (bind, over) in [("127.0.0.1", Over::Http), ("::1", Over::Http), ("127.0.0.1", Over::Https)]
    {
        let host = Host::run().over(over).args(OPEN).args(["--bind", bind]).start();
        let evil = callback(&host, "evil");
        assert_eq!(ask_as(NOBODY, &host, &evil, LISTEN), "", "{bind} {over:?}");
        host.wait_for_line(WARNING);
        host.client().send(callback(&host, "good")).response();
        host.finish().code(0).stdout("{\"code\":\"good\"}\n");
    }
}

/// Counter-check: the same request of the same user.
fn another_user_wins_if_other_users_are_allowed() {
    let host = Host::run().args(OPEN).arg("--allow-other-users").start();
    let evil = callback(&host, "evil");
    let answer = ask_as(NOBODY, &host, &evil, LISTEN);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    host.finish().code(0).stdout("{\"code\":\"evil\"}\n");
}

/// For such a socket, the kernel reports root or no user, but the sent bytes can still be read.
fn a_request_of_another_user_who_disconnects_at_once_is_not_read() {
    let host = Host::run().args(OPEN).start();
    let evil = callback(&host, "evil");
    for _ in 0..20 {
        ask_as(NOBODY, &host, &evil, "exec 3>&-");
    }
    // Many connections at once, so that some are closed before the host accepts them.
    let crowd =
        "for _ in {1..200}; do exec 4<>\"/dev/tcp/$1/$2\"; printf %s \"$3\" >&4; exec 4>&-; done";
    ask_as(NOBODY, &host, &evil, crowd);
    host.client().send(callback(&host, "good")).response();
    host.finish().code(0).stdout("{\"code\":\"good\"}\n");
}

/// Send `request` as `user`, disconnect at once, and connect from the same address as this user.
fn replace(user: u32, host: &Running, request: &str) -> TcpStream {
    // The system may still use the address of a connection that another test has closed.
    wait_for("a connection", || {
        let address = send_and_vanish(user, host, request).ok()?;
        connect(host.addr, address).ok()
    })
}

/// Send `request` as `user`, and disconnect at once. Returns the local address, which is free again.
fn send_and_vanish(user: u32, host: &Running, request: &str) -> io::Result<SocketAddr> {
    let (to, request) = (host.addr, request.to_owned());
    // A socket belongs to the user of the thread that creates it.
    let sender = std::thread::spawn(move || {
        let user = rustix::process::Uid::from_raw(user);
        rustix::thread::set_thread_res_uid(user, user, user).unwrap();
        let mut stream = connect(to, (to.ip(), 0).into())?;
        stream.write_all(request.as_bytes()).unwrap();
        let from = stream.local_addr().unwrap();
        // Close with a reset, so that the address is free at once.
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        Ok(from)
    });
    sender.join().unwrap()
}

fn connect(to: SocketAddr, from: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&from.into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

/// A connection may be closed before the host accepts it, and another user may already have reused its address.
fn a_reused_address_does_not_inherit_the_user() {
    for (args, winner) in [(&[][..], "good"), (&["--allow-other-users"], "evil")] {
        let host = Host::run().args(OPEN).args(args).start();
        let (evil, good) = (callback(&host, "evil"), callback(&host, "good"));
        host.signal("STOP");
        let _ours = replace(NOBODY, &host, &evil);
        host.signal("CONT");
        if winner == "good" {
            host.client().send(good).response();
        }
        host.finish().code(0).stdout(&format!("{{\"code\":\"{winner}\"}}\n"));
    }
}

fn a_normal_user_accepts_only_that_user_and_root() {
    for (user, heard) in [(0, true), (NOBODY, true), (SOMEBODY, false)] {
        let host = Host::run().args(OPEN).user(NOBODY).start();
        let answer = ask_as(user, &host, &callback(&host, "abc"), LISTEN);
        assert_eq!(answer.starts_with("HTTP/1.1 200 "), heard, "{user}: {answer}");
    }
}

fn under_sudo_the_calling_user_is_accepted() {
    for (user, heard) in [(NOBODY, true), (SOMEBODY, false)] {
        let host = Host::run().args(OPEN).env("SUDO_UID", NOBODY.to_string()).start();
        let answer = ask_as(user, &host, &callback(&host, "abc"), LISTEN);
        assert_eq!(answer.starts_with("HTTP/1.1 200 "), heard, "{user}: {answer}");
    }
    // `sudo -u` can start the host as a normal user, and the browser still belongs to the caller.
    let host = Host::run().args(OPEN).env("SUDO_UID", SOMEBODY.to_string()).user(NOBODY).start();
    let answer = ask_as(SOMEBODY, &host, &callback(&host, "abc"), LISTEN);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// In a user namespace, all users without a mapping look like this one.
fn if_all_users_look_alike_the_check_is_off_with_a_notice() {
    let command = format!(
        "exec setpriv --reuid {SOMEBODY} --clear-groups unshare --user {} run -v --no-browser --events -",
        env!("CARGO_BIN_EXE_host")
    );
    let host = Host::shell(&command).start();
    host.wait_for_line(r#""event":"peers-unchecked""#);
    host.wait_for_line("in this user namespace, other users cannot be distinguished from this one");
}

/// The counter-check is that root sees the process.
fn a_port_of_another_user_is_reported_without_the_process() {
    for (holder, user, shown) in [
        (0, NOBODY, "by a program of another user\n"),
        (NOBODY, SOMEBODY, "by a program of another user\n"),
        (NOBODY, 0, "by `host` (process "),
        (NOBODY, NOBODY, "by `host` (process "),
    ] {
        let first = Host::run().user(holder).start();
        let port = first.addr.port().to_string();
        let second = Host::run().args(["--port", &port]).user(user).finish().code(4);
        let reason = format!("`127.0.0.1:{port}`: the port is already in use {shown}");
        assert!(second.stderr.contains(&reason), "{holder}, {user}: {}", second.stderr);
    }
}

//! A proxy from the environment. It gets the names of hosts, and nothing that it could read.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use socket2::{Domain, Socket, Type};

use crate::support::DEADLINE;
use crate::support::host::Host;
use crate::support::provider::{CODE, Ended, Endpoint, Flow, SECRET, assert_hidden, provider};
use crate::support::tls::Authority;

const TOKEN: &str = r#"{"access_token":"t0~k3n!","token_type":"Bearer"}"#;
/// No name below `test` resolves (RFC 6761, section 6.2).
const URL: &str = "https://provider.test/token";
/// The password for the proxy, as it is and as a URL contains it.
const PASSWORD: [&str; 2] = ["pr0xy~P4ss!w0rd", "pr0xy~P4ss%21w0rd"];
/// `ada` and the password in `Basic`.
const BASIC: &str = "YWRhOnByMHh5flA0c3MhdzByZA==";

/// A proxy on loopback.
struct Proxy {
    addr: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default, Clone)]
struct Seen {
    /// The head of each request.
    heads: Vec<String>,
    /// What the clients sent through the tunnels.
    tunnelled: Vec<u8>,
}

impl Proxy {
    /// A proxy that opens each tunnel to `target`, whatever host it is asked for.
    fn to(target: SocketAddr) -> Self {
        Self::start(Some(target))
    }

    /// A proxy that opens no tunnel.
    fn refusing() -> Self {
        Self::start(None)
    }

    fn start(target: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let sink = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                // The host may close the connection at any time.
                let _ = serve(stream.unwrap(), target, &sink);
            }
        });
        Self { addr, seen }
    }

    /// Its URL, with a user name and a password.
    fn url(&self) -> String {
        format!("http://ada:{}@{}", PASSWORD[1], self.addr)
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, target: Option<SocketAddr>, seen: &Mutex<Seen>) -> io::Result<()> {
    client.set_read_timeout(Some(DEADLINE))?;
    client.set_write_timeout(Some(DEADLINE))?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.extend(byte);
    }
    seen.lock().unwrap().heads.push(String::from_utf8(head).unwrap());
    let Some(target) = target else {
        let refused = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        return client.write_all(refused.as_bytes());
    };
    let mut server = TcpStream::connect_timeout(&target, DEADLINE)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    let answer = thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let mut chunk = [0; 4096];
    while let Ok(count @ 1..) = client.read(&mut chunk) {
        seen.lock().unwrap().tunnelled.extend(&chunk[..count]);
        server.write_all(&chunk[..count])?;
    }
    server.shutdown(Shutdown::Both)?;
    answer.join().unwrap();
    Ok(())
}

/// A flow in which the probe sends the secret and the code to `url`. Expects that no output has the password.
#[track_caller]
fn exchange(host: Host, url: &str) -> Ended {
    let ended = Flow::start(host.args(["--allow-net", url])).end(&[
        "form client_secret secret key".to_owned(),
        format!("form code text {CODE}"),
        format!("send POST {url}"),
    ]);
    for secret in [PASSWORD[0], PASSWORD[1], BASIC] {
        ended.assert_hidden(secret);
        assert_hidden("outcome", &ended.host.stdout, secret);
    }
    ended
}

/// The host cannot resolve the name, and does not need to.
#[test]
fn a_proxy_of_the_environment_gets_the_name_of_the_host_and_no_secret() {
    let authority = Authority::new("proxy");
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let endpoint = Endpoint::secure(authority.server("provider.test"), TOKEN);
        let proxy = Proxy::to(endpoint.addr);
        let host = provider().env(variable, proxy.url()).arg("--ca-cert").arg(authority.file());
        let ended = exchange(host, URL);
        assert_eq!(ended.lines, ["send: 200"], "{variable}: {}", ended.host.stderr);
        let Seen { heads, tunnelled } = proxy.seen();
        let head = format!(
            "CONNECT provider.test:443 HTTP/1.1\r\nhost: provider.test:443\r\n\
             proxy-authorization: Basic {BASIC}\r\n\r\n"
        );
        assert_eq!(heads, [head]);
        // The first record is a TLS handshake (RFC 8446, section 5.1).
        assert_eq!(tunnelled.first(), Some(&22));
        let tunnelled = String::from_utf8_lossy(&tunnelled);
        assert_hidden("tunnel", &tunnelled, SECRET);
        assert_hidden("tunnel", &tunnelled, CODE);
        // The counter-check: the endpoint at the other end got both.
        let [asked] = &endpoint.asked()[..] else { panic!("{:?}", endpoint.asked()) };
        assert_eq!(asked.field("client_secret").as_deref(), Some(SECRET));
        assert_eq!(asked.field("code").as_deref(), Some(CODE));
        assert!(!asked.head.to_lowercase().contains("proxy-"), "{}", asked.head);
    }
}

/// A proxy that reads what is in the tunnel has no certificate for the host.
#[test]
fn a_proxy_that_imitates_the_host_gets_no_secret() {
    let (authority, other) = (Authority::new("imitated"), Authority::new("imitator"));
    let imitator = Endpoint::secure(other.server("provider.test"), TOKEN);
    let proxy = Proxy::to(imitator.addr);
    let host = provider().env("HTTPS_PROXY", proxy.url()).arg("--ca-cert").arg(authority.file());
    let ended = exchange(host, URL);
    assert_eq!(ended.lines, ["send: tls"]);
    assert_eq!(proxy.seen().heads.len(), 1);
    assert!(imitator.asked().is_empty(), "{:?}", imitator.asked());
}

#[test]
fn a_host_in_no_proxy_of_the_environment_is_not_asked_of_the_proxy() {
    // No label of a name has more than 63 characters, so the resolver refuses this one without asking anyone.
    let name = format!("{}.test", "a".repeat(64));
    for (variable, value, is_asked) in [
        ("NO_PROXY", &*name, false),
        ("no_proxy", "other.example, test", false),
        ("NO_PROXY", "*", false),
        // The counter-checks.
        ("NO_PROXY", "other.example", true),
        ("NO_PROXY", "", true),
    ] {
        let proxy = Proxy::refusing();
        let host = provider().env("HTTPS_PROXY", proxy.url()).env(variable, value);
        let ended = exchange(host, &format!("https://{name}/token"));
        let stderr = &ended.host.stderr;
        let Seen { heads, .. } = proxy.seen();
        if is_asked {
            assert_eq!(ended.lines, ["send: connection"], "{value}: {stderr}");
            let connect = format!("CONNECT {name}:443 ");
            assert!(heads.len() == 1 && heads[0].starts_with(&connect), "{heads:?}");
            let reason = format!("the proxy `{}` refused to connect: ", proxy.addr);
            assert!(stderr.contains(&reason), "{stderr}");
        } else {
            assert_eq!(ended.lines, ["send: address"], "{value}: {stderr}");
            assert!(heads.is_empty(), "{heads:?}");
            assert!(stderr.contains("its name does not resolve"), "{stderr}");
        }
    }
}

#[test]
fn the_password_of_a_proxy_that_cannot_be_reached_is_not_shown() {
    // A socket that is bound and does not listen refuses connections.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    let host = provider().env("HTTPS_PROXY", format!("http://ada:{}@{addr}", PASSWORD[1]));
    let ended = exchange(host, URL);
    assert_eq!(ended.lines, ["send: connection"]);
    let stderr = &ended.host.stderr;
    assert!(stderr.contains(&format!("cannot reach the proxy `{addr}`")), "{stderr}");
}

#[test]
fn a_variable_that_is_not_a_proxy_is_an_error_without_its_value() {
    let run = |value| Host::run().args(["--allow-net", URL]).env("https_proxy", value);
    let stderr = run("http://ada:hunter2@pass@proxy.test:3128").finish().code(2).stdout("").stderr;
    let error = "error: invalid proxy in the environment variable `https_proxy`: expected a URL such as \
                 `http://proxy.example:3128`\n";
    assert!(stderr.contains(error), "{stderr}");
    assert!(!stderr.contains("hunter2") && !stderr.contains("proxy.test"), "{stderr}");
    // The counter-check.
    run("http://ada:hunter2@proxy.test:3128").start();
}

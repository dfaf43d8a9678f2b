//! Granted names that resolve to special addresses: the real program, the system's resolver and its own `/etc/hosts`.
//!
//! Every address in the network of the test is this machine. So a connection to any of them would arrive at the server
//! of the test, which records its address.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use socket2::{Domain, Socket, Type};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, Stream};

use crate::support::host::Host;
use crate::support::network::{Network, in_own_network};
use crate::support::provider::{Flow, answer, provider};
use crate::support::{DEADLINE, guest, wait_for};

tests! {
    Network:
        a_granted_name_with_a_special_address_is_not_reached,
        a_granted_name_of_a_private_network_is_reached_where_it_is_allowed,
        a_name_from_dns_is_judged_like_one_from_a_file,
        localhost_is_reached_only_at_a_loopback_address,
        another_notation_of_an_address_reaches_no_more_than_the_usual_one,
        a_name_server_that_never_answers_delays_nothing_for_longer_than_the_limit;
}

/// The flag that allows an address, in the words of the host.
const ALLOW: &str = "; allow private addresses with `--allow-private-net`";

/// Names, the lines of `/etc/hosts` for each, and what the person sees if it is refused.
const NAMES: [(&str, &[&str], &str); 21] = [
    ("loopback.test", &["127.0.0.1"], "127.0.0.1 is a loopback address"),
    ("loopback-9.test", &["127.9.9.9"], "127.9.9.9 is a loopback address"),
    ("loopback-6.test", &["::1"], "::1 is a loopback address"),
    ("this-host.test", &["0.0.0.0"], "0.0.0.0 is an address of this machine"),
    ("this-host-6.test", &["::"], ":: is an address of this machine"),
    ("metadata.test", &["169.254.169.254"], "169.254.169.254 is a link-local address"),
    (
        "mapped-metadata.test",
        &["::ffff:169.254.169.254"],
        "169.254.169.254 is a link-local address",
    ),
    ("nat64-metadata.test", &["64:ff9b::a9fe:a9fe"], "64:ff9b::a9fe:a9fe is a link-local address"),
    ("link-local.test", &["fe80::1"], "fe80::1 is a link-local address"),
    ("multicast.test", &["224.0.0.1"], "224.0.0.1 is a multicast address"),
    ("broadcast.test", &["255.255.255.255"], "255.255.255.255 is the broadcast address"),
    ("hidden-loopback.test", &["8.8.8.8", "127.0.0.1"], "127.0.0.1 is a loopback address"),
    // From here on, a flag allows the address.
    ("private.test", &["10.0.0.1"], "10.0.0.1 is a private address"),
    ("mapped.test", &["::ffff:10.0.0.1"], "10.0.0.1 is a private address"),
    ("carrier.test", &["100.64.0.1"], "100.64.0.1 is a private address of a carrier"),
    ("nat64.test", &["64:ff9b::a00:1"], "64:ff9b::a00:1 is a private address"),
    ("6to4.test", &["2002:a00:1::1"], "2002:a00:1::1 is a private address"),
    ("unique-local.test", &["fd00::1"], "fd00::1 is a private address"),
    ("both.test", &["8.8.8.8", "10.0.0.1"], "10.0.0.1 is a private address"),
    ("both-reversed.test", &["10.0.0.1", "8.8.8.8"], "10.0.0.1 is a private address"),
    ("both-6.test", &["2606:4700::1111", "fd00::1"], "fd00::1 is a private address"),
];

/// The number of names at the beginning of [`NAMES`] that no flag allows.
const NEVER: usize = 12;

/// An address that only the test connects to.
const MARKER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 99));

const LOOPBACK_1: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PRIVATE_1: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// An HTTPS server on one port of every address.
struct Server {
    port: u16,
    authority: PathBuf,
    /// The addresses that were connected to, in order.
    reached: Arc<Mutex<Vec<IpAddr>>>,
}

impl Server {
    /// A server with a certificate for these names.
    fn start<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
        socket.set_only_v6(false).unwrap();
        socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()).unwrap();
        socket.listen(128).unwrap();
        let listener = TcpListener::from(socket);
        let port = listener.local_addr().unwrap().port();
        let (config, authority) = certify(names);
        let reached = Arc::<Mutex<Vec<IpAddr>>>::default();
        let sink = Arc::clone(&reached);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let address = stream.local_addr().unwrap().ip().to_canonical();
                sink.lock().unwrap().push(address);
                let config = Arc::clone(&config);
                thread::spawn(move || serve(stream, config));
            }
        });
        Self { port, authority, reached }
    }

    fn origin(&self, host: &str) -> String {
        format!("https://{host}:{}", self.port)
    }

    /// The URL of an endpoint.
    fn url(&self, host: &str) -> String {
        self.origin(host) + "/token"
    }

    /// The probe, with grants for these URLs. A proxy of the machine would resolve the names itself.
    fn host(&self, urls: impl IntoIterator<Item = impl AsRef<str>>) -> Host {
        let host =
            provider().env("NO_PROXY", "*,0.0.0.0/0,::/0").arg("--ca-cert").arg(&self.authority);
        urls.into_iter().fold(host, |host, url| host.args(["--allow-net", url.as_ref()]))
    }

    /// Both kinds of grants for a host: an endpoint, and an origin whose answers can be read.
    fn grants(&self, host: &str) -> [String; 2] {
        [self.url(host), self.origin(host)]
    }

    /// A request to each of them.
    fn requests(&self, host: &str) -> Vec<String> {
        let mut steps = sends(&[self.url(host)]);
        steps.push(format!("fetch {}/", self.origin(host)));
        steps
    }

    /// The addresses that were connected to since the last call. A connection of the test ends the list, because the
    /// system hands connections over in order.
    #[track_caller]
    fn reached(&self) -> Vec<IpAddr> {
        TcpStream::connect_timeout(&(MARKER, self.port).into(), DEADLINE).unwrap();
        wait_for("the connection of the test", || {
            let mut reached = self.reached.lock().unwrap();
            let end = reached.iter().position(|address| *address == MARKER)?;
            let before = reached.drain(..=end).take(end).collect();
            Some(before)
        })
    }
}

/// The settings of a server with a certificate for these names, and the file of its authority.
fn certify<'a>(names: impl IntoIterator<Item = &'a str>) -> (Arc<ServerConfig>, PathBuf) {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "Authority of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.into_iter().map(str::to_owned).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.into()], key).unwrap();
    (Arc::new(config), guest::write("special-names-authority.pem", authority.pem().as_bytes()))
}

/// Answer one request. A client that disconnects, or refuses the certificate, gets no answer.
fn serve(mut socket: TcpStream, config: Arc<ServerConfig>) {
    let _ = socket.set_read_timeout(Some(DEADLINE));
    let mut session = ServerConnection::new(config).unwrap();
    let mut stream = Stream::new(&mut session, &mut socket);
    let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(count @ 1..) => request.extend(&chunk[..count]),
            _ => return,
        }
    }
    let _ = stream.write_all(&answer("200 OK", "application/json", "{}"));
    stream.conn.send_close_notify();
    let _ = stream.flush();
    // Read the rest, because closing with unread bytes would reset the connection.
    let _ = stream.read_to_end(&mut request);
}

/// The steps of one request with a secret to each of these URLs.
fn sends(urls: &[String]) -> Vec<String> {
    let steps = |url| ["form client_secret secret key".to_owned(), format!("send POST {url}")];
    urls.iter().flat_map(steps).collect()
}

/// Use these lines as `/etc/hosts`, and no others.
fn hosts<'a>(network: &Network, lines: impl IntoIterator<Item = (&'a str, &'a [&'a str])>) {
    let line = |(name, addresses): (&str, &[&str])| {
        addresses.iter().map(|address| format!("{address} {name}\n")).collect::<String>()
    };
    let lines: String = lines.into_iter().map(line).collect();
    network.replace("/etc/hosts", &lines);
}

const LOCALHOST: (&str, &[&str]) = ("localhost", &["127.0.0.1"]);

/// The names of everything that was looked up or reached outside loopback, but not by the test.
#[track_caller]
fn contacts(network: &Network) -> BTreeSet<String> {
    let marker = MARKER.to_string();
    assert!(network.wait_until(|network| network.contacts().contains_key(&marker)));
    network.contacts().into_keys().filter(|name| *name != marker).collect()
}

fn a_granted_name_with_a_special_address_is_not_reached() {
    let name = "special_names::a_granted_name_with_a_special_address_is_not_reached";
    in_own_network(name, |network| {
        hosts(
            network,
            NAMES.map(|(name, addresses, _)| (name, addresses)).into_iter().chain([LOCALHOST]),
        );
        let names = NAMES.map(|(name, ..)| name);
        let server = Server::start(names.into_iter().chain(["localhost"]));
        for flag in [None, Some("--allow-private-net")] {
            let grants = names.iter().flat_map(|name| server.grants(name));
            let mut flow = Flow::start(server.host(grants).args(flag));
            let refused = if flag.is_some() { &NAMES[..NEVER] } else { &NAMES[..] };
            for (at, (name, _, reason)) in refused.iter().enumerate() {
                let lines = flow.steps(&server.requests(name));
                let prohibited = "fetch: ErrorCode::DestinationIpProhibited";
                assert_eq!(lines, ["send: address", prohibited], "{name}");
                let allow = if at < NEVER { "" } else { ALLOW };
                let line = flow.host.wait_for_line(&format!("cannot reach `{name}`"));
                // The resolver may return a mapped address in either form.
                let line = line.replace("::ffff:", "");
                assert_eq!(
                    line,
                    format!("warning: cannot reach `{name}`: its address {reason}{allow}")
                );
            }
            flow.complete(&[""; 0]);
            assert_eq!(server.reached(), [] as [IpAddr; 0], "{flag:?}");
        }
        // The counter-check: a connection to loopback would have been recorded.
        let flow = Flow::start(server.host([server.url("localhost")]));
        let (lines, _) = flow.complete(&sends(&[server.url("localhost")]));
        assert_eq!((&*lines, server.reached()), (&["send: 200".to_owned()][..], vec![LOOPBACK_1]));
        assert_eq!(contacts(network), BTreeSet::new());
    });
}

/// The counter-check, with the flag that the message names.
fn a_granted_name_of_a_private_network_is_reached_where_it_is_allowed() {
    let name = "special_names::a_granted_name_of_a_private_network_is_reached_where_it_is_allowed";
    in_own_network(name, |network| {
        hosts(network, NAMES.map(|(name, addresses, _)| (name, addresses)));
        let allowed = &NAMES[NEVER..];
        let server = Server::start(allowed.iter().map(|(name, ..)| *name));
        for (name, addresses, _) in allowed {
            let host = server.host(server.grants(name)).arg("--allow-private-net");
            let (lines, finished) = Flow::start(host).complete(&server.requests(name));
            assert_eq!(lines, ["send: 200", "fetch: 200 {}"], "{name}: {}", finished.stderr);
            let addresses =
                addresses.iter().map(|address| address.parse::<IpAddr>().unwrap().to_canonical());
            let addresses: Vec<_> = addresses.collect();
            let reached = server.reached();
            assert_eq!(reached.len(), 2, "{name}: {reached:?}");
            assert!(
                reached.iter().all(|address| addresses.contains(address)),
                "{name}: {reached:?}"
            );
        }
    });
}

/// The name server of the network gives every name an address in `10.0.0.0/8`.
fn a_name_from_dns_is_judged_like_one_from_a_file() {
    let name = "special_names::a_name_from_dns_is_judged_like_one_from_a_file";
    in_own_network(name, |network| {
        hosts(network, [LOCALHOST]);
        let server = Server::start(["dns.test"]);
        let send = sends(&[server.url("dns.test")]);
        let mut flow = Flow::start(server.host([server.url("dns.test")]));
        assert_eq!(flow.steps(&send), ["send: address"]);
        let address = network.address("dns.test");
        flow.host.wait_for_line(&format!(
            "warning: cannot reach `dns.test`: its address {address} is a private address{ALLOW}"
        ));
        flow.complete(&[""; 0]);
        assert_eq!(server.reached(), [] as [IpAddr; 0]);
        // The counter-check.
        let flow = Flow::start(server.host([server.url("dns.test")]).arg("--allow-private-net"));
        assert_eq!(flow.complete(&send).0, ["send: 200"]);
        assert_eq!(server.reached(), [address]);
        // It is resolved at all, and nothing else is.
        assert_eq!(contacts(network), BTreeSet::from(["dns.test".to_owned()]));
    });
}

/// `http` is allowed for `localhost`, so a changed `/etc/hosts` must not send a secret over the network.
fn localhost_is_reached_only_at_a_loopback_address() {
    let name = "special_names::localhost_is_reached_only_at_a_loopback_address";
    in_own_network(name, |network| {
        let server = Server::start(["localhost"]);
        let url = server.url("localhost").replace("https:", "http:");
        for (addresses, elsewhere) in [
            (&["8.8.8.8"][..], "8.8.8.8"),
            (&["10.0.0.1"], "10.0.0.1"),
            (&["127.0.0.1", "10.0.0.1"], "10.0.0.1"),
            (&["0.0.0.0"], "0.0.0.0"),
        ] {
            hosts(network, [("localhost", addresses)]);
            let host = provider().args(["--allow-private-net", "--allow-net", &url]);
            let (lines, finished) = Flow::start(host).complete(&sends(std::slice::from_ref(&url)));
            assert_eq!(lines, ["send: address"], "{elsewhere}");
            let message = format!(
                "warning: cannot reach `localhost`: its address {elsewhere} is not a loopback address, \
                 but only loopback is granted\n"
            );
            assert!(finished.stderr.contains(&message), "{}", finished.stderr);
            assert_eq!(server.reached(), [] as [IpAddr; 0], "{elsewhere}");
        }
        // The counter-check: the server closes the connection, because it expects TLS.
        hosts(network, [LOCALHOST]);
        let flow = Flow::start(provider().args(["--allow-net", &url]));
        assert_ne!(flow.complete(&sends(&[url])).0, ["send: address"]);
        assert_eq!(server.reached(), [LOOPBACK_1]);
    });
}

/// A resolver reads all of these as an address, but they are not in the usual notation. So both kinds of requests are
/// refused, even if the usual notation is granted.
fn another_notation_of_an_address_reaches_no_more_than_the_usual_one() {
    let name = "special_names::another_notation_of_an_address_reaches_no_more_than_the_usual_one";
    in_own_network(name, |network| {
        const LOOPBACK: [&str; 8] = [
            "127.1",
            "127.0.1",
            "0x7f.1",
            "0x7F000001",
            "2130706433",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
        ];
        const PRIVATE: [&str; 4] = ["10.1", "0xa.0.0.1", "167772161", "012.0.0.1"];
        const METADATA: [&str; 3] = ["169.254.43518", "2852039166", "0xa9fea9fe"];
        hosts(network, [LOCALHOST]);
        let usual = ["127.0.0.1", "10.0.0.1", "169.254.169.254"];
        let server = Server::start(usual);
        let endpoints = usual.map(|host| server.url(host));
        let origins = usual.map(|host| server.origin(host));
        let fetch = |host: &str| format!("fetch {}/", server.origin(host));

        let mut flow = Flow::start(server.host(&endpoints).arg("--allow-private-net"));
        for notation in [&LOOPBACK[..], &PRIVATE, &METADATA].concat() {
            let steps = [sends(&[server.url(notation)]), vec![fetch(notation)]].concat();
            let denied = "fetch: ErrorCode::HttpRequestDenied";
            assert_eq!(flow.steps(&steps), ["send: invalid-request", denied], "{notation}");
        }
        assert_eq!(server.reached(), [] as [IpAddr; 0]);
        // The counter-check.
        assert_eq!(flow.complete(&sends(&endpoints[..2])).0, ["send: 200"; 2]);
        assert_eq!(server.reached(), [LOOPBACK_1, PRIVATE_1]);

        let denied = "fetch: ErrorCode::HttpRequestDenied";
        let mut flow = Flow::start(server.host(&origins).arg("--allow-private-net"));
        for notation in [&LOOPBACK[..], &PRIVATE, &METADATA].concat() {
            assert_eq!(flow.steps(&[fetch(notation)]), [denied], "{notation}");
        }
        assert_eq!(server.reached(), [] as [IpAddr; 0]);
        // The counter-check.
        for (notation, address) in [("127.0.0.1", LOOPBACK_1), ("10.0.0.1", PRIVATE_1)] {
            assert_eq!(flow.steps(&[fetch(notation)]), ["fetch: 200 {}"], "{notation}");
            assert_eq!(server.reached(), [address], "{notation}");
        }
        let prohibited = "fetch: ErrorCode::DestinationIpProhibited";
        assert_eq!(flow.steps(&[fetch("169.254.169.254")]), [prohibited]);
        flow.complete(&[""; 0]);
        assert_eq!(server.reached(), [] as [IpAddr; 0]);
        assert_eq!(contacts(network), BTreeSet::from(["10.0.0.1".to_owned()]));
    });
}

/// The resolver would wait for minutes, on a thread that cannot be stopped. Neither the guest nor the end of the
/// program waits for it.
fn a_name_server_that_never_answers_delays_nothing_for_longer_than_the_limit() {
    let name =
        "special_names::a_name_server_that_never_answers_delays_nothing_for_longer_than_the_limit";
    in_own_network(name, |network| {
        let silent = UdpSocket::bind(("127.0.0.2", 53)).unwrap();
        silent.set_read_timeout(Some(DEADLINE)).unwrap();
        hosts(network, [LOCALHOST]);
        network
            .replace("/etc/resolv.conf", "nameserver 127.0.0.2\noptions timeout:30 attempts:5\n");
        let server = Server::start(["silent.test"]);
        let url = server.url("silent.test");
        let mut flow = Flow::start(server.host([&url]).args(["--max-wall-time", "6s"]));
        assert_eq!(flow.steps(&sends(&[url])), ["send: timeout"]);
        flow.host.wait_for_line(
            "warning: cannot reach `silent.test`: its name did not resolve within 2s; \
             allow more time with a larger `--max-wall-time`",
        );
        // It was asked.
        let mut query = [0; 512];
        let length = silent.recv(&mut query).unwrap();
        assert!(query[..length].windows(6).any(|window| window == b"silent"));
        flow.complete(&[""; 0]);
        assert_eq!(server.reached(), [] as [IpAddr; 0]);
    });
}

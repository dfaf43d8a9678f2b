//! Clients that do not complete a TLS handshake. The legitimate callback still wins.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
};

use crate::support::client::{Client, Response, request};
use crate::support::host::{Host, Over, Running};
use crate::support::tls::{Authority, loopback_client};

/// Far less than the time for a handshake, far more than scheduling delays.
const AT_ONCE: Duration = Duration::from_secs(2);

/// The alert `handshake_failure` with its level (RFC 8446, section 6).
const HANDSHAKE_FAILURE: [u8; 2] = [2, 40];

fn start() -> Running {
    let open = "https://idp.example/authorize?redirect_uri={redirect_uri}&state={state}";
    Host::run().over(Over::Https).args(["-v", "--events", "-", "--open", open]).start()
}

/// Complete the sign-in. Returns standard error.
#[track_caller]
fn finish(host: Running) -> String {
    let page = host.navigate(&format!("/callback?code=good&state={}", host.state()));
    assert_eq!(page.status(), 200, "{}", page.head);
    host.finish().code(0).stdout("{\"code\":\"good\"}\n").stderr
}

/// The beginning of a TLS handshake with these settings.
fn hello(host: &Running, config: Arc<ClientConfig>) -> Vec<u8> {
    let mut session = ClientConnection::new(config, host.addr.ip().into()).unwrap();
    let mut bytes = Vec::new();
    session.write_tls(&mut bytes).unwrap();
    bytes
}

/// The payload of an alert that is not encrypted, without its level and description.
#[track_caller]
fn alert(answer: &[u8]) -> [u8; 2] {
    assert!(answer.len() == 7 && answer[0] == 21 && answer[3..5] == [0, 2], "{answer:?}");
    [answer[5], answer[6]]
}

/// A `ClientHello` of TLS 1.1 (RFC 4346, section 7.4.1.2), in a record.
fn hello_of_tls_1_1() -> Vec<u8> {
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    // No session, two cipher suites, no compression, no extensions.
    body.extend([0, 0, 4, 0xc0, 0x14, 0, 0x2f, 1, 0]);
    let mut record = vec![22, 3, 1, 0, body.len() as u8 + 4, 1, 0, 0, body.len() as u8];
    record.extend(body);
    record
}

#[test]
fn plain_http_gets_a_page_that_says_https_and_nothing_of_the_request() {
    let host = start();
    let get = request(host.addr, "/callback?code=s3cret-c0de&state=x");
    let post = format!(
        "POST /callback HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 100000\r\n\r\ncode={}",
        "s3cret-c0de".repeat(9000)
    );
    for request in [&get, &post] {
        let mut client = Client::connect(host.addr);
        let _ = client.try_send(request);
        let answer = client.read_to_end();
        let response = Response::parse(&answer).expect("the page is incomplete");
        assert_eq!(response.status(), 400);
        assert_eq!(response.header("connection"), Some("close"));
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert!(response.text().contains("https://"), "{}", response.text());
        let all = String::from_utf8_lossy(&answer);
        assert!(!all.contains("s3cret") && !all.contains("evil.example"), "{all}");
    }
    let stderr = finish(host);
    assert!(stderr.contains(r#""reason":"plain-http","status":400"#), "{stderr}");
    assert!(!stderr.contains("s3cret"), "{stderr}");
}

#[test]
fn a_client_without_a_common_version_or_protocol_gets_an_alert() {
    let host = start();
    for (bytes, expected) in [
        (hello_of_tls_1_1(), Some(HANDSHAKE_FAILURE)),
        (vec![0x80, 0x2e, 1, 0, 2, 0, 0x15], None),
        ("get / http/1.1\r\n\r\n".into(), None),
        (vec![22, 3, 1, 0, 5, 99, 0, 0, 1, 0], None),
        (vec![22, 3, 1, 0xff, 0xff, 1, 0, 0, 0], None),
        (vec![0; 70_000], None),
    ] {
        let mut client = Client::connect(host.addr);
        let _ = client.try_send(&bytes);
        let started = Instant::now();
        let answer = alert(&client.read_to_end());
        assert!(started.elapsed() < AT_ONCE);
        assert_eq!(answer, expected.unwrap_or(answer), "{:?}", &bytes[..8.min(bytes.len())]);
    }
    // The server of TLS 1.3 encrypts this alert.
    let mut h2 = ClientConfig::clone(&loopback_client());
    h2.alpn_protocols = vec![b"h2".to_vec()];
    let error = Client::try_secure(host.addr, Arc::new(h2)).err().unwrap().to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
    let stderr = finish(host);
    let refused = stderr.matches(r#""reason":"handshake","status":null"#).count();
    assert_eq!(refused, 7, "{stderr}");
    assert!(stderr.contains("refused a request (handshake)"), "{stderr}");
}

/// Counter-check: a client that offers another protocol besides HTTP/1.1 is served.
#[test]
fn http_1_1_is_chosen_among_several_protocols() {
    let host = start();
    let mut both = ClientConfig::clone(&loopback_client());
    both.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut client = Client::secure(host.addr, Arc::new(both));
    assert_eq!(client.send(request(host.addr, "/x")).response().status(), 404);
    finish(host);
}

#[test]
fn tls_1_2_and_1_3_are_accepted() {
    use tokio_rustls::rustls::version::{TLS12, TLS13};
    let authority = Authority::new("versions");
    let host = Host::run().args(authority.issue(&["127.0.0.1"]).flags("versions")).start();
    for version in [&TLS12, &TLS13] {
        let client = authority.client_of(&[version]);
        let mut client = Client::secure(host.addr, Arc::new(client));
        assert_eq!(client.send(request(host.addr, "/x")).response().status(), 404);
    }
}

/// With Nagle's algorithm, a client sends its request only after the end of its handshake is acknowledged. The kernel
/// would do that after 40 ms.
#[cfg(target_os = "linux")]
#[test]
fn a_client_with_nagles_algorithm_does_not_wait() {
    use std::io::{Read as _, Write as _};

    let host = start();
    let ask = || {
        let stream = std::net::TcpStream::connect(host.addr).unwrap();
        stream.set_read_timeout(Some(crate::support::DEADLINE)).unwrap();
        let session = ClientConnection::new(loopback_client(), host.addr.ip().into()).unwrap();
        let mut stream = tokio_rustls::rustls::StreamOwned::new(session, stream);
        let started = Instant::now();
        stream.write_all(request(host.addr, "/x").as_bytes()).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        started.elapsed()
    };
    // Other programs may delay some of them.
    let fastest = (0..20).map(|_| ask()).min().unwrap();
    assert!(fastest < Duration::from_millis(30), "{fastest:?}");
    finish(host);
}

/// A browser opens connections in advance and closes them again.
#[test]
fn a_client_that_closes_in_the_handshake_is_not_reported() {
    let host = start();
    let hello = hello(&host, loopback_client());
    for count in [0, 1, 5, hello.len() / 2, hello.len()] {
        let mut client = Client::connect(host.addr);
        client.send(&hello[..count]).half_close();
        client.read_to_end_or_reset();
        let mut client = Client::connect(host.addr);
        client.send(&hello[..count]);
        client.reset();
    }
    let stderr = finish(host);
    // The host may find that the client has closed before it reads anything.
    let others = stderr.lines().filter(|line| !line.contains(r#""reason":"peer-gone""#));
    assert!(others.filter(|line| line.contains("refused")).count() == 0, "{stderr}");
}

/// Refuses every certificate, with this error.
#[derive(Debug)]
struct Refusing(CertificateError);

impl ServerCertVerifier for Refusing {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Err(self.0.clone().into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// The alerts of Chromium (`certificate_unknown`), Firefox (`bad_certificate`) and OpenSSL (`unknown_ca`).
#[test]
fn a_browser_that_does_not_trust_the_certificate_causes_one_warning() {
    let host = start();
    let other =
        CertificateError::Other(tokio_rustls::rustls::OtherError(Arc::new(std::fmt::Error)));
    for error in [CertificateError::UnknownIssuer, CertificateError::BadEncoding, other] {
        let mut config = ClientConfig::clone(&loopback_client());
        config.dangerous().set_certificate_verifier(Arc::new(Refusing(error)));
        assert!(Client::try_secure(host.addr, Arc::new(config)).is_err());
    }
    let stderr = finish(host);
    let warning = "warning: the browser does not trust the certificate: still waiting; accept the browser's warning, or";
    assert_eq!(stderr.matches(warning).count(), 1, "{stderr}");
    let event = r#""reason":"untrusted-certificate","status":null"#;
    assert_eq!(stderr.matches(event).count(), 3, "{stderr}");
    assert!(stderr.contains("refused 2 more requests (untrusted-certificate)"), "{stderr}");
}

/// Counter-check: another alert says nothing about the certificate.
#[test]
fn another_alert_is_a_failed_handshake() {
    let host = start();
    let mut config = ClientConfig::clone(&loopback_client());
    let error = CertificateError::ApplicationVerificationFailure;
    config.dangerous().set_certificate_verifier(Arc::new(Refusing(error)));
    assert!(Client::try_secure(host.addr, Arc::new(config)).is_err());
    // Without a handshake, there was no certificate: TLS 1.0, an alert of two bytes, `unknown_ca`.
    let mut client = Client::connect(host.addr);
    client.send([21, 3, 1, 0, 2, 2, 48]).read_to_end_or_reset();
    let stderr = finish(host);
    assert_eq!(stderr.matches(r#""reason":"handshake","status":null"#).count(), 2, "{stderr}");
    assert!(!stderr.contains("does not trust"), "{stderr}");
}

/// Clients that stop at each point of the handshake.
fn stalled(host: &Running, count: usize) -> Vec<Client> {
    let hello = hello(host, loopback_client());
    let stops = [0, 1, 5, hello.len() / 2, hello.len()];
    let clients = (0..count).zip(stops.iter().cycle()).map(|(_, stop)| {
        let mut client = Client::connect(host.addr);
        let _ = client.try_send(&hello[..*stop]);
        client
    });
    clients.collect()
}

#[test]
fn stalled_handshakes_do_not_delay_the_exit() {
    let host = Host::run().over(Over::Https).start();
    let stalled = stalled(&host, 100);
    assert_eq!(host.navigate("/callback?code=abc").status(), 200);
    let answered = Instant::now();
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
    assert!(answered.elapsed() < AT_ONCE, "{:?}", answered.elapsed());
    drop(stalled);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_run_during_handshakes() {
    let host = Host::run().over(Over::Https).args(["--grace", "1h"]).start();
    let stalled = stalled(&host, 20);
    assert_eq!(host.navigate("/x").status(), 404);
    host.signal("INT");
    host.finish().code(130);
    drop(stalled);
}

#[cfg(target_os = "linux")]
#[test]
fn two_thousand_stalled_handshakes_do_not_keep_the_browser_out() {
    use crate::hostile_clients::{MEMORY, survives_in};

    survives_in(Host::run().over(Over::Https), |host| {
        let stalled = stalled(host, 2000);
        assert_eq!(host.navigate("/x").status(), 404);
        let open = std::fs::read_dir(format!("/proc/{}/fd", host.id())).unwrap().count();
        assert!(open < 160, "{open} descriptors");
        assert!(host.peak_memory() < MEMORY, "{}", host.peak_memory());
        stalled
    });
}

/// The time of a handshake is limited, as that of a head.
#[test]
fn a_stalled_handshake_ends_after_ten_seconds() {
    let host = start();
    let hello = hello(&host, loopback_client());
    let mut half = Client::connect(host.addr);
    half.send(&hello[..hello.len() / 2]);
    let started = Instant::now();
    half.read_to_end_or_reset();
    let time = started.elapsed();
    assert!(time > Duration::from_secs(8) && time < Duration::from_secs(20), "{time:?}");
    let stderr = finish(host);
    assert!(stderr.contains(r#""reason":"handshake-timeout","status":null"#), "{stderr}");
}

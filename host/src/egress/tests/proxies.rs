//! Requests through a proxy.

use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::certificates::Authority;
use super::server::{Log, Server, read_request, reply};
use super::{NetRemedy, Setup};
use crate::outgoing::Fault;

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// Serve one connection to a proxy. It opens a tunnel to port `target`, whatever host is asked for, and answers any
/// other request itself.
async fn tunnel(mut stream: impl AsyncRead + AsyncWrite + Unpin, log: Log, target: u16) {
    let request = read_request(&mut stream).await;
    let is_connect = request.starts_with("CONNECT ");
    let _ = log.send(request);
    if !is_connect {
        stream.write_all(ANSWER.as_bytes()).await.unwrap();
        return;
    }
    let mut target = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 Connection established\r\nx: y\r\n\r\n").await.unwrap();
    let _ = copy_bidirectional(&mut stream, &mut target).await;
}

async fn proxy(target: u16) -> Server {
    Server::start("127.0.0.1", move |stream, log| tunnel(stream, log, target)).await
}

fn through(proxy: &Server) -> Matcher {
    Matcher::builder().all(format!("http://{}", proxy.address())).build()
}

#[tokio::test]
async fn a_secure_request_goes_through_a_tunnel() {
    let authority = Authority::new();
    let mut server = Server::tls(authority.server("provider.example"), ANSWER).await;
    let mut proxy = proxy(server.port()).await;
    let client = Setup::new().proxies(through(&proxy)).trust(&authority).client();
    let response = client.get("https://provider.example/path").await.unwrap();
    assert_eq!(response.body(), "hello");
    let head = "CONNECT provider.example:443 HTTP/1.1\r\nhost: provider.example:443\r\n\r\n";
    assert_eq!(proxy.next().await, head);
    let request = server.next().await;
    assert!(request.starts_with("GET /path?code="), "{request}");
    assert!(request.contains("\r\nhost: provider.example\r\n"), "{request}");
}

#[tokio::test]
async fn a_certificate_is_checked_through_a_tunnel_too() {
    let authority = Authority::new();
    let server = Server::tls(authority.server("other.example"), ANSWER).await;
    let proxy = proxy(server.port()).await;
    let client = Setup::new().proxies(through(&proxy)).trust(&authority).client();
    let failed = client.get("https://provider.example/").await.unwrap_err();
    assert_eq!(failed.fault, Fault::Certificate);
}

#[tokio::test]
async fn credentials_go_to_the_proxy_alone_and_are_in_no_message() {
    let authority = Authority::new();
    let mut server = Server::tls(authority.server("provider.example"), ANSWER).await;
    let mut proxy = proxy(server.port()).await;
    let url = format!("http://ada:s3cr3t%21@{}", proxy.address());
    let matcher = || Matcher::builder().all(url.clone()).build();
    let client = Setup::new().proxies(matcher()).trust(&authority).client();
    client.get("https://provider.example/").await.unwrap();
    client.get("http://provider.example/").await.unwrap();
    for _ in 0..2 {
        let request = proxy.next().await;
        let field = "\r\nproxy-authorization: Basic YWRhOnMzY3IzdCE=\r\n";
        assert!(request.contains(field), "{request}");
    }
    assert!(!server.next().await.contains("proxy-authorization"));
    // `Client::send` searches the message.
    let client = Setup::new().proxies(matcher()).client();
    client.get("https://provider.example/").await.unwrap_err();
}

#[tokio::test]
async fn a_plain_request_is_forwarded_with_its_whole_url() {
    let mut proxy = proxy(0).await;
    let client = Setup::new().proxies(through(&proxy)).client();
    let response = client.get("http://provider.example:8080/path").await.unwrap();
    assert_eq!(response.body(), "hello");
    let request = proxy.next().await;
    assert!(request.starts_with("GET http://provider.example:8080/path?code="), "{request}");
    assert!(request.contains("\r\nhost: provider.example:8080\r\n"), "{request}");
}

#[tokio::test]
async fn a_host_in_no_proxy_is_reached_directly() {
    let server = Server::answering(ANSWER).await;
    let proxy = proxy(server.port()).await;
    let all = format!("http://{}", proxy.address());
    // Without a proxy, the name is resolved here. Its label is too long, so that the resolver asks nobody.
    let host = format!("{}.example", "a".repeat(64));
    for (no_proxy, is_direct) in
        [("example", true), (&*host, true), ("*", true), ("other.example", false), ("", false)]
    {
        let matcher = Matcher::builder().all(all.clone()).no(no_proxy).build();
        let client = Setup::new().proxies(matcher).client();
        let sent = client.get(&format!("http://{host}/")).await;
        let was_direct = matches!(sent, Err(failed) if failed.fault == Fault::DnsError);
        assert_eq!(was_direct, is_direct, "{no_proxy}");
    }
    assert_eq!(proxy.accepted(), 2);
}

#[tokio::test]
async fn loopback_never_goes_to_a_proxy() {
    let server = Server::answering(ANSWER).await;
    let proxy = proxy(server.port()).await;
    for host in ["localhost", "127.0.0.1", "127.1"] {
        let url = format!("http://{host}:{}/", server.port());
        let failed = Setup::new().proxies(through(&proxy)).client().get(&url).await.unwrap_err();
        assert_eq!((failed.fault, failed.remedy), (Fault::Prohibited, Some(NetRemedy::Loopback)));
        let setup = Setup::new().loopback("localhost", server.port());
        let setup = setup.loopback("127.0.0.1", server.port()).proxies(through(&proxy));
        setup.client().get(&url).await.unwrap();
    }
    // A name that is granted as loopback is resolved here, whatever it is.
    let host = format!("{}.example", "a".repeat(64));
    let setup = Setup::new().loopback(&host, 80).proxies(through(&proxy));
    let failed = setup.client().get(&format!("http://{host}/")).await.unwrap_err();
    assert_eq!(failed.fault, Fault::DnsError);
    assert_eq!(proxy.accepted(), 0);
}

#[tokio::test]
async fn addresses_are_judged_before_a_proxy_is_asked() {
    let authority = Authority::new();
    let server = Server::tls(authority.server("10.0.0.1"), ANSWER).await;
    let mut proxy = proxy(server.port()).await;
    let setup = || Setup::new().proxies(through(&proxy)).trust(&authority);
    for host in ["10.0.0.1", "10.1", "0xa.1", "167772161", "012.0.0.1"] {
        let url = format!("https://{host}/");
        let failed = setup().client().get(&url).await.unwrap_err();
        assert_eq!((failed.fault, failed.remedy), (Fault::Prohibited, Some(NetRemedy::Private)));
    }
    let failed = setup().private().client().get("https://169.254.169.254/").await.unwrap_err();
    assert_eq!((failed.fault, failed.remedy), (Fault::Prohibited, None));
    assert_eq!(proxy.accepted(), 0);
    // The counter-check: the proxy connects to the test's server.
    setup().private().client().get("https://10.1/").await.unwrap();
    assert!(proxy.next().await.starts_with("CONNECT 10.0.0.1:443 HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_proxy_can_use_tls_itself() {
    let authority = Authority::new();
    let server = Server::tls(authority.server("provider.example"), ANSWER).await;
    let acceptor = TlsAcceptor::from(std::sync::Arc::new(authority.server("localhost")));
    let target = server.port();
    let mut proxy = Server::start("127.0.0.1", move |stream, log| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                tunnel(stream, log, target).await;
            }
        }
    })
    .await;
    let matcher = || Matcher::builder().all(format!("https://localhost:{}", proxy.port())).build();
    let failed = Setup::new().proxies(matcher()).client().get("https://provider.example/").await;
    let failed = failed.unwrap_err();
    assert_eq!((failed.fault, failed.remedy), (Fault::Unavailable, Some(NetRemedy::Root)));
    let client = Setup::new().proxies(matcher()).trust(&authority).client();
    client.get("https://provider.example/").await.unwrap();
    assert!(proxy.next().await.starts_with("CONNECT provider.example:443 "));
}

#[tokio::test]
async fn a_proxy_that_opens_no_tunnel_is_an_error() {
    for (answer, reason) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
            "the proxy `PROXY` refused to connect: it requires a user name and a password in its URL",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\nnope",
            "the proxy `PROXY` refused to connect: status 403",
        ),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://login.example/\r\ncontent-length: 0\r\n\r\n",
            "the proxy `PROXY` refused to connect: status 302",
        ),
        ("", "cannot reach the proxy `PROXY`: the server closed the connection without an answer"),
        (
            "garbage\r\n\r\n",
            "cannot reach the proxy `PROXY`: the response is not valid HTTP/1.1: invalid HTTP version parsed",
        ),
    ] {
        let proxy = Server::start("127.0.0.1", move |mut stream, log| async move {
            reply(&mut stream, &log, answer.as_bytes()).await;
        })
        .await;
        let client = Setup::new().proxies(through(&proxy)).client();
        let failed = client.get("https://provider.example/").await.unwrap_err();
        assert_eq!(failed.fault, Fault::Unavailable);
        let reason = reason.replace("PROXY", &proxy.address().to_string());
        assert_eq!(failed.message, format!("cannot reach `provider.example`: {reason}"));
    }
}

#[tokio::test]
async fn a_proxy_with_another_protocol_is_an_error() {
    let matcher = Matcher::builder().all("socks5://127.0.0.1:1").build();
    let client = Setup::new().proxies(matcher).client();
    let failed = client.get("https://provider.example/").await.unwrap_err();
    assert_eq!(failed.fault, Fault::Unavailable);
    assert_eq!(
        failed.message,
        "cannot reach `provider.example`: the scheme `socks5` of the proxy is not supported: \
         expected `http` or `https`"
    );
}

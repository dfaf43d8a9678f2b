//! HTTP over TLS: which certificates are trusted, and how TLS fails.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::certificates::Authority;
use super::server::{Server, read_request, report_close};
use super::{Failed, NetRemedy, Setup};
use crate::outgoing::Fault;

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// The result of a request to `host` at a TLS server, from a client that trusts `authority`.
async fn ask(host: &str, server: &Server, authority: Option<&Authority>) -> Result<(), Failed> {
    let setup = Setup::new().loopback(host, server.port());
    let setup = match authority {
        Some(authority) => setup.trust(authority),
        None => setup,
    };
    let url = format!("https://{host}:{}/path", server.port());
    let response = setup.client().get(&url).await?;
    assert_eq!(response.body(), "hello");
    Ok(())
}

async fn ask_with(config: ServerConfig, authority: Option<&Authority>) -> Result<(), Failed> {
    ask("localhost", &Server::tls(config, ANSWER).await, authority).await
}

#[tokio::test]
async fn a_trusted_certificate_for_the_host_is_accepted() {
    let authority = Authority::new();
    for host in ["localhost", "127.0.0.1"] {
        let server = Server::tls(authority.server(host), ANSWER).await;
        ask(host, &server, Some(&authority)).await.unwrap();
    }
}

#[tokio::test]
async fn another_certificate_is_refused_before_the_request_is_sent() {
    let (authority, other) = (Authority::new(), Authority::named("Other"));
    for (config, trusted, message, remedy) in [
        (
            authority.server("localhost"),
            None,
            "its certificate was issued by an authority that this machine does not trust",
            Some(NetRemedy::Root),
        ),
        (
            authority.server("localhost"),
            Some(&other),
            "its certificate was issued by an authority that this machine does not trust",
            Some(NetRemedy::Root),
        ),
        (
            authority.server("other.example"),
            Some(&authority),
            "its certificate is for another name",
            None,
        ),
        (
            authority.server("127.0.0.1"),
            Some(&authority),
            "its certificate is for another name",
            None,
        ),
        (
            authority.server_valid_from("localhost", 2000, 2001),
            Some(&authority),
            "its certificate has expired, or the clock of this machine is wrong",
            None,
        ),
        (
            authority.server_valid_from("localhost", 3000, 3001),
            Some(&authority),
            "its certificate is not valid yet, or the clock of this machine is wrong",
            None,
        ),
    ] {
        let failed = ask_with(config, trusted).await.unwrap_err();
        let message = format!("cannot reach `localhost`: {message}");
        assert_eq!(failed, Failed { fault: Fault::Certificate, message, remedy });
    }
}

#[tokio::test]
async fn tls_1_2_is_enough() {
    let authority = Authority::new();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = authority.server("localhost");
    let resolver = Arc::clone(&config.cert_resolver);
    config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&tokio_rustls::rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    ask_with(config, Some(&authority)).await.unwrap();
}

#[tokio::test]
async fn http_1_1_is_the_only_protocol() {
    let authority = Authority::new();
    for (protocols, is_accepted) in [(vec!["h2", "http/1.1"], true), (vec!["h2"], false)] {
        let mut config = authority.server("localhost");
        config.alpn_protocols = protocols.into_iter().map(Vec::from).collect();
        match ask_with(config, Some(&authority)).await {
            Ok(()) => assert!(is_accepted),
            Err(failed) => {
                assert!(!is_accepted);
                assert_eq!(failed.fault, Fault::Tls, "{}", failed.message);
            }
        }
    }
}

#[tokio::test]
async fn a_server_without_tls_is_an_error() {
    for (answer, fault) in [(ANSWER, Fault::Tls), ("", Fault::Terminated)] {
        let server = Server::start("127.0.0.1", move |mut stream, _| async move {
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        })
        .await;
        let failed = ask("localhost", &server, None).await.unwrap_err();
        assert_eq!(failed.fault, fault, "{}", failed.message);
    }
}

#[tokio::test]
async fn a_server_that_stalls_in_the_handshake_ends_with_the_time() {
    let mut server = Server::start("127.0.0.1", |mut stream, log| async move {
        report_close(&mut stream, &log).await;
    })
    .await;
    let setup = Setup::new().loopback("localhost", server.port());
    let client = setup.bounds(|bounds| bounds.connect = Duration::from_millis(300)).client();
    let failed = client.get(&format!("https://localhost:{}/", server.port())).await.unwrap_err();
    assert_eq!(failed.fault, Fault::ConnectTimeout);
    assert_eq!(failed.message, "cannot reach `localhost`: no connection within 300ms");
    assert_eq!(server.next().await, "closed");
}

/// Without a length, only `close_notify` says that the body is complete (RFC 8446, section 6.1).
#[tokio::test]
async fn a_body_that_is_cut_off_is_incomplete() {
    let authority = Authority::new();
    for is_cut in [true, false] {
        let acceptor = TlsAcceptor::from(Arc::new(authority.server("localhost")));
        let server = Server::start("127.0.0.1", move |stream, _| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                read_request(&mut stream).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").await.unwrap();
                stream.flush().await.unwrap();
                if is_cut {
                    stream.get_mut().0.shutdown().await.unwrap();
                } else {
                    stream.shutdown().await.unwrap();
                }
            }
        })
        .await;
        match ask("localhost", &server, Some(&authority)).await {
            Ok(()) => assert!(!is_cut),
            Err(failed) => {
                assert!(is_cut, "{}", failed.message);
                assert_eq!(failed.fault, Fault::Incomplete);
            }
        }
    }
}

#[tokio::test]
async fn certificates_are_read_only_for_tls() {
    let authority = Authority::new();
    let plain = Server::answering(ANSWER).await;
    let secure = Server::tls(authority.server("localhost"), ANSWER).await;
    let setup = Setup::new().loopback("127.0.0.1", plain.port());
    let client = setup.loopback("localhost", secure.port()).trust(&authority).client();
    client.get(&plain.url()).await.unwrap();
    assert!(!client.network.tls.is_ready());
    client.get(&format!("https://localhost:{}/", secure.port())).await.unwrap();
    assert!(client.network.tls.is_ready());
}

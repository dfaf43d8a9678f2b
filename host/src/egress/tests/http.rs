//! HTTP over TCP: good answers, bad ones and none.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use tokio::io::AsyncWriteExt as _;
use tokio::select;

use super::server::{Server, read_request, report_close};
use super::{Failed, LIMIT, SECRET, Setup, get, within};
use crate::outgoing::{Fault, NetRemedy, Upstream as _};

/// A setup that allows `server`.
fn to(server: &Server) -> Setup {
    Setup::new().loopback("127.0.0.1", server.port())
}

/// The result of a request to a server that sends `answer` and closes.
async fn answer(answer: impl Into<Vec<u8>>) -> Result<(StatusCode, Bytes), Failed> {
    let server = Server::answering(answer).await;
    let response = to(&server).client().get(&server.url()).await?;
    Ok((response.status(), response.into_body()))
}

fn head(rest: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{rest}\r\n")
}

#[tokio::test]
async fn a_response_arrives_as_it_is() {
    let server = Server::answering(
        "HTTP/1.1 201 Created\r\ncontent-type: text/plain\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 5\r\n\r\nhello",
    )
    .await;
    let response = to(&server).client().get(&server.url()).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let values: Vec<_> = response.headers().get_all("x-a").iter().collect();
    assert_eq!(values, ["1", "2"]);
    assert_eq!(response.headers()["content-type"], "text/plain");
    assert_eq!(response.body(), "hello");
}

#[tokio::test]
async fn a_request_arrives_once_with_the_header_fields_of_the_host() {
    let mut server = Server::answering(head("content-length: 0\r\n")).await;
    let request = Request::post(format!("http://127.1:{}/a%20b?c=d", server.port()))
        .header("host", "other.example")
        .header("accept", "text/plain")
        .header("accept-encoding", "gzip")
        .header("connection", "keep-alive, x-a")
        .header("content-length", "99")
        .header("expect", "100-continue")
        .header("keep-alive", "timeout=5")
        .header("proxy-authorization", "Basic eDp5")
        .header("proxy-connection", "keep-alive")
        .header("te", "trailers")
        .header("trailer", "x-b")
        .header("transfer-encoding", "chunked")
        .header("upgrade", "h2c");
    to(&server).client().send(request.body(Bytes::from_static(b"body")).unwrap()).await.unwrap();
    let text = server.next().await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /a%20b?c=d HTTP/1.1");
    lines.sort();
    let host = format!("host: 127.0.0.1:{}", server.port());
    assert_eq!(
        lines,
        [
            "accept-encoding: identity",
            "accept: text/plain",
            "connection: close",
            "content-length: 4",
            &host,
        ]
    );
    assert_eq!(body, "body");
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::answering(head("content-length: 0\r\n")).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}\r\ncontent-length: 0\r\n", elsewhere.url());
        let server = Server::answering(format!("HTTP/1.1 {status} X\r\n{location}\r\n")).await;
        let setup = to(&server).loopback("127.0.0.1", elsewhere.port());
        let response = setup.client().get(&server.url()).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["location"], elsewhere.url());
        assert_eq!(server.accepted(), 1);
    }
    assert_eq!(elsewhere.accepted(), 0);
}

#[tokio::test]
async fn all_framings_of_a_body_are_read() {
    for response in [
        head("content-length: 5\r\n") + "hello",
        head("transfer-encoding: chunked\r\n")
            + "2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nx-trailer: 1\r\n\r\n",
        head("") + "hello",
        "HTTP/1.0 200 OK\r\n\r\nhello".to_owned(),
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".to_owned() + &head("") + "hello",
    ] {
        let (status, body) = answer(response).await.unwrap();
        assert_eq!((status, &body[..]), (StatusCode::OK, &b"hello"[..]));
    }
}

#[tokio::test]
async fn a_body_up_to_the_limit_is_accepted() {
    let largest = "x".repeat(LIMIT as usize);
    for framing in [format!("content-length: {LIMIT}\r\n"), String::new()] {
        let (_, body) = answer(head(&framing) + &largest).await.unwrap();
        assert_eq!(body, largest);
    }
    let announced = format!("content-length: {}\r\n", LIMIT + 1);
    for response in [head(&announced), head("") + &largest + "x"] {
        let failed = answer(response).await.unwrap_err();
        assert_eq!(failed.fault, Fault::BodySize);
        assert_eq!(
            failed.message,
            "cannot reach `127.0.0.1`: the response body has more than 65536 bytes"
        );
    }
}

#[tokio::test]
async fn an_endless_body_ends_at_the_limit() {
    let mut server = Server::start("127.0.0.1", |mut stream, log| async move {
        read_request(&mut stream).await;
        stream.write_all(head("").as_bytes()).await.unwrap();
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        let _ = log.send("closed".to_owned());
    })
    .await;
    let failed = to(&server).client().get(&server.url()).await.unwrap_err();
    assert_eq!(failed.fault, Fault::BodySize);
    assert_eq!(server.next().await, "closed");
}

#[tokio::test]
async fn a_connection_that_closes_early_is_an_error() {
    for response in ["", "HTTP/1.1 200 OK\r\ncontent-le"] {
        let failed = answer(response).await.unwrap_err();
        assert_eq!(failed.fault, Fault::Terminated, "{response}");
        assert_eq!(
            failed.message,
            "cannot reach `127.0.0.1`: the server closed the connection without an answer"
        );
    }
    for response in [
        head("content-length: 5\r\n") + "hell",
        head("transfer-encoding: chunked\r\n") + "5\r\nhello\r\n",
    ] {
        let failed = answer(response).await.unwrap_err();
        assert_eq!(failed.fault, Fault::Incomplete);
        assert_eq!(failed.message, "cannot reach `127.0.0.1`: the response is incomplete");
    }
}

#[tokio::test]
async fn what_is_not_http_is_an_error() {
    for response in [
        "garbage\r\n\r\n".to_owned(),
        "<html>hello</html>".to_owned(),
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        "HTTP/1.1 2000 OK\r\n\r\n".to_owned(),
        "HTTP/2 200\r\n\r\n".to_owned(),
        head("content-length: -1\r\n"),
        head("content-length: 1\r\ncontent-length: 2\r\n") + "x",
        head("a b: c\r\n"),
        head("transfer-encoding: chunked\r\n") + "what\r\n",
        head(&format!("x: {}\r\n", "y".repeat(64 << 10))),
        head(&"x: y\r\n".repeat(101)),
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".to_owned(),
    ] {
        let failed = answer(response.clone()).await.unwrap_err();
        assert_eq!(failed.fault, Fault::Protocol, "{response}: {}", failed.message);
    }
}

/// The counter-check of the limits on a head.
#[tokio::test]
async fn a_long_head_is_accepted() {
    let long = format!("x: {}\r\n", "y".repeat(32 << 10));
    answer(head(&(long + "content-length: 0\r\n"))).await.unwrap();
    answer(head(&("x: y\r\n".repeat(99) + "content-length: 0\r\n"))).await.unwrap();
}

#[tokio::test]
async fn a_stalled_server_ends_with_the_time() {
    let short = Duration::from_millis(300);
    for sent in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell"] {
        let mut server = Server::start("127.0.0.1", move |mut stream, log| async move {
            read_request(&mut stream).await;
            stream.write_all(sent.as_bytes()).await.unwrap();
            report_close(&mut stream, &log).await;
        })
        .await;
        let client = to(&server).bounds(|bounds| bounds.total = short).client();
        let failed = client.get(&server.url()).await.unwrap_err();
        assert_eq!(failed.fault, Fault::Timeout);
        assert_eq!(failed.message, "cannot reach `127.0.0.1`: no complete response within 300ms");
        assert_eq!(failed.remedy, Some(NetRemedy::Time));
        assert_eq!(server.next().await, "closed");
    }
}

#[tokio::test]
async fn a_dropped_request_closes_its_connection() {
    for sent in ["", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell"] {
        let mut server = Server::start("127.0.0.1", move |mut stream, log| async move {
            let _ = log.send(read_request(&mut stream).await);
            stream.write_all(sent.as_bytes()).await.unwrap();
            report_close(&mut stream, &log).await;
        })
        .await;
        let client = to(&server).client();
        let sending = client.network.send(get(&server.url()));
        select! {
            sent = sending => panic!("{sent:?}"),
            request = server.next() => assert!(request.starts_with("GET /path?code=")),
        }
        assert_eq!(server.next().await, "closed");
        assert_eq!(*client.reports.lock().unwrap(), []);
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_refuses() {
    // Bound and not listening, so that nobody else can take the port.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let client = Setup::new().loopback("127.0.0.1", port).client();
    let failed = client.get(&format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert_eq!(failed.fault, Fault::Refused);
    assert!(failed.message.starts_with("cannot reach `127.0.0.1`: cannot connect: "));
}

#[tokio::test]
async fn an_unusable_request_is_refused_before_it_connects() {
    let server = Server::answering(head("content-length: 0\r\n")).await;
    let client = to(&server).client();
    let port = server.port();
    for request in [
        get("/path"),
        get(&format!("ftp://127.0.0.1:{port}/")),
        get(&format!("http://user:{SECRET}@127.0.0.1:{port}/")),
        Request::connect(format!("http://127.0.0.1:{port}/")).body(Bytes::new()).unwrap(),
    ] {
        let failed = client.send(request).await.unwrap_err();
        assert_eq!(failed.fault, Fault::Denied, "{}", failed.message);
    }
    assert_eq!(server.accepted(), 0);
    client.get(&server.url()).await.unwrap();
}

#[tokio::test]
async fn requests_run_beside_each_other() {
    let mut server = Server::start("127.0.0.1", |mut stream, log| async move {
        let request = read_request(&mut stream).await;
        let _ = log.send(request.clone());
        if request.starts_with("GET /fast") {
            stream.write_all(head("content-length: 0\r\n").as_bytes()).await.unwrap();
        } else {
            report_close(&mut stream, &log).await;
        }
    })
    .await;
    let client = to(&server).client();
    let (slow, fast) = (server.url(), server.url().replace("path", "fast"));
    let slow = client.network.send(get(&slow));
    let fast = async {
        server.next().await;
        within(client.network.send(get(&fast))).await.unwrap()
    };
    select! {
        sent = slow => panic!("{sent:?}"),
        _ = fast => {}
    }
}

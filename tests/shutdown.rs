//! The end of a run: the page is sent, no client delays the exit, and the exit code gives the reason. What could differ
//! over TLS is tested with both, or in `tls_delivery`.

use std::time::{Duration, Instant};

use crate::support::client::{Client, navigation, request};
use crate::support::guest;
use crate::support::host::{BOTH, Host};

/// Far less than the timeouts of browsers, far more than scheduling delays. The program in Go takes 5 s.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn silent_idle_and_half_sent_connections_do_not_delay_the_exit() {
    for over in BOTH {
        let host = Host::run().over(over).start();
        let silent: Vec<Client> = (0..100).map(|_| host.client()).collect();
        let idle: Vec<Client> = (0..100)
            .map(|_| {
                let mut client = host.client();
                client.send(navigation(host.addr, "/favicon.ico"));
                client
            })
            .collect();
        let half: Vec<Client> = (0..10)
            .map(|_| {
                let mut client = host.client();
                client.send("GET /callback HTTP/1.1\r\nHost: ");
                client
            })
            .collect();
        assert_eq!(host.navigate("/callback?code=abc").status(), 200);
        let answered = Instant::now();
        host.finish().code(0);
        assert!(answered.elapsed() < AT_ONCE, "{:?}", answered.elapsed());
        drop((silent, idle, half));
    }
}

#[test]
fn a_client_that_keeps_its_socket_open_does_not_delay_the_exit() {
    for over in BOTH {
        let host = Host::run().over(over).args(["--events", "-"]).start();
        let mut client = host.client();
        client.send(request(host.addr, "/callback?code=abc"));
        let mut page = Vec::new();
        while !page.ends_with(b"</html>") {
            page.extend(client.read_some(1 << 10).unwrap());
        }
        let answered = Instant::now();
        let stderr = host.finish().code(0).stderr;
        assert!(answered.elapsed() < AT_ONCE, "{:?}", answered.elapsed());
        assert!(stderr.contains(r#""delivered":true"#), "{stderr}");
        drop(client);
    }
}

#[test]
fn a_slow_reader_gets_the_whole_page() {
    let host = Host::run().arg(guest::from_wat("large-reply")).args(["--grace", "20s"]).start();
    let mut client = host.client();
    client.send(request(host.addr, "/callback"));
    let mut page = Vec::new();
    loop {
        match client.read_some(50_000).unwrap() {
            bytes if bytes.is_empty() => break,
            bytes => page.extend(bytes),
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let page = crate::support::client::Response::parse(&page).expect("the page is incomplete");
    assert_eq!(page.body.len(), 4_000_000);
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}

#[test]
fn a_client_that_is_still_sending_gets_the_whole_page() {
    let host = Host::run().start();
    let mut client = host.client();
    // The host does not read the second request. With unread bytes, a plain close resets the connection.
    client.send(request(host.addr, "/callback?code=abc") + &"x".repeat(200_000));
    assert_eq!(client.response().status(), 200);
    host.finish().code(0);
}

#[test]
fn a_client_that_never_reads_delays_the_exit_but_not_the_outcome() {
    let host = Host::run()
        .arg(guest::from_wat("large-reply"))
        .args(["--grace", "300ms", "--events", "-"])
        .start();
    let mut client = host.client();
    client.send(request(host.addr, "/callback"));
    let finished = host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
    assert!(finished.stderr.contains(r#""event":"closed""#), "{}", finished.stderr);
    assert!(finished.stderr.contains(r#""delivered":false"#), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("warning: the browser may not have received the whole last page"),
        "{}",
        finished.stderr
    );
}

#[test]
fn the_listener_is_closed_before_the_page_is_sent() {
    for over in BOTH {
        let host = Host::run()
            .over(over)
            .arg(guest::from_wat("large-reply"))
            .args(["--grace", "20s", "--events", "-"])
            .start();
        let mut client = host.client();
        client.send(request(host.addr, "/callback"));
        host.wait_for_line(r#""event":"done""#);
        // The host reports `done` after it closes the listener. The client does not read, so the page cannot be sent yet.
        assert!(Client::try_connect(host.addr).is_err());
        assert_eq!(client.response().body.len(), 4_000_000);
        host.finish().code(0);
    }
}

#[test]
fn the_outcome_is_printed_even_if_the_client_disconnects() {
    for over in BOTH {
        let host = Host::run().over(over).start();
        let mut client = host.client();
        let (head, end) = (request(host.addr, "/callback?code=abc"), "\r\n");
        client.send(head.strip_suffix(end).unwrap());
        // The host accepts connections in order, so it has accepted this one.
        host.navigate("/barrier");
        client.send(end);
        drop(client);
        host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
    }
}

#[test]
fn a_half_closed_client_gets_the_page() {
    let host = Host::run().start();
    let mut client = host.client();
    client.send(request(host.addr, "/callback?code=abc")).half_close();
    assert_eq!(client.response().status(), 200);
    host.finish().code(0);
}

#[test]
fn the_timeout_exits_with_124() {
    Host::run().args(["--timeout", "50ms"]).finish().code(124).stdout("").stderr(
        "Waiting for the callback at http://127.0.0.1:PORT/callback\n\
         error: no callback completed the flow within 50ms\n\
         hint: wait longer with a larger `--timeout`\n",
    );
}

#[test]
fn a_half_sent_request_does_not_outlast_the_timeout() {
    for over in BOTH {
        let host = Host::run().over(over).args(["--timeout", "200ms"]).start();
        let mut half = host.client();
        half.send("GET /callback?code=abc HTTP/1.1\r\n");
        host.finish().code(124);
    }
}

#[cfg(unix)]
#[test]
fn each_signal_has_its_own_exit_code() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let host = Host::run().start();
        host.signal(signal);
        host.finish().code(code).stdout("").stderr(
            "Waiting for the callback at http://127.0.0.1:PORT/callback\n\
             error: stopped before a callback completed the flow\n",
        );
    }
}

#[cfg(unix)]
#[test]
fn a_request_queued_at_the_first_signal_gets_503() {
    for over in BOTH {
        let host =
            Host::run().over(over).arg(guest::from_wat("slow")).args(["--grace", "20s"]).start();
        let (mut first, mut waiting) = (host.client(), host.client());
        first.send(request(host.addr, "/callback"));
        host.navigate("/barrier");
        waiting.send(request(host.addr, "/callback"));
        host.navigate("/barrier");
        host.signal("INT");
        until_refused(&host.addr);
        // The host starts no guest call after a signal.
        assert_eq!(waiting.response().status(), 503);
        assert_eq!(first.response().text(), "bye");
        host.finish().code(130).stdout("{\"code\":\"abc\"}\n");
    }
}

/// The host drops a half-sent form at the end, like a half-sent head.
#[test]
fn a_half_sent_body_does_not_delay_the_exit() {
    for over in BOTH {
        let host = Host::run().over(over).args(["--grace", "1h"]).start();
        let mut half = host.client();
        let head = "POST /callback HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\ncod";
        half.send(head.replace("{host}", &host.addr.to_string()));
        host.navigate("/barrier");
        assert_eq!(host.navigate("/callback?code=abc").status(), 200);
        host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
        drop(half);
    }
}

#[cfg(unix)]
#[test]
fn a_running_guest_call_finishes_after_the_first_signal() {
    for over in BOTH {
        let host =
            Host::run().over(over).arg(guest::from_wat("slow")).args(["--grace", "20s"]).start();
        let mut client = host.client();
        client.send(request(host.addr, "/callback"));
        // The host serves connections in order, so the guest call has started.
        host.navigate("/barrier");
        host.signal("INT");
        assert_eq!(client.response().text(), "bye");
        host.finish().code(130).stdout("{\"code\":\"abc\"}\n");
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_the_program_at_once() {
    let host = Host::run()
        .arg(guest::from_wat("spin"))
        .args(["--grace", "1h", "--max-cpu-time", "1h"])
        .start();
    let mut client = host.client();
    client.send(navigation(host.addr, "/callback"));
    host.navigate("/barrier");
    host.signal("TERM");
    until_refused(&host.addr);
    host.signal("INT");
    host.finish().code(130);
}

/// Wait until connections to this address are refused.
#[cfg(unix)]
pub fn until_refused(addr: &std::net::SocketAddr) {
    let start = Instant::now();
    while Client::try_connect(*addr).is_ok() {
        assert!(start.elapsed() < crate::support::DEADLINE);
        std::thread::yield_now();
    }
}

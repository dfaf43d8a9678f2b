//! The last page over TLS: it arrives whole, and the host reports that truthfully.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::support::client::{Client, Response, navigation, request};
use crate::support::guest;
use crate::support::host::{Host, Running};
use crate::support::tls::Authority;

/// Far less than the timeouts of browsers, far more than scheduling delays.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Run `test` with a host and a client of TLS 1.2, and with those of TLS 1.3.
fn each_version(
    name: &'static str,
    start: impl Fn(Host) -> Host,
    test: impl Fn(Running, Arc<ClientConfig>),
) {
    let authority = Authority::new(name);
    let flags = authority.issue(&["127.0.0.1"]).flags(name);
    for version in [&TLS12, &TLS13] {
        let host = start(Host::run().args(&flags).args(["--events", "-"])).start();
        test(host, Arc::new(authority.client_of(&[version])));
    }
}

#[track_caller]
fn assert_delivered(host: Running, delivered: bool) {
    let stderr = host.finish().code(0).stdout("{\"code\":\"abc\"}\n").stderr;
    assert!(stderr.contains(&format!(r#""delivered":{delivered}"#)), "{stderr}");
}

/// Read the page up to its announced length, and nothing of what follows.
fn read_page(client: &mut Client) -> Response {
    let mut page = Vec::new();
    loop {
        page.extend(client.read_some(1 << 10).unwrap());
        if let Some(response) = Response::parse(&page) {
            return response;
        }
    }
}

/// `response` fails if the connection ends without `close_notify`.
#[test]
fn the_page_ends_with_close_notify() {
    each_version(
        "notify",
        |host| host,
        |host, config| {
            let mut client = Client::secure(host.addr, config);
            let page = client.send(request(host.addr, "/callback?code=abc")).response();
            assert_eq!(page.status(), 200);
            assert_delivered(host, true);
        },
    );
}

#[test]
fn a_slow_reader_gets_the_whole_page() {
    let large = |host: Host| host.arg(guest::from_wat("large-reply")).args(["--grace", "20s"]);
    each_version("slow", large, |host, config| {
        let mut client = Client::secure(host.addr, config);
        client.send(request(host.addr, "/callback"));
        let mut page = Vec::new();
        loop {
            match client.read_some(50_000).unwrap() {
                bytes if bytes.is_empty() => break,
                bytes => page.extend(bytes),
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        let page = Response::parse(&page).expect("the page is incomplete");
        assert_eq!(page.body.len(), 4_000_000);
        assert_delivered(host, true);
    });
}

/// The host's `close_notify` arrives at a closed socket or is never read, so that the client's system sends a reset.
#[test]
fn a_client_that_closes_right_after_the_page_has_got_it() {
    for _ in 0..10 {
        each_version(
            "closes",
            |host| host,
            |host, config| {
                let mut client = Client::secure(host.addr, config);
                client.send(request(host.addr, "/callback?code=abc"));
                assert_eq!(read_page(&mut client).status(), 200);
                drop(client);
                assert_delivered(host, true);
            },
        );
    }
}

/// The client neither closes its socket nor sends `close_notify`.
#[test]
fn a_client_that_keeps_its_socket_open_does_not_delay_the_exit() {
    each_version(
        "open",
        |host| host,
        |host, config| {
            let mut client = Client::secure(host.addr, config);
            client.send(request(host.addr, "/callback?code=abc"));
            read_page(&mut client);
            let answered = Instant::now();
            assert_delivered(host, true);
            assert!(answered.elapsed() < AT_ONCE, "{:?}", answered.elapsed());
            drop(client);
        },
    );
}

#[test]
fn a_client_that_is_still_sending_gets_the_whole_page() {
    each_version(
        "sending",
        |host| host,
        |host, config| {
            let mut client = Client::secure(host.addr, config);
            let page = request(host.addr, "/callback?code=abc") + &"x".repeat(200_000);
            assert_eq!(client.send(page).response().status(), 200);
            assert_delivered(host, true);
        },
    );
}

/// The client sends its own `close_notify` before it reads the page.
#[test]
fn a_half_closed_client_gets_the_page() {
    each_version(
        "half",
        |host| host,
        |host, config| {
            let mut client = Client::secure(host.addr, config);
            client.send(request(host.addr, "/callback?code=abc")).half_close();
            assert_eq!(client.response().status(), 200);
            assert_delivered(host, true);
        },
    );
}

#[test]
fn a_client_that_never_reads_is_reported() {
    let large = |host: Host| host.arg(guest::from_wat("large-reply")).args(["--grace", "300ms"]);
    each_version("never", large, |host, config| {
        let mut client = Client::secure(host.addr, config);
        client.send(request(host.addr, "/callback"));
        assert_delivered(host, false);
        drop(client);
    });
}

/// Counter-check: a client that closes before it has the whole page has not got it.
#[test]
fn a_client_that_closes_within_the_page_has_not_got_it() {
    let large = |host: Host| host.arg(guest::from_wat("large-reply")).args(["--grace", "20s"]);
    each_version("within", large, |host, config| {
        let mut client = Client::secure(host.addr, config);
        client.send(request(host.addr, "/callback"));
        client.read_some(1000).unwrap();
        drop(client);
        assert_delivered(host, false);
    });
}

#[test]
fn a_tab_follows_to_the_last_page() {
    each_version(
        "tab",
        |host| host,
        |host, config| {
            let get = |path: &str| {
                Client::secure(host.addr, Arc::clone(&config))
                    .send(navigation(host.addr, path))
                    .response()
            };
            let sent_on = get("/callback?code=abc");
            let page = get(sent_on.last_page().unwrap());
            assert!(page.text().contains("All done here"), "{}", page.text());
            assert_delivered(host, true);
        },
    );
}

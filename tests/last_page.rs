//! The last page of a sign-in has its own address, which works once.

#![cfg(unix)]

use std::fs;
use std::time::{Duration, Instant};

use crate::support::client::{Response, navigation, request};
use crate::support::host::{BOTH, Host, Running};
use crate::support::{DEADLINE, guest};

pub const OPEN: [&str; 2] = ["--open", "https://idp.example/authorize?state={state}"];

/// Send the request of a tab. Returns the response without following a redirect.
pub fn tab(host: &Running, path: &str) -> Response {
    host.client().send(navigation(host.addr, path)).response()
}

#[test]
fn a_tab_is_redirected_to_a_page_without_the_code_in_its_address() {
    for over in BOTH {
        let host = Host::run().over(over).args(OPEN).start();
        let sent_on = tab(&host, &format!("/callback?code=abc&state={}", host.state()));
        assert_eq!(sent_on.status(), 303);
        assert!(sent_on.text().contains("You can close this tab."), "{}", sent_on.text());
        let path = sent_on.last_page().unwrap();
        assert!(path.starts_with("/callback/") && path.len() == "/callback/".len() + 43, "{path}");
        assert_eq!(sent_on.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(sent_on.header("cache-control"), Some("no-store"));
        let page = tab(&host, path);
        assert_eq!(page.status(), 200);
        assert!(page.text().contains("All done here"), "{}", page.text());
        host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
    }
}

#[test]
fn a_form_post_and_a_failure_are_also_redirected() {
    let host = Host::run().start();
    let form = "code=abc";
    let head = navigation(host.addr, "/callback").replacen("GET", "POST", 1);
    let head = head.trim_end().to_owned()
        + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n\r\n";
    let sent_on = host.client().send(head + form).response();
    assert!(tab(&host, sent_on.last_page().unwrap()).text().contains("All done here"));
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");

    let host = Host::run().start();
    let sent_on = tab(&host, "/callback?error=access_denied");
    assert!(sent_on.text().contains("Not signed in"), "{}", sent_on.text());
    assert!(tab(&host, sent_on.last_page().unwrap()).text().contains("Access was not granted"));
    host.finish().code(1);
}

#[test]
fn programs_and_unfinished_flows_are_not_redirected() {
    let host = Host::run().start();
    assert_eq!(
        host.client().send(request(host.addr, "/callback?code=abc")).response().status(),
        200
    );
    host.finish().code(0);
    for (name, status) in
        [("redirect-here", 303), ("pending", 200), ("trap", 500), ("status-600", 500)]
    {
        let host = Host::run().arg(guest::from_wat(name)).start();
        let answer = tab(&host, "/callback");
        assert_eq!((answer.status(), answer.last_page()), (status, None), "{name}");
    }
}

#[test]
fn the_last_page_is_served_once() {
    let host = Host::run().start();
    let sent_on = tab(&host, "/callback?code=abc");
    let path = sent_on.last_page().unwrap();
    let (mut first, mut second) = (host.client(), host.client());
    first.send(navigation(host.addr, path));
    let _ = second.try_send(navigation(host.addr, path));
    assert_eq!(first.response().status(), 200);
    let late = second.read_to_end_or_reset();
    assert!(
        late.is_empty() || late.starts_with(b"HTTP/1.1 404 "),
        "{}",
        String::from_utf8_lossy(&late)
    );
    host.finish().code(0);
}

#[test]
fn a_path_similar_to_the_last_page_is_not_found() {
    let host = Host::run().start();
    let sent_on = tab(&host, "/callback?code=abc");
    let path = sent_on.last_page().unwrap();
    for beside in [&path[..path.len() - 1], &format!("{path}x"), &format!("{path}/"), "/callback/"]
    {
        assert_eq!(tab(&host, beside).status(), 404, "{beside}");
    }
    let head = navigation(host.addr, path).replacen("GET", "HEAD", 1);
    let answer = host.client().send(head).read_to_end_or_reset();
    assert!(answer.starts_with(b"HTTP/1.1 405 "), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(tab(&host, path).status(), 200);
    host.finish().code(0);
}

#[test]
fn the_outcome_is_printed_before_the_tab_requests_the_last_page() {
    let stdout = guest::write("last-page-stdout", b"");
    let host =
        Host::run().args(["--grace", "1h"]).stdout(fs::File::create(&stdout).unwrap()).start();
    let sent_on = tab(&host, "/callback?code=abc");
    until(|| fs::read_to_string(&stdout).is_ok_and(|text| text == "{\"code\":\"abc\"}\n"));
    assert_eq!(tab(&host, sent_on.last_page().unwrap()).status(), 200);
    host.finish().code(0);
}

/// A browser may open a connection early and request the page on it later.
#[test]
fn a_speculative_connection_can_request_the_last_page() {
    for over in BOTH {
        let host = Host::run().over(over).start();
        let mut ahead = host.client();
        let sent_on = tab(&host, "/callback?code=abc");
        let page = ahead.send(navigation(host.addr, sent_on.last_page().unwrap())).response();
        assert_eq!(page.status(), 200);
        host.finish().code(0);
    }
}

#[test]
fn a_tab_that_never_requests_the_last_page_delays_only_the_exit() {
    for over in BOTH {
        let host = Host::run().over(over).args(["--grace", "300ms", "--events", "-"]).start();
        let _idle = host.client();
        assert_eq!(tab(&host, "/callback?code=abc").status(), 303);
        let finished = host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
        assert!(finished.stderr.contains(r#""delivered":false"#), "{}", finished.stderr);
    }
}

#[test]
fn a_slow_reader_gets_the_whole_last_page() {
    for over in BOTH {
        let host = Host::run()
            .over(over)
            .arg(guest::from_wat("large-reply"))
            .args(["--grace", "20s"])
            .start();
        let sent_on = tab(&host, "/callback");
        let mut client = host.client();
        client.send(navigation(host.addr, sent_on.last_page().unwrap()));
        let mut page = Vec::new();
        loop {
            match client.read_some(50_000).unwrap() {
                bytes if bytes.is_empty() => break,
                bytes => page.extend(bytes),
            }
        }
        assert_eq!(Response::parse(&page).expect("the page is incomplete").body.len(), 4_000_000);
        host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
    }
}

#[test]
fn a_signal_ends_the_wait_for_the_tab_and_keeps_the_outcome() {
    let host = Host::run().args(["--grace", "1h", "--events", "-"]).start();
    assert_eq!(tab(&host, "/callback?code=abc").status(), 303);
    host.wait_for_line(r#""event":"done""#);
    host.signal("INT");
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}

/// The listener is closed by then, so the host cannot redirect the tab.
#[test]
fn a_guest_that_is_done_after_the_end_of_the_run_shows_its_page() {
    for (args, code) in [(&["--grace", "20s"][..], 130), (&["--timeout", "200ms"], 124)] {
        let host = Host::run().arg(guest::from_wat("slow")).args(args).start();
        let mut client = host.client();
        client.send(navigation(host.addr, "/callback"));
        // The host serves connections in order, so the guest call has started.
        host.navigate("/barrier");
        if code == 130 {
            host.signal("INT");
        }
        let page = client.response();
        assert_eq!((page.status(), page.text()), (200, "bye"));
        host.finish().code(code).stdout("{\"code\":\"abc\"}\n");
    }
}

#[test]
fn the_last_page_works_for_every_callback_path() {
    for over in BOTH {
        let host = Host::run().over(over).args(["--path", "//evil.example/cb"]).start();
        let sent_on = tab(&host, "//evil.example/cb?code=abc");
        let location = sent_on.header("location").unwrap();
        let base = url::Url::parse(&host.redirect_uri).unwrap();
        let target = base.join(location).unwrap();
        assert_eq!(target.origin(), base.origin(), "{location}");
        assert_eq!(tab(&host, target.path()).status(), 200);
        host.finish().code(0);
    }
}

#[track_caller]
pub fn until(mut seen: impl FnMut() -> bool) {
    let started = Instant::now();
    while !seen() {
        assert!(started.elapsed() < DEADLINE, "timed out");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

//! The link that opens the sign-in, and the page that ends it: each has an address of its own, that works once.

#![cfg(unix)]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::client::{Client, Response, navigate, navigation, request};
use crate::support::host::{Host, Running};
use crate::support::{DEADLINE, guest};

const OPEN: [&str; 2] = ["--open", "https://idp.example/authorize?state={state}"];

/// What a tab gets that is not sent on.
fn tab(host: &Running, path: &str) -> Response {
    host.client().send(navigation(host.addr, path)).response()
}

#[test]
fn a_tab_is_sent_to_a_page_whose_address_holds_no_code() {
    let host = Host::run().args(OPEN).start();
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

#[test]
fn a_form_post_and_a_failure_are_sent_on_too() {
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
fn what_is_no_tab_or_has_no_page_is_answered_at_once() {
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
fn a_path_beside_that_of_the_last_page_is_not_there() {
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
fn the_outcome_is_printed_before_the_tab_comes_for_its_page() {
    let stdout = guest::write("last-page-stdout", b"");
    let host =
        Host::run().args(["--grace", "1h"]).stdout(fs::File::create(&stdout).unwrap()).start();
    let sent_on = tab(&host, "/callback?code=abc");
    until(|| fs::read_to_string(&stdout).is_ok_and(|text| text == "{\"code\":\"abc\"}\n"));
    assert_eq!(tab(&host, sent_on.last_page().unwrap()).status(), 200);
    host.finish().code(0);
}

/// A browser that connects ahead asks for the page on such a connection.
#[test]
fn a_connection_that_was_made_ahead_brings_the_request_for_the_page() {
    let host = Host::run().start();
    let mut ahead = host.client();
    let sent_on = tab(&host, "/callback?code=abc");
    let page = ahead.send(navigation(host.addr, sent_on.last_page().unwrap())).response();
    assert_eq!(page.status(), 200);
    host.finish().code(0);
}

#[test]
fn a_tab_that_never_comes_for_its_page_costs_the_grace_and_no_outcome() {
    let host = Host::run().args(["--grace", "300ms", "--events", "-"]).start();
    let _idle = host.client();
    assert_eq!(tab(&host, "/callback?code=abc").status(), 303);
    let finished = host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
    assert!(finished.stderr.contains(r#""delivered":false"#), "{}", finished.stderr);
}

#[test]
fn a_slow_reader_gets_the_whole_last_page() {
    let host = Host::run().arg(guest::from_wat("large-reply")).args(["--grace", "20s"]).start();
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
    assert_eq!(Response::parse(&page).expect("the page was cut").body.len(), 4_000_000);
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}

#[test]
fn a_signal_ends_the_wait_for_the_tab_and_the_outcome_counts() {
    let host = Host::run().args(["--grace", "1h", "--events", "-"]).start();
    assert_eq!(tab(&host, "/callback?code=abc").status(), 303);
    host.wait_for_line(r#""event":"done""#);
    host.signal("INT");
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}

/// A run whose browser only writes down what it is opened with.
struct Opened {
    host: Running,
    link: String,
}

impl Opened {
    fn by(name: &str, args: &[&str]) -> Self {
        Self::on(name, Host::bare().arg("run").args(args))
    }

    fn on(name: &str, host: Host) -> Self {
        let seen = guest::write(&format!("{name}.opened"), b"");
        let browser = guest::write(
            &format!("{name}.sh"),
            format!(
                "#!/bin/sh\nprintf '%s\\n' \"$*\" > {0}.part && mv {0}.part {0}\n",
                seen.display()
            )
            .as_bytes(),
        );
        executable(&browser);
        let host = host.args(OPEN).env("BROWSER", &browser).start();
        let mut link = String::new();
        until(|| {
            link = fs::read_to_string(&seen).unwrap_or_default().trim().to_owned();
            !link.is_empty()
        });
        Self { host, link }
    }

    fn path(&self) -> &str {
        self.link.strip_prefix(&format!("http://{}", self.host.addr)).unwrap()
    }
}

fn executable(path: &PathBuf) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[track_caller]
fn until(mut seen: impl FnMut() -> bool) {
    let started = Instant::now();
    while !seen() {
        assert!(started.elapsed() < DEADLINE, "nothing to see");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn the_browser_is_opened_at_a_link_that_holds_no_state_and_leads_to_the_sign_in() {
    let opened = Opened::by("link", &[]);
    let line = opened.host.wait_for_line("Opening the browser at ");
    let (_, state) = line.split_once("state=").unwrap();
    assert!(!opened.link.contains(state), "{}", opened.link);
    assert_eq!(opened.path().len(), 44, "{}", opened.link);
    let answer = tab(&opened.host, opened.path());
    assert_eq!(answer.status(), 303);
    let url = format!("https://idp.example/authorize?state={state}");
    assert_eq!(answer.header("location"), Some(&*url));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    let page = navigate(opened.host.addr, &format!("/callback?code=abc&state={state}"));
    assert!(page.text().contains("All done here"));
    opened.host.finish().code(0);
}

#[test]
fn the_link_meets_the_checks_of_a_callback_and_is_not_used_up_by_what_does_not() {
    let opened = Opened::by("link-checked", &[]);
    let good = navigation(opened.host.addr, opened.path());
    for (wrong, status) in [
        (good.replacen("Host: 127.0.0.1", "Host: evil.example", 1), 421),
        (good.replacen("GET", "HEAD", 1), 405),
        (good.replacen("Sec-Fetch-Mode: navigate", "Sec-Fetch-Mode: no-cors", 1), 403),
        (good.replacen("Accept", "Sec-Purpose: prefetch\r\nAccept", 1), 503),
    ] {
        let answer = opened.host.client().send(wrong).read_to_end_or_reset();
        assert!(answer.starts_with(format!("HTTP/1.1 {status} ").as_bytes()), "{status}");
    }
    assert_eq!(tab(&opened.host, opened.path()).status(), 303);
}

#[test]
fn the_link_works_once() {
    let opened = Opened::by("link-once", &[]);
    assert_eq!(tab(&opened.host, opened.path()).status(), 303);
    let again = tab(&opened.host, opened.path());
    assert_eq!(again.status(), 410);
    assert_eq!(again.header("location"), None);
    opened.host.wait_for_line("refused a request (link-used)");
}

/// Somebody else may have read the link, and `state` behind it.
#[test]
fn where_nobody_looks_at_who_connects_a_link_that_is_used_twice_ends_the_run() {
    let opened = Opened::by("link-twice", &["--allow-other-users"]);
    assert_eq!(tab(&opened.host, opened.path()).status(), 303);
    let _ = opened.host.client().try_send(navigation(opened.host.addr, opened.path()));
    let finished = opened.host.finish().code(8).stdout("");
    assert!(
        finished.stderr.contains(
            "error: the link that opens the sign-in was followed twice: another program on this machine may have read it\n\
             hint: start again; "
        ),
        "{}",
        finished.stderr
    );
}

#[cfg(target_os = "linux")]
#[test]
fn where_the_kernel_does_not_tell_all_are_let_in_and_it_is_said() {
    let host = Host::bare().args(["run", "-v", "--events", "-"]).without_netlink();
    let opened = Opened::on("link-untold", host);
    opened.host.wait_for_line(r#""event":"peers-unchecked""#);
    opened.host.wait_for_line("connections of other users of this machine are not refused: ");
    assert_eq!(tab(&opened.host, opened.path()).status(), 303);
    let _ = opened.host.client().try_send(navigation(opened.host.addr, opened.path()));
    opened.host.finish().code(8);
}

#[test]
fn without_a_browser_there_is_no_link() {
    let host = Host::run().args(OPEN).start();
    assert!(!host.state().is_empty());
    assert_eq!(
        Client::connect(host.addr).send(navigation(host.addr, "/")).response().status(),
        404
    );
}

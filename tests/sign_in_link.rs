//! The one-time link that opens a sign-in. It keeps `state` out of the command line of the browser.

#![cfg(unix)]

use std::fs;
use std::path::PathBuf;

use crate::last_page::{OPEN, tab, until};
use crate::support::client::{Client, navigate, navigation};
use crate::support::guest;
use crate::support::host::{Host, Running};
use crate::support::tls::Authority;

/// A run whose browser only records its argument.
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

/// The host of the redirect URI may be another machine. It is that of the link only if the certificate is not for the
/// listener, as with a name in a hosts file.
#[test]
fn with_a_certificate_for_the_redirect_uri_only_the_link_has_its_host() {
    let redirect_uri = "https://dev.example:8443/callback";
    for (names, start) in [
        (&["dev.example"][..], "https://dev.example:8443/"),
        (&["dev.example", "127.0.0.1"], "https://127.0.0.1:"),
    ] {
        let name = format!("link-{}", names.len());
        let host = Host::bare().arg("run").args(Authority::new("link").issue(names).flags(&name));
        let host = host.args(["--redirect-uri", redirect_uri, "--allow-unprotected-code"]);
        let opened = Opened::on(&format!("{name}-tls"), host);
        assert!(opened.link.starts_with(start), "{}", opened.link);
    }
}

fn executable(path: &PathBuf) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_browser_opens_a_link_without_state_that_redirects_to_the_sign_in() {
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
fn a_refused_request_does_not_use_up_the_link() {
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

/// Another user may have read the link, and followed it to get `state`.
#[test]
fn without_the_user_check_a_second_use_of_the_link_ends_the_run() {
    let opened = Opened::by("link-twice", &["--allow-other-users"]);
    assert_eq!(tab(&opened.host, opened.path()).status(), 303);
    let _ = opened.host.client().try_send(navigation(opened.host.addr, opened.path()));
    let finished = opened.host.finish().code(8).stdout("");
    assert!(
        finished.stderr.contains(
            "error: the one-time sign-in link was used twice: another program on this machine may have read it\n\
             hint: start again, or use `--no-browser`"
        ),
        "{}",
        finished.stderr
    );
}

/// Another user may have read the link and sent a forged callback before the browser uses the link.
#[test]
fn a_second_use_of_the_link_before_the_last_page_ends_the_run() {
    let opened = Opened::by("link-late", &["--allow-other-users", "--grace", "20s"]);
    let answer = tab(&opened.host, opened.path());
    let (_, state) = answer.header("location").unwrap().split_once("state=").unwrap();
    let sent_on = tab(&opened.host, &format!("/callback?code=evil&state={state}"));
    assert_eq!(sent_on.status(), 303);
    let _ = opened.host.client().try_send(navigation(opened.host.addr, opened.path()));
    opened.host.finish().code(8);
}

#[test]
fn an_outcome_after_a_second_use_of_the_link_is_not_printed() {
    let slow = guest::from_wat("slow");
    let args = ["--allow-other-users", "--grace", "20s", slow.to_str().unwrap()];
    let opened = Opened::by("link-slow", &args);
    let answer = tab(&opened.host, opened.path());
    let (_, state) = answer.header("location").unwrap().split_once("state=").unwrap();
    let mut callback = opened.host.client();
    callback.send(navigation(opened.host.addr, &format!("/callback?state={state}")));
    opened.host.navigate("/barrier");
    let _ = opened.host.client().try_send(navigation(opened.host.addr, opened.path()));
    let _ = callback.response();
    opened.host.finish().code(8).stdout("");
}

#[cfg(target_os = "linux")]
#[test]
fn if_the_kernel_does_not_report_users_all_are_admitted_with_a_notice() {
    let host = Host::bare().args(["run", "-v", "--events", "-"]).without_netlink();
    let opened = Opened::on("link-without-netlink", host);
    opened.host.wait_for_line(r#""event":"peers-unchecked""#);
    opened.host.wait_for_line("cannot refuse connections from other users of this machine: ");
    assert_eq!(tab(&opened.host, opened.path()).status(), 303);
    let _ = opened.host.client().try_send(navigation(opened.host.addr, opened.path()));
    opened.host.finish().code(8);
}

#[test]
fn no_link_is_created_without_a_browser() {
    let host = Host::run().args(OPEN).start();
    assert!(!host.state().is_empty());
    assert_eq!(
        Client::connect(host.addr).send(navigation(host.addr, "/")).response().status(),
        404
    );
}

//! A whole sign-in in three engines, from the one-time link to the last page, whose address has no code.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::browser::{Answer, authorization_server, make_executable};
use crate::support::engine::{Browser, Engine};
use crate::support::host::{Finished, Host, Running};
use crate::support::network::in_own_network;
use crate::support::tour::in_each_engine;
use crate::support::witness::Witness;
use crate::support::{guest, wait_for};

tests! {
    Engines:
        a_sign_in_leaves_no_code_in_the_address_bar,
        a_denial_leaves_no_error_in_the_address_bar,
        a_posted_answer_leads_to_the_same_page;
}

/// A command for `$BROWSER` that records the URL, and the file that it writes.
pub fn note_taker(name: &str) -> (PathBuf, PathBuf) {
    let note = guest::write(&format!("{name}.url"), b"");
    let show = note.display();
    let script =
        format!("#!/bin/sh\nprintf %s \"$1\" > '{show}.part' && mv '{show}.part' '{show}'\n");
    let command = guest::write(&format!("{name}.sh"), script.as_bytes());
    make_executable(&command);
    (command, note)
}

/// A browser after the sign-in, and the result of the host.
struct SignIn {
    browser: Browser,
    host: Finished,
    /// The address on which the host listened.
    addr: SocketAddr,
    state: String,
}

/// The `state` of the authorization URL in the events.
#[track_caller]
fn state(host: &Running) -> String {
    let event = host.wait_for_line(r#""event":"authorize""#);
    let (_, rest) = event.split_once("state=").unwrap();
    rest.split(['&', '"']).next().unwrap().to_owned()
}

#[track_caller]
fn sign_in(engine: Engine, kind: &str, answer: Answer) -> SignIn {
    let provider = authorization_server(answer);
    let (command, note) = note_taker(&format!("note-{kind}-{}", engine.name()));
    let url = format!("http://{provider}/authorize?redirect_uri={{redirect_uri}}&state={{state}}");
    let browser = Browser::start(engine);
    // The test listens on this port afterwards. That works only for a fixed port, where the host sets SO_REUSEADDR.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let host = Host::bare()
        .args(["run", "--events", "-", "--port", &port.to_string(), "--open", &url])
        .env("BROWSER", &command)
        .start();
    let (addr, state) = (host.addr, state(&host));
    let link =
        wait_for("the link", || fs::read_to_string(&note).ok().filter(|link| !link.is_empty()));
    let path = link.strip_prefix(&format!("http://{addr}/")).unwrap_or_else(|| panic!("{link}"));
    assert!(path.len() >= 16 && !path.contains(['?', '/']), "{link}");
    assert!(!link.contains(&state), "{link}");
    // Some drivers report an error if the page submits a form by itself.
    let _ = browser.go(&link);
    wait_for("the page", || browser.url().contains("/callback").then_some(()));
    wait_for("the end of the page", || browser.source().contains("</html>").then_some(()));
    let picture = format!("signin-{kind}-{}.png", engine.name());
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join(picture);
    fs::write(picture, browser.screenshot()).unwrap();
    SignIn { host: host.finish(), browser, addr, state }
}

impl SignIn {
    /// Assert that the address contains only the callback path and random characters. Returns these.
    #[track_caller]
    fn assert_clean_address(&self) -> String {
        let url = self.browser.url();
        let random = url.strip_prefix(&format!("http://{}/callback/", self.addr));
        let random = random.unwrap_or_else(|| panic!("{url}"));
        assert!(random.len() >= 16 && !random.contains(['?', '/', '#']), "{url}");
        for secret in ["from-chromium", "access_denied", self.state.as_str()] {
            assert!(!url.contains(secret), "{url}");
        }
        let delivered = self.host.stderr.contains(r#""delivered":true"#);
        assert!(delivered, "{}", self.host.stderr);
        random.to_owned()
    }

    /// Assert that a later listener on the port gets at most a request for the random path. On "back", the three
    /// browsers go to the page before the sign-in or stay, because redirects are not in the history.
    #[track_caller]
    fn assert_nothing_is_sent_again(&self, random: &str) {
        let next = Witness::in_place_of(self.addr);
        // Some drivers report a 404 page as an error.
        let _ = self.browser.command("POST", "/refresh", &json!({}));
        assert!(next.is_asked(), "the browser did not request the page again");
        let _ = self.browser.command("POST", "/back", &json!({}));
        for head in next.requests() {
            let target = head.split(' ').nth(1).unwrap();
            assert_eq!(target, format!("/callback/{random}"), "{head}");
            assert!(!head.contains("from-chromium") && !head.contains(&self.state), "{head}");
        }
    }
}

fn a_sign_in_leaves_no_code_in_the_address_bar() {
    in_own_network("signin_engines::a_sign_in_leaves_no_code_in_the_address_bar", |_| {
        in_each_engine(|engine| {
            let signed_in = sign_in(engine, "code", Answer::Code);
            assert!(signed_in.browser.source().contains("You can close this tab"));
            let random = signed_in.assert_clean_address();
            signed_in.assert_nothing_is_sent_again(&random);
            signed_in.host.code(0).stdout("{\"code\":\"from-chromium\"}\n");
        });
    });
}

fn a_denial_leaves_no_error_in_the_address_bar() {
    in_own_network("signin_engines::a_denial_leaves_no_error_in_the_address_bar", |_| {
        in_each_engine(|engine| {
            let denied = sign_in(engine, "denied", Answer::Denied);
            assert!(denied.browser.source().contains("Access was not granted"));
            let random = denied.assert_clean_address();
            denied.assert_nothing_is_sent_again(&random);
            denied.host.code(1).stdout(
                "{\"error\":\"access_denied\",\"error_description\":\"The user said no\"}\n",
            );
        });
    });
}

fn a_posted_answer_leads_to_the_same_page() {
    in_own_network("signin_engines::a_posted_answer_leads_to_the_same_page", |_| {
        in_each_engine(|engine| {
            let posted = sign_in(engine, "posted", Answer::FormPost);
            assert!(posted.browser.source().contains("You can close this tab"));
            let random = posted.assert_clean_address();
            posted.assert_nothing_is_sent_again(&random);
            posted.host.code(0).stdout("{\"code\":\"from-chromium\"}\n");
        });
    });
}

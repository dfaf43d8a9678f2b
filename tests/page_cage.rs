//! The page of a guest can do only what was granted.

use crate::support::client::{navigation, request};
use crate::support::guest;
use crate::support::host::Host;

#[test]
fn a_redirect_to_a_granted_origin_is_sent() {
    let grant = ["--allow-page", "redirect=https://app.example"];
    let host = Host::run().arg(guest::from_wat("redirect-app")).args(grant).start();
    let page = host.navigate("/callback");
    assert_eq!((page.status(), page.header("location")), (302, Some("https://app.example/done")));
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}

#[test]
fn a_grant_covers_only_its_own_origin() {
    for other in [
        "https://evil.example",
        "http://app.example",
        "https://app.example:8443",
        "https://sub.app.example",
    ] {
        let grant = format!("redirect={other}");
        let host = Host::run()
            .arg(guest::from_wat("redirect-app"))
            .args(["--allow-page", &grant, "--allow-page", "scripts,forms"])
            .start();
        assert_eq!(host.navigate("/callback").status(), 500, "{other}");
    }
}

/// The JSON viewer of Firefox turns URLs into links.
#[test]
fn a_tab_gets_json_as_plain_text_and_a_program_as_json() {
    let headers = [("content-type", "application/json")];
    let host =
        Host::run().arg(guest::page("json", 200, &headers, "[\"https://a.example\"]")).start();
    for (head, sent) in [
        (navigation(host.addr, "/callback"), "text/plain; charset=utf-8"),
        (request(host.addr, "/callback"), "application/json"),
    ] {
        let answer = host.client().send(head).response();
        assert_eq!(answer.header("content-type"), Some(sent));
        assert_eq!(answer.text(), "[\"https://a.example\"]");
    }
}

//! The page of a guest can do only what was granted.

use crate::support::client::{navigation, request};
use crate::support::host::Host;
use crate::support::{cases, guest};

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

/// The grants for elements of a page: the grant as a message names it, an element that needs it, and the reason why the
/// host refuses that element.
const ELEMENTS: [(&str, &str, &str); 4] = [
    (
        "links=ORIGIN",
        "<a href='https://app.example/x'>x</a>",
        "invalid value of the attribute `href` on `<a>`: expected a place on the page such as `#more`, or an absolute \
         URL of a granted origin",
    ),
    ("forms", "<form></form>", "a page may not have the element `<form>`"),
    (
        "images",
        "<img alt='' src='data:image/png;base64,AAAA'>",
        "a page may not have the element `<img>`",
    ),
    ("scripts", "<script>x()</script>", "a page may not have the element `<script>`"),
];

#[test]
fn the_message_about_a_refused_element_names_its_grant() {
    for (grant, element, reason) in ELEMENTS {
        let kind = grant.trim_end_matches("=ORIGIN");
        let page =
            guest::page(&format!("needs-{kind}"), 200, &[("content-type", "text/html")], element);
        let problem = format!("the guest's reply cannot be sent: line 1: {reason}");
        let reason = format!("{problem}; allow it with");

        let host = Host::run().arg(&page).start();
        assert_eq!(host.navigate("/callback").status(), 500, "{grant}");
        host.wait_for_line(&format!(
            "warning: {problem}: still waiting; allow it with `--allow-page {grant}`"
        ));
        let call = || Host::bare().arg("call").arg(&page).arg("/callback");
        let called = call().finish().code(6);
        assert_eq!(called.stderr, format!("error: {reason} `--allow-page {grant}`\n"));
        let case = "GET /callback\nHTTP 200\n";
        let folder = cases::folder(&format!("needs-{kind}"), &[("a.case", case)]);
        let tested = cases::host(&folder, &page).finish().code(1).stdout;
        let option = format!("{reason} the option `allow-page: {grant}`\n");
        assert!(tested.contains(&option), "{tested}");

        // Counter-check: with the grant, the same page is sent.
        let grant = grant.replace("ORIGIN", "https://app.example");
        let host = Host::run().arg(&page).args(["--allow-page", &grant]).start();
        assert_eq!(host.navigate("/callback").status(), 200, "{grant}");
        let called = call().args(["--allow-page", &grant]).finish().code(0).stdout;
        assert!(called.starts_with("HTTP 200 OK\n"), "{called}");
        let case = format!("[Options]\nallow-page: {grant}\n{case}");
        let folder = cases::folder(&format!("grants-{kind}"), &[("a.case", case.as_str())]);
        cases::host(&folder, &page).finish().code(0);
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

//! The page of a guest in a real Chromium: grants work, and the cookies of other servers stay unchanged. `page_engines`
//! tests whether a page can escape.

use crate::support::engine::{Browser, Engine};
use crate::support::guest;
use crate::support::host::Host;
use crate::support::witness::Witness;

tests! {
    Chromium:
        granted_scripts_run,
        a_granted_form_returns_to_the_callback,
        a_page_neither_sets_nor_deletes_cookies_of_other_servers;
}

/// A page whose title shows whether its script ran.
const SCRIPTED: &str = "<title>still</title><script>document.title = 'ran'</script>";

fn granted_scripts_run() {
    let browser = Browser::start(Engine::Chromium);
    let page = guest::page("scripted", 200, &[("content-type", "text/html")], SCRIPTED);
    let host = Host::run().arg(&page).start();
    browser.open(&host.redirect_uri);
    assert_eq!(browser.title(), "Something went wrong");
    let host = Host::run().arg(&page).args(["--allow-page", "scripts"]).start();
    browser.open(&host.redirect_uri);
    browser.wait_for_title("ran");
}

/// The test clicks the button of a form that leads back to the callback, as on a consent page.
fn a_granted_form_returns_to_the_callback() {
    let browser = Browser::start(Engine::Chromium);
    let host = Host::run().arg(guest::from_wat("consent")).start();
    browser.open(&host.redirect_uri);
    assert_eq!(browser.title(), "Something went wrong");
    let host = Host::run().arg(guest::from_wat("consent")).args(["--allow-page", "forms"]).start();
    browser.open(&host.redirect_uri);
    assert_eq!(browser.title(), "asks");
    assert!(browser.click("button"));
    browser.wait_for_title("thanks");
    host.finish().code(0).stdout("{\"consent\":\"yes\"}\n");
}

/// All ports of a host name share their cookies.
fn a_page_neither_sets_nor_deletes_cookies_of_other_servers() {
    let browser = Browser::start(Engine::Chromium);
    let cookies = || {
        let probe = Witness::serving(String::new());
        browser.open(&format!("{}/probe", probe.url()));
        let request = probe.requests().concat();
        let line =
            request.lines().find_map(|line| line.strip_prefix("Cookie: ")).unwrap_or_default();
        line.to_owned()
    };
    let caged_visit = |name: &str, value: &str| {
        let headers = [("content-type", "text/html"), (name, value)];
        let page = guest::page(name, 200, &headers, "<p>x");
        let host = Host::run().arg(page).start();
        browser.open(&host.redirect_uri);
    };
    let loose_visit = |name: &str, value: &str| {
        let page = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\
             {name}: {value}\r\nConnection: close\r\n\r\n<p>x"
        );
        browser.open(&format!("{}/page", Witness::serving(page).url()));
    };
    caged_visit("set-cookie", "evil=1");
    assert_eq!(cookies(), "");
    loose_visit("set-cookie", "evil=1");
    assert_eq!(cookies(), "evil=1");
    caged_visit("clear-site-data", "\"cookies\"");
    assert_eq!(cookies(), "evil=1");
    loose_visit("clear-site-data", "\"cookies\"");
    assert_eq!(cookies(), "");
}

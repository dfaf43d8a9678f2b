//! A guest's page in a real Chromium: what was granted works, and what other servers left is left alone.
//! Whether a page gets out is in `page_engines`.

use crate::support::engine::{Browser, Engine};
use crate::support::guest;
use crate::support::host::Host;
use crate::support::witness::Witness;

tests! {
    Chromium:
        scripts_run_where_they_were_granted,
        forms_come_back_where_they_were_granted,
        cookies_of_other_servers_are_neither_set_nor_deleted;
}

/// A page that says with its title whether its script ran.
const SCRIPTED: &str = "<title>still</title><script>document.title = 'ran'</script>";

fn scripts_run_where_they_were_granted() {
    let browser = Browser::start(Engine::Chromium);
    let page = guest::page("scripted", 200, &[("content-type", "text/html")], SCRIPTED);
    let host = Host::run().arg(&page).start();
    browser.open(&host.redirect_uri);
    assert_eq!(browser.title(), "Something went wrong");
    let host = Host::run().arg(&page).args(["--allow-page", "scripts"]).start();
    browser.open(&host.redirect_uri);
    browser.wait_for_title("ran");
}

/// The form sends the person back to the callback, as a consent page does; the button is clicked.
fn forms_come_back_where_they_were_granted() {
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

/// Cookies are shared by all ports of a host name: a guest's page may neither leave nor delete any.
fn cookies_of_other_servers_are_neither_set_nor_deleted() {
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

//! Allowed pages look unchanged, and grants work, in three engines.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::support::DEADLINE;
use crate::support::engine::{Browser, Engine};
use crate::support::guest;
use crate::support::host::Host;
use crate::support::network::{Network, in_own_network};
use crate::support::pages;
use crate::support::tour::{self, Caged, in_each_engine};

tests! {
    Engines:
        harmless_pages_look_unchanged,
        a_granted_link_is_followed_only_on_click_and_reveals_no_page,
        a_granted_bitmap_is_drawn;
}

/// Take a picture of the page at `url`.
#[track_caller]
fn picture(browser: &Browser, url: &str) -> Vec<u8> {
    browser.go(url).unwrap();
    browser.screenshot()
}

/// Expect the same picture of both pages, different from `before`. An engine may take a picture before a page is drawn
/// completely, so this repeats a failed comparison.
fn alike(browser: &Browser, pages: [&str; 2], before: &[u8]) -> Result<Vec<u8>, &'static str> {
    let started = Instant::now();
    loop {
        let [seen, wanted] = pages.map(|page| picture(browser, page));
        // Different pages must have different pictures.
        match (seen == wanted, seen != before) {
            (true, true) => return Ok(seen),
            _ if started.elapsed() < DEADLINE => {}
            (false, _) => return Err("the unchanged page looks different"),
            (_, false) => return Err("the page looks like the previous one"),
        }
    }
}

/// Take pictures until one is good, and return it.
#[track_caller]
fn until(browser: &Browser, good: impl Fn(&Vec<u8>) -> bool) -> Vec<u8> {
    let started = Instant::now();
    loop {
        let picture = browser.screenshot();
        if good(&picture) {
            return picture;
        }
        assert!(started.elapsed() < DEADLINE, "the page was not drawn in time");
    }
}

fn harmless_pages_look_unchanged() {
    in_own_network("page_grants::harmless_pages_look_unchanged", |network| {
        let pages = pages::harmless();
        in_each_engine(|engine| {
            let zone = format!("shown-{}", engine.name());
            let caged = Caged::start(network, &zone, &pages, &[]);
            let loose = tour::loose(network, &zone, &pages, "");
            let browser = Browser::start(engine);
            let mut before = Vec::new();
            for (number, page) in pages.iter().enumerate() {
                assert!(caged.shown[number], "{}: {}", page.name, caged.host.stderr());
                let (caged, loose) = (caged.url(number), &loose[number].url);
                let seen = alike(&browser, [&caged, loose], &before).unwrap_or_else(|problem| {
                    panic!("{} in {}: {problem}", page.name, engine.name())
                });
                let file = format!("shown-{}-{}.png", engine.name(), page.name);
                fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(file), &seen).unwrap();
                before = seen;
            }
            network.wait_until_quiet();
            let escaped = tour::escaped(network, &zone, &pages);
            assert!(escaped.is_empty(), "{}: {escaped:?}", engine.name());
        });
    });
}

const LINK: &str = "<!doctype html><title>x</title><p><a href='http://{name}/x'>a link</a></p>";

/// The host name to which a link leads, for each engine.
fn linked(kind: &str, engine: Engine) -> String {
    format!("{kind}-{}.test", engine.name())
}

/// The attempts to reach the name before a click. These exclude the look-ups of Firefox, which resolves the name of any
/// link under the mouse or with the focus. A page cannot prevent that, and it reveals only the granted name.
fn tried(network: &Network, engine: Engine, name: &str) -> Vec<(String, String)> {
    let looked_up =
        |tried: &str, how: &str| engine == Engine::Firefox && tried == name && how == "look-up";
    let contacts = network.contacts().into_iter();
    let of_name = contacts.filter(|(tried, _)| tried.ends_with(name));
    let each = of_name.flat_map(|(tried, hows)| hows.into_iter().map(move |h| (tried.clone(), h)));
    each.filter(|(tried, how)| !looked_up(tried, how)).collect()
}

fn a_granted_link_is_followed_only_on_click_and_reveals_no_page() {
    let name = "page_grants::a_granted_link_is_followed_only_on_click_and_reveals_no_page";
    in_own_network(name, |network| {
        in_each_engine(|engine| {
            let to = linked("granted", engine);
            let html = [("content-type", "text/html")];
            let body = LINK.replace("{name}", &to);
            let page = guest::page(&format!("link-{}", engine.name()), 200, &html, &body);
            let grant = format!("links=http://{to}");
            let host = Host::run().arg(page).args(["--allow-page", &grant]).start();
            let browser = Browser::start(engine);
            browser.go(&format!("{}?code=secret", host.redirect_uri)).unwrap();
            assert!(browser.hover("a"), "{}", host.stderr());
            network.wait_until_quiet();
            let ahead = tried(network, engine, &to);
            assert!(ahead.is_empty(), "{}: {ahead:?}", engine.name());
            assert!(browser.click("a"));
            // The opened page itself requests its icon.
            let is_visit = |head: &String| head.starts_with("GET /x ");
            let visits = || network.requests(&to).into_iter().filter(is_visit).collect::<Vec<_>>();
            assert!(network.wait_until(|_| !visits().is_empty()), "{}", engine.name());
            let heads = visits().concat();
            assert!(!heads.to_lowercase().contains("referer:"), "{heads}");
            assert!(!heads.contains("secret"), "{heads}");

            // Counter-check: the unchanged page sends a referrer.
            let to = linked("loose", engine);
            let body = LINK.replace("{name}", &to);
            let length = body.len();
            let response = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{body}"
            );
            let path = format!("/link-{}", engine.name());
            network.serve(&path, response);
            browser.go(&format!("http://127.0.0.1{path}")).unwrap();
            assert!(browser.click("a"));
            let visits = || network.requests(&to);
            assert!(network.wait_until(|_| !visits().is_empty()), "{}", engine.name());
            let heads = visits().concat().to_lowercase();
            assert!(heads.contains("referer: http://127.0.0.1/"), "{heads}");
        });
    });
}

/// A red bitmap of one pixel.
const BITMAP: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

fn a_granted_bitmap_is_drawn() {
    in_own_network("page_grants::a_granted_bitmap_is_drawn", |network| {
        let body = format!(
            "<!doctype html><title>x</title><p>x</p><img alt='' width=90 height=90 src='{BITMAP}'>"
        );
        let none = body.replace(BITMAP, "data:,");
        let response = |body: &str| {
            let length = body.len();
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{body}"
            )
        };
        network.serve("/bitmap", response(&body));
        network.serve("/none", response(&none));
        in_each_engine(|engine| {
            let html = [("content-type", "text/html")];
            let page = guest::page(&format!("bitmap-{}", engine.name()), 200, &html, &body);
            let host = Host::run().arg(page).args(["--allow-page", "images"]).start();
            let browser = Browser::start(engine);
            // WebKit may take a picture before it has drawn the bitmap.
            let none = picture(&browser, "http://127.0.0.1/none");
            browser.go("http://127.0.0.1/bitmap").unwrap();
            let wanted = until(&browser, |picture| *picture != none);
            browser.go(&host.redirect_uri).unwrap();
            until(&browser, |picture| *picture == wanted);
        });
    });
}

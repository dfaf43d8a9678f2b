//! What a page may hold is shown as it is, and what was granted works, in three engines.

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
        harmless_pages_are_shown_as_they_are,
        a_granted_link_is_followed_by_a_click_only_and_tells_nothing_of_the_page,
        a_granted_bitmap_is_drawn;
}

/// The picture of the page at `url`.
#[track_caller]
fn picture(browser: &Browser, url: &str) -> Vec<u8> {
    browser.go(url).unwrap();
    browser.screenshot()
}

/// The picture of both pages, which is another than the one `before`. A page may not be painted whole when its
/// picture is taken, so that what differs is looked at again.
fn alike(browser: &Browser, pages: [&str; 2], before: &[u8]) -> Result<Vec<u8>, &'static str> {
    let started = Instant::now();
    loop {
        let [seen, wanted] = pages.map(|page| picture(browser, page));
        // Pictures do differ where pages do.
        match (seen == wanted, seen != before) {
            (true, true) => return Ok(seen),
            _ if started.elapsed() < DEADLINE => {}
            (false, _) => return Err("it looks otherwise without a cage"),
            (_, false) => return Err("it looks like the page before"),
        }
    }
}

/// What is shown, once it is as it should be.
#[track_caller]
fn until(browser: &Browser, good: impl Fn(&Vec<u8>) -> bool) -> Vec<u8> {
    let started = Instant::now();
    loop {
        let picture = browser.screenshot();
        if good(&picture) {
            return picture;
        }
        assert!(started.elapsed() < DEADLINE, "it is not drawn");
    }
}

fn harmless_pages_are_shown_as_they_are() {
    in_own_network("page_grants::harmless_pages_are_shown_as_they_are", |network| {
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

/// The name that a link leads to, in one engine.
fn linked(kind: &str, engine: Engine) -> String {
    format!("{kind}-{}.test", engine.name())
}

/// What was tried with the name, before anybody clicks. Firefox looks up the name in any link that the mouse
/// is over or the focus on, whatever the page says: it is the name that was granted, and tells no more.
fn tried(network: &Network, engine: Engine, name: &str) -> Vec<(String, String)> {
    let looked_up =
        |tried: &str, how: &str| engine == Engine::Firefox && tried == name && how == "look-up";
    let contacts = network.contacts().into_iter();
    let of_name = contacts.filter(|(tried, _)| tried.ends_with(name));
    let each = of_name.flat_map(|(tried, hows)| hows.into_iter().map(move |h| (tried.clone(), h)));
    each.filter(|(tried, how)| !looked_up(tried, how)).collect()
}

fn a_granted_link_is_followed_by_a_click_only_and_tells_nothing_of_the_page() {
    let name =
        "page_grants::a_granted_link_is_followed_by_a_click_only_and_tells_nothing_of_the_page";
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
            // The icon is asked for by the page that it is the icon of.
            let is_visit = |head: &String| head.starts_with("GET /x ");
            let visits = || network.requests(&to).into_iter().filter(is_visit).collect::<Vec<_>>();
            assert!(network.wait_until(|_| !visits().is_empty()), "{}", engine.name());
            let heads = visits().concat();
            assert!(!heads.to_lowercase().contains("referer:"), "{heads}");
            assert!(!heads.contains("secret"), "{heads}");

            // Without a cage, it tells where it comes from.
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

/// A red square of one pixel.
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
            // A picture may be taken before the bitmap is drawn: WebKit does not wait for it.
            let none = picture(&browser, "http://127.0.0.1/none");
            browser.go("http://127.0.0.1/bitmap").unwrap();
            let wanted = until(&browser, |picture| *picture != none);
            browser.go(&host.redirect_uri).unwrap();
            until(&browser, |picture| *picture == wanted);
        });
    });
}

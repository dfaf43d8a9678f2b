//! Visits of many pages, in every engine at the same time.

use std::thread;

use super::engine::{Browser, ENGINES, Engine};
use super::guest;
use super::host::{Host, Running};
use super::network::Network;
use super::pages::{Act, Page, Target};

/// The number of pages that are open at a time. Each one can act while the next ones load.
const TABS: usize = 12;

/// A page to visit, and the action there.
pub struct Stop<'a> {
    pub url: String,
    pub act: &'a Act,
}

/// The origin that the page with this number tries to reach. Each tour has its own `zone`.
pub fn target(network: &Network, zone: &str, number: usize) -> Target {
    let name = format!("p{number}.{zone}.test");
    Target { address: network.address(&name), name }
}

/// Call `visit` for each engine, each on its own thread.
pub fn in_each_engine<T: Send>(visit: impl Fn(Engine) -> T + Sync) -> Vec<(Engine, T)> {
    let visit = &visit;
    thread::scope(|scope| {
        let started = ENGINES.map(|engine| (engine, scope.spawn(move || visit(engine))));
        started.into_iter().map(|(engine, visit)| (engine, visit.join().unwrap())).collect()
    })
}

/// Visit all stops, and wait until there are no new attempts.
pub fn visit(network: &Network, engine: Engine, stops: &[Stop<'_>]) {
    let browser = Browser::start_hasty(engine);
    let tabs: Vec<_> = (0..TABS).map(|_| browser.tab().unwrap()).collect();
    let alone = stops.iter().filter(|stop| *stop.act == Act::Nothing);
    for (stop, tab) in alone.zip(tabs.iter().cycle()) {
        browser.switch(tab).unwrap();
        // Some pages redirect to an address without a page.
        let _ = browser.go(&stop.url);
    }
    // The mouse works only in the tab in front, and a click needs a loaded page.
    let hand = Browser::start(engine);
    let home = hand.tabs().remove(0);
    // The mouse of WebKit is in place only after the first click.
    let hovers = |stop: &&Stop<'_>| matches!(stop.act, Act::Hover(_));
    let rest = |stop: &&Stop<'_>| !matches!(stop.act, Act::Hover(_) | Act::Nothing);
    for stop in stops.iter().filter(hovers).chain(stops.iter().filter(rest)) {
        let _ = hand.go(&stop.url);
        // A refused page has no element to click on.
        let _ = match stop.act {
            Act::Click(selector) => hand.click(selector),
            Act::Hover(selector) => hand.hover(selector),
            Act::Nothing | Act::Look => true,
        };
        hand.close_all_but(&home);
    }
    network.wait_until_quiet();
}

/// A host whose guest answers with these pages.
pub struct Caged {
    pub host: Running,
    /// Whether the host sent each page. It answers with its own page if it refuses one.
    pub shown: Vec<bool>,
}

impl Caged {
    #[track_caller]
    pub fn start(network: &Network, zone: &str, pages: &[Page], grants: &[&str]) -> Self {
        let number = |(number, page): (usize, &Page)| page.caged(&target(network, zone, number));
        let answers: Vec<_> = pages.iter().enumerate().map(number).collect();
        let guest = guest::pages(zone, &answers);
        let grants = grants.iter().flat_map(|grant| ["--allow-page", *grant]);
        let host = Host::run().args(["--timeout", "15m"]).arg(guest).args(grants).start();
        let mut caged = Self { host, shown: Vec::new() };
        for (number, page) in pages.iter().enumerate() {
            let answer = caged.host.navigate(&caged.path(number));
            let refused = answer.status() == 500;
            // The page of the host must not contain anything of the guest.
            let own = !answer.text().contains(zone) && !answer.head.contains(zone);
            assert!(!refused || own, "{}: {}", page.name, answer.text());
            caged.shown.push(!refused);
        }
        caged
    }

    fn path(&self, number: usize) -> String {
        format!("/callback?{number:04}")
    }

    pub fn url(&self, number: usize) -> String {
        format!("http://{}{}", self.host.addr, self.path(number))
    }

    /// The stops for all pages that the host sent, and for the first that it refused.
    pub fn stops<'a>(&self, pages: &'a [Page]) -> Vec<Stop<'a>> {
        let first = self.shown.iter().position(|shown| !shown);
        let wanted = |number: &usize| self.shown[*number] || Some(*number) == first;
        let stop = |number: usize| Stop { url: self.url(number), act: &pages[number].act };
        (0..pages.len()).filter(wanted).map(stop).collect()
    }
}

/// Serve these pages unchanged with these header fields. Returns the stops.
pub fn loose<'a>(network: &Network, zone: &str, pages: &'a [Page], headers: &str) -> Vec<Stop<'a>> {
    let serve = |(number, page): (usize, &'a Page)| {
        let target = target(network, zone, number);
        let path = format!("/{zone}/{number}");
        network.serve(&path, page.loose(&target, headers));
        let at = if page.same_origin { target.name } else { "127.0.0.1".to_owned() };
        Stop { url: format!("http://{at}{path}"), act: &page.act }
    };
    pages.iter().enumerate().map(serve).collect()
}

/// The numbers of the pages that got out.
pub fn escaped(network: &Network, zone: &str, pages: &[Page]) -> Vec<usize> {
    let contacts = network.contacts();
    let got_out = |number: &usize| {
        let name = target(network, zone, *number).name;
        if pages[*number].same_origin && zone.contains("loose") {
            // The page itself was served from its own origin.
            network.requests(&name).iter().any(|head| {
                let own = head.starts_with(&format!("GET /{zone}/"));
                !own && !head.starts_with("GET /favicon.ico ")
            })
        } else {
            contacts.keys().any(|tried| tried.ends_with(&name))
        }
    };
    (0..pages.len()).filter(got_out).collect()
}

//! A tour through many pages, in every engine at the same time.

use std::thread;

use super::engine::{Browser, ENGINES, Engine};
use super::guest;
use super::host::{Host, Running};
use super::network::Network;
use super::pages::{Act, Page, Target};

/// So many pages are open at a time: each has as long to get out as the next ones take to load.
const TABS: usize = 12;

/// A page to visit, and what to do there.
pub struct Stop<'a> {
    pub url: String,
    pub act: &'a Act,
}

/// Where the page with this number wants to get. `zone` tells one tour from another.
pub fn target(network: &Network, zone: &str, number: usize) -> Target {
    let name = format!("p{number}.{zone}.test");
    Target { address: network.address(&name), name }
}

/// Do `visit` for each engine, each in a thread of its own.
pub fn in_each_engine<T: Send>(visit: impl Fn(Engine) -> T + Sync) -> Vec<(Engine, T)> {
    let visit = &visit;
    thread::scope(|scope| {
        let started = ENGINES.map(|engine| (engine, scope.spawn(move || visit(engine))));
        started.into_iter().map(|(engine, visit)| (engine, visit.join().unwrap())).collect()
    })
}

/// Visit all, and wait until nothing more comes of it.
pub fn visit(network: &Network, engine: Engine, stops: &[Stop<'_>]) {
    let browser = Browser::start_hasty(engine);
    let tabs: Vec<_> = (0..TABS).map(|_| browser.tab().unwrap()).collect();
    let alone = stops.iter().filter(|stop| *stop.act == Act::Nothing);
    for (stop, tab) in alone.zip(tabs.iter().cycle()) {
        browser.switch(tab).unwrap();
        // Some pages lead to where there is no page.
        let _ = browser.go(&stop.url);
    }
    // A mouse is over what is in front only, and a click needs a page that has loaded.
    let hand = Browser::start(engine);
    let home = hand.tabs().remove(0);
    // WebKit's mouse comes to rest with the first click.
    let hovers = |stop: &&Stop<'_>| matches!(stop.act, Act::Hover(_));
    let rest = |stop: &&Stop<'_>| !matches!(stop.act, Act::Hover(_) | Act::Nothing);
    for stop in stops.iter().filter(hovers).chain(stops.iter().filter(rest)) {
        let _ = hand.go(&stop.url);
        // A page that was refused has nothing to click on.
        let _ = match stop.act {
            Act::Click(selector) => hand.click(selector),
            Act::Hover(selector) => hand.hover(selector),
            Act::Nothing | Act::Look => true,
        };
        hand.close_all_but(&home);
    }
    network.wait_until_quiet();
}

/// A host whose guest has all these pages.
pub struct Caged {
    pub host: Running,
    /// Whether each page was shown. The others were refused: the host's own page came instead.
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
            // What the host says instead is its own, to the last byte.
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

    /// What was shown, and the first that was not.
    pub fn stops<'a>(&self, pages: &'a [Page]) -> Vec<Stop<'a>> {
        let first = self.shown.iter().position(|shown| !shown);
        let wanted = |number: &usize| self.shown[*number] || Some(*number) == first;
        let stop = |number: usize| Stop { url: self.url(number), act: &pages[number].act };
        (0..pages.len()).filter(wanted).map(stop).collect()
    }
}

/// Serve all these pages with no cage but these header fields, and say where they are.
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
            // It was served there itself.
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

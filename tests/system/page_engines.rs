//! Every known way out of a page, in three engines.
//!
//! The network of the test records every attempt. Each engine visits each page twice: as the host sends it, and
//! unchanged. The unchanged page must escape, or it proves nothing about that engine.

#![expect(clippy::print_stdout, reason = "a failed test shows this output")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::support::engine::{ENGINES, Engine};
use crate::support::network::{Network, in_own_network};
use crate::support::pages::{self, Page};
use crate::support::tour::{self, Caged};

tests! {
    Engines:
        no_page_escapes_in_any_engine,
        no_page_escapes_through_an_unrelated_grant;
    Request:
        the_policy_alone_stops_nearly_every_page;
}

/// The number of unchanged pages that must escape in each engine. At the time of writing, 425 to 460 of 473 do.
const PROVEN: usize = 400;

/// The number of pages that may escape the policy in each engine, if the list would refuse them.
const HOLES: usize = 60;

/// Assert that neither a page of this zone nor a browser by itself has contacted anything so far.
#[track_caller]
fn assert_silence(network: &Network, zone: &str, pages: &[Page]) {
    let tried = network.contacts();
    let names: Vec<_> = ENGINES
        .iter()
        .map(|engine| format!("{zone}-{}", engine.name()))
        .flat_map(|zone| tour::escaped(network, &zone, pages))
        .map(|number| &pages[number].name)
        .collect();
    assert!(tried.is_empty(), "{zone}: {names:?} escaped: {tried:#?}");
}

/// Visit the pages as the host sends them, in each engine. Returns the number of pages that the host did not refuse.
#[track_caller]
fn visit_caged(network: &Network, zone: &str, pages: &[Page], grants: &[&str]) -> usize {
    let shown = tour::in_each_engine(|engine| {
        let zone = format!("{zone}-{}", engine.name());
        let caged = Caged::start(network, &zone, pages, grants);
        tour::visit(network, engine, &caged.stops(pages));
        caged.shown.iter().filter(|shown| **shown).count()
    });
    assert_silence(network, zone, pages);
    shown[0].1
}

/// Visit the unchanged pages with these header fields. Returns the pages that escape in each engine.
fn visit_loose(
    network: &Network,
    zone: &str,
    pages: &[Page],
    headers: &str,
) -> Vec<(Engine, Vec<usize>)> {
    tour::in_each_engine(|engine| {
        let zone = format!("{zone}-{}", engine.name());
        tour::visit(network, engine, &tour::loose(network, &zone, pages, headers));
        tour::escaped(network, &zone, pages)
    })
}

/// A table of the engines in which each page escapes. It is also written to a file.
fn table(title: &str, pages: &[Page], out: &[(Engine, Vec<usize>)]) -> String {
    let mut table = format!("{title}\n");
    for (number, page) in pages.iter().enumerate() {
        let of = out.iter().filter(|(_, numbers)| numbers.contains(&number));
        let engines: Vec<_> = of.map(|(engine, _)| engine.name()).collect();
        writeln!(table, "{:40} {}", page.name, engines.join(" ")).unwrap();
    }
    let file = format!("page-engines-{}.txt", title.replace(' ', "-"));
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(file), &table).unwrap();
    table
}

fn no_page_escapes_in_any_engine() {
    in_own_network("page_engines::no_page_escapes_in_any_engine", |network| {
        let pages = pages::hostile();
        let shown = visit_caged(network, "caged", &pages, &[]);
        let out = visit_loose(network, "loose", &pages, "");
        println!("the host sent {shown} of {} pages", pages.len());
        println!("{}", table("unchanged pages", &pages, &out));
        for (engine, numbers) in &out {
            let name = engine.name();
            assert!(numbers.len() >= PROVEN, "{name}: only {} pages escape", numbers.len());
        }
        let never = |number: &usize| !out.iter().any(|(_, numbers)| numbers.contains(number));
        let never: Vec<_> = (0..pages.len()).filter(never).map(|n| &pages[n].name).collect();
        assert!(never.is_empty(), "these pages escape in no engine, and prove nothing: {never:?}");
    });
}

/// These grants allow nothing that the pages try. Forms lead to the listener, images are in the page, and links lead to
/// a different origin than the pages try to reach.
fn no_page_escapes_through_an_unrelated_grant() {
    in_own_network("page_engines::no_page_escapes_through_an_unrelated_grant", |network| {
        let grants = ["forms", "images", "links=http://granted.test"];
        visit_caged(network, "granted", &pages::hostile(), &grants);
    });
}

/// Test the policy without the list, on the pages that the list refuses. The policy has different holes in each engine,
/// which is the reason for the list. It must still stop nearly every page, in case the list misses one.
fn the_policy_alone_stops_nearly_every_page() {
    let said =
        in_own_network("page_engines::the_policy_alone_stops_nearly_every_page", |network| {
            let pages = pages::hostile();
            let caged = Caged::start(network, "headers", &pages::harmless(), &[]);
            let answer = caged.host.navigate("/callback?0000");
            let own = |line: &&str| {
                let line = line.to_ascii_lowercase();
                let of_the_page = ["content-type:", "content-length:", "connection:", "date:"];
                !of_the_page.iter().any(|name| line.starts_with(name))
            };
            let headers = answer.head.lines().skip(1).filter(own);
            let headers: String = headers.map(|line| format!("{line}\r\n")).collect();
            assert!(headers.contains("default-src 'none'"), "{headers}");
            let out = visit_loose(network, "loose-policy", &pages, &headers);
            println!("{}", table("policy alone", &pages, &out));
            for (engine, numbers) in &out {
                let names: Vec<_> = numbers.iter().map(|number| &pages[*number].name).collect();
                assert!(names.len() <= HOLES, "{}: {names:?}", engine.name());
            }
        });
    println!("{said}");
}

//! Every way out of a page that is known, in three engines, in a network where nothing that is tried goes
//! unseen. Each page is tried caged by the host and, in the same engine, as it is: there it has to get out,
//! or it proves nothing about that engine.

#![expect(clippy::print_stdout, reason = "what is printed is shown where a test fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::support::engine::{ENGINES, Engine};
use crate::support::network::{Network, in_own_network};
use crate::support::pages::{self, Page};
use crate::support::tour::{self, Caged};

tests! {
    Engines:
        no_page_gets_out_of_any_engine,
        no_page_gets_out_by_grants_for_other_things;
    Request:
        the_policy_alone_holds_nearly_every_page;
}

/// So many pages must prove themselves in each engine. 425 to 460 of 473 did when this was written.
const PROVEN: usize = 400;

/// So many pages, of those that only the list refuses, may get out of the policy in an engine.
const HOLES: usize = 60;

/// Nothing was tried so far, neither by the pages of the zone nor by a browser of its own accord.
#[track_caller]
fn assert_silence(network: &Network, zone: &str, pages: &[Page]) {
    let tried = network.contacts();
    let names: Vec<_> = ENGINES
        .iter()
        .map(|engine| format!("{zone}-{}", engine.name()))
        .flat_map(|zone| tour::escaped(network, &zone, pages))
        .map(|number| &pages[number].name)
        .collect();
    assert!(tried.is_empty(), "{zone}: {names:?} got out: {tried:#?}");
}

/// Visit the pages as the host shows them, in each engine. Returns how many it showed.
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

/// Visit them as a server has them that adds these header fields. Returns who got out of which engine.
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

/// Page by page, the engines that it got out of; kept as a file as well.
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

fn no_page_gets_out_of_any_engine() {
    in_own_network("page_engines::no_page_gets_out_of_any_engine", |network| {
        let pages = pages::hostile();
        let shown = visit_caged(network, "caged", &pages, &[]);
        let out = visit_loose(network, "loose", &pages, "");
        println!("the host showed {shown} of {} pages", pages.len());
        println!("{}", table("out of no cage", &pages, &out));
        for (engine, numbers) in &out {
            let name = engine.name();
            assert!(numbers.len() >= PROVEN, "{name}: {} proved themselves", numbers.len());
        }
        let never = |number: &usize| !out.iter().any(|(_, numbers)| numbers.contains(number));
        let never: Vec<_> = (0..pages.len()).filter(never).map(|n| &pages[n].name).collect();
        assert!(never.is_empty(), "pages that get out of no engine prove nothing: {never:?}");
    });
}

/// Grants that lead nowhere else: forms come back to the listener, images stand in the page, and links go
/// to another origin than the one where these pages want to get.
fn no_page_gets_out_by_grants_for_other_things() {
    in_own_network("page_engines::no_page_gets_out_by_grants_for_other_things", |network| {
        let grants = ["forms", "images", "links=http://granted.test"];
        visit_caged(network, "granted", &pages::hostile(), &grants);
    });
}

/// The pages that the list refuses, with the policy alone, which takes as long as the rest. The policy has holes,
/// other ones in each engine: that is why there is the list. It must hold nearly all the same, were the list to miss
/// something.
fn the_policy_alone_holds_nearly_every_page() {
    let said =
        in_own_network("page_engines::the_policy_alone_holds_nearly_every_page", |network| {
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
            println!("{}", table("out of the policy alone", &pages, &out));
            for (engine, numbers) in &out {
                let names: Vec<_> = numbers.iter().map(|number| &pages[*number].name).collect();
                assert!(names.len() <= HOLES, "{}: {names:?}", engine.name());
            }
        });
    println!("{said}");
}

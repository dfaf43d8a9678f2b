//! The pages in `tests/pages`. Each one tries one way to escape.
//!
//! A file starts with a description. Each page follows as a line `=== NAME`, lines that start with `> `, and the body:
//!
//! - `> status 302`: the status
//! - `> NAME: VALUE`: a header field
//! - `> click SELECTOR`, `> hover SELECTOR`: what a person does
//! - `> in front`: the page escapes only in the tab in front
//! - `> same-origin`: the page reaches only its own origin
//! - `> scripts off`: the page escapes only if scripts do not run
//!
//! `{to}` is the origin that a page tries to reach, `{name}` its host name, and `{address}` its IP address.

use std::net::Ipv4Addr;

use super::guest;

const HOSTILE: [&str; 7] = [
    include_str!("../../pages/css.txt"),
    include_str!("../../pages/head.txt"),
    include_str!("../../pages/html.txt"),
    include_str!("../../pages/mutations.txt"),
    include_str!("../../pages/scripts.txt"),
    include_str!("../../pages/siblings.txt"),
    include_str!("../../pages/svg.txt"),
];
const CARRIERS: &str = include_str!("../../pages/svg-carriers.txt");
const INSIDE: &str = include_str!("../../pages/inside.svg");
const SHOWN: &str = include_str!("../../pages/shown.txt");

pub struct Page {
    pub name: String,
    pub act: Act,
    pub same_origin: bool,
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    scripts_off: bool,
    body: String,
}

/// What a person does with a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Leave it in a background tab.
    Nothing,
    Look,
    Click(&'static str),
    Hover(&'static str),
}

/// The pages that try to escape.
pub fn hostile() -> Vec<Page> {
    // A `</style>` in the URL would end a style sheet of the page.
    let inside = INSIDE.trim_end().replace('<', "%3C").replace('>', "%3E");
    let inside = format!("data:image/svg+xml,{inside}");
    let carriers = parse(CARRIERS).map(move |page| Page {
        name: format!("inside-{}", page.name),
        body: page.body.replace("{svg}", &inside),
        ..page
    });
    HOSTILE.into_iter().flat_map(parse).chain(carriers).collect()
}

/// The pages that do not try to escape, although some look as if they do.
pub fn harmless() -> Vec<Page> {
    parse(SHOWN).collect()
}

fn parse(file: &'static str) -> impl Iterator<Item = Page> {
    file.split("\n=== ").skip(1).map(|block| {
        let (name, mut rest) = block.split_once('\n').unwrap();
        let mut page = Page {
            name: name.to_owned(),
            act: Act::Nothing,
            same_origin: false,
            status: 200,
            headers: Vec::new(),
            scripts_off: false,
            body: String::new(),
        };
        while let Some((line, more)) = rest.strip_prefix("> ").and_then(|r| r.split_once('\n')) {
            match line.split_once(' ') {
                Some(("status", status)) => page.status = status.parse().unwrap(),
                Some(("click", selector)) => page.act = Act::Click(selector),
                Some(("hover", selector)) => page.act = Act::Hover(selector),
                Some(("in", "front")) => page.act = Act::Look,
                Some(("scripts", "off")) => page.scripts_off = true,
                None if line == "same-origin" => page.same_origin = true,
                _ => page.headers.push(line.split_once(": ").unwrap()),
            }
            rest = more;
        }
        rest.trim_end_matches('\n').clone_into(&mut page.body);
        page
    })
}

/// The origin that a page tries to reach.
pub struct Target {
    pub name: String,
    pub address: Ipv4Addr,
}

impl Target {
    fn fill(&self, text: &str) -> String {
        text.replace("{to}", &format!("http://{}", self.name))
            .replace("{name}", &self.name)
            .replace("{address}", &self.address.to_string())
    }
}

impl Page {
    /// The page as the answer of a guest.
    pub fn caged(&self, target: &Target) -> guest::Answer<'static> {
        let fields = self.headers.iter().map(|(name, value)| (*name, target.fill(value)));
        let kind = ("content-type", "text/html; charset=utf-8".to_owned());
        let headers = fields.chain([kind]).collect();
        guest::Answer { status: self.status, headers, body: target.fill(&self.body) }
    }

    /// The unchanged page as a whole response, with these additional header fields.
    pub fn loose(&self, target: &Target, more: &str) -> String {
        let body = if self.same_origin {
            target.fill(&self.body.replace("{to}", ""))
        } else {
            target.fill(&self.body)
        };
        let mut headers = more.to_owned();
        if self.scripts_off && more.is_empty() {
            headers += "content-security-policy: sandbox\r\n";
        }
        for (name, value) in &self.headers {
            headers += &format!("{name}: {}\r\n", target.fill(value));
        }
        format!(
            "HTTP/1.1 {} X\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             {headers}Connection: close\r\n\r\n{body}",
            self.status,
            body.len()
        )
    }
}

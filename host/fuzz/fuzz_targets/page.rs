//! Fuzz pages. In every page that the host accepts, a second parser finds nothing that is not on the list of the host.
//! The host rewrites its own output to the same page.

#![no_main]

#[expect(dead_code, reason = "this target does not check values of attributes")]
#[path = "../../src/reply/page/allowed.rs"]
mod allowed;

use std::iter::Peekable;
use std::str::Chars;

use allowed::{
    FORMS, GLOBAL_ATTRIBUTES, HTML, HTML_WITH_ATTRIBUTES, IMAGES, SVG, SVG_GEOMETRY,
    SVG_PRESENTATION, attributes_of, has,
};
use curtaincall::internals::reply::check_page;
use curtaincall::{PageGrant, PageGrants};
use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Error, StartTag, Token, Tokenizer};
use libfuzzer_sys::fuzz_target;

const ORIGIN: &str = "http://127.0.0.1:8080";
const APP: &str = "https://app.example";

struct Granted {
    forms: bool,
    images: bool,
    links: bool,
}

fuzz_target!(init: the_second_reader_can_find_something(), |input: (u8, &str)| {
    let (bits, page) = input;
    let granted = Granted { forms: bits & 1 > 0, images: bits & 2 > 0, links: bits & 4 > 0 };
    let links = format!("links={APP}");
    let grants: PageGrants =
        [(granted.forms, "forms"), (granted.images, "images"), (granted.links, &*links)]
            .into_iter()
            .filter(|(is_granted, _)| *is_granted)
            .map(|(_, word)| word.parse::<PageGrant>().unwrap())
            .collect();
    let Ok(sent) = check_page(page, ORIGIN, &grants, &|| Ok(())) else { return };
    let html = std::str::from_utf8(&sent.html).unwrap();
    let again = check_page(html, ORIGIN, &grants, &|| Ok(())).unwrap();
    assert_eq!(again.html, sent.html, "{page:?}");
    assert!(again.slips.is_empty(), "{page:?}");

    // A tokenizer alone does not know that `<style>` and `<title>` contain only text, so the loop sets its state.
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut in_style = false;
    for token in Tokenizer::new_with_emitter(html, emitter) {
        match token.unwrap_or_else(|never| match never {}) {
            Token::StartTag(tag) => {
                in_style = &*tag.name == b"style";
                check(&tag, &granted, html);
            }
            Token::EndTag(_) => in_style = false,
            Token::String(text) if in_style => {
                is_tame(std::str::from_utf8(&text.value).unwrap(), html);
            }
            Token::Comment(_) => panic!("a comment: {html}"),
            // The page contains these characters unescaped, and they are only text.
            Token::Error(error)
                if matches!(
                    error.value,
                    Error::ControlCharacterInInputStream | Error::NoncharacterInInputStream
                ) => {}
            Token::Error(error) => panic!("{error:?}: {html}"),
            Token::Doctype(_) | Token::String(_) => {}
        }
    }
});

fn check(tag: &StartTag<()>, granted: &Granted, html: &str) {
    let name = std::str::from_utf8(&tag.name).unwrap();
    let is_svg = SVG.iter().any(|known| known.eq_ignore_ascii_case(name));
    let own = attributes_of(HTML_WITH_ATTRIBUTES, name)
        .or_else(|| attributes_of(FORMS, name).filter(|_| granted.forms))
        .unwrap_or_default();
    let is_image = granted.images && name == "img";
    assert!(
        is_svg || has(HTML, name) || !own.is_empty() || is_image || name == "legend",
        "{name}: {html}"
    );
    for (attribute, value) in &tag.attributes {
        let attribute = std::str::from_utf8(attribute).unwrap();
        let value = std::str::from_utf8(&value.value).unwrap();
        let like = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(attribute));
        match (name, attribute) {
            ("a", "href") => assert!(
                value.starts_with('#') || (granted.links && value.starts_with(&format!("{APP}/"))),
                "{html}"
            ),
            ("a", "rel") => assert_eq!(value, "noreferrer noopener", "{html}"),
            ("form", "action") => {
                assert!(
                    value.is_empty() || (value.starts_with('/') && !value.starts_with("//")),
                    "{html}"
                );
            }
            ("img", "src") => {
                assert!(IMAGES.iter().any(|start| value.starts_with(start)), "{html}");
            }
            ("img", "alt" | "width" | "height") | ("meta", "charset" | "content" | "name") => {}
            ("svg", "xmlns") => assert_eq!(value, "http://www.w3.org/2000/svg"),
            (_, "style") => is_tame(value, html),
            _ if attribute.starts_with("aria-") || attribute.starts_with("data-") => {}
            _ if has(GLOBAL_ATTRIBUTES, attribute) || has(own, attribute) => {}
            _ if is_svg && like(SVG_GEOMETRY) => {}
            _ if is_svg && like(SVG_PRESENTATION) => is_tame(value, html),
            _ => panic!("{name} {attribute}: {html}"),
        }
    }
}

/// The CSS functions that load something, including those of a single browser.
const LOADING: &[&str] = &[
    "url",
    "url-prefix",
    "src",
    "image",
    "image-set",
    "-webkit-image-set",
    "cross-fade",
    "-webkit-cross-fade",
    "element",
    "-moz-element",
    "paint",
];

/// Assert that the CSS refers only to the page itself, in every reading.
fn is_tame(css: &str, html: &str) {
    if let Some(word) = loading_word(css) {
        panic!("{word}: {html}");
    }
}

/// The first word that makes CSS load something. Strings and comments may contain anything.
fn loading_word(css: &str) -> Option<String> {
    let css = without_strings_and_comments(&css.to_ascii_lowercase());
    let rules = ["@import", "@font-face", "@namespace", "@charset"];
    if let Some(rule) = rules.into_iter().find(|rule| css.contains(rule)) {
        return Some(rule.to_owned());
    }
    css.match_indices('(').find_map(|(at, _)| {
        let (before, inside) = (&css[..at], &css[at + 1..]);
        // A function is the whole name before the bracket. `1xsrc(` is a number with a unit, and `#src(` is a hash.
        let start = before.rfind(|c: char| !is_in_word(c)).map_or(0, |last| last + 1);
        let name = &before[start..];
        let refers_here = name == "url" && inside.trim_start().starts_with('#');
        (LOADING.contains(&name) && !refers_here).then(|| name.to_owned())
    })
}

/// Counter-check: the second reader finds what loads, in any spelling, and only that.
fn the_second_reader_can_find_something() {
    for css in [
        "x{background:url(//a)}",
        "x{background:URL( //a)}",
        "x{background:u\\72l(//a)}",
        "x{background:\\75rl(//a)}",
        "x{background:-webkit-image-set('//a' 1x)}",
        "x{width:calc(1px + src('//a'))}",
        "/* ' */@import '//a';",
        "@\\69mport '//a';",
    ] {
        assert!(loading_word(css).is_some(), "{css}");
    }
    for css in
        ["x{fill:url( #a)}", "x{left:0image-set(1)}", "x{color:#src(1)}", "x{content:'url(//a)'}"]
    {
        assert_eq!(loading_word(css), None, "{css}");
    }
}

/// Whether a character is part of a name, or makes a name a hash or an at-rule.
fn is_in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_#@".contains(c) || !c.is_ascii()
}

fn without_strings_and_comments(css: &str) -> String {
    let mut out = String::new();
    let mut rest = css.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => out.push(unescaped(&mut rest)),
            '/' if rest.peek() == Some(&'*') => {
                let mut last = ' ';
                rest.next();
                for c in rest.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
                out.push(' ');
            }
            '"' | '\'' => {
                while let Some(inner) = rest.next() {
                    match inner {
                        '\\' => {
                            rest.next();
                        }
                        inner if inner == c => break,
                        _ => {}
                    }
                }
                out.push(' ');
            }
            _ => out.push(c),
        }
    }
    out
}

/// The character of an escape, if it can be part of a name. Otherwise, a character that cannot.
fn unescaped(rest: &mut Peekable<Chars>) -> char {
    let mut code = 0;
    let mut digits = 0;
    while let Some(digit) = rest.peek().and_then(|c| c.to_digit(16)).filter(|_| digits < 6) {
        rest.next();
        code = code * 16 + digit;
        digits += 1;
    }
    let letter = match digits {
        0 => rest.next(),
        _ => {
            rest.next_if(|c| c.is_ascii_whitespace());
            char::from_u32(code)
        }
    };
    letter
        .map(|c| c.to_ascii_lowercase())
        .filter(|&c| is_in_word(c) && !"#@".contains(c))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

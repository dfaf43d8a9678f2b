mod grants;

use std::cell::Cell;

use super::*;
use crate::limits::{Limit, Limits};
use crate::reply::PageGrant;

fn granted(page: &str, grants: &[&str]) -> Result<CheckedPage, PageError> {
    let grants = grants.iter().map(|grant| grant.parse::<PageGrant>().unwrap()).collect();
    check_page(page, "http://127.0.0.1:8080", &grants, &|| Ok(()))
}

/// Returns the content of `<body>` that the host sends with these grants.
#[track_caller]
fn body(page: &str, grants: &[&str]) -> String {
    let html = granted(page, grants).unwrap_or_else(|error| panic!("{page}: {error}")).html;
    let html = String::from_utf8(html).unwrap();
    let (_, body) = html.split_once("<body>").unwrap();
    body.strip_suffix("</body></html>").unwrap().to_owned()
}

#[track_caller]
fn problem(page: &str, grants: &[&str]) -> String {
    match granted(page, grants) {
        Ok(sent) => panic!("{page}: {}", String::from_utf8_lossy(&sent.html)),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn refused(page: &str, grants: &[&str], expected: &str) {
    let problem = problem(page, grants);
    assert!(problem.contains(expected), "{page}: {problem}");
}

/// Returns the grant that the error for a page names.
fn missing_grant(page: &str) -> Option<&'static str> {
    granted(page, &[]).err().and_then(|error| error.grant())
}

#[test]
fn a_page_is_sent_as_the_host_parsed_it() {
    let page = "<!doctype html><html lang=en><meta charset=utf-8><title>a &amp; b</title>\
        <style>p > b { color: red }</style><p class=x data-a=1 aria-label=y>1 &lt; 2<br>\
        <svg viewBox='0 0 1 1'><path d='M0 0' fill=\"url(#g)\" /></svg>";
    let sent = granted(page, &[]).unwrap();
    assert_eq!(
        String::from_utf8(sent.html).unwrap(),
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>a &amp; b</title>\
         <style>p > b { color: red }</style></head><body><p class=\"x\" data-a=\"1\" aria-label=\"y\">1 &lt; 2<br>\
         <svg viewBox=\"0 0 1 1\"><path d=\"M0 0\" fill=\"url(#g)\"></path></svg></p></body></html>"
    );
    assert_eq!(sent.slips, []);
}

#[test]
fn a_sent_page_parses_to_the_same_page() {
    for page in
        ["<p>a", "<pre>\n\na</pre>", "<table><td>1</table>", "a<!-- -->b", "\u{a0}&nbsp;&quot;"]
    {
        let once = granted(page, &[]).unwrap().html;
        let twice = granted(str::from_utf8(&once).unwrap(), &[]).unwrap();
        assert_eq!(twice.html, once, "{page}");
        assert_eq!(twice.slips, [], "{page}");
    }
}

#[test]
fn invalid_html_is_repaired_and_reported_with_its_lines() {
    let sent = granted("<p>a</div>\n<b>&copy=</b>\n<i>", &[]).unwrap();
    let lines: Vec<_> = sent.slips.iter().map(|slip| slip.line).collect();
    assert_eq!(lines, [1, 2, 3], "{:?}", sent.slips);
    assert_eq!(body("<p>a</div>", &[]), "<p>a</p>");
}

#[test]
fn comments_and_processing_instructions_are_left_out() {
    assert_eq!(body("<!--[if IE]><p>x<![endif]--><?php x?>a<!-- b -->c", &[]), "ac");
}

#[test]
fn an_element_that_is_not_listed_is_refused_with_its_line() {
    assert_eq!(
        problem("<p>\n<link rel=icon href='data:,'>", &[]),
        "line 2: a page may not have the element `<link>`"
    );
    for name in "base script template noscript iframe object embed img picture video audio canvas form input \
        button select textarea dialog portal slot math frameset plaintext marquee xmp font x-y selectedcontent"
        .split_ascii_whitespace()
    {
        let error = problem(&format!("<div><{name}>"), &[]);
        assert!(error.contains("may not have the element"), "{name}: {error}");
    }
    for name in
        "use image a style script foreignObject animate set filter mask marker pattern switch"
            .split_ascii_whitespace()
    {
        let error = problem(&format!("<svg><{name}></{name}></svg>"), &[]);
        assert!(error.contains(&format!("the element `<{name}>`")), "{name}: {error}");
    }
}

#[test]
fn an_attribute_that_is_not_listed_is_refused_with_its_element() {
    assert_eq!(
        problem("<p onclick=x>", &[]),
        "line 1: a page may not have the attribute `onclick` on `<p>`"
    );
    assert_eq!(missing_grant("<p onclick=x>"), Some("scripts"));
    assert_eq!(missing_grant("<p ping=x>"), None);
    for attribute in
        "src href ping target download autofocus popover is slot nonce srcset background manifest \
        xlink:href xml:base cite action formaction poster data codebase http-equiv contenteditable"
            .split_ascii_whitespace()
    {
        for element in ["p", "body", "td", "blockquote", "ins"] {
            let page = format!("<table><tr><td><{element} {attribute}=x>");
            let error = problem(&page, &[]);
            assert!(error.contains(&format!("the attribute `{attribute}`")), "{page}: {error}");
        }
        let error = problem(&format!("<svg {attribute}=x></svg>"), &[]);
        assert!(error.contains("attribute"), "{attribute}: {error}");
    }
}

#[test]
fn meta_describes_the_page_and_does_not_control_the_browser() {
    assert!(granted("<meta charset=UTF-8><meta name=viewport content=x>", &[]).is_ok());
    for (page, expected) in [
        ("<meta http-equiv=refresh content='0;url=//a'>", "the attribute `http-equiv`"),
        ("<meta charset=utf-7>", "expected `utf-8`"),
        ("<meta name=referrer content=unsafe-url>", "expected `viewport`"),
        ("<meta name=monetization content=x>", "expected `viewport`"),
    ] {
        assert!(problem(page, &[]).contains(expected), "{page}");
    }
}

#[test]
fn css_is_checked_everywhere_in_a_page() {
    for (page, expected) in [
        ("<style>\n\n@import '//a';</style>", "line 3: the at-rule `@import`"),
        ("<p style='background:url(//a)'>", "line 1: `url()`"),
        ("<svg><rect fill='url(//a#b)'/></svg>", "line 1: `url()`"),
        ("<svg><rect stop-color='url(#b)'/></svg>", "line 1: `url()`"),
        ("<svg><rect style='fill:url(#b)'/></svg>", "line 1: `url()`"),
        ("<svg><rect clip-path='path(\"M0 0\") image-set(\"//a\" 1x)'/></svg>", "`image-set()`"),
    ] {
        assert!(problem(page, &[]).contains(expected), "{page}: {}", problem(page, &[]));
    }
    assert_eq!(
        body("<svg><rect clip-path='url(#b)'/></svg>", &[]),
        "<svg><rect clip-path=\"url(#b)\"></rect></svg>"
    );
}

#[test]
fn html_that_browsers_repair_is_refused_or_unambiguous() {
    for (page, expected) in [
        (
            "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
            "`<` is not allowed in CSS",
        ),
        (
            "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1>'>",
            "the element `<math>`",
        ),
        ("<svg><title><p>x</p></title></svg>", "`<title>` may contain only text"),
        ("<svg><desc><b>x</b></desc></svg>", "`<desc>` may contain only text"),
    ] {
        refused(page, &[], expected);
    }
    for page in [
        "<a href='#a'><table><a href='#b'>x</table>",
        "<a href='#a'>1<div>2<a href='#b'>3</a></div></a><a href='#c'><table><a href='#d'>x</table>",
    ] {
        assert_eq!(problem(page, &[]), PageError::Ambiguous.to_string(), "{page}");
    }
    for (page, sent) in [
        (
            "<b><p><b><p></b></b>x<table><b>y",
            "<b><p><b></b></p></b><p><b></b>x</p><b>y</b><table></table>",
        ),
        (
            "<table><b>x<tr><i>y</table>z",
            "<b>x</b><b><i>y</i></b><table><tbody><tr></tr></tbody></table><b><i>z</i></b>",
        ),
    ] {
        assert_eq!(body(page, &[]), sent);
        assert_eq!(body(sent, &[]), sent);
    }
}

#[test]
fn the_size_of_a_page_is_limited() {
    let deep = |count| "<div>".repeat(count);
    assert!(granted(&deep(100), &[]).is_ok());
    assert_eq!(problem(&deep(300), &[]), "the page is nested more than 128 elements deep");
    assert!(problem(&"<p>x".repeat(20_000), &[]).contains("more than 20000 elements"));
    let attributes: String = (0..200).map(|n| format!(" data-{n}")).collect();
    assert!(problem(&format!("<p{attributes}>"), &[]).contains("more than 100 attributes"));
    assert!(problem(&format!("<body{attributes}>"), &[]).contains("more than 100 attributes"));
}

#[test]
fn the_check_of_a_page_stops_when_the_time_of_its_guest_is_over() {
    let left = Cell::new(3);
    let check_limits = || match left.replace(left.get() - 1) {
        0 => Err(LimitError::new(Limit::CpuTime, &Limits::default())),
        _ => Ok(()),
    };
    let page = "x".repeat(1 << 20);
    let error = check_page(&page, "http://127.0.0.1:8080", &PageGrants::default(), &check_limits)
        .unwrap_err();
    assert!(matches!(error, PageError::Limit(_)), "{error}");
    assert_eq!(left.get(), -1);
}

/// html5ever's serializer takes quadratic time for such text. This test counts the checks of the time instead of
/// measuring it, so that it does not depend on the machine.
#[test]
fn the_time_is_checked_throughout_a_long_text() {
    for text in ["\u{a1}", "\u{a0}", "&amp;"] {
        let long = text.repeat(200_000);
        let asked = Cell::new(0);
        let check_limits = || {
            asked.set(asked.get() + 1);
            Ok(())
        };
        for page in [long.clone(), format!("<p title='{long}'>")] {
            check_page(&page, "http://127.0.0.1:8080", &PageGrants::default(), &check_limits)
                .unwrap();
        }
        assert!(asked.get() > 1_000, "{}", asked.get());
    }
}

#[test]
fn the_hosts_own_pages_pass_the_check() {
    let page =
        include_str!("../../plain.html").replace("{heading}", "a").replace("{sentence}", "b");
    assert_eq!(granted(&page, &[]).unwrap().slips, []);
}

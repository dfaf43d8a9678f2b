//! The pages of the embedded guests: a card with an icon, a heading and a text. They use no scripts and no external
//! resources.

use crate::{Response, escape};

const STYLE: &str = include_str!("style.css");

/// The SVG paths of the icons, in a box of 24 by 24 units.
const CHECK: &str = "M6 12.5l4 4 8-9";
const CROSS: &str = "M7 7l10 10M17 7L7 17";
const DOTS: &str = "M6.5 12h.01M12 12h.01M17.5 12h.01";

/// Create the page for a flow with a result.
pub fn succeeded(heading: &str, text: &str) -> Response {
    let body = format!(
        "<p>{}</p>\
         <p class=\"next\">You can close this tab and go back to the program.</p>",
        escape(text)
    );
    layout("good", CHECK, heading, &body)
}

/// Create the page for a flow without a result, for an error code such as `access_denied` (RFC 6749, section
/// 4.1.2.1).
///
/// `what` says what happened, and `next` what the person can do. Both are HTML. `quote` is the description of the
/// provider, as text.
pub fn failed(error: &str, what: &str, quote: Option<&str>, next: &str) -> Response {
    let heading = match error {
        "access_denied" => "Access was not granted",
        _ => "The sign-in did not work",
    };
    let quote =
        quote.map(|text| format!("<blockquote>{}</blockquote>", escape(text))).unwrap_or_default();
    let body = format!("<p>{what}</p>{quote}<p class=\"next\">{next}</p>");
    layout("bad", CROSS, heading, &body)
}

/// Create the page for a request without an authorization response. It has status 400.
pub fn nothing() -> Response {
    layout(
        "idle",
        DOTS,
        "Still waiting",
        "<p>This program is waiting for a sign-in. This request contains no sign-in response.</p>\
         <p class=\"next\">Continue in the tab where you are signing in. If it sent you here, the sign-in did not \
         finish: start over in the program.</p>",
    )
    .status(400)
}

/// Escape `text` for the content of a page, with `<code>` for what is between two backticks.
pub fn marked(text: &str) -> String {
    let mut html = String::new();
    for (index, part) in text.split('`').enumerate() {
        let is_code = index % 2 == 1;
        html += if is_code { "<code>" } else { "" };
        html += &escape(part);
        html += if is_code { "</code>" } else { "" };
    }
    html
}

fn layout(tone: &str, mark: &str, heading: &str, body: &str) -> Response {
    let heading = escape(heading);
    Response::html(format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{heading}</title>\n<style>\n{STYLE}</style>\n\
         <main class=\"{tone}\">\n\
         <svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"{mark}\"/></svg>\n\
         <h1>{heading}</h1>\n{body}\n</main>\n</html>\n"
    ))
    .header("content-language", "en")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(response: Response) -> String {
        String::from_utf8(response.body).unwrap()
    }

    #[test]
    fn headings_texts_and_quotes_are_escaped() {
        let page = body(succeeded("Signed in as <b>Ada</b>", "A & B"));
        assert!(page.contains("<h1>Signed in as &lt;b&gt;Ada&lt;/b&gt;</h1>"), "{page}");
        assert!(page.contains("<p>A &amp; B</p>") && !page.contains("<b>"), "{page}");
        let page = body(failed("x", "<code>x</code>", Some("<i>"), "Wait."));
        let shown =
            "<p><code>x</code></p><blockquote>&lt;i&gt;</blockquote><p class=\"next\">Wait.</p>";
        assert!(page.contains(shown), "{page}");
    }

    #[test]
    fn an_odd_backtick_leaves_no_open_element() {
        assert_eq!(marked("a`b"), "a<code>b</code>");
    }
}

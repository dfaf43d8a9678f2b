//! The pages of the embedded guests: a card with an icon, a heading and a text. They use no scripts and no external
//! resources.

use crate::{Response, escape};

const CARD: &str = include_str!("card.css");
const SHORT_HEADING: &str = include_str!("short-heading.css");
const LONG_HEADING: &str = include_str!("long-heading.css");
const TEXT: &str = include_str!("text.css");

/// The SVG paths of the icons, in a box of 24 by 24 units.
const CHECK: &str = "M6 12.5l4 4 8-9";
const CROSS: &str = "M7 7l10 10M17 7L7 17";
const DOTS: &str = "M6.5 12h.01M12 12h.01M17.5 12h.01";

/// The pages of a guest.
#[derive(Debug, Clone, Copy)]
pub struct Pages {
    /// The style of the heading.
    heading: &'static str,
}

impl Pages {
    /// Pages whose headings have no long words.
    pub const SHORT_HEADINGS: Self = Self { heading: SHORT_HEADING };

    /// Pages whose headings may have long words, such as the name of an account. The words break anywhere.
    pub const LONG_HEADINGS: Self = Self { heading: LONG_HEADING };

    /// Create the page for a flow with a result.
    pub fn succeeded(self, heading: &str, text: &str) -> Response {
        let body = format!(
            "<p>{}</p>\
             <p class=\"next\">You can close this tab and go back to the program.</p>",
            escape(text)
        );
        self.layout("good", CHECK, heading, &body)
    }

    /// Create the page for a flow without a result, for an error code such as `access_denied` (RFC 6749, section
    /// 4.1.2.1).
    ///
    /// `what` says what happened, and `next` what the person can do. Both are HTML. `quote` is the description of the
    /// provider, as text.
    pub fn failed(self, error: &str, what: &str, quote: Option<&str>, next: &str) -> Response {
        let heading = match error {
            "access_denied" => "Access was not granted",
            _ => "The sign-in did not work",
        };
        let quote = quote
            .map(|text| format!("<blockquote>{}</blockquote>", escape(text)))
            .unwrap_or_default();
        let body = format!("<p>{what}</p>{quote}<p class=\"next\">{next}</p>");
        self.layout("bad", CROSS, heading, &body)
    }

    /// Create the page for a request without an authorization response. It has status 400.
    pub fn nothing(self) -> Response {
        self.layout(
            "idle",
            DOTS,
            "Still waiting",
            "<p>A program is waiting here for the answer of a sign-in, and this request carried none.</p>\
             <p class=\"next\">Go on in the tab where you sign in. If it sent you here, the sign-in did not \
             finish: start over in the program.</p>",
        )
        .status(400)
    }

    fn layout(self, tone: &str, mark: &str, heading: &str, body: &str) -> Response {
        let (heading, heading_style) = (escape(heading), self.heading);
        Response::html(format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{heading}</title>\n<style>\n{CARD}{heading_style}{TEXT}</style>\n\
             <main class=\"{tone}\">\n\
             <svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"{mark}\"/></svg>\n\
             <h1>{heading}</h1>\n{body}\n</main>\n</html>\n"
        ))
        .header("content-language", "en")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(response: Response) -> String {
        String::from_utf8(response.body).unwrap()
    }

    #[test]
    fn headings_texts_and_quotes_are_escaped() {
        let page = body(Pages::LONG_HEADINGS.succeeded("Signed in as <b>Ada</b>", "A & B"));
        assert!(page.contains("<h1>Signed in as &lt;b&gt;Ada&lt;/b&gt;</h1>"), "{page}");
        assert!(page.contains("<p>A &amp; B</p>") && !page.contains("<b>"), "{page}");
        let page = body(Pages::LONG_HEADINGS.failed("x", "<code>x</code>", Some("<i>"), "Wait."));
        let shown =
            "<p><code>x</code></p><blockquote>&lt;i&gt;</blockquote><p class=\"next\">Wait.</p>";
        assert!(page.contains(shown), "{page}");
    }

    #[test]
    fn pages_differ_only_in_the_style_of_the_heading() {
        let short = body(Pages::SHORT_HEADINGS.nothing());
        let long = body(Pages::LONG_HEADINGS.nothing());
        assert_eq!(short.replace(SHORT_HEADING, LONG_HEADING), long);
    }
}

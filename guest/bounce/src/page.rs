//! The pages: a card with an icon, a heading and a text, in the style of the embedded guests. They use no scripts and
//! no external resources.

use html_escape::encode_quoted_attribute as escape;

use crate::form::Form;
use crate::query::Query;
use crate::refusal::Refusal;

const STYLE: &str =
    concat!(include_str!("../../sdk/src/page/style.css"), include_str!("style.css"));

/// The hash of the style sheet for the `Content-Security-Policy`.
pub(crate) const STYLE_HASH: &str = "sha256-Vf8iupwz3HX3ffPweMAkXmAYd7dNCdTNcctiYuZhgGw=";

/// The SVG paths of the icons, in a box of 24 by 24 units.
const ARROW: &str = "M5 12h13M12.5 6.5l5.5 5.5-5.5 5.5";
const CROSS: &str = "M7 7l10 10M17 7L7 17";

/// The page for a callback by GET. The browser leaves it at once, unless it ignores `Refresh`.
pub(crate) fn returning(query: &Query<'_>) -> String {
    let body = format!(
        "<p>The sign-in continues in the program on this computer, at port {}.</p>\
         <p class=\"next\">If nothing happens, press the button.</p>\
         <a class=\"button\" href=\"{}\">Continue</a>",
        query.receiver.port,
        escape(&query.url())
    );
    layout("idle", ARROW, "Returning to the program", &body)
}

/// The page for a callback by POST.
pub(crate) fn asking(form: &Form<'_>) -> String {
    let mut body = format!(
        "<p>The sign-in page has answered. Press the button to return to the program on this computer, at port \
         {}.</p><form method=\"post\" action=\"{}\" autocomplete=\"off\">",
        form.receiver.port,
        form.receiver.url()
    );
    for (name, value) in &form.parameters {
        body += "<input type=\"hidden\" name=\"";
        body += &escape(&**name);
        body += "\" value=\"";
        body += &escape(&**value);
        body += "\">";
    }
    body += "<button class=\"button\" autofocus>Continue</button></form>";
    layout("idle", ARROW, "One more step", &body)
}

/// The page for a person who opens the address without a sign-in.
pub(crate) fn home() -> String {
    layout(
        "idle",
        ARROW,
        "Nothing to do here",
        "<p>After a sign-in, a browser comes to this address, and this page sends it on to the program on the same \
         computer that asked for the sign-in. It keeps nothing.</p>\
         <p class=\"next\">To sign in, start the program.</p>",
    )
}

/// The page for a request that is refused.
pub(crate) fn refused(refusal: Refusal) -> String {
    let body = format!(
        "<p>{}</p><p class=\"next\">Start the sign-in again in the program. If this page appears again, tell the \
         author of the program.</p>",
        refusal.text()
    );
    layout("bad", CROSS, "The sign-in cannot continue", &body)
}

fn layout(tone: &str, mark: &str, heading: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{heading}</title>\n<style>{STYLE}</style>\n\
         <main class=\"{tone}\">\n\
         <svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"{mark}\"/></svg>\n\
         <h1>{heading}</h1>\n{body}\n</main>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_allows_the_style_sheet() {
        let hash = format!("sha256-{}", STANDARD.encode(Sha256::digest(STYLE)));
        assert_eq!(STYLE_HASH, hash, "the style sheet has changed");
    }
}

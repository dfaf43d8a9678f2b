//! The three pages. They share a layout, and use no scripts and no external resources.

use curtaincall_guest::{Response, escape};

const STYLE: &str = include_str!("style.css");

/// The SVG paths of the icons, in a box of 24 by 24 units.
const CHECK: &str = "M6 12.5l4 4 8-9";
const CROSS: &str = "M7 7l10 10M17 7L7 17";
const DOTS: &str = "M6.5 12h.01M12 12h.01M17.5 12h.01";

/// The page for a successful authorization response.
pub(crate) fn succeeded() -> Response {
    layout(
        "good",
        CHECK,
        "All done here",
        "<p>The response has been handed to the program that asked for it.</p>\
         <p class=\"next\">You can close this tab and go back to the program.</p>",
    )
}

/// The page for an error of the provider (RFC 6749, section 4.1.2.1).
pub(crate) fn failed(error: &str, description: Option<&str>) -> Response {
    let heading = match error {
        "access_denied" => "Access was not granted",
        _ => "The sign-in did not work",
    };
    let description = description
        .map(|text| format!("<blockquote>{}</blockquote>", escape(text)))
        .unwrap_or_default();
    layout(
        "bad",
        CROSS,
        heading,
        &format!(
            "<p>The provider answered <code>{}</code>.</p>{description}\
             <p class=\"next\">You can close this tab. To try again, start over in the program.</p>",
            escape(error)
        ),
    )
}

/// The page for a request without an authorization response.
pub(crate) fn nothing() -> Response {
    layout(
        "idle",
        DOTS,
        "Still waiting",
        "<p>A program is waiting here for the answer of a sign-in, and this request carried none.</p>\
         <p class=\"next\">Go on in the tab where you sign in. If it sent you here, the sign-in did not \
         finish: start over in the program.</p>",
    )
    .status(400)
}

fn layout(tone: &str, mark: &str, heading: &str, body: &str) -> Response {
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

//! The three pages. They have the look of the default guest's, and use no scripts and no external resources.

use curtaincall_guest::{Response, escape};

use crate::failure::Failure;

const STYLE: &str = include_str!("style.css");

/// The path of an icon in a box of 24 by 24 units.
const CHECK: &str = "M6 12.5l4 4 8-9";
const CROSS: &str = "M7 7l10 10M17 7L7 17";
const DOTS: &str = "M6.5 12h.01M12 12h.01M17.5 12h.01";

/// The page for a completed sign-in.
pub(crate) fn signed_in(account: Option<&str>) -> Response {
    let heading = match account {
        Some(account) => format!("Signed in as {account}"),
        None => "Signed in".to_owned(),
    };
    layout(
        "good",
        CHECK,
        &heading,
        "<p>The program now has access to your account.</p>\
         <p class=\"next\">You can close this tab and go back to the program.</p>",
    )
}

/// The page for a sign-in that failed.
pub(crate) fn failed(failure: &Failure) -> Response {
    let heading = match failure.error.as_str() {
        "access_denied" => "Access was not granted",
        _ => "The sign-in did not work",
    };
    let mut body = String::from("<p>");
    body += &marked(&failure.what);
    body += "</p>";
    if let Some(quote) = &failure.quote {
        body += "<blockquote>";
        body += &escape(quote);
        body += "</blockquote>";
    }
    body += "<p class=\"next\">";
    body += &marked(&failure.advice);
    body += " You can close this tab.</p>";
    layout("bad", CROSS, heading, &body)
}

/// The page for a request without an authorization response.
pub(crate) fn nothing() -> Response {
    layout(
        "idle",
        DOTS,
        "Still waiting",
        "<p>This program is waiting for a sign-in. This request contains no sign-in response.</p>\
         <p class=\"next\">Continue in the tab where you are signing in. If it sent you here, the sign-in \
         did not finish: start over in the program.</p>",
    )
    .status(400)
}

/// Text as HTML, with `<code>` for what is between two backticks.
fn marked(text: &str) -> String {
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
    fn the_name_of_an_account_is_escaped() {
        let page = body(signed_in(Some("<b>Ada</b> & \"co\"")));
        assert!(page.contains("<h1>Signed in as &lt;b&gt;Ada&lt;/b&gt; &amp; "), "{page}");
        assert!(!page.contains("<b>"), "{page}");
    }

    #[test]
    fn names_are_marked_as_code_and_everything_is_escaped() {
        let failure = Failure {
            quote: Some("<i>no</i>".to_owned()),
            ..Failure::new("x", "The `<a>` & the rest.", "Check `b`")
        };
        let page = body(failed(&failure));
        assert!(page.contains("<p>The <code>&lt;a&gt;</code> &amp; the rest.</p>"), "{page}");
        assert!(page.contains("<blockquote>&lt;i&gt;no&lt;/i&gt;</blockquote>"), "{page}");
        assert!(page.contains("Check <code>b</code> You can close"), "{page}");
    }

    #[test]
    fn an_odd_backtick_leaves_no_open_element() {
        assert_eq!(marked("a`b"), "a<code>b</code>");
    }
}

//! The three pages.

use curtaincall_guest::{Response, escape, page as card};

/// The page for a successful authorization response.
pub(crate) fn succeeded() -> Response {
    card::succeeded(
        "All done here",
        "The response has been handed to the program that asked for it.",
    )
}

/// The page for an error of the provider (RFC 6749, section 4.1.2.1).
pub(crate) fn failed(error: &str, description: Option<&str>) -> Response {
    card::failed(
        error,
        &format!("The provider answered <code>{}</code>.", escape(error)),
        description,
        "You can close this tab. To try again, start over in the program.",
    )
}

/// The page for a request without an authorization response.
pub(crate) fn nothing() -> Response {
    card::nothing()
}

//! The three pages.

use curtaincall_guest::Response;
use curtaincall_guest::page::{self as card, marked};

use crate::failure::Failure;

/// The page for a completed sign-in.
pub(crate) fn signed_in(account: Option<&str>) -> Response {
    let heading = match account {
        Some(account) => format!("Signed in as {account}"),
        None => "Signed in".to_owned(),
    };
    card::succeeded(&heading, "The program now has access to your account.")
}

/// The page for a sign-in that failed.
pub(crate) fn failed(failure: &Failure) -> Response {
    card::failed(
        &failure.error,
        &marked(&failure.what),
        failure.quote.as_deref(),
        &format!("{} You can close this tab.", marked(&failure.advice)),
    )
}

/// The page for a request without an authorization response.
pub(crate) fn nothing() -> Response {
    card::nothing()
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
}

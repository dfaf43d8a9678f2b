//! The pages. Text of others is escaped.

use curtaincall_guest::{Response, escape};

use crate::failure::Failure;

/// The page for credentials that were handed over.
pub(crate) fn signed_in(person: &str, role: &str, duration: u64, expiration: &str) -> Response {
    page(
        200,
        &format!("Signed in as {person}"),
        &format!(
            "The program now has AWS credentials for {role} for {}, until {expiration}. \
             You can close this tab.",
            words(duration)
        ),
    )
}

/// The page for a flow that failed.
pub(crate) fn failed(failure: &Failure) -> Response {
    page(200, "No AWS credentials", &failure.why)
}

/// The page for a request that is not an answer of the provider.
pub(crate) fn nothing() -> Response {
    page(400, "Still waiting", "This request has no code. Continue in the tab where you sign in.")
}

fn page(status: u16, heading: &str, text: &str) -> Response {
    let (heading, text) = (escape(heading), escape(text));
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<title>{heading}</title>\n\
         <h1>{heading}</h1>\n<p>{text}</p>\n</html>\n"
    );
    Response::html(body).status(status)
}

/// A duration in words, such as `90 minutes`, in the largest unit that gives a whole number.
pub(crate) fn words(seconds: u64) -> String {
    let (length, unit) = if seconds.is_multiple_of(3600) {
        (3600, "hour")
    } else if seconds.is_multiple_of(60) {
        (60, "minute")
    } else {
        (1, "second")
    };
    let count = seconds / length;
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_is_escaped() {
        let failure = Failure::refused("<i>", Some("<script>"));
        for response in [signed_in("<b>", "role/<b>", 3600, ""), failed(&failure)] {
            let body = String::from_utf8(response.body).unwrap();
            let is_clean = !["<b>", "<i>", "<script>"].iter().any(|tag| body.contains(tag));
            assert!(is_clean && body.contains("&lt;"), "{body}");
        }
    }

    #[test]
    fn a_duration_has_the_largest_unit_that_fits() {
        for (seconds, expected) in
            [(3600, "1 hour"), (43_200, "12 hours"), (5400, "90 minutes"), (901, "901 seconds")]
        {
            assert_eq!(words(seconds), expected);
        }
    }
}

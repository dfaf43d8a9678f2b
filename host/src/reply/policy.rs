//! The second layer of restrictions on a page: header fields that restrict what a page can do in the browser.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::PageGrants;

/// Returns the host's policy (CSP Level 3). Form submissions follow redirects, so `form-action` contains the origins of
/// redirects.
fn content_security_policy(grants: &PageGrants) -> String {
    let allow_scripts = if grants.allows_scripts() { " allow-scripts" } else { "" };
    let allow_forms = if grants.allows_forms() { " allow-forms" } else { "" };
    let scripts = if grants.allows_scripts() { " script-src 'unsafe-inline';" } else { "" };
    let images = if grants.allows_images() { "data:" } else { "'none'" };
    let forms = if grants.allows_forms() {
        grants
            .redirects()
            .iter()
            .fold("'self'".to_owned(), |all, origin| all + " " + &origin.ascii_serialization())
    } else {
        "'none'".to_owned()
    };
    format!(
        "sandbox{allow_scripts}{allow_forms}; default-src 'none';{scripts} style-src 'unsafe-inline'; \
         img-src {images}; base-uri 'none'; form-action {forms}; frame-ancestors 'none'"
    )
}

/// Header fields on every page. They override those of the guest.
const SECURITY: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // Browsers resolve the host names in links in advance, and a name can contain the code.
    (HeaderName::from_static("x-dns-prefetch-control"), HeaderValue::from_static("off")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Adds the host's header fields, which replace those of the guest. The guest's policies are added after the host's
/// policy.
pub(super) fn cage(headers: &mut HeaderMap, grants: &PageGrants) {
    for (name, value) in SECURITY {
        headers.insert(name, value);
    }
    let own: Vec<_> = headers.get_all(header::CONTENT_SECURITY_POLICY).iter().cloned().collect();
    let policy = HeaderValue::try_from(content_security_policy(grants));
    // This does not fail, because an origin is ASCII without control characters. If it did, the page would get no
    // grants.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        policy.unwrap_or(HeaderValue::from_static("sandbox; default-src 'none'")),
    );
    for policy in own {
        headers.append(header::CONTENT_SECURITY_POLICY, policy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::PageGrant;

    fn policy(grants: &[&str]) -> String {
        let grants = grants.iter().map(|grant| grant.parse::<PageGrant>().unwrap());
        content_security_policy(&grants.collect())
    }

    #[test]
    fn without_a_grant_a_page_does_nothing() {
        assert_eq!(
            policy(&[]),
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'none'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
    }

    #[test]
    fn each_grant_allows_one_thing() {
        assert_eq!(
            policy(&["scripts"]),
            "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; \
             style-src 'unsafe-inline'; img-src 'none'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        assert_eq!(
            policy(&["forms", "redirect=https://app.example"]),
            "sandbox allow-forms; default-src 'none'; style-src 'unsafe-inline'; img-src 'none'; \
             base-uri 'none'; form-action 'self' https://app.example; frame-ancestors 'none'"
        );
        assert_eq!(policy(&["images"]), policy(&[]).replace("img-src 'none'", "img-src data:"));
        assert_eq!(policy(&["links=https://app.example"]), policy(&[]));
        assert_eq!(policy(&["redirect=https://app.example"]), policy(&[]));
    }
}

//! The header fields that a page may set.
//!
//! Only fields that are known to be harmless are allowed, because browsers keep adding fields that fetch, report or
//! store.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::{Cage, ReplyError};
use crate::limits::{Limit, LimitError, bytes};

/// The allowed header fields. The host overrides those of its page policy, such as `cache-control` and
/// `referrer-policy`.
const ALLOWED: [&str; 13] = [
    "cache-control",
    "content-language",
    "content-security-policy",
    "content-type",
    "cross-origin-opener-policy",
    "expires",
    "location",
    "pragma",
    "referrer-policy",
    "retry-after",
    "vary",
    "x-content-type-options",
    "x-frame-options",
];

/// The size of each field in addition to its name and value, in bytes: RFC 9113, section 6.5.2.
const FIELD_OVERHEAD: usize = 32;

/// Checks every field, and the target of a redirect.
pub(super) fn validate(
    fields: Vec<(String, Vec<u8>)>,
    cage: &Cage<'_>,
) -> Result<HeaderMap, ReplyError> {
    let size: usize =
        fields.iter().map(|(name, value)| name.len() + value.len() + FIELD_OVERHEAD).sum();
    if size > bytes(cage.limits.reply_headers) {
        return Err(LimitError::new(Limit::ReplyHeaders, cage.limits).into());
    }
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields {
        let (name, value) = field(&name, &value)?;
        if name == header::LOCATION {
            check_redirect(&value, cage)?;
        }
        if is_single(&name) && headers.contains_key(&name) {
            return Err(ReplyError::FieldTwice(name.to_string()));
        }
        headers.append(name, value);
    }
    Ok(headers)
}

fn field(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), ReplyError> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| ReplyError::FieldName(name.to_owned()))?;
    if !ALLOWED.contains(&parsed.as_str()) {
        return Err(ReplyError::FieldNotAllowed(name.to_owned()));
    }
    let value =
        HeaderValue::from_bytes(value).map_err(|_| ReplyError::FieldValue(name.to_owned()))?;
    if parsed == header::CONTENT_SECURITY_POLICY && reports(&value) {
        Err(ReplyError::PolicyReports)
    } else {
        Ok((parsed, value))
    }
}

fn is_single(name: &HeaderName) -> bool {
    name == header::CONTENT_TYPE || name == header::LOCATION
}

/// Returns whether a policy has a directive that sends reports, `report-uri` or `report-to` (CSP Level 3).
fn reports(policy: &HeaderValue) -> bool {
    policy.as_bytes().split(|byte| b";,".contains(byte)).any(|directive| {
        let name = directive.trim_ascii_start();
        name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"report"))
    })
}

/// Checks that a redirect stays on this listener, or leads to a granted origin. Resolves it as browsers do (WHATWG URL
/// standard), so that the host and the browser see the same target.
fn check_redirect(location: &HeaderValue, cage: &Cage<'_>) -> Result<(), ReplyError> {
    let listener = Url::parse(cage.origin).ok();
    let target = listener
        .as_ref()
        .and_then(|listener| listener.join(location.to_str().ok()?).ok())
        // A `blob:` URL has the origin of the URL that it contains.
        .filter(|target| matches!(target.scheme(), "http" | "https"))
        .filter(|target| target.username().is_empty() && target.password().is_none());
    let Some(origin) = target.map(|target| target.origin()) else {
        return Err(ReplyError::Redirect { grant: None });
    };
    let stays = listener.is_some_and(|listener| listener.origin() == origin);
    if stays || cage.grants.redirects_to(&origin) {
        Ok(())
    } else {
        Err(ReplyError::Redirect { grant: Some("redirect=ORIGIN") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::reply::PageGrants;

    fn check(name: &str, value: &str) -> Result<HeaderMap, ReplyError> {
        check_at("http://127.0.0.1:8080", name, value)
    }

    fn check_at(origin: &str, name: &str, value: &str) -> Result<HeaderMap, ReplyError> {
        let (limits, grants) = (Limits::default(), PageGrants::default());
        let cage = Cage {
            origin,
            limits: &limits,
            grants: &grants,
            is_navigation: true,
            check_limits: &|| Ok(()),
        };
        validate(vec![(name.to_owned(), value.as_bytes().to_vec())], &cage)
    }

    #[test]
    fn fields_that_fetch_report_store_or_frame_are_refused_in_any_case() {
        for name in [
            "accept-ch",
            "access-control-allow-origin",
            "activate-storage-access",
            "alt-svc",
            "attribution-reporting-register-source",
            "clear-site-data",
            "connection",
            "content-disposition",
            "content-encoding",
            "content-length",
            "content-security-policy-report-only",
            "expect-ct",
            "keep-alive",
            "link",
            "nel",
            "no-vary-search",
            "origin-trial",
            "permissions-policy",
            "public-key-pins",
            "public-key-pins-report-only",
            "refresh",
            "report-to",
            "reporting-endpoints",
            "service-worker-allowed",
            "set-cookie",
            "set-login",
            "sourcemap",
            "speculation-rules",
            "strict-transport-security",
            "supports-loading-mode",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "use-as-dictionary",
            "www-authenticate",
            "x-dns-prefetch-control",
            "x-whatever",
        ] {
            for name in [name.to_owned(), name.to_uppercase()] {
                assert_eq!(check(&name, "1").unwrap_err(), ReplyError::FieldNotAllowed(name));
            }
        }
    }

    #[test]
    fn allowed_fields_are_kept() {
        for name in ALLOWED {
            let headers = check(name, "/callback").unwrap();
            assert_eq!(headers.len(), 1, "{name}");
        }
    }

    #[test]
    fn an_error_names_the_redirect_grant_only_if_it_would_help() {
        let grant = |location| check("location", location).unwrap_err().grant();
        assert_eq!(grant("https://app.example/x"), Some("redirect=ORIGIN"));
        for never in ["javascript:alert(1)", "data:text/html,x", "https://user@app.example/"] {
            assert_eq!(grant(never), None, "{never}");
        }
    }

    #[test]
    fn a_location_must_stay_on_the_listener_in_any_spelling() {
        for here in [
            "",
            "/",
            "?next",
            "#x",
            "a/b",
            "/a//b",
            "http://127.0.0.1:8080/",
            "http:/a",
            "\\a",
            "http:evil.example:80//",
        ] {
            assert!(check("location", here).is_ok(), "{here}");
        }
        for away in [
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "https://127.0.0.1:8080/",
            "http://127.0.0.1/",
            "http://127.0.0.1:8081/",
            "http://127.0.0.1:8080@evil.example/",
            "http://user@127.0.0.1:8080/",
            "http://localhost:8080/",
            "HTTPS:evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "blob:http://127.0.0.1:8080/x",
        ] {
            assert!(check("location", away).is_err(), "{away}");
        }
    }

    #[test]
    fn over_https_a_location_must_stay_on_https() {
        let check = |location| check_at("https://localhost:8080", "location", location);
        for here in ["/a", "https://localhost:8080/", "HTTPS:\\LOCALHOST:8080/a"] {
            assert!(check(here).is_ok(), "{here}");
        }
        for away in ["http://localhost:8080/", "https://localhost/", "https://127.0.0.1:8080/"] {
            assert!(check(away).is_err(), "{away}");
        }
    }
}

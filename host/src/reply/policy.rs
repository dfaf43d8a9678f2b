//! The headers that lock a page in, and what can be granted of it.

use std::str::FromStr;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::{Origin, Url};

/// What a page may do besides being read; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageGrants {
    scripts: bool,
    forms: bool,
    redirects: Vec<Origin>,
}

/// One thing that a page may do (`--allow-page`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageGrant {
    /// Run scripts that stand in the page. A script can take the page elsewhere, and what it knows with it.
    Scripts,
    /// Send forms back to the listener, and to where redirects may lead.
    Forms,
    /// Redirect to this origin.
    Redirect(Origin),
}

/// Why a text is no grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageGrantError {
    /// Not a word that there is.
    #[error("`{0}` is not one of `scripts`, `forms` and `redirect=ORIGIN`")]
    Unknown(String),
    /// Not `https://host` or `https://host:port`.
    #[error("`{0}` is not an origin such as `https://app.example`")]
    NotAnOrigin(String),
}

impl FromStr for PageGrant {
    type Err = PageGrantError;

    fn from_str(text: &str) -> Result<Self, PageGrantError> {
        match text.split_once('=') {
            None if text == "scripts" => Ok(Self::Scripts),
            None if text == "forms" => Ok(Self::Forms),
            Some(("redirect", origin)) => Ok(Self::Redirect(parse_origin(origin)?)),
            _ => Err(PageGrantError::Unknown(text.to_owned())),
        }
    }
}

/// An origin is all that there is: no credentials, path, query or fragment.
fn parse_origin(text: &str) -> Result<Origin, PageGrantError> {
    let is_web = |url: &Url| matches!(url.scheme(), "http" | "https");
    // The URL standard lets more into a host, and `*` and `;` mean something in a policy.
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    let bare = |url: &Url| {
        let serialized = url.origin().ascii_serialization();
        url.as_str() == format!("{serialized}/") && !text.ends_with('?') && !text.ends_with('#')
    };
    Url::parse(text)
        .ok()
        .filter(|url| is_web(url) && bare(url) && url.authority().chars().all(is_host))
        .map(|url| url.origin())
        .ok_or_else(|| PageGrantError::NotAnOrigin(text.to_owned()))
}

impl FromIterator<PageGrant> for PageGrants {
    fn from_iter<I: IntoIterator<Item = PageGrant>>(grants: I) -> Self {
        grants.into_iter().fold(Self::default(), |mut all, grant| {
            match grant {
                PageGrant::Scripts => all.scripts = true,
                PageGrant::Forms => all.forms = true,
                PageGrant::Redirect(origin) => all.redirects.push(origin),
            }
            all
        })
    }
}

impl PageGrants {
    pub(super) fn allows_scripts(&self) -> bool {
        self.scripts
    }

    pub(super) fn redirects_to(&self, origin: &Origin) -> bool {
        self.redirects.contains(origin)
    }

    /// The host's policy: CSP Level 3. Forms follow redirects, so that their policy covers both.
    fn content_security_policy(&self) -> String {
        let sandbox = match (self.scripts, self.forms) {
            (false, false) => "",
            (true, false) => " allow-scripts",
            (false, true) => " allow-forms",
            (true, true) => " allow-scripts allow-forms",
        };
        let scripts = if self.scripts { " script-src 'unsafe-inline';" } else { "" };
        let forms = match self.forms {
            false => "'none'".to_owned(),
            true => self
                .redirects
                .iter()
                .fold("'self'".to_owned(), |all, origin| all + " " + &origin.ascii_serialization()),
        };
        format!(
            "sandbox{sandbox}; default-src 'none';{scripts} style-src 'unsafe-inline'; img-src data:; \
             base-uri 'none'; form-action {forms}; frame-ancestors 'none'"
        )
    }
}

/// On every page, whatever the guest says.
const SECURITY: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // Names in links would be looked up, and a name can carry a code.
    (HeaderName::from_static("x-dns-prefetch-control"), HeaderValue::from_static("off")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Lock a page in: the host's headers replace the guest's, and the host's policy comes before any other.
pub(super) fn cage(headers: &mut HeaderMap, grants: &PageGrants) {
    for (name, value) in SECURITY {
        headers.insert(name, value);
    }
    let own: Vec<_> = headers.get_all(header::CONTENT_SECURITY_POLICY).iter().cloned().collect();
    let policy = HeaderValue::try_from(grants.content_security_policy());
    // An origin is ASCII without control characters; were it not, the page is better off without grants.
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

    fn policy(grants: &[&str]) -> String {
        let grants = grants.iter().map(|grant| grant.parse::<PageGrant>().unwrap());
        grants.collect::<PageGrants>().content_security_policy()
    }

    #[test]
    fn without_a_grant_a_page_does_nothing() {
        assert_eq!(
            policy(&[]),
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
    }

    #[test]
    fn each_grant_loosens_one_thing() {
        assert_eq!(
            policy(&["scripts"]),
            "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; \
             style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        assert_eq!(
            policy(&["forms", "redirect=https://app.example"]),
            "sandbox allow-forms; default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
             base-uri 'none'; form-action 'self' https://app.example; frame-ancestors 'none'"
        );
        assert_eq!(policy(&["redirect=https://app.example"]), policy(&[]));
    }

    #[test]
    fn an_origin_is_nothing_but_an_origin() {
        for good in ["https://app.example", "http://127.0.0.1:8080", "https://app.example:8443/"] {
            assert!(parse_origin(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "app.example",
            "https://",
            "https://a/b",
            "https://a/?",
            "https://a?b",
            "https://a#",
            "https://user@a",
            "javascript:alert(1)",
            "data:,x",
            "file:///etc",
            "*",
            "https://*",
            "https://a;script-src",
        ] {
            assert!(parse_origin(bad).is_err(), "{bad}");
        }
        assert!("script".parse::<PageGrant>().is_err());
        assert!("scripts=all".parse::<PageGrant>().is_err());
    }
}

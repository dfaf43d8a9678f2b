//! The grants for a guest's page.

use std::str::FromStr;

use url::{Origin, Url};

/// The grants for a page, for [`Flow::page`](crate::Flow::page). By default there are none, and the page can only be
/// read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageGrants {
    scripts: bool,
    forms: bool,
    images: bool,
    links: Vec<Origin>,
    redirects: Vec<Origin>,
}

/// One grant for a page. Parse a text such as `links=https://app.example` to get one.
///
/// Only parsing creates a grant with an origin. It checks that the origin is safe to write into the page's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageGrant {
    /// Lets the page run the scripts that it contains. A script can navigate, and so can send all its data anywhere.
    Scripts,
    /// Lets the page submit forms to the listener, and to the origins of [`PageGrant::Redirect`].
    Forms,
    /// Lets the page show the bitmaps that it contains as `data:` URLs.
    Images,
    /// Lets the page link to this origin. A user who follows the link sends the URL's contents there.
    #[non_exhaustive]
    Links(Origin),
    /// Lets the reply redirect to this origin.
    #[non_exhaustive]
    Redirect(Origin),
}

/// Every grant as users write it, with its description in the reference.
pub const PAGE_GRANTS: &[(&str, &str)] = &[
    (
        "scripts",
        "run scripts that are in the page; a script can navigate, and so can send all its data anywhere",
    ),
    ("forms", "submit forms to the listener, and to the origins of `redirect`"),
    ("images", "show bitmaps that the page contains as `data:` URLs"),
    ("links=ORIGIN", "link to this origin, such as `https://app.example`"),
    ("redirect=ORIGIN", "redirect to this origin"),
];

/// Every grant in backticks, as the alternatives in a sentence.
pub fn page_grant_names() -> String {
    let names: Vec<_> = PAGE_GRANTS.iter().map(|(name, _)| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    }
}

/// The error for text that is not a valid grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageGrantError {
    /// The grant is not known.
    #[error("unknown grant `{0}`: expected {known}", known = page_grant_names())]
    Unknown(String),
    /// The grant needs an origin.
    #[error("missing origin in the grant `{0}`: expected `{0}=ORIGIN`")]
    NoOrigin(String),
    /// The origin is not of the form `https://host` or `https://host:port`.
    #[error("invalid origin `{0}`: expected an origin such as `https://app.example`")]
    NotAnOrigin(String),
}

impl FromStr for PageGrant {
    type Err = PageGrantError;

    fn from_str(text: &str) -> Result<Self, PageGrantError> {
        match text.split_once('=') {
            None if text == "scripts" => Ok(Self::Scripts),
            None if text == "forms" => Ok(Self::Forms),
            None if text == "images" => Ok(Self::Images),
            None if matches!(text, "links" | "redirect") => {
                Err(PageGrantError::NoOrigin(text.to_owned()))
            }
            Some(("links", origin)) => Ok(Self::Links(parse_origin(origin)?)),
            Some(("redirect", origin)) => Ok(Self::Redirect(parse_origin(origin)?)),
            _ => Err(PageGrantError::Unknown(text.to_owned())),
        }
    }
}

/// Parses an origin without credentials, path, query or fragment.
fn parse_origin(text: &str) -> Result<Origin, PageGrantError> {
    let is_web = |url: &Url| matches!(url.scheme(), "http" | "https");
    // The URL standard allows more characters in a host, but `*` and `;` have a meaning in a policy.
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
                PageGrant::Images => all.images = true,
                PageGrant::Links(origin) => all.links.push(origin),
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

    pub(super) fn allows_forms(&self) -> bool {
        self.forms
    }

    pub(super) fn allows_images(&self) -> bool {
        self.images
    }

    pub(super) fn has_links(&self) -> bool {
        !self.links.is_empty()
    }

    pub(super) fn links_to(&self, origin: &Origin) -> bool {
        self.links.contains(origin)
    }

    pub(super) fn redirects(&self) -> &[Origin] {
        &self.redirects
    }

    pub(super) fn redirects_to(&self, origin: &Origin) -> bool {
        self.redirects.contains(origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grant_is_listed() {
        let origin = || parse_origin("https://app.example").unwrap();
        // This match makes a new grant a compile error until it is added here.
        let next = |grant: &PageGrant| match grant {
            PageGrant::Scripts => Some(PageGrant::Forms),
            PageGrant::Forms => Some(PageGrant::Images),
            PageGrant::Images => Some(PageGrant::Links(origin())),
            PageGrant::Links(_) => Some(PageGrant::Redirect(origin())),
            PageGrant::Redirect(_) => None,
        };
        let all: Vec<_> = std::iter::successors(Some(PageGrant::Scripts), next).collect();
        let listed = PAGE_GRANTS
            .iter()
            .map(|(text, _)| text.replace("ORIGIN", "https://app.example").parse::<PageGrant>());
        assert_eq!(listed.map(Result::unwrap).collect::<Vec<_>>(), all);
    }

    #[test]
    fn the_message_for_an_unknown_grant_lists_all() {
        let error = "everything".parse::<PageGrant>().unwrap_err();
        let message = "unknown grant `everything`: \
                       expected `scripts`, `forms`, `images`, `links=ORIGIN` or `redirect=ORIGIN`";
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn an_origin_has_no_credentials_path_query_or_fragment() {
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

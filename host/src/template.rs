//! The authorization URL of a flow: a URL with placeholders that each run fills in.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::session::Session;

/// All characters except the unreserved ones of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value of the run that a template can contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// `{redirect_uri}`: the URI to which the provider redirects the browser.
    RedirectUri,
    /// `{state}`: ties the authorization response to this run (RFC 6749, section 10.12).
    State,
    /// `{code_challenge}`: the PKCE challenge, method S256 (RFC 7636).
    CodeChallenge,
    /// `{nonce}`: ties an ID token to this run (OpenID Connect Core 1.0, section 3.1.2.1).
    Nonce,
}

impl Placeholder {
    const ALL: [Self; 4] = [Self::RedirectUri, Self::State, Self::CodeChallenge, Self::Nonce];

    fn name(self) -> &'static str {
        match self {
            Self::RedirectUri => "redirect_uri",
            Self::State => "state",
            Self::CodeChallenge => "code_challenge",
            Self::Nonce => "nonce",
        }
    }

    fn value(self, session: &Session) -> &str {
        match self {
            Self::RedirectUri => session.redirect_uri(),
            Self::State => session.state().expose(),
            Self::CodeChallenge => session.code_challenge(),
            Self::Nonce => session.nonce().expose(),
        }
    }
}

/// A sample value that shows where the URL parser puts a placeholder. It needs no percent-encoding.
const MARK: &str = "curtaincall-mark";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(Placeholder),
}

/// An authorization URL with placeholders, for [`Flow::open`](crate::Flow::open). It is a valid URL whatever the values
/// are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// The error for text that is not a valid template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The name in braces is not a known placeholder.
    #[error(
        "unknown placeholder `{{{0}}}`: expected `{{redirect_uri}}`, `{{state}}`, `{{code_challenge}}` or `{{nonce}}`"
    )]
    Unknown(String),
    /// A brace is not closed, or not opened.
    #[error(
        "unmatched `{0}` at byte {1}: write `%7B` and `%7D` for braces that are part of the URL"
    )]
    Brace(char, usize),
    /// The text is not a URL.
    #[error("invalid URL: {0}")]
    Url(String),
    /// The scheme is neither `https` nor `http`.
    #[error("unsupported URL scheme `{0}`: expected `https` or `http`")]
    Scheme(String),
    /// A placeholder is in the scheme, the authority or the fragment.
    #[error("invalid place for `{{{0}}}`: expected it in the path or the query of the URL")]
    Place(&'static str),
    /// The text contains a space or a control character.
    #[error("invalid character `{}` in the URL, at byte {at}", .character.escape_debug())]
    #[non_exhaustive]
    Character {
        /// The character.
        character: char,
        /// Its position in bytes, from 0.
        at: usize,
    },
}

impl Template {
    /// Returns whether a query parameter named `state` has the value `{state}`, which the provider returns (RFC 6749,
    /// section 4.1.1). Without it, any web page can forge the callback.
    pub fn protects(&self) -> bool {
        self.has("state", Placeholder::State)
    }

    /// Returns whether the URL asks for PKCE with the challenge of the run: `code_challenge={code_challenge}` and
    /// `code_challenge_method=S256` (RFC 7636, section 4.3). Then the code is useless without the verifier.
    pub fn has_challenge(&self) -> bool {
        self.has("code_challenge", Placeholder::CodeChallenge)
            && has_only(&self.marked(|_| ""), "code_challenge_method", "S256")
    }

    /// Returns whether this placeholder is the value of the query parameter `name`.
    fn has(&self, name: &str, placeholder: Placeholder) -> bool {
        let marked = self.marked(|other| if other == placeholder { MARK } else { "" });
        has_only(&marked, name, MARK)
    }

    /// Returns the URL with a sample in place of each placeholder. Once parsed, the URL shows where a value would end
    /// up.
    fn marked(&self, mark: impl Fn(Placeholder) -> &'static str) -> String {
        self.0.iter().fold(String::new(), |url, part| match part {
            Part::Text(text) => url + text,
            Part::Placeholder(placeholder) => url + mark(*placeholder),
        })
    }

    fn check_url(&self) -> Result<(), TemplateError> {
        let marked = self.marked(|_| MARK);
        let url = Url::parse(&marked).map_err(|error| TemplateError::Url(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TemplateError::Scheme(url.scheme().to_owned()));
        }
        let placed = [Some(url.path()), url.query()]
            .into_iter()
            .flatten()
            .map(|part| part.matches(MARK).count())
            .sum::<usize>();
        let mut placeholders = self.0.iter().filter_map(|part| match part {
            Part::Placeholder(placeholder) => Some(placeholder),
            Part::Text(_) => None,
        });
        if marked.matches(MARK).count() > placed {
            Err(TemplateError::Place(placeholders.next().map_or("", |p| p.name())))
        } else {
            Ok(())
        }
    }
}

/// Returns whether `url` has the query parameter `name` once, with this value. Of two values, a provider may take either.
fn has_only(url: &str, name: &str, expected: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let mut values = url.query_pairs().filter(|(own, _)| own == name);
    values.next().is_some_and(|(_, value)| value == expected) && values.next().is_none()
}

/// Returns whether `template` contains `placeholder`.
pub fn uses(template: &Template, placeholder: Placeholder) -> bool {
    template.0.contains(&Part::Placeholder(placeholder))
}

/// Fills the values of `session` into `template`, percent-encoded, and returns the URL.
pub fn fill(template: &Template, session: &Session) -> String {
    template.0.iter().fold(String::new(), |mut url, part| {
        match part {
            Part::Text(text) => url.push_str(text),
            Part::Placeholder(p) => url.extend(utf8_percent_encode(p.value(session), RESERVED)),
        }
        url
    })
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        if let Some((at, character)) =
            text.char_indices().find(|(_, c)| c.is_control() || *c == ' ')
        {
            return Err(TemplateError::Character { character, at });
        }
        let template = Self(parts(text)?);
        template.check_url()?;
        Ok(template)
    }
}

fn parts(text: &str) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        match rest.find(['{', '}']) {
            None => {
                parts.push(Part::Text(rest.to_owned()));
                break;
            }
            Some(0) => {
                let end = (rest.starts_with('{'))
                    .then(|| rest.find('}'))
                    .flatten()
                    .ok_or(TemplateError::Brace(rest.chars().next().unwrap_or('{'), at))?;
                let name = &rest[1..end];
                let placeholder = Placeholder::ALL
                    .into_iter()
                    .find(|placeholder| placeholder.name() == name)
                    .ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
                parts.push(Part::Placeholder(placeholder));
                at += end + 1;
            }
            Some(length) => {
                parts.push(Part::Text(rest[..length].to_owned()));
                at += length;
            }
        }
    }
    Ok(parts)
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Placeholder(placeholder) => write!(f, "{{{}}}", placeholder.name()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session::issue("http://127.0.0.1:43117/callback".into()).unwrap()
    }

    #[test]
    fn values_are_percent_encoded_when_filled_in() {
        let template: Template = "https://idp.example/a?r={redirect_uri}&x=1".parse().unwrap();
        assert_eq!(
            fill(&template, &session()),
            "https://idp.example/a?r=http%3A%2F%2F127.0.0.1%3A43117%2Fcallback&x=1"
        );
    }

    #[test]
    fn every_placeholder_gets_the_value_of_the_session() {
        let session = session();
        let template: Template =
            "https://a/?s={state}&c={code_challenge}&n={nonce}".parse().unwrap();
        assert_eq!(
            fill(&template, &session),
            format!(
                "https://a/?s={}&c={}&n={}",
                session.state().expose(),
                session.code_challenge(),
                session.nonce().expose()
            )
        );
    }

    #[test]
    fn only_a_query_parameter_named_state_protects() {
        for (url, protects) in [
            ("https://a/?state={state}", true),
            ("https://a/?x=1&state={state}&y=2", true),
            ("https://a/?iss={state}", false),
            ("https://a/?mystate={state}", false),
            ("https://a/{state}", false),
            ("https://a/b&state={state}", false),
            ("https://a/?x?state={state}", false),
            ("https://a/?state={state}x", false),
            ("https://a/?state=x&state={state}", false),
            ("https://a/", false),
        ] {
            assert_eq!(url.parse::<Template>().unwrap().protects(), protects, "{url}");
        }
    }

    #[test]
    fn only_the_challenge_of_the_run_with_its_method_is_pkce() {
        for (url, has_challenge) in [
            ("https://a/?code_challenge={code_challenge}&code_challenge_method=S256", true),
            ("https://a/?code_challenge_method=S256&x=&code_challenge={code_challenge}", true),
            ("https://a/?code_challenge={code_challenge}", false),
            ("https://a/?code_challenge={code_challenge}&code_challenge_method=plain", false),
            ("https://a/?code_challenge={code_challenge}x&code_challenge_method=S256", false),
            ("https://a/?code_challenge={state}&code_challenge_method=S256", false),
            (
                "https://a/?code_challenge=x&code_challenge={code_challenge}&code_challenge_method=S256",
                false,
            ),
            (
                "https://a/?code_challenge={code_challenge}&code_challenge_method=S256&code_challenge_method=plain",
                false,
            ),
            ("https://a/?challenge={code_challenge}&code_challenge_method=S256", false),
            ("https://a/?state={state}", false),
        ] {
            assert_eq!(url.parse::<Template>().unwrap().has_challenge(), has_challenge, "{url}");
        }
    }

    #[test]
    fn display_returns_the_original_text() {
        let text = "https://a/{nonce}?s={state}&r={redirect_uri}#f";
        assert_eq!(text.parse::<Template>().unwrap().to_string(), text);
    }

    #[test]
    fn an_invalid_template_is_refused_with_a_reason() {
        let cases = [
            ("https://a/?s={stat}", "unknown placeholder `{stat}`"),
            ("https://a/?s={", "unmatched `{` at byte 13"),
            ("https://a/?s=}", "unmatched `}` at byte 13"),
            ("https://a/?s={{state}}", "unknown placeholder `{{state}`"),
            ("a/b", "invalid URL: relative URL without a base"),
            ("", "invalid URL: relative URL without a base"),
            ("https://", "invalid URL: empty host"),
            ("file:///etc/passwd", "unsupported URL scheme `file`"),
            ("javascript:alert(1)", "unsupported URL scheme `javascript`"),
            ("https://a/ b", "invalid character ` ` in the URL, at byte 10"),
            ("https://a/\n", "invalid character `\\n` in the URL, at byte 10"),
            ("https://{state}.example/", "invalid place for `{state}`"),
            ("https://{nonce}.example/curtaincall-mark", "invalid place for `{nonce}`"),
            ("https://a/#{state}", "invalid place for `{state}`"),
        ];
        for (text, reason) in cases {
            let error = text.parse::<Template>().unwrap_err().to_string();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
    }
}

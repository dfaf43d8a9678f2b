//! Fuzz `--open` with arbitrary text. An accepted template is a web URL whose host no value of the run can change, and
//! every value is in the URL unchanged.

#![no_main]

use std::sync::LazyLock;

use curtaincall::Template;
use curtaincall::internals::session::Session;
use curtaincall::internals::template::{Placeholder, fill, uses};
use libfuzzer_sys::fuzz_target;
use url::Url;

static SESSIONS: LazyLock<[Session; 2]> = LazyLock::new(|| {
    ["http://127.0.0.1:8080/callback", "http://[::1]:1/a/b%20c?x&y=#z"]
        .map(|uri| Session::issue(uri.to_owned()).unwrap())
});

fuzz_target!(|text: &str| {
    let Ok(template) = text.parse::<Template>() else { return };
    let urls = SESSIONS.each_ref().map(|session| {
        let filled = fill(&template, session);
        assert!(!filled.contains(|c: char| c.is_control() || c == ' '), "{filled:?}");
        let url = Url::parse(&filled).unwrap_or_else(|error| panic!("{filled:?}: {error}"));
        assert!(matches!(url.scheme(), "http" | "https"));
        (session, url)
    });
    let [(_, first), (_, second)] = &urls;
    assert_eq!(first.origin(), second.origin());
    assert_eq!(first.authority(), second.authority());
    assert_eq!(first.fragment(), second.fragment());
    for (session, url) in &urls {
        for (placeholder, value) in [
            (Placeholder::RedirectUri, session.redirect_uri()),
            (Placeholder::State, session.state().expose()),
            (Placeholder::CodeChallenge, session.code_challenge()),
            (Placeholder::Nonce, session.nonce().expose()),
        ] {
            let encoded: String = value
                .bytes()
                .map(|byte| match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        (byte as char).to_string()
                    }
                    _ => format!("%{byte:02X}"),
                })
                .collect();
            let place = format!("{}?{}", url.path(), url.query().unwrap_or_default());
            assert!(!uses(&template, placeholder) || place.contains(&encoded), "{url}");
        }
        // A protected flow has `state` in the query under its name.
        if template.protects() {
            let state = session.state().expose();
            assert!(
                url.query_pairs().any(|(name, value)| name == "state" && value == state),
                "{url}"
            );
        }
    }
});

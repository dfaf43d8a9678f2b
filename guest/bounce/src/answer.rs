//! The response to a request.

use crate::form::Form;
use crate::page;
use crate::query::Query;
use crate::refusal::Refusal;

/// Fields of every response. The page contains nothing that must be loaded or run, and no other page can embed it.
const FIELDS: [(&str, &str); 7] = [
    ("content-type", "text/html; charset=utf-8"),
    ("content-language", "en"),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// A response with a page.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// Send the browser on with the query.
    ///
    /// This is not a redirect with status 302. A sign-in page may have a `Content-Security-Policy` whose `form-action`
    /// names only the `https` URI. Chromium and WebKit apply it to the redirects after the form too, and would drop this
    /// one without a message.
    pub(crate) fn returning(query: &Query<'_>) -> Self {
        let mut answer = Self::new(200, "'none'", page::returning(query));
        answer.fields.push(("refresh", format!("0; url={}", query.url())));
        answer
    }

    /// Ask the person to send the form on. Without a script, a page cannot do that by itself.
    pub(crate) fn asking(form: &Form<'_>) -> Self {
        Self::new(200, &form.receiver.to_string(), page::asking(form))
    }

    /// Say what this address is for.
    pub(crate) fn home() -> Self {
        Self::new(200, "'none'", page::home())
    }

    /// Say why the request is refused.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        let mut answer = Self::new(refusal.status(), "'none'", page::refused(refusal));
        if let Refusal::Method(allowed) = refusal {
            answer.fields.push(("allow", allowed.to_owned()));
        }
        answer
    }

    fn new(status: u16, form_action: &str, body: String) -> Self {
        let policy = format!(
            "default-src 'none'; style-src '{}'; form-action {form_action}; frame-ancestors 'none'; base-uri 'none'",
            page::STYLE_HASH
        );
        let mut fields: Vec<_> =
            FIELDS.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        fields.push(("content-security-policy", policy));
        Self { status, fields, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = "state=431170123456789abcdef0123456789abcdef";

    fn field<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
        answer.fields.iter().find_map(|(key, value)| (*key == name).then_some(value.as_str()))
    }

    #[test]
    fn a_query_leads_to_a_refresh_and_a_link() {
        let raw = format!("code=\"<'>&{STATE}");
        let answer = Answer::returning(&Query::parse(&raw).unwrap());
        let refresh = format!("0; url=http://127.0.0.1:43117/callback?{raw}");
        assert_eq!((answer.status, field(&answer, "refresh")), (200, Some(refresh.as_str())));
        let link = format!(
            "href=\"http://127.0.0.1:43117/callback?code=&quot;&lt;&#x27;&gt;&amp;{STATE}\""
        );
        assert!(answer.body.contains(&link), "{}", answer.body);
        assert!(answer.body.contains("port 43117"), "{}", answer.body);
        let policy = field(&answer, "content-security-policy").unwrap();
        assert!(policy.contains("form-action 'none'"), "{policy}");
    }

    #[test]
    fn a_form_leads_to_the_same_form() {
        let body = format!("a=%3Cscript%3E%22&{STATE}&a=");
        let answer = Answer::asking(&Form::parse(body.as_bytes()).unwrap());
        for part in [
            "<form method=\"post\" action=\"http://127.0.0.1:43117/callback\"",
            "<input type=\"hidden\" name=\"a\" value=\"&lt;script&gt;&quot;\">",
            "<input type=\"hidden\" name=\"a\" value=\"\">",
        ] {
            assert!(answer.body.contains(part), "{part}: {}", answer.body);
        }
        assert!(!answer.body.contains("<script"), "{}", answer.body);
        assert!(field(&answer, "refresh").is_none());
        let policy = field(&answer, "content-security-policy").unwrap();
        assert!(policy.contains("form-action http://127.0.0.1:43117;"), "{policy}");
    }

    #[test]
    fn a_refusal_leads_nowhere() {
        for refusal in [
            Refusal::NotFound,
            Refusal::Method("GET"),
            Refusal::MediaType,
            Refusal::LongQuery,
            Refusal::LargeBody,
            Refusal::PartialBody,
            Refusal::Character,
            Refusal::NoState,
            Refusal::TwoStates,
            Refusal::State,
            Refusal::Port,
        ] {
            let answer = Answer::refused(refusal);
            assert!((400..500).contains(&answer.status), "{refusal:?}");
            assert_eq!((field(&answer, "refresh"), field(&answer, "location")), (None, None));
            assert!(!answer.body.contains("href") && !answer.body.contains("<form"), "{refusal:?}");
            assert_eq!(field(&answer, "allow").is_some(), answer.status == 405, "{refusal:?}");
        }
    }
}

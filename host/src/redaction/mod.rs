//! Secrets in a text, made unreadable in one pass over it, whatever the secrets are.

mod automaton;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use automaton::Automaton;

use crate::visible::{beginning, visible};

/// What is shown in the place of a secret.
const REDACTED: &str = "[redacted]";

/// How much of a text is looked at to show its beginning, in bytes: what is cut off there is never shown.
const LOOKED_AT: usize = 64 << 10;

/// A line of a secret of several that is shorter, in bytes, is like a bracket or a comma: it tells nothing, and
/// without it no log could be read. The secret as a whole counts however short it is.
const SHORTEST_LINE: usize = 4;

/// What a text is searched for; nothing where there are no secrets.
pub(crate) struct Redaction(Option<Automaton>);

impl Redaction {
    /// For these secrets: as they are, line by line, and made visible with backslashes doubled or not.
    pub(crate) fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        #[cfg(test)]
        BUILT.set(BUILT.get() + 1);
        let mut forms = BTreeSet::new();
        for secret in secrets {
            let lines = secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
            for text in lines.chain([secret, secret.trim()]) {
                forms.insert(text.to_owned());
                // As the host writes it in a page.
                forms.insert(in_html(&text.replace("\r\n", "\n").replace('\r', "\n")));
                // Names in HTML come out of the parser in lower case.
                forms.insert(text.to_ascii_lowercase());
                forms.insert(visible(text));
                forms.insert(visible(&text.replace('\\', r"\\")));
            }
        }
        let forms: Vec<_> =
            forms.iter().map(String::as_str).filter(|form| !form.trim().is_empty()).collect();
        Self((!forms.is_empty()).then(|| Automaton::of(&forms)))
    }

    /// `text` with every secret in it unreadable. Of secrets that overlap, nothing is left.
    pub(crate) fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let spans = self.0.as_ref().map(|automaton| automaton.find(text)).unwrap_or_default();
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        for span in spans {
            out.push_str(&text[at..span.start]);
            out.push_str(REDACTED);
            at = span.end;
        }
        Cow::Owned(out + &text[at..])
    }

    /// The beginning of `text`: secrets are made unreadable first, what would act on a terminal is made visible
    /// then, and it is cut last.
    pub(crate) fn shown(&self, text: &dyn fmt::Display, limit: usize) -> String {
        let whole = beginning(text, LOOKED_AT);
        let redacted = match whole.strip_suffix("...").filter(|text| text.len() >= LOOKED_AT - 3) {
            // It was cut: a secret may stand at the cut.
            Some(text) => self.redact_cut(text),
            None => self.redact(&whole),
        };
        beginning(&visible(&redacted), limit)
    }

    /// As [`Redaction::redact`], for a text that was cut: what could be the beginning of a secret is left out.
    pub(crate) fn redact_cut<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(automaton) = &self.0 else { return Cow::Borrowed(text) };
        let unsure = automaton.longest().saturating_sub(1);
        let sure = text.floor_char_boundary(text.len().saturating_sub(unsure));
        // A secret that is whole, and goes on beyond, is one all the same.
        match automaton.find(text).iter().find(|span| span.end > sure) {
            Some(span) if span.start < sure => {
                Cow::Owned(self.redact(&text[..span.start]).into_owned() + REDACTED)
            }
            _ => self.redact(&text[..sure]),
        }
    }
}

/// `text` as a page has it (`reply::page` writes it so).
fn in_html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\u{a0}', "&nbsp;")
}

#[cfg(test)]
thread_local! {
    /// How often this thread got ready to search.
    static BUILT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::Variables;

    fn of(secrets: &[&str]) -> Redaction {
        Redaction::of(secrets.iter().copied())
    }

    #[test]
    fn a_secret_is_found_in_each_form_that_is_shown() {
        let redaction = of(&["a\\b\u{1b}c"]);
        for text in ["<a\\b\u{1b}c>", "<a\\b\\u{1b}c>", "<a\\\\b\\u{1b}c>"] {
            assert_eq!(redaction.redact(text), "<[redacted]>");
        }
        assert_eq!(redaction.redact("<a\\b>"), "<a\\b>");
    }

    #[test]
    fn a_secret_is_found_as_the_host_writes_it_in_a_page() {
        let redaction = of(&["a&b<c>\"d\"\u{a0}\r\ne"]);
        let written = "a&amp;b&lt;c&gt;&quot;d&quot;&nbsp;\ne";
        assert_eq!(redaction.redact(&format!("<p>{written}</p>")), "<p>[redacted]</p>");
        assert_eq!(of(&[" ab "]).redact("<ab>"), "<[redacted]>");
    }

    #[test]
    fn each_line_of_a_secret_counts_but_a_bracket_does_not() {
        let redaction = of(&["{\n  \"key\": \"hunter2\",\n}"]);
        assert_eq!(redaction.redact("{ \"key\": \"hunter2\", }"), "{ [redacted] }");
        assert_eq!(redaction.redact("{\n  \"key\": \"hunter2\",\n}"), "[redacted]");
        assert_eq!(of(&["a\nb"]).redact("a b a\nb"), "a b [redacted]");
        assert_eq!(of(&["x"]).redact("axb"), "a[redacted]b");
    }

    #[test]
    fn nothing_is_left_of_secrets_that_overlap() {
        let redaction = of(&["hunter2", "ter2secret", "2sec", "unt"]);
        assert_eq!(redaction.redact("<hunter2secret>"), "<[redacted]>");
        assert_eq!(redaction.redact("<hunter2><unt>"), "<[redacted]><[redacted]>");
        let nested = of(&["a", "aaab", "aaaaaaaac"]);
        assert_eq!(
            nested.redact("aaaaaab-aaaaaaaac"),
            "[redacted]".repeat(3) + "[redacted]-[redacted]"
        );
    }

    #[test]
    fn the_head_of_a_secret_at_a_cut_is_left_out() {
        let redaction = of(&["hunter2"]);
        assert_eq!(redaction.redact_cut("the key is hunter"), "the key is ");
        assert_eq!(redaction.redact_cut("the key is hunter2"), "the key is [redacted]");
        assert_eq!(redaction.redact_cut("hunter2 is the key"), "[redacted] is t");
        assert_eq!(redaction.redact_cut("hunt"), "");
        // The counter-check: it is only there that something is missing.
        assert_eq!(redaction.redact("the key is hunter"), "the key is hunter");
        assert_eq!(of(&[]).redact_cut("the key is hunter"), "the key is hunter");
    }

    fn with_secret(secret: &str) -> Variables {
        let mut variables = Variables::default();
        variables.set_secret("key", secret);
        variables
    }

    #[test]
    fn the_search_is_made_ready_once_however_many_lines_are_redacted() {
        let variables = with_secret(&"many lines\n".repeat(1000));
        let before = BUILT.get();
        for number in 0..65_000 {
            let line = if number % 2 == 0 { "" } else { "many lines" };
            assert_eq!(variables.redact(line), line.replace("many lines", "[redacted]"));
        }
        let copy = variables.clone();
        assert_eq!(copy.redact("many lines"), "[redacted]");
        assert_eq!(BUILT.get() - before, 1);
        // The counter-check: another secret is another search.
        let mut other = copy;
        other.set_secret("other", "hunter2");
        assert_eq!(other.redact("hunter2"), "[redacted]");
        assert_eq!(BUILT.get() - before, 2);
    }

    #[test]
    fn a_secret_is_made_unreadable_before_it_is_cut() {
        let secret = "s".repeat(100);
        let variables = with_secret(&secret);
        assert_eq!(variables.shown(&format!("a {secret} b\n"), 64), "a [redacted] b\\u{a}");
        let late = format!("{} {secret}", "a".repeat(60));
        assert_eq!(variables.shown(&late, 64), "a".repeat(60) + " [re...");
        assert!(variables.shown(&"a".repeat(1 << 20), 64).len() < 70);
    }

    /// What is redacted is shorter, and so brings what stands at a cut to the front.
    #[test]
    fn a_secret_at_the_end_of_what_is_looked_at_is_not_told() {
        let secret: String = (0..3_000).map(|number| format!("hunter{number:04}")).collect();
        let shown = with_secret(&secret).shown(&secret.repeat(10), 200);
        assert_eq!(shown.replace("[redacted]", ""), "");
        // The counter-check: it would be there.
        let cut = &secret.repeat(10)[..LOOKED_AT];
        assert!(with_secret(&secret).redact(cut).contains("hunter0000"));
    }
}

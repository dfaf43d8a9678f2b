//! Redacts secrets in a text, in one pass over it.

mod automaton;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use automaton::Automaton;

use crate::html::escape;
use crate::visible::{beginning, visible};

/// The replacement for a secret.
const REDACTED: &str = "[redacted]";

/// The number of bytes of a text that [`Redaction::shown`] searches. The rest of the text is never shown.
const SEARCH_LIMIT: usize = 64 << 10;

/// The minimum length of a line of a secret that is redacted by itself, in bytes.
///
/// Shorter lines, such as a single bracket, reveal nothing, and redacting them would make logs unreadable. The
/// complete secret is always redacted, however short it is.
const SHORTEST_LINE: usize = 4;

/// The secrets to redact, in any number of automata. Clones are cheap.
#[derive(Clone)]
pub(crate) struct Redaction(Vec<Arc<Automaton>>);

impl Redaction {
    /// Prepares the redaction of these secrets.
    ///
    /// Each secret and each of its lines is found in these forms: unchanged, trimmed, in lower case, escaped for HTML,
    /// and with control characters escaped, with and without doubled backslashes.
    pub(crate) fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        #[cfg(test)]
        BUILT.set(BUILT.get() + 1);
        let mut forms = BTreeSet::new();
        for secret in secrets {
            let lines = secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
            for text in lines.chain([secret, secret.trim()]) {
                forms.insert(text.to_owned());
                // The form that the host writes in a page.
                let mut html = String::new();
                escape(&mut html, &text.replace("\r\n", "\n").replace('\r', "\n"));
                forms.insert(html);
                // The HTML parser returns names in lower case.
                forms.insert(text.to_ascii_lowercase());
                forms.insert(visible(text));
                forms.insert(visible(&text.replace('\\', r"\\")));
            }
        }
        let forms: Vec<_> =
            forms.iter().map(String::as_str).filter(|form| !form.trim().is_empty()).collect();
        let automaton = (!forms.is_empty()).then(|| Arc::new(Automaton::of(&forms)));
        Self(automaton.into_iter().collect())
    }

    /// Returns a redaction of these secrets too. It shares what this one has built.
    pub(crate) fn and<'a>(&self, more: impl Iterator<Item = &'a str>) -> Self {
        Self(self.0.iter().cloned().chain(Self::of(more).0).collect())
    }

    /// Returns the ranges of `text` that secrets cover, sorted and without overlap.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<_> = self.0.iter().flat_map(|automaton| automaton.find(text)).collect();
        found.sort_unstable_by_key(|span| span.start);
        let mut spans: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for span in found {
            match spans.last_mut() {
                // The spans of different automata may overlap.
                Some(last) if span.start < last.end => last.end = last.end.max(span.end),
                _ => spans.push(span),
            }
        }
        spans
    }

    /// Replaces every secret in `text`. Overlapping secrets are replaced together.
    pub(crate) fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let spans = self.find(text);
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

    /// Returns the beginning of `text`, safe to show. The order matters: this function first redacts secrets, then
    /// escapes characters that a terminal would interpret, and then truncates the text to `limit` bytes.
    pub(crate) fn shown(&self, text: &dyn fmt::Display, limit: usize) -> String {
        let searched = beginning(text, SEARCH_LIMIT);
        let truncated = searched.strip_suffix("...").filter(|text| text.len() >= SEARCH_LIMIT - 3);
        let redacted = match truncated {
            // The text may end within a secret.
            Some(text) => self.redact_truncated(text),
            None => self.redact(&searched),
        };
        beginning(&visible(&redacted), limit)
    }

    /// Redacts a truncated text, which may end within a secret.
    ///
    /// Drops the end of the text that could be the beginning of a secret: one byte less than the longest secret.
    pub(crate) fn redact_truncated<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let longest = self.0.iter().map(|automaton| automaton.longest()).max().unwrap_or(0);
        let uncertain = longest.saturating_sub(1);
        let safe = text.floor_char_boundary(text.len().saturating_sub(uncertain));
        // A complete secret that crosses the boundary is replaced, not split.
        match self.find(text).iter().find(|span| span.end > safe) {
            Some(span) if span.start < safe => {
                Cow::Owned(self.redact(&text[..span.start]).into_owned() + REDACTED)
            }
            _ => self.redact(&text[..safe]),
        }
    }
}

#[cfg(test)]
thread_local! {
    /// The number of automata that this thread built.
    static BUILT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::{Variables, redact};

    fn of(secrets: &[&str]) -> Redaction {
        Redaction::of(secrets.iter().copied())
    }

    #[test]
    fn a_secret_is_redacted_in_each_form_that_is_shown() {
        let redaction = of(&["a\\b\u{1b}c"]);
        for text in ["<a\\b\u{1b}c>", "<a\\b\\u{1b}c>", "<a\\\\b\\u{1b}c>"] {
            assert_eq!(redaction.redact(text), "<[redacted]>");
        }
        assert_eq!(redaction.redact("<a\\b>"), "<a\\b>");
    }

    #[test]
    fn a_secret_is_redacted_in_the_form_that_the_host_writes_in_a_page() {
        let redaction = of(&["a&b<c>\"d\"\u{a0}\r\ne"]);
        let written = "a&amp;b&lt;c&gt;&quot;d&quot;&nbsp;\ne";
        assert_eq!(redaction.redact(&format!("<p>{written}</p>")), "<p>[redacted]</p>");
        assert_eq!(of(&[" ab "]).redact("<ab>"), "<[redacted]>");
    }

    #[test]
    fn each_line_of_a_secret_is_redacted_unless_it_is_very_short() {
        let redaction = of(&["{\n  \"key\": \"hunter2\",\n}"]);
        assert_eq!(redaction.redact("{ \"key\": \"hunter2\", }"), "{ [redacted] }");
        assert_eq!(redaction.redact("{\n  \"key\": \"hunter2\",\n}"), "[redacted]");
        assert_eq!(of(&["a\nb"]).redact("a b a\nb"), "a b [redacted]");
        assert_eq!(of(&["x"]).redact("axb"), "a[redacted]b");
    }

    #[test]
    fn overlapping_secrets_are_redacted_completely() {
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
    fn the_beginning_of_a_secret_at_the_end_of_a_truncated_text_is_dropped() {
        let redaction = of(&["hunter2"]);
        assert_eq!(redaction.redact_truncated("the key is hunter"), "the key is ");
        assert_eq!(redaction.redact_truncated("the key is hunter2"), "the key is [redacted]");
        assert_eq!(redaction.redact_truncated("hunter2 is the key"), "[redacted] is t");
        assert_eq!(redaction.redact_truncated("hunt"), "");
        // Counter-check: a text that is not truncated, or has no secrets, keeps its end.
        assert_eq!(redaction.redact("the key is hunter"), "the key is hunter");
        assert_eq!(of(&[]).redact_truncated("the key is hunter"), "the key is hunter");
    }

    fn with_secret(secret: &str) -> Variables {
        let mut variables = Variables::default();
        variables.set_secret("key", secret);
        variables
    }

    #[test]
    fn the_automaton_is_built_once_for_all_lines() {
        let variables = with_secret(&"many lines\n".repeat(1000));
        let before = BUILT.get();
        for number in 0..65_000 {
            let line = if number % 2 == 0 { "" } else { "many lines" };
            assert_eq!(redact(&variables, line), line.replace("many lines", "[redacted]"));
        }
        let copy = variables.clone();
        assert_eq!(redact(&copy, "many lines"), "[redacted]");
        assert_eq!(BUILT.get() - before, 1);
        // Counter-check: a new secret needs a new automaton.
        let mut other = copy;
        other.set_secret("other", "hunter2");
        assert_eq!(redact(&other, "hunter2"), "[redacted]");
        assert_eq!(BUILT.get() - before, 2);
    }

    #[test]
    fn more_secrets_are_redacted_together_with_the_first_ones() {
        let redaction = of(&["hunter2"]).and(["ter2code", "2code12"].into_iter());
        assert_eq!(redaction.redact("<hunter2code12> ter2code"), "<[redacted]> [redacted]");
        assert_eq!(redaction.redact("code12 hunter"), "code12 hunter");
        assert_eq!(redaction.redact_truncated("the code is ter2cod"), "the code is ");
        assert_eq!(of(&[]).and(["hunter2"].into_iter()).redact("hunter2"), "[redacted]");
    }

    #[test]
    fn a_secret_is_redacted_before_the_text_is_truncated() {
        let secret = "s".repeat(100);
        let variables = with_secret(&secret);
        assert_eq!(variables.shown(&format!("a {secret} b\n"), 64), "a [redacted] b\\u{a}");
        let late = format!("{} {secret}", "a".repeat(60));
        assert_eq!(variables.shown(&late, 64), "a".repeat(60) + " [re...");
        assert!(variables.shown(&"a".repeat(1 << 20), 64).len() < 70);
    }

    /// Redaction shortens the text, so the end of the searched part can move into the part that is shown.
    #[test]
    fn a_secret_at_the_end_of_the_searched_part_is_not_shown() {
        let secret: String = (0..3_000).map(|number| format!("hunter{number:04}")).collect();
        let shown = with_secret(&secret).shown(&secret.repeat(10), 200);
        assert_eq!(shown.replace("[redacted]", ""), "");
        // Counter-check: without dropping the end, its beginning would be shown.
        let cut = &secret.repeat(10)[..SEARCH_LIMIT];
        assert!(redact(&with_secret(&secret), cut).contains("hunter0000"));
    }
}

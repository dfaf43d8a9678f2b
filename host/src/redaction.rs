//! Secrets in a text, made unreadable in one pass over it, whatever the secrets are.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use aho_corasick::Anchored;
use aho_corasick::automaton::Automaton as _;
use aho_corasick::nfa::contiguous::NFA;

use crate::visible::{beginning, visible};

/// What is shown in the place of a secret.
const REDACTED: &str = "[redacted]";

/// How much of a text is looked at to show its beginning, in bytes: what is cut off there is never shown.
const LOOKED_AT: usize = 64 << 10;

/// A line of a secret of several that is shorter, in bytes, is like a bracket or a comma: it tells nothing, and
/// without it no log could be read. The secret as a whole counts however short it is.
const SHORTEST_LINE: usize = 4;

/// What a text is searched for.
#[derive(Clone)]
pub(crate) enum Redaction {
    /// There are no secrets.
    Nothing,
    /// Which an automaton finds.
    Secrets(Box<NFA>),
    /// There are more of them than can be searched for: no text is shown.
    Everything,
}

impl Redaction {
    /// For these secrets: as they are, line by line, and made visible with backslashes doubled or not.
    pub(crate) fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        #[cfg(test)]
        BUILT.set(BUILT.get() + 1);
        let mut patterns = BTreeSet::new();
        for secret in secrets {
            let lines = secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
            for text in lines.chain([secret]) {
                patterns.insert(text.to_owned());
                patterns.insert(visible(text));
                patterns.insert(visible(&text.replace('\\', r"\\")));
            }
        }
        patterns.retain(|pattern| !pattern.trim().is_empty());
        match NFA::new(&patterns) {
            _ if patterns.is_empty() => Self::Nothing,
            Ok(automaton) => Self::Secrets(Box::new(automaton)),
            Err(_) => Self::Everything,
        }
    }

    /// `text` with every secret in it unreadable. Of secrets that overlap, nothing is left.
    pub(crate) fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let spans = match self {
            Self::Nothing => return Cow::Borrowed(text),
            Self::Secrets(automaton) => spans(automaton, text),
            Self::Everything => return Cow::Borrowed(REDACTED),
        };
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
        let text = beginning(text, LOOKED_AT);
        beginning(&visible(&self.redact(&text)), limit)
    }

    /// As [`Redaction::redact`], for a text that was cut: what could be the beginning of a secret is left out.
    pub(crate) fn redact_cut<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Self::Secrets(automaton) = self else { return self.redact(text) };
        let unsure = automaton.max_pattern_len().saturating_sub(1);
        let sure = text.floor_char_boundary(text.len().saturating_sub(unsure));
        // A secret that is whole, and goes on beyond, is one all the same.
        match spans(automaton, text).iter().find(|span| span.end > sure) {
            Some(span) if span.start < sure => {
                Cow::Owned(self.redact(&text[..span.start]).into_owned() + REDACTED)
            }
            _ => self.redact(&text[..sure]),
        }
    }
}

/// Where secrets are, in order and apart. Each byte is looked at once: of the secrets that end with it the
/// longest covers the others, and the automaton names that one first.
fn spans(automaton: &NFA, text: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    let Ok(mut state) = automaton.start_state(Anchored::No) else { return spans };
    for (at, byte) in text.bytes().enumerate() {
        state = automaton.next_state(Anchored::No, state, byte);
        if !automaton.is_match(state) {
            continue;
        }
        let end = at + 1;
        let mut start = end - automaton.pattern_len(automaton.match_pattern(state, 0));
        while let Some(before) = spans.pop_if(|before| before.end > start) {
            start = start.min(before.start);
        }
        spans.push(start..end);
    }
    spans
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

    /// Against the plain way: mark every byte of every secret wherever it stands.
    #[test]
    fn it_finds_what_a_search_for_each_secret_finds() {
        let secrets = ["aab", "ba", "abba", "bbbb", "é", "aé"];
        let redaction = of(&secrets);
        for number in 0..4_usize.pow(7) {
            let text: String =
                (0..7).map(|at| ['a', 'b', 'é', 'c'][number / 4_usize.pow(at) % 4]).collect();
            let mut covered = vec![false; text.len()];
            for secret in secrets {
                let found = (0..text.len())
                    .filter(|at| text.as_bytes()[*at..].starts_with(secret.as_bytes()));
                found.for_each(|at| covered[at..at + secret.len()].fill(true));
            }
            let clear: String =
                text.char_indices().filter(|(at, _)| !covered[*at]).map(|(_, c)| c).collect();
            assert_eq!(redaction.redact(&text).replace(REDACTED, ""), clear, "{text}");
        }
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

    #[test]
    fn two_thousand_lines_of_a_secret_are_one_search() {
        let secret: String = (0..2000).map(|n| format!("line {n}\n")).collect();
        let redaction = of(&[&secret]);
        let Redaction::Secrets(automaton) = &redaction else { panic!("no secrets") };
        assert!(automaton.patterns_len() >= 2000);
        assert_eq!(redaction.redact("say line 1234 twice"), "say [redacted] twice");
    }

    fn with_secret(secret: &str) -> Variables {
        let mut variables = Variables::default();
        variables.set_secret("key", secret.to_owned().into());
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
        other.set_secret("other", "hunter2".to_owned().into());
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
}

//! What may reach a terminal: text that moves nothing, reorders nothing, hides nothing, and is no longer than a
//! person reads. Secrets are made unreadable before, see [`Variables::shown`](crate::Variables::shown).

use std::fmt::{self, Write as _};

/// The most of a name that a message shows, in bytes.
pub const NAME: usize = 200;
/// The most of one cause or sentence that is shown, in bytes.
pub const CAUSE: usize = 1 << 10;
/// The most names in a list that a message shows.
pub const LIST: usize = 10;

/// `text` with every character that a terminal obeys, or that cannot be seen, as an escape; line feeds too.
pub fn visible(text: &str) -> String {
    escaped(text, |c| c.escape_unicode().to_string())
}

/// The same with escapes of another form.
pub fn escaped(text: &str, escape: impl Fn(char) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        // After a letter a selector does nothing, and two names would look alike.
        let is_idle = matches!(c, '\u{fe0e}' | '\u{fe0f}') && before.is_ascii();
        if c.is_control() || is_invisible(c) || is_idle {
            out.push_str(&escape(c))
        } else {
            out.push(c)
        }
        before = c;
    }
    out
}

/// Whether a character is a format character (`Cf`), a line or paragraph separator (`Zl`, `Zp`), or one that is
/// ignored where it cannot be shown (`Default_Ignorable_Code_Point`): from `DerivedGeneralCategory.txt` and
/// `DerivedCoreProperties.txt` of Unicode 17. The two selectors that tell an emoji from a text symbol,
/// U+FE0E and U+FE0F, are let through; the joiner of emoji is not: what it joins is shown one by one.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}'
        | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// The first `limit` bytes of `text`, and `...` where there is more, which is not even made.
pub fn beginning(text: &dyn fmt::Display, limit: usize) -> String {
    struct Beginning(String, usize);
    impl fmt::Write for Beginning {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let fits = text.floor_char_boundary(self.1.saturating_sub(self.0.len()));
            self.0.push_str(&text[..fits]);
            if fits < text.len() { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut beginning = Beginning(String::new(), limit);
    match write!(beginning, "{text}") {
        Ok(()) => beginning.0,
        Err(fmt::Error) => beginning.0 + "...",
    }
}

/// The first of `names` in backticks, and how many more there are.
pub fn list(names: &[impl AsRef<str>]) -> String {
    let quoted = |name: &str| format!("`{}`", beginning(&visible(&beginning(&name, NAME)), NAME));
    let told: Vec<_> = names.iter().take(LIST).map(|name| quoted(name.as_ref())).collect();
    match names.len().checked_sub(LIST) {
        _ if names.is_empty() => "nothing".to_owned(),
        None | Some(0) => told.join(", "),
        Some(more) => format!("{} and {more} more", told.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_nobody_sees_is_escaped() {
        let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}');
        let reordering = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        let separating = "\u{2028}\u{2029}\u{85}\u{b}\u{c}";
        let hiding = "\u{ad}\u{34f}\u{115f}\u{180e}\u{200b}\u{200c}\u{200d}\u{2060}\u{2064}\u{206a}\u{3164}\u{feff}\u{ffa0}\u{fff9}\u{fffb}\u{1d173}\u{e0001}\u{e0041}\u{e007f}\u{e0100}";
        let told = [reordering, separating, hiding];
        for c in controls.chain(told.iter().flat_map(|text| text.chars())) {
            assert_eq!(visible(&format!("a{c}b")), format!("a\\u{{{:x}}}b", u32::from(c)));
        }
    }

    #[test]
    fn a_selector_that_selects_nothing_is_escaped() {
        assert_eq!(visible("nonce\u{fe0f}"), "nonce\\u{fe0f}");
        assert_eq!(visible("\u{2764}\u{fe0f}"), "\u{2764}\u{fe0f}");
    }

    /// The counter-check: whoever reads another script than this one still can.
    #[test]
    fn what_a_person_reads_is_let_through() {
        for text in [
            "a b~\\",
            "Grüße",
            "Привет",
            "שלום",
            "مرحبا",
            "नमस्ते",
            "你好",
            "e\u{301}",
            "❤\u{fe0f}",
            "👍🏽",
            "\u{a0}\u{3000}",
        ] {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn what_is_visible_stays_as_it_is_when_it_is_made_visible_again() {
        let once = visible("\u{1b}[2J\n\\u{a}\u{202e}");
        assert_eq!(visible(&once), once);
    }

    #[test]
    fn a_beginning_ends_between_characters_and_says_that_there_is_more() {
        assert_eq!(beginning(&"é".repeat(10), 20), "é".repeat(10));
        assert_eq!(beginning(&"é".repeat(10), 19), "é".repeat(9) + "...");
        // Nothing would come back if all of it were made.
        struct Endless;
        impl fmt::Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("y")?;
                }
            }
        }
        assert_eq!(beginning(&Endless, 3), "yyy...");
    }

    #[test]
    fn a_list_is_short_however_long_it_and_its_names_are() {
        assert_eq!(list(&[] as &[&str]), "nothing");
        assert_eq!(list(&["a", "b\n"]), "`a`, `b\\u{a}`");
        let names = vec!["\u{1b}".repeat(1 << 20); 1000];
        let told = list(&names);
        assert!(told.ends_with(" and 990 more") && told.len() < 3000, "{}", told.len());
    }
}

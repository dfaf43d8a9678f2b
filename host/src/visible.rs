//! Makes text safe to print on a terminal: the text can neither move the cursor nor reorder or hide characters, and its
//! length is limited. To redact secrets as well, use [`Variables::shown`](crate::Variables::shown).

use std::fmt::{self, Write as _};

/// The maximum length of a name in a message, in bytes. The rest is left out.
pub const NAME: usize = 200;
/// The maximum length of one cause or sentence in a message, in bytes. The rest is left out.
pub const CAUSE: usize = 1 << 10;
/// The maximum number of names that a message lists.
pub const LIST: usize = 10;

/// Escapes every control character in `text`, including line feeds, and every invisible character.
pub fn visible(text: &str) -> String {
    escaped(text, |c| c.escape_unicode().to_string())
}

/// Escapes `text` as [`visible`] does, but lets `escape` write each escape.
pub fn escaped(text: &str, escape: impl Fn(char) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        // A variation selector has no effect after an ASCII character, so two different names would look the same.
        let has_no_effect = matches!(c, '\u{fe0e}' | '\u{fe0f}') && before.is_ascii();
        if c.is_control() || is_invisible(c) || has_no_effect {
            out.push_str(&escape(c))
        } else {
            out.push(c)
        }
        before = c;
    }
    out
}

/// Returns whether a character is invisible: a format character (`Cf`), a line or paragraph separator (`Zl`, `Zp`), or
/// a `Default_Ignorable_Code_Point`. The lists are from `DerivedGeneralCategory.txt` and `DerivedCoreProperties.txt` of
/// Unicode 17.
///
/// The variation selectors U+FE0E and U+FE0F, which choose between a text symbol and an emoji, are allowed. The
/// zero-width joiner is not: the emoji that it joins are shown one by one.
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

/// Returns the first `limit` bytes of `text`, followed by `...` if there are more. Formatting stops at the limit.
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

/// Returns the first [`LIST`] of `names` in backticks, followed by the number of the others.
pub fn list(names: &[impl AsRef<str>]) -> String {
    let quoted = |name: &str| format!("`{}`", beginning(&visible(&beginning(&name, NAME)), NAME));
    let shown: Vec<_> = names.iter().take(LIST).map(|name| quoted(name.as_ref())).collect();
    match names.len().checked_sub(LIST) {
        _ if names.is_empty() => "nothing".to_owned(),
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_invisible_characters_are_escaped() {
        let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}');
        let reordering = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        let separating = "\u{2028}\u{2029}\u{85}\u{b}\u{c}";
        let hiding = "\u{ad}\u{34f}\u{115f}\u{180e}\u{200b}\u{200c}\u{200d}\u{2060}\u{2064}\u{206a}\u{3164}\u{feff}\u{ffa0}\u{fff9}\u{fffb}\u{1d173}\u{e0001}\u{e0041}\u{e007f}\u{e0100}";
        let others = [reordering, separating, hiding];
        for c in controls.chain(others.iter().flat_map(|text| text.chars())) {
            assert_eq!(visible(&format!("a{c}b")), format!("a\\u{{{:x}}}b", u32::from(c)));
        }
    }

    #[test]
    fn a_variation_selector_without_effect_is_escaped() {
        assert_eq!(visible("nonce\u{fe0f}"), "nonce\\u{fe0f}");
        assert_eq!(visible("\u{2764}\u{fe0f}"), "\u{2764}\u{fe0f}");
    }

    /// Counter-check: text in other scripts stays readable.
    #[test]
    fn visible_text_in_any_script_is_unchanged() {
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
    fn escaping_twice_changes_nothing() {
        let once = visible("\u{1b}[2J\n\\u{a}\u{202e}");
        assert_eq!(visible(&once), once);
    }

    #[test]
    fn a_truncated_text_ends_at_a_character_boundary_with_an_ellipsis() {
        assert_eq!(beginning(&"é".repeat(10), 20), "é".repeat(10));
        assert_eq!(beginning(&"é".repeat(10), 19), "é".repeat(9) + "...");
        // This would not return if all of the text were formatted.
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
    fn a_list_of_many_long_names_is_short() {
        assert_eq!(list(&[] as &[&str]), "nothing");
        assert_eq!(list(&["a", "b\n"]), "`a`, `b\\u{a}`");
        let names = vec!["\u{1b}".repeat(1 << 20); 1000];
        let shown = list(&names);
        assert!(shown.ends_with(" and 990 more") && shown.len() < 3000, "{}", shown.len());
    }
}

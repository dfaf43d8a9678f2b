//! The escapes of HTML. The host writes pages with them, and looks for secrets in this form.

/// Appends `text` to `html`, escaped for the text of an element or the value of an attribute. Text does not need
/// escaped quotes, but they do no harm.
pub(crate) fn escape(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\u{a0}' => html.push_str("&nbsp;"),
            c => html.push(c),
        }
    }
}

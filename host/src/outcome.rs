//! The outcome of a flow, and the three formats to print it.

use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::visible::{escaped, visible};

/// The outcome of a flow, which the guest returns with `done`.
///
/// A caller must handle both variants, so this enum is not `#[non_exhaustive]`.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The result: names and values, in the guest's order. No two names map to the same shell variable.
    Success(Vec<(String, String)>),
    /// The flow ended without a result.
    Failure(Failure),
}

/// The reason why a flow ended without a result.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// A short machine-readable code, such as `access_denied` (RFC 6749, section 4.1.2.1).
    pub error: String,
    /// A description for people.
    pub description: Option<String>,
}

impl Failure {
    /// Creates a failure with this code, and no description.
    pub fn new(error: impl Into<String>) -> Self {
        Self { error: error.into(), description: None }
    }
}

impl Outcome {
    /// Returns the value named `name`. A failure has the value `error`, and may have `error_description`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields().into_iter().find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Returns all names and values, in the order in which they are printed.
    pub fn fields(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Success(values) => {
                values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
            }
            Self::Failure(failure) => std::iter::once(("error", failure.error.as_str()))
                .chain(failure.description.as_deref().map(|text| ("error_description", text)))
                .collect(),
        }
    }
}

/// Shows only the names, because values may be authorization codes and tokens.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.fields().into_iter().map(|(name, _)| name).collect();
        match self {
            Self::Success(_) => f.debug_tuple("Success").field(&names).finish(),
            Self::Failure(_) => f.debug_tuple("Failure").field(&names).finish(),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failure([redacted])")
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.fields();
        let mut map = serializer.serialize_map(Some(fields.len()))?;
        for (name, value) in fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The format of the outcome on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One JSON object on one line. All control characters are escaped, including those that JSON allows.
    #[default]
    Json,
    /// `name: value` lines for people. Control characters are escaped.
    Text,
    /// `CALLBACK_NAME='value'` lines for a POSIX shell's `eval`.
    Env,
}

/// Renders `outcome` as text for standard output, with a final line feed.
pub fn render(outcome: &Outcome, format: Format) -> String {
    match format {
        Format::Json => json(outcome) + "\n",
        Format::Text => {
            lines(outcome, |name, value| format!("{}: {}\n", visible(name), visible(value)))
        }
        Format::Env => {
            lines(outcome, |name, value| format!("{}={}\n", variable(name), shell_quoted(value)))
        }
    }
}

fn lines(outcome: &Outcome, line: impl Fn(&str, &str) -> String) -> String {
    outcome.fields().into_iter().map(|(name, value)| line(name, value)).collect()
}

/// Returns `text` as one word of a shell, which the shell does not change.
pub fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The prefix of every variable. Without it, a guest could set `PATH` in the caller's shell.
const ENV_PREFIX: &str = "CALLBACK_";

/// The names that a guest must not use in a result: those of the values that the host adds, and those of a failure.
const RESERVED: [&str; 5] =
    ["code_verifier", "redirect_uri", "nonce", "error", "error_description"];

/// Returns the shell variable for the value named `name`. Names that map to the same variable count as the same name.
pub(crate) fn variable(name: &str) -> String {
    ENV_PREFIX.chars().chain(name.chars().map(shell_name_char)).collect()
}

/// Returns whether a value of an outcome can have this name.
pub(crate) fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(char::is_control)
}

/// Returns whether `name` is reserved. A name is also reserved if it maps to the shell variable of a reserved name.
pub(crate) fn is_reserved(name: &str) -> bool {
    let variable_of_name = variable(name);
    RESERVED.iter().any(|reserved| variable(reserved) == variable_of_name)
}

fn shell_name_char(c: char) -> char {
    if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }
}

/// Renders `value` as JSON on one line, with control and invisible characters escaped. All keys must be strings.
pub fn json(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_else(|_| unreachable!("keys are strings"));
    escaped(&json, |c| {
        c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn success(values: &[(&str, &str)]) -> Outcome {
        Outcome::Success(values.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect())
    }

    #[test]
    fn json_is_one_object_on_one_line() {
        let outcome = success(&[("code", "a\"b\n"), ("iss", "https://idp.example")]);
        assert_eq!(
            render(&outcome, Format::Json),
            "{\"code\":\"a\\\"b\\n\",\"iss\":\"https://idp.example\"}\n"
        );
    }

    #[test]
    fn json_escapes_control_characters_that_json_allows() {
        let outcome = success(&[("code", "\u{9b}2J\u{7f}\u{202e}\u{e0041}é")]);
        let json = render(&outcome, Format::Json);
        assert_eq!(json, "{\"code\":\"\\u009b2J\\u007f\\u202e\\udb40\\udc41é\"}\n");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&json).unwrap()["code"],
            "\u{9b}2J\u{7f}\u{202e}\u{e0041}é"
        );
    }

    #[test]
    fn a_failure_has_the_names_of_rfc_6749() {
        let failure = Failure { error: "access_denied".into(), description: Some("No.".into()) };
        assert_eq!(
            render(&Outcome::Failure(failure), Format::Json),
            "{\"error\":\"access_denied\",\"error_description\":\"No.\"}\n"
        );
    }

    #[test]
    fn text_keeps_a_value_on_its_line() {
        let outcome = success(&[("code", "a\nerror: b\u{1b}[2J\u{202e}")]);
        assert_eq!(render(&outcome, Format::Text), "code: a\\u{a}error: b\\u{1b}[2J\\u{202e}\n");
    }

    #[test]
    fn env_quotes_a_value_that_contains_quotes() {
        let outcome = success(&[("path", "'; echo owned; '"), ("a-b c", "x")]);
        assert_eq!(
            render(&outcome, Format::Env),
            "CALLBACK_PATH=''\\''; echo owned; '\\'''\nCALLBACK_A_B_C='x'\n"
        );
    }

    #[test]
    fn names_that_differ_only_in_case_or_punctuation_map_to_one_variable() {
        for (name, shell) in
            [("code", "CALLBACK_CODE"), ("Co-de", "CALLBACK_CO_DE"), ("co\u{e9}", "CALLBACK_CO_")]
        {
            assert_eq!(variable(name), shell);
        }
        assert_eq!(variable("co.de"), variable("CO_DE"));
        assert_ne!(variable("code"), variable("co_de"));
    }

    #[test]
    fn a_reserved_name_is_reserved_in_every_spelling() {
        for name in RESERVED.into_iter().chain(["Code-Verifier", "NONCE", "redirect uri", "Error"])
        {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["code", "codeverifier", "nonce_", "iss", "errors"] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn debug_shows_names_only() {
        let text = format!("{:?}", success(&[("code", "hunter2")]));
        assert_eq!(text, r#"Success(["code"])"#);
    }
}

//! The file of a preset: one that the program contains, or a person's own.

use std::borrow::Cow;
use std::path::Path;

use serde::Deserialize;
use toml::Table;

use super::{Need, NeedKind, Preset, PresetError, Redirect};
use crate::files;
use crate::grants::{GrantError, GrantTable, place};
use crate::variables::Variables;
use crate::visible::{NAME, beginning};

/// The contents of the file. A person's own preset may consist of the last two tables.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: Option<String>,
    website: Option<String>,
    register: Option<String>,
    redirect: Option<Redirect>,
    needs: Option<Vec<Need>>,
    config: Table,
    grants: GrantTable,
}

/// Reads the preset in the file at `path`.
pub(super) fn read(path: &Path) -> Result<Preset, PresetError> {
    let name = path.display().to_string();
    match files::regular_text(path) {
        Ok(text) => checked(&name, text),
        Err(source) => Err(PresetError::Read { preset: name, source }),
    }
}

/// Reads a preset, and checks that its grants are valid with its own configuration.
pub(super) fn checked(name: &str, text: String) -> Result<Preset, PresetError> {
    let preset = parse(name, text.into())?;
    match preset.grants(&Variables::default()) {
        Ok(_) => Ok(preset),
        Err(PresetError::Variable { preset: file, name, .. })
            if preset.variables.get(&name).is_none() =>
        {
            Err(PresetError::NoDefault { preset: file, name })
        }
        Err(PresetError::Grants {
            preset,
            problem: GrantError::File { line, column, message },
        }) => Err(PresetError::File { preset, line, column, message }),
        Err(error) => Err(error),
    }
}

/// Reads a preset. Its grants may still be invalid.
pub(super) fn parse(name: &str, text: Cow<'static, str>) -> Result<Preset, PresetError> {
    let file = toml::from_str(&text).map_err(|error| {
        let (line, column) = place(&text, error.span());
        let message = error.message().trim_end().to_owned();
        PresetError::File { preset: name.to_owned(), line, column, message }
    })?;
    let File { title, website, register, redirect, needs, config, grants } = file;
    let variables = Variables::from_table(config)
        .map_err(|list| PresetError::List { preset: name.to_owned(), name: list })?;
    Ok(Preset {
        title: title.map_or_else(|| stem(name), |title| beginning(&title, NAME)),
        needs: needs.unwrap_or_else(|| default_needs(&variables)),
        name: name.to_owned(),
        text,
        website,
        register,
        redirect,
        variables,
        grants,
    })
}

/// Returns the name of a file without its folder and extension, such as `acme`.
fn stem(name: &str) -> String {
    let stem = Path::new(name).file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Returns what every provider needs: a client ID, unless the file contains it.
fn default_needs(config: &Variables) -> Vec<Need> {
    let client_id = Need {
        name: "client_id".to_owned(),
        kind: NeedKind::Config,
        optional: false,
        about: "The client ID of the app.".to_owned(),
    };
    if client_id.is_in(config) { Vec::new() } else { vec![client_id] }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
[config]
authorization_endpoint = "https://{host}/authorize"
token_endpoint = "https://{host}/token"
host = "idp.example"

[grants]
open = ["https://{host}"]

[[grants.endpoint]]
url = "https://{host}/token"
"#;

    fn read(text: &str) -> Result<Preset, PresetError> {
        checked("folder/acme.toml", text.to_owned())
    }

    #[track_caller]
    fn error(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn two_tables_are_a_preset() {
        let preset = read(MINIMAL).unwrap();
        assert_eq!((preset.name(), preset.title()), ("folder/acme.toml", "acme"));
        assert_eq!((preset.website(), preset.register(), preset.redirect()), (None, None, None));
        assert_eq!(preset.grants(&Variables::default()).unwrap().hosts(), ["idp.example"]);
        // Its variables are filled in as those of a known preset.
        let mut given = Variables::default();
        given.set("host", "other.example");
        assert_eq!(preset.grants(&given).unwrap().hosts(), ["other.example"]);
        given.set("host", "idp.example/x");
        assert!(matches!(preset.grants(&given), Err(PresetError::Variable { .. })));
    }

    #[test]
    fn a_client_id_is_needed_unless_the_file_contains_it_or_lists_other_needs() {
        let needs = |text: &str| {
            let preset = read(text).unwrap();
            preset.needs().iter().map(|need| need.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(needs(MINIMAL), ["client_id"]);
        let with_client = MINIMAL.replace("[config]", "[config]\nclient_id = \"bot\"");
        assert!(needs(&with_client).is_empty());
        assert!(needs(&format!("needs = []\n{MINIMAL}")).is_empty());
        let scope = "[[needs]]\nname = \"scope\"\nkind = \"config\"\nabout = \"A scope.\"\n";
        assert_eq!(needs(&format!("{scope}{MINIMAL}")), ["scope"]);
    }

    #[test]
    fn an_error_names_the_file_and_the_place() {
        for (text, expected) in [
            ("title = \n", "invalid preset `folder/acme.toml:1:9`: "),
            ("[config]\n", "invalid preset `folder/acme.toml:1:1`: missing field `grants`"),
            ("[grants]\n", "invalid preset `folder/acme.toml:1:1`: missing field `config`"),
            (
                "[config]\n[grants]\n[confg]\n",
                "invalid preset `folder/acme.toml:3:2`: unknown field `confg`, expected one of ",
            ),
            (
                "[config]\n\n[grants]\nopne = []\n",
                "invalid preset `folder/acme.toml:4:1`: unknown field `opne`, expected one of ",
            ),
            (
                "[config]\n[[grants.endpoint]]\nurl = \"https://a.example/t\"\nsecret = []",
                "invalid preset `folder/acme.toml:4:1`: unknown field `secret`, expected one of ",
            ),
            (
                "[config]\n[grants]\nopen = [\"http://idp.example\"]",
                "invalid preset `folder/acme.toml:3:9`: invalid network grant `http://idp.example`: ",
            ),
            (
                "[redirect]\nrule = \"any\"\nabout = \"\"\n[config]\n[grants]",
                "invalid preset `folder/acme.toml:2:8`: unknown variant `any`, expected one of ",
            ),
            (
                "[config]\nscope = [\"a\"]\n[grants]",
                "invalid value of `scope` in the preset `folder/acme.toml`: expected text, a number or a boolean, got a list",
            ),
            (
                "[config]\n[grants]\nopen = [\"https://{host}\"]",
                "missing `host` in `[config]` of the preset `folder/acme.toml`: expected a default for `{host}`",
            ),
            (
                "[config]\nhost = \"a/b\"\n[grants]\nopen = [\"https://{host}\"]",
                "invalid value `a/b` of `host` for the preset `folder/acme.toml`: ",
            ),
        ] {
            let error = error(text);
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_long_title_is_cut() {
        let title = "x".repeat(NAME * 2);
        let preset = read(&format!("title = \"{title}\"\n{MINIMAL}")).unwrap();
        assert!(preset.title().len() <= NAME + 10, "{}", preset.title());
    }
}

//! The presets: a preset is the configuration of the embedded guest `oauth2` for one provider, with the grants that it
//! needs. The program contains some, and a person can write another one.

mod error;
mod file;
mod need;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::Path;

pub use error::PresetError;
pub use need::{Need, NeedKind, Redirect, RedirectRule};

use crate::grants::{GrantTable, NetGrants};
use crate::sandbox::Guest;
use crate::variables::Variables;
use crate::visible::{NAME, beginning, visible};

/// The presets of the program: their names, and the files in `guest/presets`.
const PRESETS: [(&str, &str); 18] = [
    ("atlassian", include_str!("../../presets/atlassian.toml")),
    ("discord", include_str!("../../presets/discord.toml")),
    ("dropbox", include_str!("../../presets/dropbox.toml")),
    ("facebook", include_str!("../../presets/facebook.toml")),
    ("github", include_str!("../../presets/github.toml")),
    ("gitlab", include_str!("../../presets/gitlab.toml")),
    ("google", include_str!("../../presets/google.toml")),
    ("instagram", include_str!("../../presets/instagram.toml")),
    ("linkedin", include_str!("../../presets/linkedin.toml")),
    ("microsoft", include_str!("../../presets/microsoft.toml")),
    ("notion", include_str!("../../presets/notion.toml")),
    ("reddit", include_str!("../../presets/reddit.toml")),
    ("salesforce", include_str!("../../presets/salesforce.toml")),
    ("slack", include_str!("../../presets/slack.toml")),
    ("spotify", include_str!("../../presets/spotify.toml")),
    ("twitch", include_str!("../../presets/twitch.toml")),
    ("x", include_str!("../../presets/x.toml")),
    ("zoom", include_str!("../../presets/zoom.toml")),
];

/// A provider to sign in with: one that the library knows, or one in a file. [`Flow::preset`](crate::Flow::preset) signs
/// in with it.
///
/// A preset consists of a configuration of the embedded guest `oauth2`, and of grants for exactly the hosts that this
/// guest has to reach.
#[derive(Debug, Clone)]
pub struct Preset {
    name: String,
    /// The file, to which the places in `grants` refer.
    text: Cow<'static, str>,
    title: String,
    website: Option<String>,
    register: Option<String>,
    redirect: Option<Redirect>,
    needs: Vec<Need>,
    variables: Variables,
    /// The grants, with variables such as `{host}` in their URLs.
    grants: GrantTable,
}

impl Preset {
    /// Returns the preset named `name`, such as `github`.
    pub fn named(name: &str) -> Option<Self> {
        let (name, text) = PRESETS.into_iter().find(|(known, _)| *known == name)?;
        file::parse(name, text.into()).ok()
    }

    /// Returns all presets that the library knows, sorted by name.
    pub fn all() -> impl Iterator<Item = Self> {
        // A test checks that every file is valid.
        PRESETS.into_iter().filter_map(|(name, text)| file::parse(name, text.into()).ok())
    }

    /// Returns the names of all presets that the library knows, sorted.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PRESETS.into_iter().map(|(name, _)| name)
    }

    /// Reads a preset from a TOML file of at most 1 MiB.
    ///
    /// The file has the table `config`, which is the configuration of the guest `oauth2`, and the table `grants`. Each
    /// variable in a URL must have a default in `config`. The other keys of the known presets are optional.
    ///
    /// # Errors
    /// Fails if the file cannot be read, is not valid TOML, has a missing or unknown key, or contains an invalid grant,
    /// or a list in `config`.
    pub fn from_file(path: &Path) -> Result<Self, PresetError> {
        file::read(path)
    }

    /// Reads a preset from the text of a file, which errors call `name`.
    ///
    /// # Errors
    /// Fails as [`from_file`](Self::from_file) does.
    #[cfg(feature = "testing")]
    pub(crate) fn from_text(name: &str, text: String) -> Result<Self, PresetError> {
        file::checked(name, text)
    }

    /// Returns the name, such as `github`, or the path of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name of the provider, such as `GitHub`. For a file without a title, this is the name of the file
    /// without its extension.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns the URL of the provider's website, if the preset names it.
    pub fn website(&self) -> Option<&str> {
        self.website.as_deref()
    }

    /// Returns the URL where a person registers an app, if the preset names it.
    pub fn register(&self) -> Option<&str> {
        self.register.as_deref()
    }

    /// Returns which redirect URI the app must have, if the preset says so.
    pub fn redirect(&self) -> Option<&Redirect> {
        self.redirect.as_ref()
    }

    /// Returns what the preset needs, in addition to its own configuration.
    pub fn needs(&self) -> &[Need] {
        &self.needs
    }

    /// Returns the guest of every preset: the embedded guest `oauth2`.
    pub fn guest(&self) -> Guest {
        Guest::oauth2()
    }

    /// Returns what the guest may reach with these variables.
    ///
    /// # Errors
    /// Fails if a variable would change more of a granted URL than a name in it.
    pub fn grants(&self, given: &Variables) -> Result<NetGrants, PresetError> {
        let mut variables = given.clone();
        variables.add_defaults(&self.variables);
        let mut grants = self.grants.clone();
        grants.fill(|url| self.filled(url, &variables))?;
        let checked = grants.check(&self.text);
        checked.map_err(|problem| PresetError::Grants { preset: self.name.clone(), problem })
    }

    /// Adds the preset's own configuration and grants to what the person gives. The person's values win.
    ///
    /// # Errors
    /// Fails if something is missing that the preset needs, or if a variable would change more of a granted URL than a
    /// name in it.
    pub fn apply(&self, variables: &mut Variables, net: &mut NetGrants) -> Result<(), PresetError> {
        let is_missing = |need: &&Need| !need.optional && !need.is_in(variables);
        let needs: Vec<_> = self.needs.iter().filter(is_missing).cloned().collect();
        if !needs.is_empty() {
            return Err(PresetError::Missing { preset: self.name.clone(), needs });
        }
        let mut grants = self.grants(variables)?;
        grants.merge(std::mem::take(net));
        *net = grants;
        variables.add_defaults(&self.variables);
        Ok(())
    }

    /// Returns `url` with each `{name}` replaced by the variable of that name.
    fn filled(&self, url: &str, variables: &Variables) -> Result<String, PresetError> {
        let mut filled = String::new();
        let mut rest = url;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            filled += before;
            filled += self.variable(name, variables)?;
            rest = after;
        }
        Ok(filled + rest)
    }

    /// Returns the variable `name` for a URL. As in the guest, it must be a name itself, so that the person grants no
    /// other path or port than those of the preset.
    fn variable<'a>(&self, name: &str, variables: &'a Variables) -> Result<&'a str, PresetError> {
        let value = variables.get(name).unwrap_or_default();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
        if !value.is_empty() && value.bytes().all(is_allowed) {
            return Ok(value);
        }
        Err(PresetError::Variable {
            preset: self.name.clone(),
            name: name.to_owned(),
            value: beginning(&visible(value), NAME),
        })
    }
}

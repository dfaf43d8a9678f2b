//! Parses the sections before the first request of a case: everything that the guest gets besides requests.

use std::collections::HashSet;

use super::body;
use super::lines::{Line, ParseError};
use super::parse::Parser;
use crate::grants::NetGrants;
use crate::presets::Preset;
use crate::testing::Setup;

/// The sections before the first request.
pub(super) const SETUP_SECTIONS: [&str; 5] = ["Config", "Secrets", "Session", "Options", "Answer"];
pub(super) const MISPLACED_SETUP: &str = "this section must come before the first request";

impl Parser<'_> {
    /// Parses the sections before the first request.
    pub(super) fn setup(&mut self) -> Result<Setup, ParseError> {
        let mut setup = Setup::default();
        // The secrets may follow the options.
        let mut revealed = Vec::new();
        // The variables and secrets that a preset needs may follow it.
        let mut preset = None;
        let mut given = HashSet::new();
        let mut once = |section: &str, line: &Line<'_>, name: &str| {
            if given.insert((section.to_owned(), name.to_owned())) {
                Ok(())
            } else {
                Err(line.error(name, format!("duplicate `{name}`")))
            }
        };
        while let Some(line) = self.lines.peek() {
            let Some(section) = line.section() else { break };
            self.lines.next();
            match section {
                // A variable and a secret cannot have the same name.
                "Config" | "Secrets" => {
                    for (line, name, value) in self.pairs()? {
                        once("Config", &line, name)?;
                        if section == "Config" {
                            setup.variables.set(name, value);
                        } else {
                            setup.secret(name, value);
                        }
                    }
                }
                "Session" => {
                    for (line, name, value) in self.pairs()? {
                        once(section, &line, name)?;
                        setup.session(name, value).map_err(|e| line.setup_error(name, e))?;
                    }
                }
                "Options" => {
                    for (line, name, value) in self.pairs()? {
                        match name {
                            "allow-reveal" => {
                                revealed.push((line, name, value));
                                continue;
                            }
                            "grants" => {
                                once(section, &line, name)?;
                                setup.net.merge(self.grants(&line, value)?);
                                continue;
                            }
                            "preset" => {
                                once(section, &line, name)?;
                                preset = Some((line, value));
                                continue;
                            }
                            "allow-net" | "allow-open" => {}
                            _ => once(section, &line, name)?,
                        }
                        setup.option(name, value).map_err(|e| line.setup_error(name, e))?;
                    }
                }
                "Answer" => {
                    let answer = self.canned_answer()?;
                    setup.answer(answer);
                }
                other => {
                    let sections =
                        "`[Config]`, `[Secrets]`, `[Session]`, `[Options]` or `[Answer]`";
                    let message = format!(
                        "unknown section `[{other}]` before the first request: expected {sections}"
                    );
                    return Err(line.error(section, message));
                }
            }
        }
        if let Some((line, name)) = preset {
            let preset = self.preset(&line, name)?;
            let Setup { variables, net, .. } = &mut setup;
            preset.apply(variables, net).map_err(|error| line.error(name, error))?;
        }
        for (line, name, value) in revealed {
            setup.option(name, value).map_err(|e| line.setup_error(name, e))?;
        }
        Ok(setup)
    }

    /// Returns the preset with this name, or the one in the file that the option names, as `file,NAME;`.
    fn preset(&self, line: &Line<'_>, value: &str) -> Result<Preset, ParseError> {
        if !value.starts_with(body::FILE) {
            let unknown = || format!("unknown preset `{value}`: see `guest/presets`");
            return Preset::named(value).ok_or_else(|| line.error(value, unknown()));
        }
        let content = body::file(line, value, self.folder)?;
        let name = value.trim_start_matches(body::FILE).trim_end_matches(';');
        Preset::from_text(name, String::from_utf8_lossy(&content).into_owned())
            .map_err(|error| line.error(value, error))
    }

    /// Reads the grants in the TOML file that the option names, as `file,NAME;`.
    fn grants(&self, line: &Line<'_>, value: &str) -> Result<NetGrants, ParseError> {
        if !value.starts_with(body::FILE) {
            return Err(line.error(value, "expected a file such as `file,grants.toml;`"));
        }
        let content = body::file(line, value, self.folder)?;
        let text = String::from_utf8_lossy(&content);
        NetGrants::from_toml(&text).map_err(|error| line.error(value, error))
    }
}

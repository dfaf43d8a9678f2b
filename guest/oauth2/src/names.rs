//! The names of the settings. Any other name is an error, so that a misspelled setting is not ignored.

use crate::config::Config;
use crate::failure::Failure;

/// The settings with a fixed name.
const NAMES: [&str; 33] = [
    "account",
    "accept",
    "answer.access_token",
    "answer.error",
    "answer.error_description",
    "answer.expires_in",
    "answer.id_token",
    "answer.ok",
    "answer.refresh_token",
    "answer.scope",
    "answer.token_type",
    "authorization_endpoint",
    "authorization_response_iss_parameter_supported",
    "basic_encoding",
    "client_auth",
    "client_id",
    "expires_in",
    "issuer",
    "jwks_uri",
    "name.callback_code",
    "name.client_id",
    "name.client_secret",
    "name.code",
    "nonce",
    "pkce",
    "scope",
    "scope_name",
    "scope_separator",
    "second.method",
    "second.url",
    "token_body",
    "token_endpoint",
    "userinfo_endpoint",
];

/// The tables, whose names the person chooses: `keep.team_id` is in the table `keep.`.
const TABLES: [&str; 7] =
    ["authorize.", "callback.", "header.", "keep.", "second.form.", "second.query.", "token."];

/// The settings whose values are URLs. A `{variable}` in one of them is a setting too.
const URLS: [&str; 6] = [
    "authorization_endpoint",
    "issuer",
    "jwks_uri",
    "second.url",
    "token_endpoint",
    "userinfo_endpoint",
];

const SECRET: &str = "client_secret";

/// Whether `name` is a setting, or the prefix of a table.
pub(crate) fn is_known(name: &str) -> bool {
    NAMES.contains(&name) || TABLES.iter().any(|table| name.starts_with(table))
}

/// Check that each name of the configuration is a setting, or a variable in one of its URLs.
pub(crate) fn check(config: &Config) -> Result<(), Failure> {
    let urls = URLS.iter().filter_map(|name| config.get(name));
    let variables: Vec<_> = urls.flat_map(variables).collect();
    match config.names().find(|name| !is_known(name) && !variables.contains(name)) {
        Some(name) => Err(unknown(name, &variables)),
        None => Ok(()),
    }
}

/// The names between braces.
fn variables(url: &str) -> impl Iterator<Item = &str> {
    url.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))
}

fn unknown(name: &str, variables: &[&str]) -> Failure {
    let code = "invalid_configuration";
    let known = match closest(name, variables) {
        Some(known) if known == SECRET => {
            let what = format!("`{name}` is in the configuration, but `{SECRET}` is a secret.");
            let advice = "Set it with `--secret client_secret=env:VARIABLE` instead.";
            return Failure::new(code, what, advice);
        }
        known => known,
    };
    if let Some(known) = known {
        let what = format!("Unknown setting `{name}`: did you mean `{known}`?");
        return Failure::new(code, what, "Correct the configuration.");
    }
    let mut list: Vec<String> = Vec::new();
    for known in variables.iter().chain(&NAMES).chain(&TABLES) {
        let group = known.split_once('.').map(|(group, _)| format!("`{group}.NAME`"));
        let known = group.unwrap_or_else(|| format!("`{known}`"));
        if !list.contains(&known) {
            list.push(known);
        }
    }
    let what = format!("Unknown setting `{name}`.");
    Failure::new(code, what, format!("Known settings: {}.", list.join(", ")))
}

/// The setting that `name` is most likely to mean.
fn closest(name: &str, variables: &[&str]) -> Option<String> {
    let in_table = |table: &&str| {
        // The name within the table begins after as many dots as the table has.
        let dots = table.matches('.').count();
        let within = name.splitn(dots + 1, '.').nth(dots).filter(|within| !within.is_empty())?;
        Some(format!("{table}{within}"))
    };
    let fixed = NAMES.iter().chain(variables).chain(&[SECRET]).map(|known| (*known).to_owned());
    let candidates = fixed.chain(TABLES.iter().filter_map(in_table));
    let (distance, known) = candidates.map(|known| (distance(name, &known), known)).min()?;
    (distance <= (name.len() / 2).min(3)).then_some(known)
}

/// The number of bytes to insert, delete or replace.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (at, b) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::config;

    const URLS: [(&str, &str); 2] = [
        ("issuer", "https://{host}"),
        ("second.url", "https://graph.example/{tenantid}/{api-version}/token"),
    ];

    #[track_caller]
    fn failure(name: &str) -> Failure {
        let failure = check(&config(&[&URLS[..], &[(name, "hunter2")]].concat())).unwrap_err();
        assert_eq!(failure.error, "invalid_configuration");
        assert!(!failure.description().contains("hunter2"), "{name}");
        failure
    }

    #[test]
    fn each_setting_and_each_variable_of_a_url_is_known() {
        for name in NAMES.into_iter().chain(["host", "api-version", "tenantid"]) {
            check(&config(&[&[(name, "{x")], &URLS[..]].concat())).unwrap();
        }
        for table in TABLES {
            check(&config(&[(&format!("{table}a.b"), "c")])).unwrap();
        }
        // An empty value unsets one of a preset.
        check(&config(&[("domain", "")])).unwrap();
    }

    #[test]
    fn each_setting_is_documented() {
        let docs = include_str!("../../PROVIDERS.md");
        for name in NAMES {
            let name = name.strip_prefix("answer.").filter(|name| *name != "ok").unwrap_or(name);
            assert!(docs.contains(&format!("`{name}`")), "{name}");
        }
        for table in TABLES {
            assert!(docs.contains(&format!("`{table}NAME`")), "{table}");
        }
    }

    #[test]
    fn an_unknown_setting_is_a_failure_that_names_the_closest_one() {
        for (name, known) in [
            ("scpoe", "scope"),
            ("scopes", "scope"),
            ("client_auht", "client_auth"),
            ("clientid", "client_id"),
            ("Issuer", "issuer"),
            ("hots", "host"),
            ("keep", "keep"),
            ("authorise.prompt", "authorize.prompt"),
            ("second.querry.a.b", "second.query.a.b"),
            ("answer.acces_token", "answer.access_token"),
        ] {
            let what = failure(name).what;
            if name == known {
                assert_eq!(what, format!("Unknown setting `{name}`."));
            } else {
                assert_eq!(what, format!("Unknown setting `{name}`: did you mean `{known}`?"));
            }
        }
    }

    #[test]
    fn without_a_close_setting_the_failure_lists_them_all() {
        for name in ["domain", "x", "redirect_uri"] {
            let failure = failure(name);
            assert_eq!(failure.what, format!("Unknown setting `{name}`."));
            let list = failure.advice.strip_prefix("Known settings: `host`, ").unwrap();
            for known in ["account", "scope", "keep.NAME", "answer.NAME", "second.NAME"] {
                assert_eq!(list.matches(&format!("`{known}`")).count(), 1, "{known}");
            }
            assert!(failure.description().len() < 600, "{}", failure.description().len());
        }
    }

    #[test]
    fn a_secret_in_the_configuration_is_a_failure_that_names_the_flag() {
        for name in ["client_secret", "client_secrte", "clientsecret"] {
            let failure = failure(name);
            assert!(failure.what.contains("`client_secret` is a secret"), "{}", failure.what);
            assert!(failure.advice.contains("--secret client_secret=env:"), "{}", failure.advice);
        }
        check(&config(&[("client_secret", "")])).unwrap();
    }

    #[test]
    fn the_distance_counts_edits() {
        for (one, other, edits) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(distance(one, other), edits, "{one} {other}");
        }
    }
}

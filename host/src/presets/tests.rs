use std::collections::BTreeSet;
use std::fs;

use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guest/presets");

fn preset(name: &str) -> Preset {
    Preset::named(name).unwrap()
}

fn variables(values: &[(&str, &str)]) -> Variables {
    let mut variables = Variables::default();
    values.iter().for_each(|(name, value)| variables.set(name, value));
    variables
}

/// The variables with a value for everything that a preset needs.
fn given(preset: &Preset) -> Variables {
    let mut given = Variables::default();
    for need in preset.needs().iter().filter(|need| !need.optional) {
        match need.kind {
            NeedKind::Config => given.set(&need.name, "x"),
            NeedKind::Secret => given.set_secret(&need.name, "hunter2"),
        }
    }
    given
}

#[test]
fn the_list_contains_every_file_of_the_folder() {
    let files: BTreeSet<_> = fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let listed: Vec<_> = PRESETS.iter().map(|(name, _)| format!("{name}.toml")).collect();
    assert_eq!(listed, files.into_iter().collect::<Vec<_>>());
    for (name, text) in PRESETS {
        assert_eq!(fs::read_to_string(format!("{FOLDER}/{name}.toml")).unwrap(), text, "{name}");
    }
}

#[test]
fn every_preset_is_valid_and_has_a_name_of_its_own() {
    for (name, text) in PRESETS {
        let preset = Preset::from_text(name, text.to_owned());
        let preset = preset.unwrap_or_else(|error| panic!("{name}: {error}"));
        // Only a person's own file may lack these.
        assert_ne!(preset.title(), name);
        for url in [preset.website(), preset.register()] {
            assert!(url.is_some_and(|url| url.starts_with("https://")), "{name}");
        }
        assert!(preset.redirect().is_some_and(|redirect| !redirect.about.is_empty()), "{name}");
        assert!(text.contains("\n[[needs]]\n") && !preset.needs().is_empty(), "{name}");
        assert!(Guest::embedded(name).is_err(), "{name}");
    }
    assert_eq!(Preset::all().count(), PRESETS.len());
    assert!(Preset::named("typo").is_none() && Preset::named("GitHub").is_none());
}

#[test]
fn every_preset_grants_https_endpoints_and_one_page() {
    for preset in Preset::all() {
        let (mut variables, mut net) = (given(&preset), NetGrants::default());
        preset.apply(&mut variables, &mut net).unwrap();
        assert_eq!(net.open_origins().count(), 1, "{}", preset.name());
        assert_eq!(net.origins().count(), 0, "{}", preset.name());
        assert!(!net.private() && !net.endpoints().is_empty(), "{}", preset.name());
        assert!(net.endpoints().iter().all(|endpoint| endpoint.url().scheme() == "https"));
        assert_eq!(net.pkce(), preset.name() != "linkedin");
        assert!(variables.get("token_endpoint").is_some(), "{}", preset.name());
    }
}

#[test]
fn everything_that_is_missing_is_in_one_error() {
    let mut net = NetGrants::default();
    let error = preset("github").apply(&mut Variables::default(), &mut net).unwrap_err();
    assert_eq!(error.to_string(), "the preset `github` needs `client_id`, `client_secret`");
    assert_eq!(net, NetGrants::default());
    // An empty value is none, and neither is a value in place of a secret.
    let mut wrong = variables(&[("client_id", ""), ("client_secret", "hunter2")]);
    let error = preset("github").apply(&mut wrong, &mut net).unwrap_err();
    assert_eq!(error.to_string(), "the preset `github` needs `client_id`, `client_secret`");
    let error = preset("slack").apply(&mut variables(&[("client_id", "x")]), &mut net).unwrap_err();
    assert_eq!(error.to_string(), "the preset `slack` needs `scope`");
}

#[test]
fn the_values_of_the_person_win() {
    let github = preset("github");
    let mut given = given(&github);
    given.set("account", "/name");
    let mut net = NetGrants::default();
    net.allow("https://github.com").unwrap().allow("https://api.github.com/user").unwrap();
    github.apply(&mut given, &mut net).unwrap();
    assert_eq!(given.get("account"), Some("/name"));
    assert_eq!(given.get("client_id"), Some("x"));
    assert_eq!(given.get("token_endpoint"), Some("https://github.com/login/oauth/access_token"));
    assert_eq!(net.hosts(), ["github.com", "api.github.com"]);
    assert_eq!(net.origins().collect::<Vec<_>>(), ["https://github.com"]);
    assert_eq!(net.endpoints().len(), 2);
}

#[test]
fn a_variable_is_filled_into_the_grants() {
    let hosts = |host: &str| preset("gitlab").grants(&variables(&[("host", host)]));
    assert_eq!(preset("gitlab").grants(&Variables::default()).unwrap().hosts(), ["gitlab.com"]);
    let own = hosts("gitlab.example.org").unwrap();
    assert_eq!(own.hosts(), ["gitlab.example.org"]);
    assert_eq!(own.open_origins().collect::<Vec<_>>(), ["https://gitlab.example.org"]);
    let tenant = preset("microsoft").grants(&variables(&[("tenant", "a-1.b")])).unwrap();
    assert_eq!(
        tenant.endpoints()[0].url().as_str(),
        "https://login.microsoftonline.com/a-1.b/oauth2/v2.0/token"
    );
}

#[test]
fn a_variable_cannot_change_the_rest_of_a_url() {
    for hostile in
        ["a/b", "a?b", "a#b", "evil@h", "a%2fb", "a b", "ä", "{host}", "a:1", "a\"", "a\n", ""]
    {
        let given = variables(&[("host", hostile), ("domain", hostile), ("tenant", hostile)]);
        for (name, variable) in
            [("gitlab", "host"), ("salesforce", "domain"), ("microsoft", "tenant")]
        {
            let error = preset(name).grants(&given).unwrap_err();
            assert!(
                matches!(&error, PresetError::Variable { name, .. } if name == variable),
                "{hostile}: {error}"
            );
        }
    }
    let error = preset("gitlab").grants(&variables(&[("host", "a/b")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid value `a/b` of `host` for the preset `gitlab`: expected letters, digits, `.` and `-`"
    );
    let tenant = preset("microsoft").grants(&variables(&[("tenant", "..")])).unwrap_err();
    assert!(matches!(tenant, PresetError::Grants { .. }), "{tenant}");
    // A secret is not a variable.
    let mut secret = Variables::default();
    secret.set_secret("host", "h");
    assert!(preset("gitlab").grants(&secret).is_err());
}

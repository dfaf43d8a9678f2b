//! The presets, checked: each is complete, and grants exactly what the guest asks for.

use std::collections::BTreeSet;
use std::path::Path;

use toml::{Table, Value};

use crate::authorization;
use crate::config::Config;
use crate::fake::Fake;

/// A preset, with a value for everything that it needs.
struct Preset {
    name: String,
    table: Table,
    values: Vec<(String, String)>,
    has_secret: bool,
}

fn presets() -> Vec<Preset> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../presets");
    let mut presets: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    presets.sort();
    presets.iter().map(|path| Preset::read(path)).collect()
}

impl Preset {
    fn read(path: &Path) -> Self {
        let table: Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        let mut preset = Self {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            values: Vec::new(),
            has_secret: false,
            table,
        };
        flatten("", preset.table["config"].as_table().unwrap(), &mut preset.values);
        for need in preset.table["needs"].as_array().unwrap() {
            let (name, kind) = (need["name"].as_str().unwrap(), need["kind"].as_str().unwrap());
            let is_optional = need.get("optional").is_some_and(|o| o.as_bool().unwrap());
            match kind {
                "config" if !is_optional => {
                    preset.values.push((name.to_owned(), "needed".to_owned()))
                }
                "config" => {}
                "secret" => {
                    assert_eq!(name, "client_secret");
                    preset.has_secret |= !is_optional;
                }
                _ => panic!("{}: {kind}", preset.name),
            }
        }
        preset
    }

    fn config(&self) -> Config {
        Config::new(self.values.clone())
    }

    /// A URL of the grants, with its variables filled in.
    fn filled(&self, url: &str) -> String {
        let mut values = self.values.clone();
        values.insert(0, ("issuer".to_owned(), url.to_owned()));
        Config::new(values).url("issuer").unwrap().unwrap()
    }

    fn endpoints(&self) -> &[Value] {
        self.table["grants"]["endpoint"].as_array().unwrap()
    }

    /// The texts of a list of an endpoint's grant.
    fn list<'a>(&self, endpoint: &'a Value, name: &str) -> Vec<&'a str> {
        let list = endpoint.get(name).map(|list| list.as_array().unwrap().as_slice());
        list.unwrap_or_default().iter().map(|item| item.as_str().unwrap()).collect()
    }
}

fn flatten(prefix: &str, table: &Table, values: &mut Vec<(String, String)>) {
    for (name, value) in table {
        match value {
            Value::Table(table) => flatten(&format!("{prefix}{name}."), table, values),
            Value::String(text) => values.push((format!("{prefix}{name}"), text.clone())),
            Value::Boolean(truth) => values.push((format!("{prefix}{name}"), truth.to_string())),
            other => panic!("{prefix}{name}: {other:?}"),
        }
    }
}

#[test]
fn every_preset_is_here_and_has_what_a_person_needs_to_know() {
    let names: Vec<_> = presets().into_iter().map(|preset| preset.name).collect();
    let expected = "atlassian discord dropbox facebook github gitlab google instagram linkedin \
        microsoft notion reddit salesforce slack spotify twitch x zoom";
    assert_eq!(names.join(" "), expected);
    for Preset { name, table, .. } in presets() {
        let known = ["title", "website", "register", "redirect", "needs", "config", "grants"];
        assert!(table.keys().all(|key| known.contains(&key.as_str())), "{name}");
        for text in ["website", "register"] {
            assert!(table[text].as_str().unwrap().starts_with("https://"), "{name}");
        }
        let rules = ["127.0.0.1", "localhost", "https", "fixed-port"];
        assert!(rules.contains(&table["redirect"]["rule"].as_str().unwrap()), "{name}");
        assert!(!table["title"].as_str().unwrap().is_empty(), "{name}");
        let needs = table["needs"].as_array().unwrap().iter().map(|need| &need["about"]);
        for about in needs.chain([&table["redirect"]["about"]]) {
            assert!(about.as_str().unwrap().ends_with('.'), "{name}: {about:?}");
        }
    }
}

#[test]
fn the_authorization_page_is_granted() {
    for preset in presets() {
        let secret = preset.has_secret.then_some("hunter2");
        let host = Fake { client_secret: secret, ..Fake::default() };
        let (url, _) = authorization::authorize(&host, &preset.config()).unwrap();
        let open = preset.table["grants"]["open"].as_array().unwrap();
        let opens = |origin: &Value| {
            url.starts_with(&format!("{}/", preset.filled(origin.as_str().unwrap())))
        };
        assert!(open.len() == 1 && open.iter().all(opens), "{}: {url}", preset.name);
        let pkce = preset.table["grants"].get("pkce").is_none_or(|pkce| pkce.as_bool().unwrap());
        assert_eq!(url.contains("code_challenge="), pkce, "{}", preset.name);
        assert!(host.sent.borrow().is_empty(), "{}", preset.name);
    }
}

#[test]
fn exactly_the_endpoints_of_the_configuration_are_granted() {
    for preset in presets() {
        let config = preset.config();
        let names = ["token_endpoint", "userinfo_endpoint", "jwks_uri", "second.url"];
        let used: BTreeSet<_> = names.iter().filter_map(|name| config.url(name).unwrap()).collect();
        let granted = preset.endpoints().iter().map(|e| preset.filled(e["url"].as_str().unwrap()));
        assert_eq!(granted.collect::<BTreeSet<_>>(), used, "{}", preset.name);
        assert!(preset.table["grants"].get("origins").is_none(), "{}", preset.name);
    }
}

#[test]
fn each_endpoint_gets_only_what_is_sent_to_it() {
    for preset in presets() {
        let config = preset.config();
        for endpoint in preset.endpoints() {
            let url = preset.filled(endpoint["url"].as_str().unwrap());
            let is = |name| config.url(name).unwrap().as_deref() == Some(url.as_str());
            let mut secrets = BTreeSet::new();
            if is("token_endpoint") {
                secrets.insert("client_secret");
                secrets.extend(config.flag("pkce", true).unwrap().then_some("code_verifier"));
            }
            if is("userinfo_endpoint") {
                secrets.insert("access_token");
            }
            if is("second.url") {
                let sent = config.table("second.query.").chain(config.table("second.form."));
                let is_secret = |value| ["{client_secret}", "{access_token}"].contains(&value);
                secrets.extend(sent.filter(|(_, value)| is_secret(value)).map(|(name, _)| name));
            }
            let granted = preset.list(endpoint, "secrets").into_iter().collect();
            assert_eq!(secrets, granted, "{}: {url}", preset.name);
        }
    }
}

#[test]
fn only_the_name_of_the_account_and_the_scope_can_be_read() {
    for preset in presets() {
        let config = preset.config();
        let account = config.get("account").unwrap_or_default();
        let mut shown: Vec<_> = account.split(' ').filter(|name| name.starts_with('/')).collect();
        // A member that is not called `scope` must be granted by its name.
        let scope = config.get("answer.scope").and_then(|pointers| pointers.rsplit('/').next());
        shown.extend(scope.filter(|name| *name != "scope"));
        let readable: Vec<_> =
            preset.endpoints().iter().flat_map(|e| preset.list(e, "readable")).collect();
        assert_eq!(readable, shown, "{}", preset.name);
        let headers: Vec<_> =
            preset.endpoints().iter().flat_map(|e| preset.list(e, "headers")).collect();
        let sent: Vec<_> = config.table("header.").map(|(name, _)| name).collect();
        assert_eq!(headers, sent, "{}", preset.name);
    }
}

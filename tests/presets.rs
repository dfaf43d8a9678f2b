//! `host presets`, and `host run` with the name of a preset.

use std::fs;

use serde_json::Value;
use url::Url;

use crate::support::guest;
use crate::support::host::{Host, Over};

const SECRET: &str = "hunter2-hunter2";
const CODE: &str = "c0de-c0de-c0de";

/// `host run` with a preset and without a browser. Its network ends at a proxy that does not exist.
fn run(preset: &str) -> Host {
    let proxy = "http://127.0.0.1:1";
    Host::run()
        .arg(preset)
        .args(["--config", "client_id=bot"])
        .env("HTTPS_PROXY", proxy)
        .env("https_proxy", proxy)
        .env("NO_PROXY", "")
        .env("no_proxy", "")
        .env("THE_SECRET", SECRET)
}

fn run_github() -> Host {
    run("github").args(["--secret", "client_secret=env:THE_SECRET"])
}

fn presets() -> Host {
    Host::bare().arg("presets")
}

#[test]
fn presets_are_listed_with_what_they_need_and_contact() {
    let text = presets().finish().code(0).stdout;
    let lines: Vec<_> = text.lines().collect();
    let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../guest/presets")).unwrap();
    assert_eq!(lines.len(), files.count() + 1, "{text}");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(lines[0]), "PRESET PROVIDER NEEDS CONTACTS");
    let line = |name: &str| words(lines.iter().find(|line| line.starts_with(name)).unwrap());
    assert_eq!(
        line("github "),
        "github GitHub client_id, client_secret github.com, api.github.com"
    );
    assert_eq!(line("gitlab "), "gitlab GitLab client_id gitlab.com");
    assert_eq!(line("slack "), "slack Slack client_id, scope slack.com");
}

#[test]
fn a_preset_is_shown_in_full() {
    presets().arg("github").finish().code(0).stdout(
        "preset        github\n\
         provider      GitHub, https://github.com\n\
         register at   https://github.com/settings/developers\n\
         redirect URI  Register `http://127.0.0.1/callback`. GitHub ignores the port.\n\
         needs         `--config client_id=ID`: The client ID of the app.\n\
         needs         `--secret client_secret=env:GITHUB_SECRET`: A client secret of the app. GitHub requires it, even with PKCE.\n\
         optional      `--config scope=SCOPE`: Such as `repo gist`. Without it, the token can only read public data. GitHub Apps do not use scopes.\n\
         opens         https://github.com\n\
         contacts      https://github.com/login/oauth/access_token (gets client_secret, code_verifier)\n\
         contacts      https://api.github.com/user (gets access_token; the guest reads /login)\n\
         run           host run github --config client_id=ID --secret client_secret=env:GITHUB_SECRET --print access_token\n",
    );
    let text = presets().arg("slack").finish().code(0).stdout;
    assert!(text.contains("run           host run slack --port PORT --config "), "{text}");
    let text = presets().arg("linkedin").finish().code(0).stdout;
    assert!(text.contains("PKCE          off\n"), "{text}");
    assert!(text.contains("run           host run linkedin --port PORT --config "), "{text}");
}

#[test]
fn the_command_of_a_provider_that_requires_https_has_a_certificate() {
    let text = presets().arg("instagram").finish().code(0).stdout;
    let redirect =
        "redirect URI  Register `https://localhost:PORT/callback` with a port of your choice";
    assert!(text.contains(redirect), "{text}");
    let run = "run           host run instagram --port PORT --tls-cert FILE --tls-key FILE --config client_id=ID ";
    assert!(text.contains(run), "{text}");
    let json = presets().args(["instagram", "--format", "json"]).finish().code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["command"].as_str().unwrap().contains(" --tls-cert FILE "), "{json}");
    // The README counts the providers.
    let all = presets().args(["--format", "json"]).finish().code(0).stdout;
    let all: Vec<Value> = serde_json::from_str(&all).unwrap();
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("For {} providers, ", all.len())), "{}", all.len());
    let list = presets().finish().code(0).stdout;
    let line = list.lines().find(|line| line.starts_with("instagram ")).unwrap();
    assert!(line.contains("client_secret, an https redirect URI "), "{line}");
}

#[test]
fn presets_are_also_json() {
    let json = |host: Host| -> Value {
        let text = host.args(["--format", "json"]).finish().code(0).stdout;
        serde_json::from_str(&text).unwrap()
    };
    let all = json(presets());
    let one = json(presets().arg("microsoft"));
    assert!(all.as_array().unwrap().contains(&one), "{one}");
    assert_eq!(one["hosts"], serde_json::json!(["login.microsoftonline.com"]));
    assert_eq!(one["needs"][0]["name"], "client_id");
    assert_eq!(
        one["endpoints"][0]["url"],
        "https://login.microsoftonline.com/common/oauth2/v2.0/token"
    );
}

#[test]
fn an_unknown_preset_is_an_error_that_suggests_a_known_one() {
    let stderr = presets().arg("githb").finish().code(2).stdout("").stderr;
    assert!(stderr.contains("invalid value 'githb'") && stderr.contains("'github'"), "{stderr}");
    // For `host run`, it is the name of a file.
    let stderr = Host::run().arg("githb").finish().code(3).stdout("").stderr;
    assert!(stderr.contains("or a name of `host presets`\n"), "{stderr}");
}

#[test]
fn everything_that_is_missing_is_listed_before_anything_is_opened() {
    let expected = "error: the preset `github` needs `client_id`, `client_secret`\n    \
         `--config client_id=ID`: The client ID of the app.\n    \
         `--secret client_secret=env:GITHUB_SECRET`: A client secret of the app. GitHub requires it, even with PKCE.\n\
         hint: `host presets NAME` shows where to register an app, and a command to copy\n";
    Host::run().arg("github").finish().code(2).stdout("").stderr(expected);
    let call = Host::bare().args(["call", "github", "/callback?code=abc"]);
    call.finish().code(2).stdout("").stderr(expected);
    // A file of this name does not win.
    let folder = guest::write("github", b"not a guest");
    Host::run()
        .arg("github")
        .current_dir(folder.parent().unwrap())
        .finish()
        .code(2)
        .stderr(expected);
}

#[test]
fn a_variable_that_is_not_a_name_is_an_error() {
    let hostile = run("gitlab").args(["--config", "host=evil.example/x"]).finish();
    hostile.code(2).stdout("").stderr(
        "error: invalid value `evil.example/x` of `host` for the preset `gitlab`: \
         expected letters, digits, `.` and `-`\n",
    );
}

/// A sign-in up to the request for the token, which no test can send.
#[test]
fn a_preset_opens_the_page_of_its_provider() {
    let events = guest::private("preset.jsonl", b"");
    let host =
        run_github().args(["-v", "--config", "scope=repo gist", "--events"]).arg(&events).start();
    let line = host.wait_for_line("Open this URL in a browser: ");
    let url: Url = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(url.as_str().starts_with("https://github.com/login/oauth/authorize?"), "{url}");
    let parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let value = |name: &str| {
        let mut values = parameters.iter().filter(|(known, _)| known == name);
        let value = values.next().unwrap_or_else(|| panic!("no {name} in {url}")).1.clone();
        assert!(values.next().is_none(), "{url}");
        value
    };
    assert_eq!(value("response_type"), "code");
    assert_eq!(value("client_id"), "bot");
    assert_eq!(value("redirect_uri"), host.redirect_uri);
    assert_eq!(value("scope"), "repo gist");
    assert_eq!(value("code_challenge").len(), 43);
    assert_eq!(value("code_challenge_method"), "S256");
    let shown = "Signing in with GitHub. The guest can reach github.com and api.github.com, and cannot read your secrets.\n\
         Waiting for the callback at ";
    assert!(host.stderr().starts_with(shown), "{}", host.stderr());

    let page = host.navigate(&format!("/callback?code={CODE}&state={}", value("state")));
    assert_eq!(page.status(), 200);
    let page = page.text().to_owned();
    assert!(page.contains("github.com"), "{page}");
    let finished = host.finish().code(1);
    let outcome: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert!(outcome["error"].is_string() && outcome.get("access_token").is_none(), "{outcome}");
    assert!(finished.stderr.contains("cannot reach `github.com"), "{}", finished.stderr);
    assert!(finished.stderr.contains("error: the sign-in failed with `"), "{}", finished.stderr);
    let events = fs::read_to_string(events).unwrap();
    let contacts = events.lines().find(|line| line.contains("\"contacts\"")).unwrap();
    assert!(contacts.contains(r#""hosts":["github.com","api.github.com"]"#), "{contacts}");
    for output in [&page, &finished.stdout, &finished.stderr, &events] {
        assert!(!output.contains(SECRET) && !output.contains(CODE), "{output}");
    }
}

#[test]
fn a_denied_sign_in_contacts_no_host() {
    let host = run_github().start();
    let state = host.state();
    let page = host.navigate(&format!("/callback?error=access_denied&state={state}"));
    assert!(page.text().contains("Access was not granted"), "{}", page.text());
    let finished = host.finish().code(1);
    assert!(!finished.stderr.contains("cannot reach"), "{}", finished.stderr);
    assert!(finished.stderr.contains("failed with `access_denied`"), "{}", finished.stderr);
}

/// The person can give a preset less, and more, but cannot change where its secrets go without a grant.
#[test]
fn a_value_of_the_person_does_not_extend_the_grants() {
    let finished = run_github()
        .args(["--config", "authorization_endpoint=https://evil.example/authorize"])
        .finish()
        .code(3)
        .stdout("");
    assert!(finished.stderr.contains("--allow-open"), "{}", finished.stderr);
}

#[test]
fn a_sign_in_without_pkce_is_shown_with_what_protects_the_code_instead() {
    let off = guest::write("pkce-off.toml", b"pkce = false\n");
    let without_pkce = |host: Host| host.args(["--config", "pkce=false", "--grants"]).arg(&off);
    let host = without_pkce(run_github()).start();
    host.wait_for_line(
        "warning: this sign-in does not use PKCE (RFC 7636), so only the client secret protects the code",
    );
    let host = without_pkce(run("gitlab")).start();
    host.wait_for_line(
        "warning: this sign-in uses neither PKCE (RFC 7636) nor the secret `client_secret`, so whoever gets the code",
    );
    let host = run_github().start();
    host.wait_for_line("Open this URL in a browser: ");
    assert!(!host.stderr().contains("PKCE"), "{}", host.stderr());
}

#[test]
fn only_a_grant_turns_pkce_off() {
    let hint = "hint: the host requires PKCE (RFC 7636): for a provider without it, allow the sign-in with \
                `pkce = false` in the file of `--grants`, or in `[grants]` of the preset file\n";
    let without_pkce = |host: Host| host.args(["--config", "pkce=false"]).finish().code(3).stderr;
    let stderr = without_pkce(run_github());
    assert!(stderr.contains("missing `code_challenge` in its authorization URL"), "{stderr}");
    assert!(stderr.ends_with(hint), "{stderr}");
    let call = Host::bare().args(["call", "gitlab", "--authorize", "--config", "client_id=bot"]);
    assert!(without_pkce(call).ends_with(hint));
    // Counter-check: the hint is only for a missing challenge.
    let other = ["--config", "authorize.response_mode=fragment"];
    let stderr = run_github().args(other).finish().code(3).stderr;
    assert!(stderr.contains("response_mode") && !stderr.contains("PKCE"), "{stderr}");
}

#[test]
fn a_redirect_uri_that_the_provider_may_refuse_is_shown() {
    let host = run("reddit").start();
    host.wait_for_line("warning: Reddit may accept only the registered port, so use `--port PORT`");
    let secret = ["--secret", "client_secret=env:THE_SECRET"];
    let instagram = || run("instagram").args(secret);
    let flags =
        "`--port PORT --tls-cert FILE --tls-key FILE`. Register `https://localhost:PORT/callback`";
    for host in [instagram(), instagram().over(Over::Https), instagram().args(["--port", "0,0"])] {
        let host = host.start();
        host.wait_for_line(&format!(
            "warning: Instagram accepts only the registered https address, so use {flags}"
        ));
    }
    // Counter-check: with a certificate and other ports than only 0, there is no warning.
    let host = instagram().over(Over::Https).args(["--port", "0,0"]).start();
    assert!(host.redirect_uri.starts_with("https://localhost:"), "{}", host.redirect_uri);
    let line = host.wait_for_line("Open this URL in a browser: https://www.instagram.com/");
    assert!(line.contains("redirect_uri=https%3A%2F%2Flocalhost%3A"), "{line}");
    assert!(!host.stderr().contains("warning"), "{}", host.stderr());
}

#[test]
fn a_preset_chooses_localhost_and_the_person_can_choose_otherwise() {
    let host = run("microsoft").start();
    assert!(host.redirect_uri.starts_with("http://localhost:"), "{}", host.redirect_uri);
    let host = run("microsoft").args(["--bind", "127.0.0.1"]).start();
    assert!(host.redirect_uri.starts_with("http://127.0.0.1:"), "{}", host.redirect_uri);
}

#[test]
fn the_guest_of_a_preset_can_be_inspected_with_what_the_preset_grants() {
    let inspect = |guest: &str| Host::bare().args(["inspect", guest]);
    let text = inspect("github").finish().code(0).stdout;
    assert!(text.starts_with("guest         oauth2\npreset        github, GitHub\n"), "{text}");
    assert!(text.contains("world         curtaincall:callback/provider@0.1.0\n"), "{text}");
    let granted = "\nopens         https://github.com\n\
        contacts      https://github.com/login/oauth/access_token (gets client_secret, code_verifier)\n\
        contacts      https://api.github.com/user (gets access_token; the guest reads /login)\n";
    assert!(text.contains(granted), "{text}");
    assert!(!inspect("oauth2").finish().code(0).stdout.contains("\ncontacts"));

    let json = |guest: &str| -> Value {
        let text = inspect(guest).args(["--format", "json"]).finish().code(0).stdout;
        serde_json::from_str(&text).unwrap()
    };
    let preset = &json("github")["preset"];
    assert_eq!(preset["name"], "github");
    assert_eq!(preset["opens"], serde_json::json!(["https://github.com"]));
    assert_eq!(preset["endpoints"][1]["url"], "https://api.github.com/user");
    assert_eq!(preset["endpoints"][1]["readable"], serde_json::json!(["/login"]));
    assert_eq!((&preset["pkce"], &preset["private"]), (&true.into(), &false.into()));
    assert_eq!(json("oauth2")["preset"], Value::Null);
}

//! A person's own preset: one file for `host run`, `host call`, `host test` and `host inspect`.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::cases::{self, folder};
use crate::support::guest;
use crate::support::host::Host;
use crate::support::provider::{CODE, Endpoint, SECRET, assert_clean};

/// The file of a preset, without the tables that it may omit.
fn minimal(idp: &str) -> String {
    format!(
        "[config]\n\
         authorization_endpoint = \"{idp}/authorize\"\n\
         token_endpoint = \"{idp}/token\"\n\n\
         [grants]\n\
         open = [\"{idp}\"]\n\n\
         [[grants.endpoint]]\n\
         url = \"{idp}/token\"\n\
         secrets = [\"client_secret\", \"code_verifier\"]\n"
    )
}

const IDP: &str = "https://idp.example";

fn run(file: &PathBuf) -> Host {
    Host::run().arg(file).env("THE_SECRET", SECRET)
}

fn run_as_bot(file: &PathBuf) -> Host {
    let secret = "client_secret=env:THE_SECRET";
    run(file).args(["--config", "client_id=bot", "--secret", secret])
}

#[test]
fn one_file_signs_in() {
    let idp = Endpoint::json(r#"{ "access_token": "t0ken", "token_type": "Bearer" }"#);
    let text = format!("title = \"Acme\"\n{}", minimal(&idp.url("")));
    let host = run_as_bot(&guest::write("signs-in.toml", text.as_bytes())).start();
    let state = host.state();
    let authority = idp.url("").replace("http://", "");
    let shown = format!(
        "Signing in with Acme. The guest can reach {authority}, and cannot read your secrets.\n\
         Waiting for the callback at "
    );
    assert!(host.stderr().starts_with(&shown), "{}", host.stderr());
    assert!(!host.stderr().contains("warning"), "{}", host.stderr());
    let page = host.navigate(&format!("/callback?code={CODE}&state={state}"));
    assert_eq!(page.status(), 200);
    assert_clean("page", page.text(), SECRET);
    let finished = host.finish().code(0);
    assert_clean("message", &finished.stderr, SECRET);
    let outcome: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(outcome["access_token"], "t0ken");
    let [asked] = &idp.asked()[..] else { panic!("expected one request") };
    assert_eq!(asked.field("client_id").as_deref(), Some("bot"));
    assert_eq!(asked.field("client_secret").as_deref(), Some(SECRET));
    assert_eq!(asked.field("code").as_deref(), Some(CODE));
    assert!(asked.field("code_verifier").is_some());
}

#[test]
fn a_file_without_a_title_is_called_by_its_name_and_needs_a_client() {
    let file = guest::write("untitled.toml", minimal(IDP).as_bytes());
    let host = run_as_bot(&file).start();
    host.wait_for_line("Signing in with untitled. The guest can reach idp.example, and");
    let expected = format!(
        "error: the preset `{}` needs `client_id`\n    \
         `--config client_id=ID`: The client ID of the app.\n",
        file.display()
    );
    run(&file).finish().code(2).stdout("").stderr(&expected);
}

#[test]
fn the_flag_of_a_missing_secret_is_shown_with_a_variable_named_after_the_file() {
    let need = "[[needs]]\nname = \"client_secret\"\nkind = \"secret\"\nabout = \"The secret.\"\n";
    let file = guest::write("my-idp.toml", format!("{need}{}", minimal(IDP)).as_bytes());
    let stderr = run(&file).finish().code(2).stderr;
    assert!(stderr.contains("    `--secret client_secret=env:MY_IDP_SECRET`: The secret.\n"));
}

#[test]
fn a_file_of_ones_own_has_the_rules_of_a_known_preset() {
    // A value of the person wins, but does not extend the grants.
    let file = guest::write("rules.toml", minimal(IDP).as_bytes());
    let scope = run_as_bot(&file).args(["--config", "scope=read"]).start();
    assert!(scope.wait_for_line("Open this URL in a browser: ").contains("scope=read"));
    let moved = ["--config", "authorization_endpoint=https://evil.example/authorize"];
    let finished = run_as_bot(&file).args(moved).finish().code(3).stdout("");
    assert!(finished.stderr.contains("--allow-open https://evil.example"), "{}", finished.stderr);
    // A variable in a URL is a name.
    let text =
        minimal("https://{tenant}.idp.example").replace("[config]", "[config]\ntenant = \"main\"");
    let file = guest::write("tenant.toml", text.as_bytes());
    run_as_bot(&file).start().wait_for_line("The guest can reach main.idp.example, and");
    let tenant = |value: &str| run_as_bot(&file).args(["--config", &format!("tenant={value}")]);
    tenant("ada").start().wait_for_line("The guest can reach ada.idp.example, and");
    let stderr = tenant("evil.example/").finish().code(2).stdout("").stderr;
    assert!(
        stderr.starts_with("error: invalid value `evil.example/` of `tenant` for the preset `")
    );
}

/// A redirect rule is optional. Its effects are those of a known preset.
#[test]
fn a_file_can_choose_the_redirect_uri() {
    let rule = "[redirect]\nrule = \"fixed-port\"\nlocalhost = true\nabout = \"Register one.\"\n";
    let file = guest::write("redirect.toml", format!("{rule}{}", minimal(IDP)).as_bytes());
    let host = run_as_bot(&file).start();
    assert!(host.redirect_uri.starts_with("http://localhost:"), "{}", host.redirect_uri);
    let warning = "warning: redirect may accept only the registered port, so use `--port PORT`. Register one.";
    host.wait_for_line(warning);
}

#[test]
fn an_invalid_file_is_an_error_with_the_place_for_every_command() {
    let text = minimal(IDP).replace("secrets =", "secret =");
    let cases = folder("invalid-preset", &[("a.case", "GET /callback\n"), ("acme.toml", &text)]);
    let expected = "error: invalid preset `acme.toml:10:1`: unknown field `secret`, expected one of \
                    `url`, `secrets`, `readable`, `headers`, `claims`\n";
    for command in [
        &["run", "--no-browser", "acme.toml"][..],
        &["call", "acme.toml", "/callback"],
        &["call", "acme.toml", "--authorize"],
        &["inspect", "acme.toml"],
        &["test", "acme.toml", "."],
    ] {
        let finished = Host::bare().args(command).current_dir(&cases).finish();
        finished.code(2).stdout("").stderr(expected);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_like_a_guest_that_cannot_be_read() {
    Host::run().arg("/nowhere/acme.toml").finish().code(3).stdout("").stderr(
        "error: cannot read the preset `/nowhere/acme.toml`\nCaused by:\n    No such file or directory (os error 2)\n\
         hint: give the path of a `.wasm` component or a `.toml` preset, `default` or `oauth2` for an embedded guest, or a name of `host presets`\n",
    );
    let large = minimal(IDP) + &"#\n".repeat(1 << 19);
    let latin = [b"title = \"\xe9\"\n", minimal(IDP).as_bytes()].concat();
    for (name, bytes, cause) in [
        ("large.toml", large.as_bytes(), "it is larger than 1 MiB"),
        ("latin.toml", &latin, "it is not valid UTF-8"),
    ] {
        let stderr = run_as_bot(&guest::write(name, bytes)).finish().code(3).stdout("").stderr;
        assert!(stderr.ends_with(&format!("Caused by:\n    {cause}\n")), "{stderr}");
    }
}

/// Reading a pipe would block.
#[cfg(unix)]
#[test]
fn a_pipe_is_not_a_preset() {
    let pipe = cases::pipe(&folder("preset-pipe", &[]), "acme.toml");
    let stderr = run_as_bot(&pipe).finish().code(3).stdout("").stderr;
    assert!(stderr.ends_with("Caused by:\n    not a regular file\n"), "{stderr}");
}

#[test]
fn a_file_can_be_called_and_inspected() {
    let text = minimal(IDP)
        .replace("open =", "pkce = false\norigins = [\"https://api.idp.example\"]\nopen =");
    let file = guest::write("inspected.toml", text.as_bytes());
    let call = Host::bare().args(["call", "--authorize", "--config", "client_id=bot"]).arg(&file);
    let url = call.finish().code(0).stdout;
    assert!(url.starts_with("https://idp.example/authorize?response_type=code&client_id=bot&"));

    let inspect = || Host::bare().arg("inspect").arg(&file);
    let text = inspect().finish().code(0).stdout;
    assert!(text.starts_with("guest         oauth2\npreset        "), "{text}");
    let granted = "\nopens         https://idp.example\n\
        contacts      https://idp.example/token (gets client_secret, code_verifier)\n\
        contacts      https://api.idp.example (gets no secret; the guest reads all answers)\n\
        PKCE          off\n";
    assert!(text.contains(granted), "{text}");
    let json = inspect().args(["--format", "json"]).finish().code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["preset"]["title"], "inspected");
    assert_eq!(json["preset"]["origins"], serde_json::json!(["https://api.idp.example"]));
    assert_eq!(json["preset"]["pkce"], false);
}

#[test]
fn a_change_of_the_file_runs_the_cases_again() {
    let case = "AUTHORIZE\n[Failure]\nerror: invalid_configuration\n";
    let folder = folder("watched-preset", &[("a.case", case), ("acme.toml", &minimal(IDP))]);
    let host = cases::host(&folder, "acme.toml").arg("--watch").start_unseen();
    host.wait_for_line("waiting for changes; press Ctrl-C to stop");
    assert!(!host.stderr().contains("error"), "{}", host.stderr());
    fs::write(folder.join("acme.toml"), "[config]\n").unwrap();
    host.wait_for_line("error: invalid preset `acme.toml:1:1`: missing field `grants`");
}

#[test]
fn a_case_reads_the_file_beside_it() {
    let case = "[Config]\nclient_id: bot\n[Options]\npreset: file,acme.toml;\n\n\
                AUTHORIZE\n[Asserts]\nurl.host == \"idp.example\"\n";
    let folder_of = |name: &str, text: &str| folder(name, &[("a.case", case), ("acme.toml", text)]);
    let test = |folder: &PathBuf, guest: &str| cases::host(folder, guest).finish();
    let valid = folder_of("own-preset", &minimal(IDP));
    for guest in ["oauth2", "acme.toml"] {
        test(&valid, guest).code(0).stdout("ok      ./a.case\n\n1 passed, 0 failed\n");
    }
    let invalid = folder_of("own-invalid-preset", &minimal(IDP).replace("[grants]", "[grant]"));
    let finished = test(&invalid, "oauth2").code(1);
    let place = "./a.case:4:9: invalid preset `acme.toml:5:2`: unknown field `grant`";
    assert!(finished.stdout.contains(place), "{}", finished.stdout);
    // Without the option, a preset file only chooses the guest, as the name of a preset does.
    let bare = folder(
        "own-preset-unused",
        &[
            ("a.case", "AUTHORIZE\n[Asserts]\nurl.host == \"idp.example\"\n"),
            ("acme.toml", &minimal(IDP)),
        ],
    );
    test(&bare, "acme.toml").code(1);
}

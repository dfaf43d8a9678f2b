//! The host truncates long messages, and none ends with the beginning of a secret.

use serde_json::Value;

use crate::support::cases;
use crate::support::guest;
use crate::support::host::Host;

#[test]
fn inspect_shortens_long_lists_of_names() {
    let name = "x".repeat(300);
    let names = |what: &str| -> String {
        (0..1000).map(|n| format!("({what} \"url=<{name}{n}>\" (func))")).collect()
    };
    let many = guest::component_with_more("trap", &names("import"));
    let text = Host::bare().arg("inspect").arg(&many).finish().code(3);
    assert!(text.stdout.len() < 100_000, "{}", text.stdout.len());
    assert!(text.stderr.len() < 10_000, "{}", text.stderr.len());
    assert!(
        text.stdout
            .lines()
            .any(|line| line.starts_with("imports       (9") && line.ends_with(" more)"))
    );
    let json = Host::bare().arg("inspect").arg(&many).args(["--format", "json"]).finish().code(3);
    assert!(json.stdout.len() < 100_000, "{}", json.stdout.len());
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let told = json["imports"].as_array().unwrap().len() as u64;
    assert_eq!(told, 100);
    assert!(told + json["more"]["imports"].as_u64().unwrap() >= 1000);
    // Counter-check: a short list is complete.
    let few = Host::bare().args(["inspect", "default", "--format", "json"]).finish().code(0);
    let few: Value = serde_json::from_str(&few.stdout).unwrap();
    assert_eq!(few["more"], serde_json::json!({ "exports": 0, "imports": 0, "producers": 0 }));
}

#[test]
fn the_diff_of_a_large_page_is_truncated() {
    let text = [("content-type", "text/plain")];
    let guest = guest::page("long-lines", 200, &text, &("y".repeat(5000) + &"\nline".repeat(5000)));
    let case = "GET /callback\nHTTP 200\n[Asserts]\nbody == \"x\"\n";
    let folder = cases::folder("long-lines", &[("a.case", case)]);
    for format in ["text", "json"] {
        let test = cases::host(&folder, &guest).args(["--format", format, "--junit", "out.xml"]);
        let stdout = test.finish().code(1).stdout;
        assert!(stdout.contains("... (4801 more lines)"), "{stdout}");
        assert!(stdout.len() < 10_000, "{}", stdout.len());
        let junit = std::fs::read_to_string(folder.join("out.xml")).unwrap();
        assert!(junit.contains("... (4801 more lines)") && junit.len() < 10_000, "{junit}");
    }
}

#[test]
fn an_oversized_authorization_url_is_a_guest_failure() {
    let long = guest::component("authorizer-long", "provider", "");
    let finished = Host::run().arg(long).finish().code(3).stdout("");
    assert!(finished.stderr.len() < 1000, "{}", finished.stderr.len());
    let error = "error: the guest could not start the flow: its authorization URL has 60022 bytes; expected at most 32768\n";
    assert!(finished.stderr.ends_with(error), "{}", finished.stderr);
}

#[test]
fn a_long_argument_is_truncated_in_errors() {
    let long = format!("--{}", "y".repeat(100_000));
    let finished = Host::bare().args(["run", &long]).finish().code(2);
    assert!(
        finished.stderr.starts_with("error: unexpected argument '--yyy"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("\nUsage: host run"), "{}", finished.stderr);
    assert!(finished.stderr.len() < 5000, "{}", finished.stderr.len());
}

/// The host truncates long text in errors. It must redact a secret before it truncates the text.
#[test]
fn a_truncated_secret_in_a_reply_error_is_redacted() {
    let secret = format!("text/{}", "s3cret".repeat(50));
    let page = guest::page("secret-type", 200, &[("content-type", secret.as_str())], "");
    let run = |host: Host| {
        let host = host.arg(&page).env("TYPE", &secret).start();
        assert_eq!(host.navigate("/callback").status(), 500);
        host.wait_for_line("unsupported content type")
    };
    let line = run(Host::run().args(["--secret", "type=env:TYPE"]));
    assert!(line.contains("`[redacted]`") && !line.contains("s3cret"), "{line}");
    // Counter-check: text that is not a secret is shown up to the limit.
    let line = run(Host::run());
    assert!(line.contains("`text/s3cret") && line.contains("...`") && line.len() < 500, "{line}");
}

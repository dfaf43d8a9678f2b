//! The program `callback-torture`. The programs under test are this test binary.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;

use callback_torture::{Receiver as _, Shape};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use support::tls::Identity;
use support::{DEADLINE, Mistake, STATE, Server};

/// The environment variable that selects what the program under test does.
const ROLE: &str = "CALLBACK_TORTURE_TEST_ROLE";
/// The environment variables with the certificate and the key of a program under test that uses TLS.
const CERTIFICATE: &str = "CALLBACK_TORTURE_TEST_CERTIFICATE";
const KEY: &str = "CALLBACK_TORTURE_TEST_KEY";
/// The environment variable with an address, to which a program under test keeps a connection open.
const HOLD: &str = "CALLBACK_TORTURE_TEST_HOLD";

fn torture(arguments: &[&str], role: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callback-torture"));
    command.args(arguments).arg("--").arg(std::env::current_exe().unwrap());
    command.args(["program_under_test", "--exact", "--nocapture"]).env(ROLE, role);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// As `torture`, for a program under test with this certificate.
fn torture_over_tls(arguments: &[&str], role: &str, identity: &Identity) -> Command {
    let mut command = torture(arguments, role);
    command.env(CERTIFICATE, &identity.certificate).env(KEY, &identity.key);
    command
}

/// A file with the certificate.
fn file(name: &str, identity: &Identity) -> String {
    let file = format!("{}/{name}.pem", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&file, &identity.certificate).unwrap();
    file
}

#[track_caller]
fn finished(mut command: Command, code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(stdout), text(stderr));
    assert_eq!(status.code(), Some(code), "{stdout}{stderr}");
    (stdout, stderr)
}

/// The program under test, if the environment selects it.
#[test]
fn program_under_test() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let print = |text: &str| writeln!(io::stdout(), "{text}").unwrap();
    // The URL of the callback does not contain the `state`.
    let any_state = matches!(role.as_str(), "any-state" | "prints-callback");
    let identity = std::env::var(CERTIFICATE)
        .ok()
        .map(|certificate| Identity { certificate, key: std::env::var(KEY).unwrap() });
    let tls = identity.map(|identity| identity.server());
    let mistake = any_state.then_some(Mistake::TakesAnyState);
    let server = Server::start_with(mistake, tls.clone()).unwrap();
    let callback = server.redirect_uri().to_owned();
    let issuer = std::env::var("CALLBACK_TORTURE_ISSUER").unwrap();
    let encoded: String = form_urlencoded::byte_serialize(callback.as_bytes()).collect();
    let url = format!(
        "{issuer}/authorize?response_type=code&client_id=x&redirect_uri={encoded}&state={STATE}"
    );
    match role.as_str() {
        "prints-url" => print(&format!("Open \"{url}\" in a browser.")),
        "prints-callback" => print(&format!("Waiting at {callback}")),
        "fails" => {
            writeln!(io::stderr(), "no \u{1b}[31mluck").unwrap();
            return;
        }
        "opens-a-link" => open_link(url, tls),
        _ => browse(&url),
    }
    if matches!(role.as_str(), "hangs" | "holds") {
        hold(&role);
    }
    let code = server.finish(DEADLINE).unwrap().received;
    match role.as_str() {
        "exchanges" => exchange(&issuer, &code, &encoded),
        _ => print(&code),
    }
}

fn browse(url: &str) {
    // The child of a hanging program opens no browser.
    if std::env::var(ROLE).unwrap() != "holds" {
        let browser = std::env::var("BROWSER").unwrap();
        assert!(Command::new(browser).arg(url).status().unwrap().success());
    }
}

/// Open the browser at a link of this program, which redirects to the authorization URL.
fn open_link(url: String, tls: Option<Arc<ServerConfig>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let link = format!("{scheme}://{}/link", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        match tls.map(|config| ServerConnection::new(config).unwrap()) {
            Some(tls) => redirect(StreamOwned::new(tls, stream), &url),
            None => redirect(stream, &url),
        }
    });
    browse(&link);
    serving.join().unwrap();
}

fn redirect(mut stream: impl Read + Write, url: &str) {
    let mut head = [0; 4096];
    let _ = stream.read(&mut head).unwrap();
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(redirect.as_bytes()).unwrap();
    stream.flush().unwrap();
}

fn exchange(issuer: &str, code: &str, redirect_uri: &str) {
    let form = format!(
        "grant_type=authorization_code&client_id=x&code={code}&redirect_uri={redirect_uri}"
    );
    let authority = issuer.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let length = form.len();
    let request = format!(
        "POST /token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("access_token"), "{answer}");
}

/// Keep a connection open, and start a child process that does the same.
#[expect(clippy::zombie_processes, reason = "the test needs a child without a parent that waits")]
fn hold(role: &str) {
    let _held = TcpStream::connect(std::env::var(HOLD).unwrap()).unwrap();
    if role == "hangs" {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["program_under_test", "--exact", "--nocapture"]).env(ROLE, "holds");
        child.spawn().unwrap();
    }
    loop {
        thread::park();
    }
}

#[test]
fn a_correct_program_passes_every_row() {
    let (stdout, _) = finished(torture(&["--timeout", "30s"], "correct"), 0);
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines.len(), Shape::ALL.len() + 3, "{stdout}");
    assert_eq!(lines[0], "SHAPE              RESULT  SEEN");
    assert!(
        lines[1].starts_with("plain              ok      HTTP 200, exit status: 0 after "),
        "{stdout}"
    );
    assert_eq!(*lines.last().unwrap(), format!("{} passed, 0 failed", Shape::ALL.len()));
}

#[test]
fn every_way_to_report_the_url_and_to_receive_the_code_works() {
    for (role, from) in [
        ("exchanges", "browser"),
        ("opens-a-link", "browser"),
        ("prints-url", "output"),
        ("prints-callback", "callback"),
    ] {
        let arguments = ["--timeout", "30s", "--from", from, "--shape", "plain"];
        let (stdout, _) = finished(torture(&arguments, role), 0);
        assert!(stdout.ends_with("\n\n1 passed, 0 failed\n"), "{role}: {stdout}");
    }
}

#[test]
fn a_correct_program_passes_every_row_over_tls() {
    let identity = Identity::self_signed();
    let file = file("every-row", &identity);
    let arguments = ["--timeout", "30s", "--ca-cert", &file];
    let (stdout, _) = finished(torture_over_tls(&arguments, "correct", &identity), 0);
    assert_eq!(stdout.lines().count(), Shape::ALL.len() + 3, "{stdout}");
    assert!(stdout.ends_with(&format!("\n\n{} passed, 0 failed\n", Shape::ALL.len())), "{stdout}");
}

#[test]
fn every_way_to_report_the_url_works_over_tls() {
    let identity = Identity::self_signed();
    let file = file("every-way", &identity);
    for (role, from) in
        [("opens-a-link", "browser"), ("prints-url", "output"), ("prints-callback", "callback")]
    {
        let arguments =
            ["--timeout", "30s", "--ca-cert", &file, "--from", from, "--shape", "plain"];
        let (stdout, _) = finished(torture_over_tls(&arguments, role, &identity), 0);
        assert!(stdout.ends_with("\n\n1 passed, 0 failed\n"), "{role}: {stdout}");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_is_reported_with_what_to_do() {
    let identity = Identity::self_signed();
    let other = file("other", &Identity::from_authority().0);
    let told = "the certificate is not accepted: no trusted authority has signed it";
    let hint = "; trust its authority, or the certificate itself, with `--ca-cert FILE`";
    for role in ["correct", "opens-a-link"] {
        let arguments = ["--timeout", "30s", "--shape", "plain"];
        let (stdout, _) = finished(torture_over_tls(&arguments, role, &identity), 1);
        assert!(stdout.contains(&format!("FAILED  {told}{hint}\n")), "{stdout}");
        let arguments = [&arguments[..], &["--ca-cert", &other]].concat();
        let (stdout, _) = finished(torture_over_tls(&arguments, role, &identity), 1);
        assert!(stdout.contains(&format!("FAILED  {told}\n")), "{stdout}");
    }
}

#[test]
fn a_file_without_a_certificate_is_a_usage_error() {
    let this_file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program.rs");
    for (file, expected) in [
        ("/not/there", "cannot read the file: "),
        (this_file, "no certificate found: expected `-----BEGIN CERTIFICATE-----`"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callback-torture"));
        command.args(["--ca-cert", file, "--", "true"]);
        let (_, stderr) = finished(command, 2);
        let start = format!("error: invalid value '{file}' for '--ca-cert <FILE>': {expected}");
        assert!(stderr.starts_with(&start), "{stderr}");
    }
}

#[test]
fn a_failed_row_is_reported_in_json_and_in_the_exit_code() {
    let arguments =
        ["--timeout", "30s", "--format", "json", "--shape", "plain", "--shape", "forged-state"];
    let (stdout, _) = finished(torture(&arguments, "any-state"), 1);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&report["passed"], &report["failed"]), (&1.into(), &1.into()));
    assert_eq!(report["command"].as_array().unwrap().len(), 4);
    let rows = report["rows"].as_array().unwrap();
    let [plain, forged] = &rows[..] else { panic!("{stdout}") };
    assert_eq!(plain["shape"], "plain");
    assert_eq!(plain["result"], "ok");
    assert_eq!(plain["problem"], Value::Null);
    assert_eq!(plain["page_status"], 200);
    assert_eq!(plain["exit"], "exit status: 0");
    assert!(plain["seconds"].as_f64().is_some());
    assert_eq!(forged["shape"], "forged-state");
    assert_eq!(forged["result"], "failed");
    assert_eq!(forged["problem"], "forged");
    assert_eq!(forged["seen"], "the program used the code of a forged callback; exit status: 0");
}

#[test]
fn a_program_that_opens_no_browser_is_reported_as_not_started() {
    let (stdout, _) = finished(torture(&["--timeout", "30s", "--shape", "plain"], "fails"), 1);
    let seen =
        "the program did not start: it exited before it opened a browser: no \\u{1b}[31mluck\n";
    assert!(stdout.contains(seen), "{stdout}");
}

#[test]
fn a_usage_error_exits_with_2_and_a_missing_command_with_3() {
    let program = || Command::new(env!("CARGO_BIN_EXE_callback-torture"));
    for arguments in [&[][..], &["--timeout", "0s", "--", "true"], &["--shape", "x", "--", "true"]]
    {
        let mut command = program();
        command.args(arguments);
        assert!(finished(command, 2).1.starts_with("error: "), "{arguments:?}");
    }
    let mut missing = program();
    missing.args(["--", "/not/there"]);
    let (stdout, stderr) = finished(missing, 3);
    assert_eq!(stdout, "");
    assert!(stderr.starts_with("error: cannot run `/not/there`: "), "{stderr}");
}

#[test]
fn a_browser_call_without_a_listener_fails() {
    let mut browser = Command::new(env!("CARGO_BIN_EXE_callback-torture"));
    browser.arg("https://idp.example/").env("CALLBACK_TORTURE_BROWSER", "nowhere");
    let (_, stderr) = finished(browser, 3);
    assert!(stderr.starts_with("error: cannot hand the URL over: "), "{stderr}");
}

/// A hanging program, its child, and their open connections.
struct Hanging {
    torture: Child,
    held: [TcpStream; 2],
}

impl Hanging {
    fn start(timeout: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mut command = torture(&["--timeout", timeout, "--shape", "plain"], "hangs");
        let address = listener.local_addr().unwrap().to_string();
        let torture = command.env(HOLD, address).spawn().unwrap();
        let (sender, accepted) = mpsc::channel();
        thread::spawn(move || {
            listener.incoming().try_for_each(|stream| sender.send(stream.unwrap()))
        });
        let held = [(); 2].map(|()| accepted.recv_timeout(DEADLINE).unwrap());
        Self { torture, held }
    }

    /// Wait until both processes are gone. Returns the exit code.
    fn gone(self) -> Option<i32> {
        let code = self.torture.wait_with_output().unwrap().status.code();
        for mut held in self.held {
            held.set_read_timeout(Some(DEADLINE)).unwrap();
            // The system closes or resets the connections of a killed process.
            match held.read(&mut [0]) {
                Ok(count) => assert_eq!(count, 0),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
            }
        }
        code
    }
}

#[test]
fn a_program_that_hangs_is_killed_with_its_children() {
    assert_eq!(Hanging::start("3s").gone(), Some(1));
}

#[test]
fn a_signal_leaves_no_program_behind() {
    use rustix::process::{Pid, Signal, kill_process};
    let hanging = Hanging::start("1day");
    kill_process(Pid::from_child(&hanging.torture), Signal::TERM).unwrap();
    assert_eq!(hanging.gone(), Some(143));
}

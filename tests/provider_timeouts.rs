//! An endpoint that never answers, or never finishes its answer. The run ends within its limits, says why, and sends
//! nothing twice.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::support::DEADLINE;
use crate::support::client::{Client, navigation};
use crate::support::host::{Finished, Host, Running};
use crate::support::provider::{
    CODE, Endpoint, Flow, SECRET, answer, assert_clean, provider, query,
};

/// A request has four seconds of it. On a busy machine, the rest is enough for the guest's page.
const SHORT: [&str; 2] = ["--max-wall-time", "6s"];
const TOKEN: &str = r#"{"access_token":"t0~k3n!","token_type":"Bearer","expires_in":3600}"#;
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const WARNING: &str = "warning: cannot reach `127.0.0.1`: no complete response within 4s; \
                       allow more time with a larger `--max-wall-time`";

/// Sends these bytes and then nothing. Waits until the host closes the connection.
fn stall(sent: &'static str) -> Endpoint {
    Endpoint::serving(move |_, stream| {
        let _ = stream.write_all(sent.as_bytes());
        let _ = stream.read(&mut [0]);
    })
}

/// Sends these bytes one at a time, with this time between two, until the host closes the connection.
fn trickle(stream: &mut TcpStream, bytes: impl IntoIterator<Item = u8>, pause: Duration) {
    stream.set_read_timeout(Some(pause)).unwrap();
    for byte in bytes {
        // The end of the stream is not an error.
        if stream.read(&mut [0]).is_ok() || stream.write_all(&[byte]).is_err() {
            return;
        }
    }
}

/// Sends `sent`, and then one `byte` after the other.
fn drip(sent: &'static str, byte: u8) -> Endpoint {
    Endpoint::serving(move |_, stream| {
        let _ = stream.write_all(sent.as_bytes());
        trickle(stream, std::iter::repeat(byte), Duration::from_millis(100));
    })
}

/// Sends a complete answer, which takes longer than four seconds.
fn slow() -> Endpoint {
    Endpoint::serving(|_, stream| {
        let answer = answer("200 OK", "application/json", TOKEN);
        trickle(stream, answer, Duration::from_millis(40));
    })
}

/// Signs in with this token endpoint. Returns the page, and how the run ended.
#[track_caller]
fn sign_in(endpoint: &Endpoint, args: &[&str]) -> (String, Finished) {
    let token = endpoint.url("/token");
    let host = Host::run()
        .args(["oauth2", "-v", "--config", "client_id=bot", "--allow-open", "https://idp.example"])
        .args(["--config", "authorization_endpoint=https://idp.example/authorize"])
        .args(["--config", &format!("token_endpoint={token}"), "--allow-net", &token])
        .args(["--secret", "client_secret=env:IDP_SECRET"])
        .env("IDP_SECRET", SECRET)
        .args(args)
        .start();
    let state = host.state();
    let page = host.navigate(&format!("/callback?{}&state={state}", query(&[""; 0])));
    (page.text().to_owned(), host.finish())
}

/// Expects that a sign-in with this endpoint fails in time, for the right reason, after one request.
#[track_caller]
fn times_out(endpoint: &Endpoint) {
    let (page, finished) = sign_in(endpoint, &SHORT);
    let finished = finished.code(1);
    // A guest that reached its limit could not have written this page.
    assert!(page.contains(" did not answer in time."), "{page}");
    let outcome: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(outcome["error"], "timeout", "{outcome}");
    let warnings: Vec<_> =
        finished.stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warnings, [WARNING]);
    for (what, text) in
        [("page", &page), ("outcome", &finished.stdout), ("standard error", &finished.stderr)]
    {
        assert_clean(what, text, SECRET);
        assert_clean(what, text, CODE);
    }
    // The code is not sent again, and neither is the secret.
    assert_eq!(endpoint.connections(), 1);
    let asked = endpoint.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].field("code").as_deref(), Some(CODE));
    assert_eq!(asked[0].field("client_secret").as_deref(), Some(SECRET));
}

#[test]
fn a_sign_in_ends_in_time_if_the_token_endpoint_never_answers() {
    times_out(&stall(""));
}

#[test]
fn a_sign_in_ends_in_time_if_the_token_endpoint_sends_only_a_head() {
    times_out(&stall(concat!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
        "Content-Length: 70\r\n\r\n"
    )));
}

/// Each byte comes soon after the one before, so a limit on the silence between two would never end it.
#[test]
fn a_sign_in_ends_in_time_if_the_token_endpoint_trickles_for_ever() {
    for (sent, byte) in [("HTTP/1.1 200 OK\r\nX-A: ", b'a'), (HEAD, b'\n')] {
        times_out(&drip(sent, byte));
    }
}

/// The counter-check: the flag that the message names gives the same endpoint enough time.
#[test]
fn a_slow_answer_arrives_with_a_larger_max_wall_time() {
    times_out(&slow());
    let endpoint = slow();
    let (page, finished) =
        sign_in(&endpoint, &["--max-wall-time", "40s", "--print", "access_token"]);
    let finished = finished.code(0).stdout("t0~k3n!\n");
    assert!(!finished.stderr.contains("warning"), "{}", finished.stderr);
    assert!(!page.contains("did not answer"), "{page}");
    assert_eq!((endpoint.connections(), endpoint.asked().len()), (1, 1));
}

/// A guest gets an ordinary error, through both of its interfaces, and can ask again.
#[test]
fn a_guest_lives_on_after_a_request_without_a_response() {
    let (endpoint, origin) = (stall(""), stall(""));
    let (token, root) = (endpoint.url("/token"), origin.url(""));
    let host = provider().args(SHORT).args(["--allow-net", &token, "--allow-net", &root]);
    let mut flow = Flow::start(host);
    let steps = ["form client_secret secret key", &format!("send POST {token}"), "status"];
    assert_eq!(flow.steps(&steps), ["send: timeout", "status: no answer"]);
    let fetch = format!("fetch {root}/");
    assert_eq!(flow.steps(&[fetch]), ["fetch: ErrorCode::HttpResponseTimeout"]);
    let (_, finished) = flow.complete(&["status"]);
    assert_eq!(finished.stderr.matches(WARNING).count(), 2, "{}", finished.stderr);
    for endpoint in [endpoint, origin] {
        assert_eq!((endpoint.connections(), endpoint.asked().len()), (1, 1));
    }
}

/// A guest that has used up a part of its time does not get more by a request.
#[test]
fn a_request_ends_with_the_wall_time_of_its_call() {
    let endpoint = stall("");
    let token = endpoint.url("/token");
    let mut flow = Flow::start(provider().args(SHORT).args(["--allow-net", &token]));
    let steps = ["form client_secret secret key".to_owned(), format!("send POST {token}")];
    let page = flow.host.navigate(&format!("/callback?sleep=3000&{}", query(&steps)));
    assert_eq!(page.status(), 500, "{}", page.text());
    flow.host.wait_for_line(
        "warning: the guest reached its limit of 6s of wall time: still waiting; \
         raise it with `--max-wall-time`",
    );
    assert_eq!(flow.steps(&["status"]), ["status: no answer"]);
    flow.complete(&[""; 0]);
    assert_eq!((endpoint.connections(), endpoint.asked().len()), (1, 1));
}

/// A run with a request in flight, whose own limit is far away.
struct InFlight {
    endpoint: Endpoint,
    host: Running,
    client: Client,
}

impl InFlight {
    /// Returns nothing if the request does not arrive within `patience`.
    #[track_caller]
    fn start(args: &[&str], patience: Duration) -> Option<Self> {
        let (asked, arrived) = mpsc::channel();
        let endpoint = Endpoint::serving(move |_, stream| {
            let _ = asked.send(());
            let _ = stream.read(&mut [0]);
        });
        let token = endpoint.url("/token");
        let host = provider().args(["--max-wall-time", "1h", "--grace", "1s"]);
        let host = host.args(args).args(["--allow-net", &token]).start();
        let steps = ["form client_secret secret key".to_owned(), format!("send POST {token}")];
        let mut client = Client::try_connect(host.addr).ok()?;
        client.try_send(navigation(host.addr, &format!("/callback?{}", query(&steps)))).ok()?;
        arrived.recv_timeout(patience).ok()?;
        Some(Self { endpoint, host, client })
    }

    /// Expects that the run ends with this exit code. Returns its standard error.
    #[track_caller]
    fn ends_with(mut self, code: i32) -> String {
        let page = String::from_utf8(self.client.read_to_end_or_reset()).unwrap();
        let finished = self.host.finish().code(code).stdout("");
        for (what, text) in [("page", &page), ("standard error", &finished.stderr)] {
            assert_clean(what, text, SECRET);
            assert_clean(what, text, CODE);
        }
        assert_eq!((self.endpoint.connections(), self.endpoint.asked().len()), (1, 1));
        finished.stderr
    }
}

/// On a busy machine, the request may not arrive before a short timeout. Then a longer one is tried.
#[test]
fn the_timeout_of_a_run_ends_it_during_a_request() {
    for seconds in [2, 4, 8, 16] {
        let timeout = format!("{seconds}s");
        let patience = Duration::from_secs(seconds);
        let Some(run) = InFlight::start(&["--timeout", &timeout], patience) else { continue };
        let stderr = run.ends_with(124);
        let reason = format!(
            "error: no callback completed the flow within {seconds}s\n\
             hint: wait longer with a larger `--timeout`\n"
        );
        assert!(stderr.ends_with(&reason), "{stderr}");
        return;
    }
    panic!("no request arrived");
}

#[test]
fn a_signal_ends_a_run_during_a_request() {
    let run = InFlight::start(&[], DEADLINE).unwrap();
    run.host.signal("INT");
    run.ends_with(130);
}

//! The time from the callback to the exit of a sign-in with the guest `oauth2`, without the time that the provider takes
//! to answer.
//!
//! The compile cache is warm. A cold one delays only the start, because the guest is compiled before it builds the
//! authorization URL. Over TLS, the time includes both sides of the handshake, and reading the certificates
//! of the system.

use std::io::{BufRead, BufReader, Read as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::Url;

use crate::figures::{Figures, Verdict};
use crate::program;
use crate::provider::{CODE, Provider, SECRET, TOKEN};
use crate::support::client::navigate;

const RUNS: usize = 30;
const MOST: Duration = Duration::from_millis(20);

pub fn run(verdict: &mut Verdict) {
    let (mut complete, mut all) = (0, 0);
    for (protocol, is_tls) in [("HTTP", false), ("TLS", true)] {
        for delay in [0, 50] {
            let provider = Provider::start(is_tls, Duration::from_millis(delay));
            let figures = Figures::measure(RUNS, || {
                let ended = sign_in(&provider);
                complete += usize::from(ended.is_complete);
                all += 1;
                ended.time
            });
            figures
                .print(&format!("callback to exit, without the provider's {delay} ms, {protocol}"));
            verdict.compare("the median is at most 20 ms", figures.median() <= MOST);
            verdict.compare("it is never above 20 ms", figures.max() <= MOST);
        }
    }
    println!("{complete} pages and access tokens in {all} runs");
    verdict.require("no page and no access token is lost", complete == all);
}

struct Ended {
    /// From sending the callback to the exit, without the time of the provider.
    time: Duration,
    /// Whether the page and the outcome are the expected ones.
    is_complete: bool,
}

/// Sign in as a person would, from the start to the exit of the program.
fn sign_in(provider: &Provider) -> Ended {
    let mut host = program::host();
    host.args(["run", "oauth2", "--no-browser", "--config", "client_id=bot"])
        .args(["--config", &format!("authorization_endpoint={}", provider.url("/authorize"))])
        .args(["--config", &format!("token_endpoint={}", provider.url("/token"))])
        .args(["--secret", "client_secret=env:CLIENT_SECRET"])
        .args(["--allow-net", &provider.url("/token"), "--allow-open", &provider.url("")])
        .env("CLIENT_SECRET", SECRET);
    if let Some(authority) = &provider.authority {
        host.arg("--ca-cert").arg(authority);
    }
    let mut child = host.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let url = authorization_url(&mut stderr);
    let callback = Url::parse(&parameter(&url, "redirect_uri")).unwrap();
    let addr = callback.socket_addrs(|| None).unwrap()[0];
    // The values of a `state` need no encoding.
    let path = format!("{}?code={CODE}&state={}", callback.path(), parameter(&url, "state"));

    let sent = Instant::now();
    let page = navigate(addr, &path);
    // Standard output closes when the process exits, slightly before `wait` returns.
    let mut outcome = String::new();
    child.stdout.take().unwrap().read_to_string(&mut outcome).unwrap();
    let status = child.wait().unwrap();
    let took = sent.elapsed();

    let expected = json!({ "access_token": TOKEN, "token_type": "Bearer" });
    let has_outcome =
        serde_json::from_str(&outcome).is_ok_and(|outcome: Value| outcome == expected);
    let has_page = page.status() == 200 && page.text().contains("<h1>Signed in</h1>");
    let is_complete = status.success() && has_outcome && has_page;
    if !is_complete {
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        println!("  unexpected: {status}, page {}, {outcome}{rest}", page.status());
    }
    Ended { time: took.checked_sub(provider.took()).unwrap(), is_complete }
}

/// Read the authorization URL that the program prints for the browser.
fn authorization_url(stderr: &mut impl BufRead) -> Url {
    let mut seen = String::new();
    for line in stderr.lines().map(Result::unwrap) {
        if let Some(url) = line.strip_prefix("Open this URL in a browser: ") {
            return Url::parse(url).unwrap();
        }
        seen += &(line + "\n");
    }
    panic!("no authorization URL: {seen}")
}

/// The value of a parameter of the authorization URL.
fn parameter(url: &Url, name: &str) -> String {
    let mut parameters = url.query_pairs();
    parameters.find_map(|(key, value)| (key == name).then(|| value.into_owned())).unwrap()
}

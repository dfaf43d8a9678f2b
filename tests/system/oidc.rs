//! Sign-ins at a certified OpenID provider, with the embedded guest `oauth2` and a real Chromium.
//!
//! Each test starts the provider and the browser once, for all of its sign-ins. Everything that it captures, except the
//! outcome of a sign-in that succeeds, must contain no part of a confidential value that the provider issued or received.

use std::cell::RefCell;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::engine::{Browser, Engine};
use crate::support::host::{Finished, Host, Running};
use crate::support::oidc::{Provider, SECRET};
use crate::support::scan::{Confidential, assert_absent};
use crate::support::tls::{Authority, LOOPBACK};
use crate::support::{guest, wait_for};

tests! {
    Oidc:
        sign_ins_hand_over_tokens,
        failed_sign_ins_say_why,
        a_provider_on_loopback_needs_no_tls;
    Https:
        a_provider_that_accepts_only_https_gets_an_https_redirect_uri;
}

/// The scope of each sign-in. The guest may read its words in an answer.
const SCOPE: &str = "openid email";

/// The heading of the page after a sign-in: the claim `email` of the ID token.
const ACCOUNT: &str = "Signed in as ada@example.org";

/// A secret that the provider does not know.
const WRONG_SECRET: &str = "an0ther s3cr3t:f0r th3 c1ient";

/// The lifetime of an access token in seconds, as `provider.mjs` sets it.
const LIFETIME: u64 = 3600;

/// Token endpoints of `provider.mjs` with unusable answers: the name, the error of the outcome, and words of the page.
const SPOILED: [(&str, &str, &str); 7] = [
    ("garbage", "answer_not_understood", "is neither valid JSON nor a form"),
    ("huge", "limit_exceeded", "is too large"),
    ("empty", "answer_not_understood", "is neither valid JSON nor a form"),
    ("closed", "connection_failed", "The connection to"),
    ("html", "answer_not_understood", "is neither valid JSON nor a form"),
    ("redirect", "redirected", "redirects to another URL"),
    ("echo", "provider_error", "refused the request with status 400"),
];

/// The buttons of the consent page.
const CONTINUE: &str = "[type=submit]";
const CANCEL: &str = "a[href$='/abort']";

/// A provider, a browser, and everything that the sign-ins left behind.
struct Stage {
    provider: Provider,
    browser: Browser,
    /// What must not contain confidential values, with a description.
    captured: RefCell<Vec<(String, String)>>,
    /// The tokens of the outcomes.
    tokens: RefCell<Vec<String>>,
}

impl Stage {
    #[track_caller]
    fn start(name: &str, is_tls: bool) -> Self {
        Self {
            provider: Provider::start(name, is_tls),
            browser: Browser::start_trusting(Engine::Chromium),
            captured: RefCell::default(),
            tokens: RefCell::default(),
        }
    }

    /// A sign-in of this client.
    fn flow(&self, client: &str) -> Host {
        self.flow_to(client, "/token")
    }

    /// A sign-in of this client, with the token endpoint at `path`. The guest discovers the other URLs.
    fn flow_to(&self, client: &str, path: &str) -> Host {
        let issuer = &self.provider.issuer;
        let endpoint = format!("{issuer}{path}");
        let mut host = Host::run().args(["oauth2", "-v", "--events", "-"]);
        host = config(host, "issuer", issuer);
        host = config(host, "client_id", client);
        host = config(host, "scope", SCOPE);
        if path != "/token" {
            host = config(host, "token_endpoint", &endpoint);
        }
        host = host.args(["--allow-net", issuer, "--allow-net", &endpoint, "--allow-open", issuer]);
        match &self.provider.authority {
            Some(authority) => host.arg("--ca-cert").arg(authority),
            None => host,
        }
    }

    /// Go to the consent page, and log in if the browser is not logged in yet.
    #[track_caller]
    fn log_in(&self, host: &Running) {
        let line = host.wait_for_line("Open this URL in a browser: ");
        self.browser.go(line.rsplit(' ').next().unwrap()).unwrap();
        if self.browser.source().contains("name=\"login\"") {
            assert!(self.browser.write("[name=login]", "ada"));
            assert!(self.browser.write("[name=password]", "any password"));
            assert!(self.browser.click(CONTINUE));
        }
        wait_for("the consent page", || {
            self.browser.source().contains("value=\"consent\"").then_some(())
        });
    }

    /// Press a button of the consent page. Returns the page that the browser shows in the end.
    #[track_caller]
    fn press(&self, button: &str, host: &Running) -> String {
        assert!(self.browser.click(button));
        wait_for("the callback", || {
            self.browser.url().starts_with(&host.redirect_uri).then_some(())
        });
        let page = || Some(self.browser.source()).filter(|page| page.contains("</main>"));
        wait_for("the page", page)
    }

    fn capture(&self, what: &str, text: &str) {
        self.captured.borrow_mut().push((what.to_owned(), text.to_owned()));
    }

    /// Go through a sign-in until the host exits.
    #[track_caller]
    fn sign_in(&self, name: &'static str, host: Host, button: &str) -> Ended<'_> {
        let host = host.start();
        self.log_in(&host);
        let page = self.press(button, &host);
        let ended = Ended { stage: self, name, page, host: host.finish() };
        ended.capture();
        self.capture(&format!("{name}: the address"), &self.browser.url());
        ended
    }

    /// Stop the provider, and scan everything. `exchanges` is the number of token requests that it must have received.
    #[track_caller]
    fn finish(self, exchanges: usize) {
        let Self { provider, captured, tokens, .. } = self;
        let mut confidential = provider.stop();
        let received = confidential.iter().filter(|value| value.name == "code_verifier").count();
        assert_eq!(received, exchanges, "{confidential:#?}");
        for token in tokens.take() {
            assert!(confidential.iter().any(|known| known.value == token), "{token}");
        }
        for secret in [SECRET, WRONG_SECRET] {
            let value = secret.to_owned();
            confidential.push(Confidential { name: "client_secret".to_owned(), value });
        }
        for (what, text) in captured.take() {
            assert_absent(&what, &text, &confidential);
        }
    }
}

/// A sign-in that has ended.
struct Ended<'a> {
    stage: &'a Stage,
    name: &'static str,
    page: String,
    host: Finished,
}

impl Ended<'_> {
    fn capture(&self) {
        self.stage.capture(&format!("{}: the page", self.name), &self.page);
        self.stage.capture(&format!("{}: standard error", self.name), &self.host.stderr);
    }

    #[track_caller]
    fn assert_page(&self, words: &str) {
        assert!(self.page.contains(words), "{}: {}{:#?}", self.name, self.page, self.host);
    }

    /// The outcome, which must have exactly these names.
    #[track_caller]
    fn outcome(&self, expected: &[&str]) -> Value {
        let outcome: Value = serde_json::from_str(&self.host.stdout).unwrap();
        let mut names: Vec<_> = outcome.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{}", self.name);
        outcome
    }

    #[track_caller]
    fn assert_signed_in(self, account: &str) {
        self.assert_page(account);
        assert_eq!(self.host.code, Some(0), "{}: {:#?}", self.name, self.host);
        let names = ["access_token", "expires_at", "id_token", "scope", "token_type"];
        let outcome = self.outcome(&names);
        let text = |name: &str| outcome[name].as_str().unwrap().to_owned();
        assert_eq!(text("token_type"), "Bearer");
        assert_eq!(text("scope"), SCOPE);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let expires_at: u64 = text("expires_at").parse().unwrap();
        assert!(expires_at.abs_diff(now + LIFETIME) < 60, "{expires_at} at {now}");
        self.stage.tokens.borrow_mut().extend([text("access_token"), text("id_token")]);
    }

    #[track_caller]
    fn assert_failed(self, error: &str, words: &str) -> Finished {
        self.assert_page(words);
        assert_eq!(self.host.code, Some(1), "{}: {:#?}", self.name, self.host);
        let outcome = self.outcome(&["error", "error_description"]);
        assert_eq!(outcome["error"], error, "{}", self.name);
        // The outcome of a failed sign-in has no tokens, so it is no place for any other confidential value either.
        self.stage.capture(&format!("{}: standard output", self.name), &self.host.stdout);
        self.host
    }
}

fn config(host: Host, name: &str, value: &str) -> Host {
    host.args(["--config", &format!("{name}={value}")])
}

fn with_secret(host: Host, secret: &str) -> Host {
    host.args(["--secret", "client_secret=env:CLIENT_SECRET"]).env("CLIENT_SECRET", secret)
}

fn form_post(host: Host) -> Host {
    config(host, "authorize.response_mode", "form_post")
}

fn sign_ins_hand_over_tokens() {
    let stage = Stage::start("tokens", true);
    let basic = || with_secret(stage.flow("basic"), SECRET);
    let post = || config(with_secret(stage.flow("post"), SECRET), "client_auth", "post");
    for (name, host) in [
        ("public", stage.flow("public")),
        ("public, form_post", form_post(stage.flow("public"))),
        ("basic", basic()),
        ("basic, form_post", form_post(basic())),
        ("post", post()),
        ("post, form_post", form_post(post())),
        ("form_post only", form_post(stage.flow("form-post"))),
    ] {
        stage.sign_in(name, host, CONTINUE).assert_signed_in(ACCOUNT);
    }
    let userinfo = stage.sign_in("userinfo", with_userinfo(&stage), CONTINUE);
    userinfo.assert_signed_in("Signed in as ada<");
    prints_the_bare_token(&stage);
    completes_in_one_of_two_tabs(&stage);
    stage.finish(10);
}

/// The account comes from the userinfo endpoint, of which the guest may read one member. It is so short that it never
/// contains a part of the access token by chance.
fn with_userinfo(stage: &Stage) -> Host {
    let url = format!("{}/me", stage.provider.issuer);
    let grants = format!("[[endpoint]]\nurl = \"{url}\"\nreadable = [\"sub\"]\n");
    let grants = guest::write("userinfo.toml", grants.as_bytes());
    config(stage.flow("public"), "account", "/sub").arg("--grants").arg(grants)
}

#[track_caller]
fn prints_the_bare_token(stage: &Stage) {
    let host = stage.flow("public").args(["--print", "access_token"]);
    let ended = stage.sign_in("--print", host, CONTINUE);
    ended.assert_page(ACCOUNT);
    assert_eq!(ended.host.code, Some(0), "{:#?}", ended.host);
    stage.tokens.borrow_mut().push(ended.host.stdout.trim_end().to_owned());
}

/// Two tabs send their callbacks at once. Which of them comes first is open.
#[track_caller]
fn completes_in_one_of_two_tabs(stage: &Stage) {
    let name = "two tabs";
    let host = stage.flow("public").start();
    let tabs = [(); 2].map(|()| {
        let tab = stage.browser.tab().unwrap();
        stage.log_in(&host);
        tab
    });
    // The timers let the commands return before the tabs navigate.
    let submit =
        json!({ "script": "setTimeout(() => document.forms[0].submit(), 200)", "args": [] });
    for tab in &tabs {
        stage.browser.switch(tab).unwrap();
        stage.browser.command("POST", "/execute/sync", &submit).unwrap();
    }
    let host = host.finish();
    assert_eq!(host.stderr.matches(r#""event":"done""#).count(), 1, "{}", host.stderr);
    let pages = tabs.map(|tab| {
        stage.browser.switch(&tab).unwrap();
        wait_for("the end of the navigation", || {
            (!stage.browser.url().contains("/interaction/")).then_some(())
        });
        stage.browser.source()
    });
    let signed_in: Vec<_> = pages.iter().filter(|page| page.contains("Signed in as")).collect();
    let [page] = signed_in[..] else { panic!("{pages:#?}") };
    let ended = Ended { stage, name, page: page.clone(), host };
    ended.capture();
    ended.assert_signed_in(ACCOUNT);
}

fn failed_sign_ins_say_why() {
    let stage = Stage::start("failures", true);
    let denied = stage.sign_in("denied", stage.flow("public"), CANCEL);
    denied.assert_failed("access_denied", "Access was not granted");
    let denied = stage.sign_in("denied, form_post", form_post(stage.flow("public")), CANCEL);
    denied.assert_failed("access_denied", "Access was not granted");
    let expired = stage.sign_in("expired code", stage.flow("expired"), CONTINUE);
    expired.assert_failed("invalid_grant", "has expired, or was used before");
    let refused = "does not accept this client";
    let wrong = with_secret(stage.flow("basic"), WRONG_SECRET);
    let wrong = stage.sign_in("wrong secret, basic", wrong, CONTINUE);
    wrong.assert_failed("invalid_client", refused);
    let wrong = config(with_secret(stage.flow("post"), WRONG_SECRET), "client_auth", "post");
    let wrong = stage.sign_in("wrong secret, post", wrong, CONTINUE);
    wrong.assert_failed("invalid_client", refused);
    for (name, error, words) in SPOILED {
        let host = stage.flow_to("public", &format!("/spoiled/{name}"));
        stage.sign_in(name, host, CONTINUE).assert_failed(error, words);
    }
    for client in ["iss-missing", "iss-wrong"] {
        refuses_the_callback(&stage, client);
    }
    stage.finish(3 + SPOILED.len());
}

/// The issuer in the callback is not the expected one, so the guest does not get the code.
#[track_caller]
fn refuses_the_callback(stage: &Stage, client: &'static str) {
    let host = stage.flow(client).start();
    stage.log_in(&host);
    let page = stage.press(CONTINUE, &host);
    host.wait_for_line("refused a request (issuer)");
    host.signal("INT");
    let ended = Ended { stage, name: client, page, host: host.finish() };
    ended.capture();
    ended.assert_page("does not come from the expected provider");
    ended.host.code(130).stdout("");
}

fn a_provider_on_loopback_needs_no_tls() {
    let stage = Stage::start("loopback", false);
    stage.sign_in("public", stage.flow("public"), CONTINUE).assert_signed_in(ACCOUNT);
    let post = config(with_secret(stage.flow("post"), SECRET), "client_auth", "post");
    stage.sign_in("post, form_post", form_post(post), CONTINUE).assert_signed_in(ACCOUNT);
    // After the redirect of this client, the provider accepts no connections.
    let down = stage.sign_in("provider down", stage.flow("down"), CONTINUE);
    let host = down.assert_failed("connection_failed", "The connection to");
    assert!(host.stderr.contains("cannot reach `127.0.0.1`"), "{}", host.stderr);
    stage.finish(2);
}

fn a_provider_that_accepts_only_https_gets_an_https_redirect_uri() {
    // The provider compares the whole URI, so the port must be known before.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let authority = Authority::new("oidc");
    let redirect = format!("https://localhost:{port}/callback");
    let stage = Stage {
        provider: Provider::start_for("https-only", false, &redirect),
        browser: Browser::start_with_authority(Engine::Chromium, &authority.file()),
        captured: RefCell::default(),
        tokens: RefCell::default(),
    };
    let flow = || stage.flow("web").args(["--bind", "localhost", "--port", &port.to_string()]);
    // Counter-check: the provider refuses the same URI with `http`.
    let host = flow().start();
    let line = host.wait_for_line("Open this URL in a browser: ");
    stage.browser.go(line.rsplit(' ').next().unwrap()).unwrap();
    let refused = stage.browser.source();
    assert!(refused.contains("redirect_uri did not match"), "{refused}");
    drop(host);
    let flags = authority.issue(&LOOPBACK).flags("oidc");
    stage.sign_in("https only", flow().args(flags), CONTINUE).assert_signed_in(ACCOUNT);
    // The tab was redirected to the last page.
    let address = stage.browser.url();
    let page = address.strip_prefix(&format!("{redirect}/")).unwrap_or_else(|| panic!("{address}"));
    assert!(page.len() == 43 && !page.contains("code="), "{address}");
    stage.finish(1);
}

//! Whole sign-ins with an `https` redirect URI: a certified provider, Chromium, the bounce behind TLS, and `host`.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::Value;

use crate::support::engine::Browser;
use crate::support::host::{Host, Running};
use crate::support::oidc::Provider;
use crate::support::server::Server;
use crate::support::tls::Authority;
use crate::support::{tls_proxy, wait_for};

tests! {
    BounceOidc:
        a_sign_in_with_an_https_redirect_uri_hands_over_a_token,
        a_posted_sign_in_with_an_https_redirect_uri_hands_over_a_token,
        a_denied_sign_in_with_an_https_redirect_uri_says_so;
}

const NAME: &str = "login.example.org";

/// The buttons of the consent page.
const CONTINUE: &str = "[type=submit]";
const CANCEL: &str = "a[href$='/abort']";

/// Everything outside of `host`.
struct Stage {
    provider: Provider,
    browser: Browser,
    server: Server,
    redirect_uri: String,
}

impl Stage {
    #[track_caller]
    fn start(name: &'static str) -> Self {
        let server = Server::wasmtime();
        let authority = Authority::new(name);
        let config = authority.server(NAME);
        let port = tls_proxy::start(Ipv4Addr::LOCALHOST.into(), config, server.addr);
        let redirect_uri = format!("https://{NAME}:{port}/callback");
        let provider = Provider::start_for(name, true, &redirect_uri);
        let authorities = [authority.file(), provider.authority.clone().unwrap()];
        let browser = Browser::start_with_authorities(&authorities);
        Self { provider, browser, server, redirect_uri }
    }

    /// Start `host`, and go to the provider's consent page.
    #[track_caller]
    fn log_in(&self, response_mode: &str) -> Running {
        let issuer = &self.provider.issuer;
        let token = format!("{issuer}/token");
        let host = Host::run()
            .args(["oauth2", "--config", &format!("issuer={issuer}")])
            .args(["--config", "client_id=web", "--config", "scope=openid email"])
            .args(["--config", &format!("authorize.response_mode={response_mode}")])
            .args(["--allow-net", issuer, "--allow-net", &token, "--allow-open", issuer])
            .args(["--redirect-uri", &self.redirect_uri])
            .arg("--ca-cert")
            .arg(self.provider.authority.as_ref().unwrap())
            .start();
        let line = host.wait_for_line("Open this URL in a browser: ");
        self.browser.go(line.rsplit(' ').next().unwrap()).unwrap();
        assert!(self.browser.write("[name=login]", "ada"));
        assert!(self.browser.write("[name=password]", "any password"));
        assert!(self.browser.click(CONTINUE));
        wait_for("the consent page", || {
            self.browser.source().contains("value=\"consent\"").then_some(())
        });
        host
    }

    /// Wait for the page of `host`, and return it.
    #[track_caller]
    fn page(&self, host: &Running) -> String {
        let callback = format!("http://127.0.0.1:{}/callback", host.addr.port());
        wait_for("the callback", || self.browser.url().starts_with(&callback).then_some(()));
        wait_for("the page", || Some(self.browser.source()).filter(|page| page.contains("</main>")))
    }

    #[track_caller]
    fn assert_signed_in(&self, host: Running) {
        let page = self.page(&host);
        assert!(page.contains("Signed in as ada@example.org"), "{page}");
        let outcome: Value = serde_json::from_str(&host.finish().code(0).stdout).unwrap();
        let token = outcome["access_token"].as_str().unwrap().to_owned();
        let output = self.server.output();
        assert!(!output.contains("code="), "{output}");
        assert!(!token.is_empty());
    }
}

fn a_sign_in_with_an_https_redirect_uri_hands_over_a_token() {
    let stage = Stage::start("bounce-query-mode");
    let host = stage.log_in("query");
    assert!(stage.browser.click(CONTINUE));
    stage.assert_signed_in(host);
}

/// The page of the bounce has a certificate that the browser trusts. So a warning about the form, which leads to `http`,
/// would not be hidden by another one.
fn a_posted_sign_in_with_an_https_redirect_uri_hands_over_a_token() {
    let stage = Stage::start("bounce-form-mode");
    let host = stage.log_in("form_post");
    assert!(stage.browser.click(CONTINUE));
    wait_for("the page of the bounce", || {
        let page = stage.browser.source();
        let port = host.addr.port();
        (page.contains("One more step") && page.contains(&format!("port {port}"))).then_some(())
    });
    assert_eq!(stage.browser.url(), stage.redirect_uri);
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bounce-form.png");
    fs::write(picture, stage.browser.screenshot()).unwrap();
    assert!(stage.browser.click("button.button"));
    stage.assert_signed_in(host);
}

fn a_denied_sign_in_with_an_https_redirect_uri_says_so() {
    let stage = Stage::start("bounce-denied");
    let host = stage.log_in("query");
    assert!(stage.browser.click(CANCEL));
    let page = stage.page(&host);
    assert!(page.contains("Access was not granted"), "{page}");
    let finished = host.finish().code(1);
    assert!(finished.stdout.contains("\"error\":\"access_denied\""), "{finished:#?}");
}

//! The bounce in three engines, behind sign-in pages whose policy allows forms only to the `https` redirect URI.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::engine::{Browser, Engine};
use crate::support::network::{Network, in_own_network};
use crate::support::server::Server;
use crate::support::tls::Authority;
use crate::support::tour::in_each_engine;
use crate::support::witness::Witness;
use crate::support::{DEADLINE, tls_proxy, wait_for};

tests! {
    BounceEngines:
        a_query_comes_back_where_a_redirect_is_dropped,
        a_form_comes_back_after_its_button_is_pressed;
}

const PROVIDER: &str = "idp.test";
const BOUNCE: &str = "login.test";
const RANDOM: &str = "0123456789abcdef0123456789abcdef";

/// The rest of a query, with the characters that end a URL in other places, and with empty parameters. WebKit changes
/// `%0d` to `%0D`.
const REST: &str = "x=;,()*!~$:@/?%0D%0A%00%27+&&=&y=%C3%A9";

/// Two servers with the name of the bounce: the bounce, and one that serves the pages of the network.
struct Servers<'a> {
    network: &'a Network,
    _server: Server,
    bounce: String,
    redirecting: String,
}

impl<'a> Servers<'a> {
    #[track_caller]
    fn start(network: &'a Network, authority: &'static str) -> Self {
        let server = Server::wasmtime();
        let authority = Authority::new(authority);
        let https = |upstream: SocketAddr| {
            let any = Ipv4Addr::UNSPECIFIED.into();
            let port = tls_proxy::start(any, authority.server(BOUNCE), upstream);
            format!("https://{BOUNCE}:{port}")
        };
        let bounce = https(server.addr);
        let redirecting = https((Ipv4Addr::LOCALHOST, 80).into());
        Self { network, _server: server, bounce, redirecting }
    }

    /// Serve a page with a form at this path. Its policy allows forms to the provider itself and to `allowed`.
    fn serve_form(&self, path: &str, allowed: &str, form: &str) {
        let body = format!("<!doctype html><title>Sign in</title>{form}");
        self.network.serve(
            path,
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\
                 Content-Security-Policy: form-action 'self' {allowed}\r\n\r\n{body}",
                body.len()
            ),
        );
    }

    fn serve_redirect(&self, path: &str, to: &str) {
        let redirect = format!(
            "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        self.network.serve(path, redirect);
    }

    /// Sign in at a page of the provider whose form leads to `redirect_uri`, and whose policy allows only that origin.
    fn sign_in(&self, browser: &Browser, path: &str, origin: &str, redirect_uri: &str) {
        let decide = format!("{path}/decide");
        let form =
            format!("<form method=post action={decide}><button id=allow>Allow</button></form>");
        self.serve_form(path, origin, &form);
        self.serve_redirect(&decide, redirect_uri);
        self.allow(browser, path);
    }

    /// Press the button on a page of the provider.
    fn allow(&self, browser: &Browser, path: &str) {
        browser.go(&format!("http://{PROVIDER}{path}")).unwrap();
        // Some drivers report an error if the button leads to a page with status 404.
        let _ = browser.click("#allow");
    }
}

/// A listener in place of `host`.
struct Receiver {
    witness: Witness,
    state: String,
}

impl Receiver {
    fn start() -> Self {
        let witness = Witness::serving(String::new());
        let port: u16 = witness.url().rsplit(':').next().unwrap().parse().unwrap();
        Self { witness, state: format!("state={port:05}{RANDOM}") }
    }

    /// Wait for a request that starts with this.
    #[track_caller]
    fn wait_for(&self, engine: Engine, start: &str) {
        let started = Instant::now();
        while !self.got(start) {
            let got = || self.witness.requests();
            assert!(started.elapsed() < DEADLINE, "{engine:?}: no {start} in {:#?}", got());
            thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Whether a request starts with this.
    fn got(&self, start: &str) -> bool {
        self.witness.requests().iter().any(|head| head.starts_with(start))
    }
}

fn a_query_comes_back_where_a_redirect_is_dropped() {
    let name = "bounce_engines::a_query_comes_back_where_a_redirect_is_dropped";
    in_own_network(name, |network| {
        let servers = Servers::start(network, "bounce-query");
        in_each_engine(|engine| {
            let browser = Browser::start_trusting(engine);
            let receiver = Receiver::start();
            let dropped = format!("code=dropped&{}", receiver.state);
            let redirect = format!("/{}/redirect", engine.name());
            let loopback = format!("{}/callback?{dropped}", receiver.witness.url());
            servers.serve_redirect(&redirect, &loopback);
            let path = format!("/{}/dropped", engine.name());
            let to = format!("{}{redirect}", servers.redirecting);
            servers.sign_in(&browser, &path, &servers.redirecting, &to);
            let is_redirected = |network: &Network| {
                let start = format!("GET {redirect} ");
                network.requests(BOUNCE).iter().any(|head| head.starts_with(&start))
            };
            assert!(network.wait_until(is_redirected), "{engine:?}");
            // Firefox ignores the policy for redirects.
            let is_dropped = engine != Engine::Firefox;
            let arrived = format!("GET /callback?{dropped} ");
            if !is_dropped {
                receiver.wait_for(engine, &arrived);
            }

            let query = format!("code=passed&{}&{REST}", receiver.state);
            let path = format!("/{}/passed", engine.name());
            let to = format!("{}/callback?{query}", servers.bounce);
            servers.sign_in(&browser, &path, &servers.bounce, &to);
            let passed = format!("GET /callback?{query} ");
            receiver.wait_for(engine, &passed);
            assert_eq!(receiver.got(&arrived), !is_dropped, "{engine:?}");
        });
    });
}

fn a_form_comes_back_after_its_button_is_pressed() {
    let name = "bounce_engines::a_form_comes_back_after_its_button_is_pressed";
    in_own_network(name, |network| {
        let servers = Servers::start(network, "bounce-form");
        in_each_engine(|engine| {
            let browser = Browser::start_trusting(engine);
            let receiver = Receiver::start();
            let path = format!("/{}/form-post", engine.name());
            let form = format!(
                "<form method=post action={}/callback><input type=hidden name=code value=posted>\
                 <input type=hidden name=state value={}><button id=allow>Allow</button></form>",
                servers.bounce,
                receiver.state.trim_start_matches("state=")
            );
            servers.serve_form(&path, &servers.bounce, &form);
            servers.allow(&browser, &path);
            wait_for("the page", || browser.source().contains("One more step").then_some(()));
            let picture = format!("bounce-form-{}.png", engine.name());
            let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join(picture);
            fs::write(picture, browser.screenshot()).unwrap();
            let _ = browser.click("button.button");
            receiver.wait_for(engine, "POST /callback ");
        });
    });
}

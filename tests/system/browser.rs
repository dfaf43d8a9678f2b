//! Sign-ins with a real Chromium, which `host run --open` starts through `$BROWSER`, at an authorization server of the
//! tests. Chromium opens speculative connections and requests a favicon by itself.

use crate::support::browser::{Answer, Chromium, authorization_server};
use crate::support::host::{Host, Running};

tests! {
    Chromium:
        a_sign_in_prints_the_code,
        a_denial_prints_the_error,
        a_posted_form_prints_the_code,
        two_tabs_complete_the_flow_once,
        an_abandoned_tab_ends_with_the_timeout;
}

fn sign_in(chromium: &Chromium, answer: Answer, more: &[&str]) -> Running {
    let provider = authorization_server(answer);
    let url = format!("http://{provider}/authorize?redirect_uri={{redirect_uri}}&state={{state}}");
    Host::bare()
        .args(["run", "--events", "-", "--open", &url])
        .args(more)
        .env("BROWSER", &chromium.command)
        .start()
}

fn a_sign_in_prints_the_code() {
    let chromium = Chromium::new("signs-in");
    let host = sign_in(&chromium, Answer::Code, &[]);
    let finished = host.finish().code(0).stdout("{\"code\":\"from-chromium\"}\n");
    assert!(finished.stderr.contains(r#""delivered":true"#), "{}", finished.stderr);
    assert!(chromium.dom().contains("You can close this tab"), "{}", chromium.dom());
}

fn a_denial_prints_the_error() {
    let chromium = Chromium::new("denies");
    sign_in(&chromium, Answer::Denied, &[])
        .finish()
        .code(1)
        .stdout("{\"error\":\"access_denied\",\"error_description\":\"The user said no\"}\n");
    assert!(chromium.dom().contains("Access was not granted"), "{}", chromium.dom());
}

fn a_posted_form_prints_the_code() {
    let chromium = Chromium::new("form-post");
    let host = sign_in(&chromium, Answer::FormPost, &[]);
    host.finish().code(0).stdout("{\"code\":\"from-chromium\"}\n");
}

fn two_tabs_complete_the_flow_once() {
    let chromium = Chromium::new("two-tabs");
    let host = sign_in(&chromium, Answer::TwoTabs, &[]);
    let finished = host.finish().code(0).stdout("{\"code\":\"from-chromium\"}\n");
    assert_eq!(finished.stderr.matches(r#""event":"done""#).count(), 1, "{}", finished.stderr);
}

fn an_abandoned_tab_ends_with_the_timeout() {
    let chromium = Chromium::new("never");
    sign_in(&chromium, Answer::Never, &["--timeout", "1s"]).finish().code(124).stdout("");
}

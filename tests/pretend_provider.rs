//! The pretend provider of `callback-torture`, signed in to by a flow of the library.

use std::sync::mpsc;
use std::thread;

use callback_torture::Provider;
use curtaincall::{Browser, Event, Flow, Outcome, Template};

use crate::support::client::Client;

/// A whole sign-in at the pretend provider, which checks PKCE and accepts each code once.
#[test]
fn a_flow_signs_in_at_the_pretend_provider() {
    let provider = Provider::start().unwrap();
    let (outcome, page) = signed_in(&provider);
    assert_eq!(page, 200);
    assert_eq!(outcome.get("iss"), Some(provider.issuer()));
    let form_of_first = form(&outcome);
    let without_proof = form_of_first.replace("code_verifier=", "code_verifier=x");
    assert!(token(&provider, &without_proof).contains("invalid_grant"));
    assert!(
        token(&provider, &form_of_first).contains("invalid_grant"),
        "the provider accepted a code twice"
    );
    let (outcome, _) = signed_in(&provider);
    let answer = token(&provider, &form(&outcome));
    assert!(answer.contains("\"access_token\":\"token-of-code-2\""), "{answer}");
}

#[test]
fn a_denial_ends_the_flow_without_a_code() {
    let provider = Provider::start().unwrap();
    provider.deny("access_denied");
    let (outcome, page) = signed_in(&provider);
    assert_eq!(outcome.get("error"), Some("access_denied"));
    assert_eq!(page, 200);
}

#[test]
fn the_provider_redirects_only_to_loopback() {
    let provider = Provider::start().unwrap();
    let url = format!(
        "{}?response_type=code&redirect_uri=https://evil.example/",
        provider.authorization_endpoint()
    );
    let error = provider.sign_in(&url).unwrap_err();
    assert!(error.to_string().contains("is not a loopback URL"), "{error}");
}

/// Complete a flow. Returns its outcome and the status of its last page.
fn signed_in(provider: &Provider) -> (Outcome, u16) {
    let template: Template = format!(
        "{}?response_type=code&client_id=bot&redirect_uri={{redirect_uri}}&state={{state}}\
         &code_challenge={{code_challenge}}&code_challenge_method=S256",
        provider.authorization_endpoint()
    )
    .parse()
    .unwrap();
    let (sender, url) = mpsc::channel();
    let flow = Flow::new().open(template).browser(Browser::None).on_event(move |event| {
        if let Event::Authorize { url, .. } = event {
            sender.send(url.clone()).unwrap();
        }
    });
    let running = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(flow.run()).unwrap()
    });
    let page = provider.sign_in(&url.recv_timeout(crate::support::DEADLINE).unwrap()).unwrap();
    (running.join().unwrap(), page.status().as_u16())
}

/// The token request for the code of this outcome.
fn form(outcome: &Outcome) -> String {
    let value = |name| outcome.get(name).unwrap();
    format!(
        "grant_type=authorization_code&client_id=bot&code={}&code_verifier={}&redirect_uri={}",
        value("code"),
        value("code_verifier"),
        value("redirect_uri")
    )
}

fn token(provider: &Provider, form: &str) -> String {
    let address = provider.issuer().strip_prefix("http://").unwrap().parse().unwrap();
    let request = format!(
        "POST /token HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    Client::connect(address).send(request).response().text().to_owned()
}

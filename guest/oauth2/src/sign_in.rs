//! What happens between the callback and the page.

use curtaincall_guest::Request;

use crate::client::Client;
use crate::config::Config;
use crate::failure::Failure;
use crate::host::Host;
use crate::metadata::Metadata;
use crate::settings::Settings;
use crate::{account, outcome, reason, token};

/// How a callback ended.
pub(crate) enum Callback {
    /// The request holds neither a code nor an error.
    Nothing,
    /// The person is signed in.
    SignedIn(SignedIn),
}

/// A successful sign-in.
pub(crate) struct SignedIn {
    /// The name of the account, if it is known.
    pub(crate) account: Option<String>,
    /// The values of the outcome that are not secret.
    pub(crate) values: Vec<(String, String)>,
}

/// Answer the callback: exchange its code.
pub(crate) fn answer<H: Host>(
    host: &H,
    config: &Config,
    callback: &Request,
) -> Result<Callback, Failure> {
    let parameter = |name: &str| callback.parameter(name).filter(|value| !value.is_empty());
    if let Some(error) = parameter("error") {
        return Err(Failure { quote: parameter("error_description"), ..reason::refused(&error) });
    }
    let Some(code) = parameter(config.get("name.callback_code").unwrap_or("code")) else {
        return Ok(Callback::Nothing);
    };
    let settings = Settings::read(config)?;
    let metadata = Metadata::find(host, config)?;
    let client = Client::read(host, config, &metadata)?;
    let now = host.now();
    let tokens = token::exchange(host, config, &settings, &metadata, &client, &code)?;
    let account = account::identify(host, config, &settings, &metadata, &client, &tokens)?;
    let values = outcome::values(host, config, &settings, &tokens, callback, now)?;
    Ok(Callback::SignedIn(SignedIn { account, values }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, config};
    use crate::host::Error;

    const TOKEN: &str = "https://idp.example/token";
    const USUAL: [(&str, &str); 3] = [
        ("authorization_endpoint", "https://idp.example/authorize"),
        ("token_endpoint", TOKEN),
        ("client_id", "bot"),
    ];
    const ANSWER: &str = r#"{ "access_token": "at", "token_type": "Bearer" }"#;

    fn call(host: &Fake, more: &[(&str, &str)], query: &str) -> Result<Callback, Failure> {
        let request = Request::get(&format!("/callback?{query}"));
        answer(host, &config(&[&USUAL, more].concat()), &request)
    }

    #[track_caller]
    fn signed_in(host: &Fake, more: &[(&str, &str)]) -> SignedIn {
        match call(host, more, "code=abc&state=s").unwrap() {
            Callback::SignedIn(signed_in) => signed_in,
            Callback::Nothing => panic!("nothing"),
        }
    }

    #[track_caller]
    fn failure(host: &Fake, more: &[(&str, &str)]) -> Failure {
        call(host, more, "code=abc&state=s").err().unwrap()
    }

    #[test]
    fn a_public_client_sends_its_identifier_and_the_verifier() {
        let host = Fake::default().answer(TOKEN, 200, ANSWER);
        let signed_in = signed_in(&host, &[]);
        assert_eq!(signed_in.account, None);
        assert_eq!(signed_in.values, [("token_type".to_owned(), "Bearer".to_owned())]);
        assert_eq!(*host.handed_over.borrow(), [("access_token".to_owned(), "at".to_owned())]);
        assert_eq!(
            *host.sent.borrow(),
            ["POST https://idp.example/token form grant_type=authorization_code&code=abc\
              &redirect_uri=http://127.0.0.1:8080/callback&client_id=bot\
              &code_verifier=<(verifier)>"]
        );
    }

    #[track_caller]
    fn sent(more: &[(&str, &str)]) -> String {
        let host = Fake { client_secret: Some("hunter2"), ..Fake::default() };
        let host = host.answer(TOKEN, 200, ANSWER);
        signed_in(&host, &[more, &[("pkce", "false")]].concat());
        host.sent.borrow()[0].clone()
    }

    #[test]
    fn a_client_with_a_secret_sends_it_as_configured() {
        let request = sent(&[]);
        assert!(request.ends_with("&client_id=bot&client_secret=<hunter2>"), "{request}");
        let request = sent(&[("client_auth", "basic")]);
        assert!(request.contains(" basic bot:<hunter2> true form grant_type="), "{request}");
        assert!(!request.contains("client_"), "{request}");
        let request = sent(&[("client_auth", "basic"), ("basic_encoding", "plain")]);
        assert!(request.contains(" basic bot:<hunter2> false"), "{request}");
        let request = sent(&[("client_auth", "none basic")]);
        assert!(request.contains(" basic bot:<hunter2>"), "{request}");
        let request = sent(&[("client_auth", "none")]);
        assert!(!request.contains("hunter2"), "{request}");
    }

    #[test]
    fn a_client_without_a_secret_sends_what_the_provider_accepts() {
        let sent = |methods| {
            let host = Fake::default().answer(TOKEN, 200, ANSWER);
            signed_in(&host, &[("client_auth", methods)]);
            host.sent.take().remove(0)
        };
        let request = sent("none basic");
        assert!(request.contains("&client_id=bot&") && !request.contains(" basic "), "{request}");
        let request = sent("basic empty");
        assert!(request.contains(" basic bot: true form "), "{request}");
        assert!(!request.contains("client_id"), "{request}");
    }

    #[test]
    fn the_parameters_can_be_json_or_a_query_and_have_other_names() {
        let request = sent(&[("token_body", "json"), ("token.a/b", "{client_id}")]);
        assert!(request.contains(" json grant_type="), "{request}");
        assert!(request.ends_with("&a/b=bot"), "{request}");
        let names = [
            ("token_body", "query"),
            ("name.client_id", "client_key"),
            ("name.client_secret", "secret"),
            ("name.code", "auth_code"),
            ("token.grant_type", "auth_code"),
        ];
        let request = sent(&names);
        assert_eq!(
            request,
            "GET https://idp.example/token?auth_code=abc\
             &redirect_uri=http://127.0.0.1:8080/callback&client_key=bot&secret=<hunter2>\
             &grant_type=auth_code"
        );
    }

    #[test]
    fn a_request_without_a_code_leaves_the_flow_open() {
        for query in ["", "state=s", "code=", "error="] {
            assert!(matches!(call(&Fake::default(), &[], query), Ok(Callback::Nothing)), "{query}");
        }
    }

    #[test]
    fn the_code_can_have_another_name_in_the_callback() {
        let host = Fake::default().answer(TOKEN, 200, ANSWER);
        let more = [("name.callback_code", "auth_code")];
        assert!(call(&host, &more, "auth_code=xyz").is_ok());
        assert!(host.sent.borrow()[0].contains("&code=xyz&"));
    }

    #[test]
    fn an_error_of_the_callback_ends_the_flow_with_the_words_of_the_provider() {
        let query = "error=access_denied&error_description=Too+bad&code=abc";
        let failure = call(&Fake::default(), &[], query).err().unwrap();
        assert_eq!(failure.error, "access_denied");
        assert_eq!(failure.description(), "Too bad");
        let failure = call(&Fake::default(), &[], "error=strange_code").err().unwrap();
        assert!(failure.description().contains("(`strange_code`)"), "{}", failure.description());
    }

    #[test]
    fn an_error_with_status_200_is_an_error() {
        for (json, error) in [
            (r#"{ "error": "bad_verification_code" }"#, "bad_verification_code"),
            (r#"{ "error": { "message": "no" }, "access_token": "at" }"#, "provider_error"),
            (r#"{ "ok": false, "access_token": "at" }"#, "provider_error"),
            (r#"{ "access_token": "at" }"#, "provider_error"),
            (r#"{ "ok": true }"#, "no_access_token"),
            (r#"{ "ok": true, "access_token": null }"#, "no_access_token"),
        ] {
            let host = Fake::default().answer(TOKEN, 200, json);
            assert_eq!(failure(&host, &[("answer.ok", "/ok")]).error, error, "{json}");
            assert!(host.handed_over.borrow().is_empty(), "{json}");
        }
        let host = Fake::default().answer(TOKEN, 400, ANSWER);
        let failure = failure(&host, &[]);
        assert!(failure.what.contains("`idp.example` refused the request with status 400"));
    }

    #[test]
    fn the_status_of_an_answer_without_a_code_says_what_to_do() {
        for (status, what, advice) in [
            (500, "`idp.example` answered with status 500.", "Wait a few minutes"),
            (503, "`idp.example` answered with status 503.", "Wait a few minutes"),
            (429, "`idp.example` answered with status 429.", "Wait a few minutes"),
            (404, "`idp.example` answered with status 404.", "Check the URL"),
            (401, "`idp.example` refused the request with status 401. Its", "Check `client_id`"),
        ] {
            // The host gives no values of a body that is not understood.
            let failure = failure(&Fake::default().answer(TOKEN, status, "null"), &[]);
            assert_eq!(failure.error, "provider_error");
            assert!(failure.what.starts_with(what), "{}", failure.what);
            assert!(failure.advice.starts_with(advice), "{}", failure.advice);
        }
        let host = Fake::default().answer(TOKEN, 503, r#"{ "error": "temporarily_unavailable" }"#);
        assert_eq!(failure(&host, &[]).error, "temporarily_unavailable");
    }

    #[test]
    fn every_error_of_the_host_has_a_sentence_of_its_own() {
        let errors = [
            Error::NotGranted,
            Error::NotAllowedThere,
            Error::InvalidRequest,
            Error::Address,
            Error::Connection,
            Error::Tls,
            Error::Timeout,
            Error::Redirect,
            Error::NotUnderstood,
            Error::Limit,
        ];
        let mut seen: Vec<String> = Vec::new();
        for error in errors {
            let failure = failure(&Fake::default().fault(TOKEN, error), &[]);
            assert!(failure.what.contains("`idp.example`"), "{}", failure.what);
            assert!(!seen.contains(&failure.what) && !seen.contains(&failure.error));
            seen.extend([failure.what, failure.error]);
        }
    }

    #[test]
    fn a_second_exchange_replaces_the_access_token() {
        let second = "https://graph.example/access_token";
        let host = Fake { client_secret: Some("hunter2"), ..Fake::default() }
            .answer(TOKEN, 200, r#"{ "access_token": "short", "user_id": 7, "expires_in": 60 }"#)
            .answer(second, 200, r#"{ "access_token": "long", "expires_in": 5000000 }"#);
        let more = [
            ("second.url", second),
            ("second.query.access_token", "{access_token}"),
            ("second.query.client_secret", "{client_secret}"),
            ("second.query.grant_type", "exchange"),
            ("keep.user_id", "/user_id"),
        ];
        let signed_in = signed_in(&host, &more);
        let values = [("expires_at", "6000000"), ("user_id", "7")];
        assert_eq!(signed_in.values, values.map(|(name, value)| (name.into(), value.into())));
        assert_eq!(*host.handed_over.borrow(), [("access_token".to_owned(), "long".to_owned())]);
        assert_eq!(
            host.sent.borrow()[1],
            "GET https://graph.example/access_token?access_token=<short>\
             &client_secret=<hunter2>&grant_type=exchange"
        );
        let host = Fake::default().answer(TOKEN, 200, ANSWER).answer(second, 200, "{}");
        assert_eq!(failure(&host, &[more[0], more[1]]).error, "no_access_token");
    }
}

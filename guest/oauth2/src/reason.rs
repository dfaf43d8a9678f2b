//! The sentence for each error of the host and of the provider.

use crate::failure::Failure;
use crate::host::{Error, HandOverError, Problem};

const GRANT: &str = "The program that you started names the missing grant.";
const LATER: &str = "Wait a few minutes, then start over in the program.";
const START_OVER: &str = "Start over in the program.";
const ENDPOINT: &str = "Check the URL in the configuration.";
const CONFIGURATION: &str = "Check the configuration of this provider.";

/// There is no answer to a request to `url`.
pub(crate) fn no_answer(error: Error, url: &str) -> Failure {
    let (code, what, advice) = match error {
        Error::NotGranted => {
            ("not_granted", "This sign-in is not allowed to send this request to HOST.", GRANT)
        }
        Error::NotAllowedThere => (
            "not_allowed_there",
            "The grant for HOST does not include a secret or a header field of the request.",
            GRANT,
        ),
        Error::InvalidRequest => {
            ("request_not_sent", "The request to HOST is invalid or too large.", CONFIGURATION)
        }
        Error::Address => (
            "address_not_allowed",
            "The name HOST cannot be resolved, or its address is not allowed.",
            "Check the name, and whether the provider is in a private network.",
        ),
        Error::Connection => (
            "connection_failed",
            "The connection to HOST failed.",
            "Check the network, or whether the provider is down.",
        ),
        Error::Tls => (
            "tls_failed",
            "There is no secure connection to HOST: its certificate is not trusted.",
            "The program that you started names the problem with the certificate.",
        ),
        Error::Timeout => ("timeout", "HOST did not answer in time.", LATER),
        Error::Redirect => ("redirected", "HOST redirects to another URL.", ENDPOINT),
        Error::NotUnderstood => (
            "answer_not_understood",
            "The answer of HOST is neither valid JSON nor a form.",
            "Check the URL in the configuration, and whether this network requires a login of its \
             own.",
        ),
        Error::Limit => (
            "limit_exceeded",
            "The answer of HOST is too large, or the sign-in sent too many requests.",
            ENDPOINT,
        ),
    };
    Failure::new(code, with_host(what, url), advice)
}

/// The provider refused the request with the code `error`.
pub(crate) fn refused(error: &str) -> Failure {
    let (what, advice) = match error {
        "access_denied" | "user_cancelled_login" | "user_cancelled_authorize" => {
            ("You or your organization did not grant access", START_OVER)
        }
        "invalid_grant" | "bad_verification_code" | "invalid_code" | "code_already_used" => {
            ("The code of this sign-in has expired, or was used before", START_OVER)
        }
        "invalid_client"
        | "unauthorized_client"
        | "incorrect_client_credentials"
        | "bad_client_secret"
        | "invalid_client_id" => {
            ("The provider does not accept this client", "Check `client_id` and `client_secret`.")
        }
        "redirect_uri_mismatch" | "bad_redirect_uri" | "invalid_redirect_uri" => (
            "The provider does not accept the redirect URI",
            "Compare it with the one that is registered, also the host and the port.",
        ),
        "invalid_scope" => ("The provider does not accept the scope", "Check `scope`."),
        "server_error" | "temporarily_unavailable" | "slow_down" | "ratelimited" => {
            ("The provider has a problem at the moment", LATER)
        }
        "invalid_request" | "unsupported_grant_type" | "unsupported_response_type" => {
            ("The provider does not understand the request", CONFIGURATION)
        }
        "login_required" | "consent_required" | "interaction_required" => {
            ("The provider needs you to sign in or to consent first", START_OVER)
        }
        _ => (
            "The provider refused the sign-in",
            "The documentation of the provider explains this code.",
        ),
    };
    Failure::new(error, format!("{what} (`{error}`)."), advice)
}

/// The provider refused the request to `url`, for a reason that cannot be shown.
pub(crate) fn refused_without_code(url: &str, status: u16) -> Failure {
    const CLIENT: &str = "Check `client_id`, `client_secret` and the redirect URI.";
    let (what, more, advice) = match status {
        429 | 500.. => ("HOST answered with status ", ".", LATER),
        404 | 405 | 410 => ("HOST answered with status ", ".", ENDPOINT),
        _ => {
            let more = ". Its reason is not a known error code.";
            ("HOST refused the request with status ", more, CLIENT)
        }
    };
    let what = with_host(what, url) + &status.to_string() + more;
    Failure::new("provider_error", what, advice)
}

/// The provider answered without an access token.
pub(crate) fn no_token(url: &str) -> Failure {
    let what = with_host("The answer of HOST contains no access token.", url);
    Failure::new("no_access_token", what, CONFIGURATION)
}

/// The ID token is not valid. `keys` is the URL of the provider's keys.
pub(crate) fn invalid_id_token(problem: Problem, keys: Option<&str>) -> Failure {
    let (what, advice) = match problem {
        Problem::Malformed => {
            ("The ID token is not a signed token of the token endpoint.", CONFIGURATION)
        }
        Problem::Algorithm => ("The ID token has an unsupported signature.", CONFIGURATION),
        Problem::Keys => {
            let what =
                format!("The provider's keys cannot be read from `{}`.", keys.unwrap_or_default());
            let advice = "Grant this URL, or check whether it can be reached.";
            return Failure::new("invalid_id_token", what, advice);
        }
        Problem::Signature => ("The signature of the ID token is wrong.", START_OVER),
        Problem::Issuer => ("The ID token is from a different issuer.", "Check `issuer`."),
        Problem::Audience => ("The ID token is for a different client.", "Check `client_id`."),
        Problem::Time => (
            "The ID token has expired, or is not valid yet.",
            "Check the clock of this computer, then start over in the program.",
        ),
        Problem::Nonce => ("The ID token belongs to a different sign-in.", START_OVER),
        Problem::Subject => ("The ID token does not say who signed in.", START_OVER),
    };
    Failure::new("invalid_id_token", what, advice)
}

/// The provider did not send an ID token, although the scope contains `openid`.
pub(crate) fn no_id_token() -> Failure {
    let what = "The answer of the provider contains no ID token.";
    Failure::new("no_id_token", what, "Check whether the client may use OpenID Connect.")
}

/// The userinfo endpoint is about another account than the ID token.
pub(crate) fn other_subject(url: &str) -> Failure {
    let what = with_host("The answer of HOST is about a different account than the ID token.", url);
    Failure::new("account_mismatch", what, START_OVER)
}

/// The value `name` cannot be handed over.
pub(crate) fn not_handed_over(error: HandOverError, name: &str) -> Failure {
    let why = match error {
        HandOverError::NotFromAnAnswer => "is not a value of the provider",
        HandOverError::Name => "has a name that is invalid or taken",
        HandOverError::TooMany => "is one value too many",
    };
    Failure::new("not_handed_over", format!("`{name}` {why}."), CONFIGURATION)
}

/// Put the host of `url` into a sentence, in the place of `HOST`.
pub(crate) fn with_host(sentence: &str, url: &str) -> String {
    let host = url.split('/').nth(2).unwrap_or(url);
    sentence.replace("HOST", &format!("`{host}`"))
}

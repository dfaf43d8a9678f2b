//! AWS Security Token Service: credentials for a valid ID token.

use std::time::{Duration, UNIX_EPOCH};

use wasip2::clocks::wall_clock;

use crate::bindings::curtaincall::callback::exchange::{Answer, Leaf};
use crate::config::Config;
use crate::failure::Failure;
use crate::page;
use crate::provider::Person;
use crate::request::{post, sentence};
use crate::session_name::session_name;

/// Where the credentials are in the answer.
const CREDENTIALS: &str =
    "/AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials";

/// Get credentials for the role, and hand them over. Returns the time at which they expire, in ISO 8601.
pub(crate) fn assume_role(config: &Config, person: &Person) -> Result<String, Failure> {
    // The time before the request, so that the credentials never expire earlier than the guest says.
    let now = wall_clock::now().seconds;
    let (session, duration) = (session_name(&person.name), config.duration.to_string());
    let answer = post(
        &config.sts_endpoint,
        &[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", &config.role_arn),
            ("RoleSessionName", &session),
            ("DurationSeconds", &duration),
        ],
        &[("WebIdentityToken", &person.id_token)],
    )?;
    if answer.status() != 200 {
        return Err(refused(config, person, &answer));
    }
    for name in ["AccessKeyId", "SecretAccessKey", "SessionToken"] {
        hand_over(&answer, name)?;
    }
    // AWS answers it too, but as a number such as `1.77E9`, which a guest cannot read.
    let expiration = UNIX_EPOCH + Duration::from_secs(now.saturating_add(config.duration));
    Ok(humantime::format_rfc3339_seconds(expiration).to_string())
}

/// Put a value of the answer into the outcome.
fn hand_over(answer: &Answer, name: &str) -> Result<(), Failure> {
    let Some(Leaf::Secret(value)) = answer.get(&format!("{CREDENTIALS}/{name}")) else {
        let why = format!("The answer of AWS has no secret `{name}`.");
        return Err(Failure::new("no_credentials", why));
    };
    value.hand_over(name).map_err(|error| {
        let why = format!("`{name}` is not in the outcome. {}", sentence(error.message()));
        Failure::new("no_credentials", why)
    })
}

/// Why AWS refused. The guest can read the code if the grant lists `/Error/Code`.
///
/// The host also hides the code if a part of it occurs in the ID token, which can happen by accident.
fn refused(config: &Config, person: &Person, answer: &Answer) -> Failure {
    let code = match answer.get("/Error/Code") {
        Some(Leaf::Text(code)) => Some(code),
        _ => None,
    };
    let reason = match &code {
        Some(code) => format!("`{code}`"),
        None => format!("status {}, and its code cannot be read", answer.status()),
    };
    let (name, role, advice) = (&person.name, config.role(), advice(config, code.as_deref()));
    let why = format!("You signed in as {name}, but AWS refused {role} ({reason}). {advice}");
    Failure::new(code.unwrap_or_else(|| "sts_refused".to_owned()), why)
}

/// What the person can do about an error of AWS.
fn advice(config: &Config, code: Option<&str>) -> String {
    let advice = match code {
        Some("AccessDenied") => {
            "The role does not exist, or its trust policy does not allow this sign-in."
        }
        Some("ExpiredTokenException") => "The ID token has expired. Start over in the program.",
        Some("InvalidIdentityToken") => {
            "Check that the AWS account has an identity provider with this issuer and client ID."
        }
        Some("IDPCommunicationError") => {
            "AWS cannot reach the provider. Start over in the program."
        }
        Some("IDPRejectedClaim") => {
            "The provider rejected the ID token. Start over in the program."
        }
        Some("ValidationError") => {
            let duration = page::words(config.duration);
            return format!(
                "Check `role_arn`, and whether the role allows sessions of {duration}."
            );
        }
        Some(_) => "The documentation of AWS explains this code.",
        None => "Check that the role exists, and that its trust policy allows this sign-in.",
    };
    advice.to_owned()
}

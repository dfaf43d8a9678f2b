//! What a run gives a guest as a provider: the granted network. Also starts the flow at the guest's authorization URL.

use std::sync::Arc;
#[cfg(feature = "net")]
use std::time::Duration;

use crate::authorization::{self, AuthorizationError, Checked, FoundSecret, NotGranted};
use crate::config::Config;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::outgoing::{NoNetwork, Upstream};
use crate::sandbox::{Authorization, FlowStart, ProviderInputs, Sandbox, Surroundings};
use crate::template;
use crate::variables::Variables;

/// Creates the inputs of the interfaces for providers.
///
/// # Errors
/// Fails if the environment names an invalid proxy.
pub fn inputs(
    config: &Config,
    variables: &Arc<Variables>,
    events: &Events,
) -> Result<ProviderInputs, Error> {
    let problems_events = events.clone();
    Ok(ProviderInputs {
        grants: Arc::new(config.net.clone()),
        network: network(config, variables, events)?,
        on_problems: Arc::new(move |problems| {
            for (url, reason) in problems.failed.clone() {
                problems_events.emit(Event::RequestFailed { url, reason });
            }
            if !problems.not_granted.is_empty() {
                problems_events.emit(Event::OutgoingRefused { urls: problems.not_granted.clone() });
            }
        }),
        ..ProviderInputs::default()
    })
}

/// Creates the network. A run without grants has none, and pays nothing for TLS.
#[cfg(feature = "net")]
fn network(
    config: &Config,
    variables: &Arc<Variables>,
    events: &Events,
) -> Result<Arc<dyn Upstream>, Error> {
    use crate::egress::{Bounds, Network, Proxies, Reach, Settings};
    use crate::visible::{CAUSE, NAME};

    if !config.net.has_network() {
        return Ok(Arc::new(NoNetwork));
    }
    let settings = Settings {
        reach: Reach { private: config.net.private(), loopback: config.net.loopback().collect() },
        trust: config.trust.clone(),
        proxies: Proxies::from_env()?,
        bounds: Bounds {
            connect: thirds(config.limits.wall_time, 1),
            total: thirds(config.limits.wall_time, 2),
            body: config.limits.outgoing_data.as_u64(),
        },
    };
    let (variables, events) = (Arc::clone(variables), events.clone());
    let report = move |unreachable: &crate::egress::Unreachable| {
        events.emit(Event::Unreachable {
            host: variables.shown(&unreachable.host, NAME),
            reason: variables.shown(&unreachable.problem, CAUSE),
            remedy: unreachable.problem.remedy(),
        });
    };
    Ok(Arc::new(Network::new(settings, report)))
}

/// Returns this many thirds of the wall time of a call, in whole milliseconds.
///
/// A request without a response ends before its call does. Otherwise the guest could not say on its page what happened.
#[cfg(feature = "net")]
fn thirds(wall_time: Duration, count: u32) -> Duration {
    let time = wall_time / 3 * count;
    time - Duration::from_nanos(u64::from(time.subsec_nanos() % 1_000_000))
}

/// Without the feature `net`, no request leaves the host.
#[cfg(not(feature = "net"))]
fn network(_: &Config, _: &Arc<Variables>, _: &Events) -> Result<Arc<dyn Upstream>, Error> {
    Ok(Arc::new(NoNetwork))
}

/// Returns how the flow starts: at the configured authorization URL, or as the guest's authorizer decides.
///
/// # Errors
/// Fails if the guest fails, or if its authorization URL breaks a rule.
pub(crate) async fn authorize(
    config: &Config,
    sandbox: &Sandbox,
    surroundings: &mut Surroundings,
    events: &Events,
) -> Result<FlowStart, Error> {
    if let Some(template) = &config.open {
        let url = template::fill(template, &surroundings.session);
        return Ok(FlowStart::Open(Authorization { url, issuer: None, not_granted: Vec::new() }));
    }
    let start = sandbox.authorize(surroundings).await.map_err(Error::Authorize)?;
    let authorization = match start {
        FlowStart::Open(authorization) => authorization,
        FlowStart::NoAuthorizer | FlowStart::Declined(_) => return Ok(start),
    };
    let checked = check(&authorization, surroundings).map_err(Error::Authorization)?;
    check_code(config, checked.pkce)?;
    surroundings.provider.scopes = checked.scopes.into();
    if !checked.pkce {
        events.emit(Event::PkceOff);
    }
    Ok(FlowStart::Open(Authorization { url: checked.url, ..authorization }))
}

/// Refuses a sign-in whose code another host could use, unless the guest builds the authorization URL, which does not
/// exist yet.
///
/// # Errors
/// Fails as the check of the guest's URL does.
pub(crate) fn check_template(config: &Config, sandbox: &Sandbox) -> Result<(), Error> {
    match &config.open {
        Some(template) => check_code(config, template.has_challenge()),
        None if sandbox.is_authorizer() => Ok(()),
        None => check_code(config, false),
    }
}

/// Refuses a sign-in whose code passes through another host that could use it. Only the owner of the PKCE verifier or
/// of the client secret can use a code that is bound to one of them.
fn check_code(config: &Config, pkce: bool) -> Result<(), Error> {
    let is_bound = pkce || config.variables.has_secret("client_secret");
    match &config.redirect_uri {
        Some(uri) if !uri.is_loopback() && !is_bound && !config.unprotected_code => {
            Err(Error::UnprotectedCode(uri.host().to_owned()))
        }
        _ => Ok(()),
    }
}

/// Checks the authorization URL that a guest returned.
///
/// # Errors
/// Fails if it breaks a rule for authorization URLs, or if the guest needs URLs that are not granted. The error names
/// all that is not granted.
pub fn check(
    authorization: &Authorization,
    surroundings: &Surroundings,
) -> Result<Checked, AuthorizationError> {
    let Surroundings { session, variables, provider, .. } = surroundings;
    let verifier = session.code_verifier().expose();
    let rules = authorization::Rules {
        session,
        pkce: provider.grants.pkce(),
        may_open: &|url| provider.grants.may_open(url),
        find_secret: &|text| {
            if variables.are_in(text.as_bytes()) {
                let name = variables.secret_in(text).map(str::to_owned);
                return Some(name.map_or(FoundSecret::Other, FoundSecret::Named));
            }
            text.contains(verifier).then_some(FoundSecret::Verifier)
        },
    };
    let checked = authorization::check(&authorization.url, &rules);
    let urls = authorization.not_granted.clone();
    match checked {
        Err(AuthorizationError::NotGranted(NotGranted { open, .. })) => {
            Err(AuthorizationError::NotGranted(NotGranted { open, urls }))
        }
        Ok(_) if !urls.is_empty() => {
            Err(AuthorizationError::NotGranted(NotGranted { open: None, urls }))
        }
        checked => checked,
    }
}

#[cfg(all(test, feature = "net"))]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_two_thirds_of_the_wall_time() {
        for (wall_time, connect, total) in
            [(30_000, 10_000, 20_000), (1_000, 333, 666), (120_000, 40_000, 80_000), (1, 0, 0)]
        {
            let wall_time = Duration::from_millis(wall_time);
            let expected = [connect, total].map(Duration::from_millis);
            assert_eq!([thirds(wall_time, 1), thirds(wall_time, 2)], expected);
        }
    }
}

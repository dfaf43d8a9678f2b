//! What a run gives a guest as a provider: the granted network. Also starts the flow at the guest's authorization URL.

use std::sync::Arc;

use crate::authorization::{self, AuthorizationError, Checked, FoundSecret};
use crate::config::Config;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::outgoing::{NoNetwork, Upstream};
use crate::sandbox::{Authorization, FlowStart, ProviderInputs, Sandbox, Surroundings};
use crate::template;
use crate::variables::Variables;
use crate::visible::CAUSE;

/// Creates the inputs of the interfaces for providers.
///
/// # Errors
/// Fails if the environment names an invalid proxy.
pub fn inputs(
    config: &Config,
    variables: &Arc<Variables>,
    events: &Events,
) -> Result<ProviderInputs, Error> {
    let missing = events.clone();
    Ok(ProviderInputs {
        grants: Arc::new(config.net.clone()),
        network: network(config, variables, events)?,
        on_missing: Arc::new(move |urls| {
            missing.emit(Event::OutgoingRefused { urls: urls.to_vec() });
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
    use std::time::Duration;

    use crate::egress::{Bounds, Network, Proxies, Reach, Settings};
    use crate::visible::NAME;

    if !config.net.has_network() {
        return Ok(Arc::new(NoNetwork));
    }
    let settings = Settings {
        reach: Reach { private: config.net.private(), loopback: config.net.loopback().collect() },
        trust: config.trust.clone(),
        proxies: Proxies::from_env()?,
        bounds: Bounds {
            connect: Duration::from_secs(10),
            total: Duration::from_secs(20),
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
) -> Result<FlowStart, Error> {
    if let Some(template) = &config.open {
        let url = template::fill(template, &surroundings.session);
        return Ok(FlowStart::Open(Authorization { url, issuer: None }));
    }
    let start = sandbox.authorize(surroundings).await.map_err(Error::Authorize)?;
    let FlowStart::Open(authorization) = start else { return Ok(start) };
    let checked = check(&authorization.url, surroundings).map_err(Error::Authorization)?;
    surroundings.provider.scopes = checked.scopes.into();
    Ok(FlowStart::Open(Authorization { url: checked.url, ..authorization }))
}

/// Checks the authorization URL that a guest returned.
///
/// # Errors
/// Fails if it breaks a rule for authorization URLs.
pub fn check(url: &str, surroundings: &Surroundings) -> Result<Checked, AuthorizationError> {
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
    authorization::check(url, &rules)
}

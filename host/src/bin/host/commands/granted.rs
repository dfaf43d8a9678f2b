//! A preset and what it grants, as `host presets` and `host inspect` print it.

use curtaincall::error::PresetError;
use curtaincall::{Endpoint, NetGrants, Preset, Variables};
use serde_json::{Value, json};

/// A preset, and what it grants with its own configuration.
pub(super) struct Shown {
    pub(super) preset: Preset,
    pub(super) net: NetGrants,
}

impl Shown {
    pub(super) fn new(preset: Preset) -> Result<Self, PresetError> {
        let net = preset.grants(&Variables::default())?;
        Ok(Self { preset, net })
    }

    /// Returns the grants in lines, each with a name and a value.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let net = &self.net;
        let opens = net.open_origins().map(|origin| ("opens", origin));
        let endpoints = net
            .endpoints()
            .iter()
            .map(|endpoint| ("contacts", format!("{endpoint} ({})", exchanged(endpoint))));
        let origins = net.origins().map(|origin| {
            ("contacts", format!("{origin} (gets no secret; the guest reads all answers)"))
        });
        let mut lines: Vec<_> = opens.chain(endpoints).chain(origins).collect();
        if net.private() {
            lines.push(("private", "names may resolve to private addresses".to_owned()));
        }
        if !net.pkce() {
            lines.push(("PKCE", "off".to_owned()));
        }
        lines
    }

    /// Returns the names of the preset and its grants as a JSON object.
    pub(super) fn json(&self) -> Value {
        let Self { preset, net } = self;
        let endpoints: Vec<_> = net
            .endpoints()
            .iter()
            .map(|endpoint| {
                json!({
                    "url": endpoint.url().as_str(),
                    "secrets": endpoint.secrets(),
                    "readable": endpoint.readable(),
                    "claims": endpoint.claims(),
                    "headers": headers(endpoint),
                })
            })
            .collect();
        json!({
            "name": preset.name(),
            "title": preset.title(),
            "hosts": net.hosts(),
            "opens": net.open_origins().collect::<Vec<_>>(),
            "endpoints": endpoints,
            "origins": net.origins().collect::<Vec<_>>(),
            "private": net.private(),
            "pkce": net.pkce(),
        })
    }
}

/// Returns what the guest sends to an endpoint and reads of its answers.
fn exchanged(endpoint: &Endpoint) -> String {
    let mut parts = vec![match endpoint.secrets() {
        [] => "gets no secret".to_owned(),
        secrets => format!("gets {}", secrets.join(", ")),
    }];
    if !endpoint.readable().is_empty() {
        parts.push(format!("the guest reads {}", endpoint.readable().join(", ")));
    }
    if !endpoint.claims().is_empty() {
        parts.push(format!("the guest reads the claims {}", endpoint.claims().join(", ")));
    }
    if !endpoint.headers().is_empty() {
        parts.push(format!("the guest sets {}", headers(endpoint).join(", ")));
    }
    parts.join("; ")
}

fn headers(endpoint: &Endpoint) -> Vec<&str> {
    endpoint.headers().iter().map(|name| name.as_str()).collect()
}

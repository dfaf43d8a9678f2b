//! `secrets` and `reveal`: handles for values that the guest cannot read.

use wasmtime::Result;
use wasmtime::component::Resource;

use crate::outcome::{is_reserved, is_valid_name, variable};
use crate::sandbox::Surroundings;
use crate::sandbox::bindings::{reveal, secrets};
use crate::sandbox::state::CallState;
use crate::sealed::{Held, Provenance};

use secrets::HandOverError;

/// The largest number of values that a call can hand over.
const HANDED_OVER_LIMIT: usize = 100;

impl secrets::Host for CallState {
    fn get(&mut self, name: String) -> Result<Option<Resource<Held>>> {
        let Some((secret, is_revealed)) = self.surroundings.variables.secret(&name) else {
            return Ok(None);
        };
        let held = Held::new(secret.clone(), Provenance::Granted { is_revealed })?;
        Ok(Some(self.table.push(held)?))
    }

    fn code_verifier(&mut self) -> Result<Resource<Held>> {
        let verifier = self.surroundings.session.code_verifier().clone();
        Ok(self.table.push(Held::new(verifier, Provenance::Verifier)?)?)
    }
}

impl secrets::HostSecret for CallState {
    fn hand_over(
        &mut self,
        secret: Resource<Held>,
        name: String,
    ) -> Result<Result<(), HandOverError>> {
        let held = self.table.get(&secret)?;
        let Surroundings { variables, session, .. } = &self.surroundings;
        let value = held.value().expose();
        // An endpoint may repeat the secrets that it was sent.
        let is_repeated =
            variables.whole_secret_in(value) || value.contains(session.code_verifier().expose());
        if is_repeated || !matches!(held.source(), Provenance::Answer { .. }) {
            return Ok(Err(HandOverError::NotFromAnAnswer));
        }
        let handed_over = &mut self.provider.handed_over;
        let is_taken = handed_over.iter().any(|(taken, _)| variable(taken) == variable(&name));
        if !is_valid_name(&name) || is_reserved(&name) || is_taken {
            return Ok(Err(HandOverError::Name));
        }
        if handed_over.len() >= HANDED_OVER_LIMIT {
            return Ok(Err(HandOverError::TooMany));
        }
        handed_over.push((name, held.value().clone()));
        Ok(Ok(()))
    }

    fn drop(&mut self, secret: Resource<Held>) -> Result<()> {
        self.table.delete(secret)?;
        Ok(())
    }
}

impl reveal::Host for CallState {
    fn reveal(&mut self, secret: Resource<Held>) -> Result<Option<String>> {
        let held = self.table.get(&secret)?;
        Ok(match held.source() {
            Provenance::Granted { is_revealed: true } => Some(held.value().expose().to_owned()),
            _ => None,
        })
    }
}

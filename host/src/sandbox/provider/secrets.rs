//! `secrets` and `reveal`: handles for values that the guest cannot read.

use wasmtime::Result;
use wasmtime::component::Resource;

use crate::outcome::{is_reserved, is_valid_name, variable};
use crate::reply::ReplyError;
use crate::sandbox::Surroundings;
use crate::sandbox::bindings::{reveal, secrets};
use crate::sandbox::heap::Heap;
use crate::sandbox::state::CallState;
use crate::sealed::{Held, Provenance};
use crate::session::Secret;

use secrets::HandOverError;

/// The largest number of values that a call can hand over.
const HANDED_OVER_LIMIT: usize = 100;

impl CallState {
    /// Takes the values that the guest handed over, for the outcome.
    ///
    /// # Errors
    /// Fails if an endpoint sent back a secret of this run in one of them. The guest's call is over by now, so that it
    /// cannot learn which value contains a secret.
    pub(in crate::sandbox) fn take_handed_over(
        &mut self,
    ) -> std::result::Result<Vec<(String, String)>, ReplyError> {
        let start = Heap::now();
        let Surroundings { variables, session, .. } = &self.surroundings;
        let verifier = session.code_verifier().expose();
        let exposed = |(name, secret): (String, Secret)| {
            let value = secret.expose();
            if variables.whole_secret_in(value) || value.contains(verifier) {
                return Err(ReplyError::HandedOverSecret(name));
            }
            Ok((name, value.to_owned()))
        };
        let handed_over = std::mem::take(&mut self.provider.handed_over);
        let values = handed_over.into_iter().map(exposed).collect();
        self.account.settle(start, 0);
        values
    }
}

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
        if !matches!(held.source(), Provenance::Answer { .. }) {
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
        let held = self.table.delete(secret)?;
        let start = Heap::now();
        // This may be the last handle for a value of an answer that the guest dropped before.
        drop(held);
        self.account.settle(start, 0);
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

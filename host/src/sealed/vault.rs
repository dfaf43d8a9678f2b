//! The secrets that a run knows, and whether a provider has repeated one.
//!
//! An endpoint may repeat what it was sent where a guest can read. So before a guest reads a value that is not from a
//! list ([`super::word`]), the host searches all such values of the answer for parts of secrets ([`super::echo`]).
//!
//! The result is one bit. If a guest got a new one with each answer, it could guess parts of a secret, let the endpoint
//! repeat the guesses, and so find the whole secret. That is why the vault stays *sealed* after the first part that is
//! found: for the rest of the run, a guest reads no value that is not from a list, of any answer. It can learn no more
//! than which of the n searches of a run was the first to find a part, if any: log2(n + 1) bits.
//!
//! A coincidence must not seal a vault, or a sign-in would lack the name of the account now and then. These are the
//! lengths that a common part must have. The rates are for 30 characters of readable text, such as a name and an
//! address, and one search. Two random letters are equal, without regard to case, with a probability of 1/32 in Base64
//! text, and two digits with 1/16 in hexadecimal text.
//!
//! - [`GRANTED_PART`], 8 characters of a granted secret or the verifier. With 100 characters of these, read in both
//!   directions, there are 30 * 200 pairs of parts, and each is equal with 2^-40: a rate of 5e-9. In hexadecimal text,
//!   it is 1e-6. Encodings have more parts, but also longer ones. With 4 characters and a token of 1,000 characters, it
//!   would be 30 * 2,000 * 2^-20, which is 6 %.
//! - [`CODE_PART`], 6 characters of these, in an error code or a lifetime. They are as short as parts of secrets: an
//!   error code of 20 letters has a rate of 3e-6, and a lifetime of seven digits beside a hexadecimal secret 8e-6.
//! - Half of a token, but at least 8 and at most 64 characters: see [`token_part`]. A token may contain the number of
//!   the account or of the organization, which a guest may read. Less than half of a token is worthless.
//!
//! What is left: a guest can read shorter parts, if an endpoint cuts a secret into them. The search knows the forms of
//! [`super::echo`] and no others. The next run has a new vault, so the bits of many runs add up.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::echo::Texts;
use crate::session::Secret;

/// The length in bytes of a part of a granted secret, or of the verifier, that seals the vault.
pub const GRANTED_PART: usize = 8;

/// The length in bytes of such a part in an error code or a lifetime.
pub const CODE_PART: usize = 6;

/// The largest length in bytes of a part of a token that seals the vault.
const TOKEN_PART: usize = 64;

/// The shortest token of an answer that is kept, in bytes. A token that the guest sends is always kept.
const SHORTEST_TOKEN: usize = 8;

/// The number of tokens that are kept. It bounds the time of a search.
const KEPT: usize = 64;

/// The tokens of a run, and whether it is sealed. Clones are the same vault.
#[derive(Clone, Default)]
pub struct Vault(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    tokens: Vec<Secret>,
    sealed: Option<Sealed>,
}

/// Why a vault is sealed: for the rest of the run, a guest reads only values that it knows anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// A value that looked readable contained a part of a secret.
    Repeated,
    /// The run has more tokens than the vault can keep.
    Full,
}

/// A value that a guest could read.
#[derive(Clone, Copy)]
pub struct Plausible<'a> {
    /// The value.
    pub text: &'a str,
    /// Whether it is an error code or a lifetime.
    pub is_code: bool,
}

/// The length in bytes of a part of a token of `length` bytes that seals the vault.
pub fn token_part(length: usize) -> usize {
    (length / 2).clamp(GRANTED_PART, TOKEN_PART)
}

impl Vault {
    /// Keeps a token that a provider issued, unless it is too short to be one.
    pub(super) fn keep_issued(&self, token: &Secret) {
        if token.expose().len() >= SHORTEST_TOKEN {
            self.keep(token);
        }
    }

    /// Keeps a value of an answer that is sent as a secret.
    pub(super) fn keep(&self, token: &Secret) {
        self.change(|contents| {
            let is_kept = contents.tokens.iter().any(|kept| kept.matches(token.expose()));
            if is_kept {
                return;
            }
            if contents.tokens.len() < KEPT {
                contents.tokens.push(token.clone());
            } else {
                contents.sealed.get_or_insert(Sealed::Full);
            }
        });
    }

    /// Returns why the vault is sealed, or `None` if it is not.
    pub fn sealed(&self) -> Option<Sealed> {
        self.change(|contents| contents.sealed)
    }

    /// Searches `values` for parts of `granted` secrets and of the tokens of the run. Seals the vault if there is one.
    pub fn search(&self, values: &[Plausible<'_>], granted: &[&Secret]) {
        if values.is_empty() || self.sealed().is_some() {
            return;
        }
        let texts = Texts::of(values.iter().map(|value| value.text));
        let mut codes =
            values.iter().filter(|value| value.is_code).map(|value| value.text).peekable();
        let codes = codes.peek().is_some().then(|| Texts::of(codes));
        let repeats_granted = |secret: &Secret| {
            let secret = secret.expose();
            texts.repeat(secret, GRANTED_PART)
                || codes.as_ref().is_some_and(|codes| codes.repeat(secret, CODE_PART))
        };
        let repeats_token = |token: &Secret| {
            let token = token.expose();
            texts.repeat(token, token_part(token.len()))
        };
        let tokens = self.change(|contents| contents.tokens.clone());
        if tokens.iter().any(repeats_token) || granted.iter().any(|secret| repeats_granted(secret))
        {
            self.change(|contents| *contents.sealed.get_or_insert(Sealed::Repeated));
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Contents) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("sealed", &self.sealed()).finish_non_exhaustive()
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repeated => {
                "the provider sent back a part of a secret: all answers are sealed for the rest of this run"
            }
            Self::Full => "the run has too many tokens: all answers are sealed for the rest of this run",
        })
    }
}

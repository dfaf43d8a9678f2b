//! `identity`: the host validates ID tokens, and tells the guest only the claims that it may read.

use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::Resource;

use crate::identity::{Claim, Expectation, Keys, Problem, Unverified, verify};
use crate::sandbox::bindings::identity;
use crate::sandbox::state::CallState;
use crate::sealed::{Body, Credentials, Draft, Held, Method, Plausible, Provenance};

impl identity::Host for CallState {
    async fn verify(
        &mut self,
        token: Resource<Held>,
        expected: identity::Expectation,
        claims: Vec<String>,
    ) -> Result<Result<Vec<Option<identity::Claim>>, identity::Problem>> {
        let token = self.table.get(&token)?.clone();
        let verified = self.verify(&token, expected, &claims).await;
        Ok(verified.map_err(identity::Problem::from))
    }
}

impl CallState {
    async fn verify(
        &mut self,
        token: &Held,
        expected: identity::Expectation,
        names: &[String],
    ) -> Result<Vec<Option<identity::Claim>>, Problem> {
        if !matches!(token.source(), Provenance::Answer { id_token: true }) {
            return Err(Problem::Malformed);
        }
        let identity::Expectation { issuer, audience, keys: url, max_age } = expected;
        let expected = Expectation { issuer, audience, max_age, subject: None };
        let place = url.clone().unwrap_or_else(|| expected.issuer.clone());
        let mut keys = match &url {
            Some(url) => Some(self.keys(url).await?),
            None => None,
        };
        let now = self.surroundings.now();
        let session = Arc::clone(&self.surroundings.session);
        let check = |keys: Option<&Keys>| {
            verify(token.value().expose(), &expected, session.nonce(), now, keys)
        };
        let mut verified = check(keys.as_ref());
        if let (Err(Unverified::UnknownKey), Some(url)) = (&verified, &url) {
            // The provider may have changed its keys a moment ago.
            keys = Some(self.keys(url).await?);
            verified = check(keys.as_ref());
        }
        let claims = verified?;
        let endpoints = self.surroundings.provider.grants.endpoints();
        let allowed: Vec<String> =
            endpoints.iter().flat_map(|endpoint| endpoint.claims()).cloned().collect();
        let texts = claims.unknown(&allowed, &expected);
        let values: Vec<_> = texts.iter().map(|text| Plausible { text, is_code: false }).collect();
        self.read_with(&place, |context| context.vault.search(&values, context.granted));
        let is_sealed = self.surroundings.provider.vault.sealed().is_some();
        let may_read = |claim: &Claim| !is_sealed || matches!(claim, Claim::Boolean(_));
        let read = |name: &String| claims.get(name, &allowed).filter(may_read);
        Ok(names.iter().map(|name| read(name).map(identity::Claim::from)).collect())
    }

    /// Fetches the keys of a provider. The host alone reads them.
    async fn keys(&mut self, url: &str) -> Result<Keys, Problem> {
        let draft = Draft {
            method: Method::Get,
            url: url.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            credentials: Credentials::None,
            body: Body::None,
        };
        let (_, response) = self.exchange(&draft, url).await.map_err(|_| Problem::Keys)?;
        if response.status().is_success() {
            Keys::parse(response.body())
        } else {
            Err(Problem::Keys)
        }
    }
}

impl From<Claim> for identity::Claim {
    fn from(claim: Claim) -> Self {
        match claim {
            Claim::Boolean(value) => Self::Boolean(value),
            Claim::Number(value) => Self::Number(value),
            Claim::Text(text) => Self::Text(text),
            Claim::Texts(texts) => Self::Texts(texts),
        }
    }
}

impl From<Problem> for identity::Problem {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Malformed => Self::Malformed,
            Problem::Algorithm => Self::Algorithm,
            Problem::Keys => Self::Keys,
            Problem::Signature => Self::Signature,
            Problem::Issuer => Self::Issuer,
            Problem::Audience => Self::Audience,
            Problem::Time => Self::Time,
            Problem::Nonce => Self::Nonce,
            Problem::Subject => Self::Subject,
        }
    }
}

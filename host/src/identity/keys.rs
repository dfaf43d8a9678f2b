//! A provider's public keys (RFC 7517), and signatures that they verify.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Map, Value};

use super::token::{Algorithm, Token, decode};
use super::{Problem, Unverified, json};

/// The largest key set, in bytes. Those of large providers, with certificates, have 20 KiB.
const SET_LIMIT: usize = 256 << 10;

/// The largest number of keys in a set. A token without `kid` may have to be checked with each of them.
const KEYS_LIMIT: usize = 100;

/// The sizes of RSA keys that are accepted, in bits (RFC 7518, section 3.3).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The public keys of a provider that can sign ID tokens.
#[derive(Debug, Clone)]
pub struct Keys(Vec<Key>);

#[derive(Debug, Clone)]
struct Key {
    id: Option<String>,
    /// The only algorithm to use the key with, if the provider says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug, Clone)]
enum Material {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// The uncompressed point.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Keys {
    /// Reads a JWK set. Keys for other purposes, of other kinds or of wrong sizes are ignored (RFC 7517, section 5).
    ///
    /// # Errors
    /// [`Problem::Keys`] if the text is not a JWK set, has duplicate names, or is too large.
    pub fn parse(text: &[u8]) -> Result<Self, Problem> {
        if text.len() > SET_LIMIT {
            return Err(Problem::Keys);
        }
        let set = json::object(text).ok_or(Problem::Keys)?;
        match set.get("keys") {
            Some(Value::Array(keys)) if keys.len() <= KEYS_LIMIT => {
                Ok(Self(keys.iter().filter_map(Value::as_object).filter_map(Key::read).collect()))
            }
            _ => Err(Problem::Keys),
        }
    }

    /// Checks the signature of `token`.
    ///
    /// Only keys with the token's `kid` count. Without a `kid`, every key that fits the algorithm is tried. OpenID
    /// Connect Core 1.0, section 10.1 requires a `kid` if there are several keys, but some providers omit it.
    pub(super) fn verify(&self, token: &Token<'_>) -> Result<(), Unverified> {
        let fitting: Vec<_> = self.0.iter().filter(|key| key.fits(token)).collect();
        if fitting.is_empty() {
            Err(Unverified::UnknownKey)
        } else if fitting.iter().any(|key| key.verifies(token)) {
            Ok(())
        } else {
            Err(Problem::Signature.into())
        }
    }
}

impl Key {
    /// Reads one JWK. `None` if it is not a key to verify one of the known algorithms with.
    fn read(jwk: &Map<String, Value>) -> Option<Self> {
        let is_for_signatures = jwk.get("use").is_none_or(|purpose| purpose == "sig");
        let verifies = jwk.get("key_ops").is_none_or(|operations| {
            operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
        });
        if !is_for_signatures || !verifies {
            return None;
        }
        let algorithm = match jwk.get("alg") {
            None => None,
            Some(name) => Some(Algorithm::named(name.as_str()?)?),
        };
        let id = match jwk.get("kid") {
            None => None,
            Some(id) => Some(id.as_str()?.to_owned()),
        };
        Some(Self { id, algorithm, material: Material::read(jwk)? })
    }

    fn fits(&self, token: &Token<'_>) -> bool {
        let is_named = token.key_id.as_ref().is_none_or(|id| self.id.as_ref() == Some(id));
        let is_allowed = self.algorithm.is_none_or(|algorithm| algorithm == token.algorithm);
        is_named
            && is_allowed
            && matches!(
                (&self.material, token.algorithm),
                (Material::Rsa(_), Algorithm::Rs256 | Algorithm::Ps256)
                    | (Material::P256(_), Algorithm::Es256)
                    | (Material::Ed25519(_), Algorithm::EdDsa)
            )
    }

    fn verifies(&self, token: &Token<'_>) -> bool {
        let rsa = |key: &RsaPublicKeyComponents<Vec<u8>>, parameters: &RsaParameters| {
            key.verify(parameters, token.signed.as_bytes(), &token.signature).is_ok()
        };
        let other = |key: &[u8], algorithm: &'static dyn VerificationAlgorithm| {
            let key = UnparsedPublicKey::new(algorithm, key);
            key.verify(token.signed.as_bytes(), &token.signature).is_ok()
        };
        match (&self.material, token.algorithm) {
            (Material::Rsa(key), Algorithm::Rs256) => rsa(key, &RSA_PKCS1_2048_8192_SHA256),
            (Material::Rsa(key), Algorithm::Ps256) => rsa(key, &RSA_PSS_2048_8192_SHA256),
            (Material::P256(key), Algorithm::Es256) => other(key, &ECDSA_P256_SHA256_FIXED),
            (Material::Ed25519(key), Algorithm::EdDsa) => other(key, &ED25519),
            _ => false,
        }
    }
}

impl Material {
    /// Reads the key itself (RFC 7518, section 6; RFC 8037, section 2).
    fn read(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name| jwk.get(name).and_then(Value::as_str);
        let bytes = |name| text(name).and_then(decode);
        let field_element = |name| bytes(name).filter(|bytes| bytes.len() == 32);
        match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                let (n, e) = (without_zeros(bytes("n")?), without_zeros(bytes("e")?));
                let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
                RSA_BITS.contains(&bits).then_some(Self::Rsa(RsaPublicKeyComponents { n, e }))
            }
            ("EC", Some("P-256")) => {
                // SEC 1, section 2.3.3: 4 is an uncompressed point.
                Some(Self::P256([vec![4], field_element("x")?, field_element("y")?].concat()))
            }
            ("OKP", Some("Ed25519")) => Some(Self::Ed25519(field_element("x")?)),
            _ => None,
        }
    }
}

/// Some libraries write a zero byte before a number (RFC 7518, section 6.3.1.1), which `ring` refuses.
fn without_zeros(number: Vec<u8>) -> Vec<u8> {
    number.into_iter().skip_while(|byte| *byte == 0).collect()
}

//! The compact form of a signed JSON Web Token (RFC 7515, section 7.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::{Problem, json};

/// The longest token, in bytes. The host does not keep longer secrets.
const TOKEN_LIMIT: usize = 16 << 10;

/// A signature algorithm (RFC 7518, section 3.1; RFC 8037, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The algorithm of this name. `None` for all others, which include `none` and the symmetric ones: with `HS256`,
    /// anyone could sign with the public key (RFC 8725, section 2.1).
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// A token whose signature and claims are not checked yet.
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    /// The `kid` of the header: which key the token is signed with.
    pub(super) key_id: Option<String>,
    /// What the signature covers: the first two parts.
    pub(super) signed: &'a str,
    pub(super) signature: Vec<u8>,
    payload: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Splits and decodes a token, and reads its header.
    ///
    /// Keys in the header (`jwk`, `jku`, `x5c`, `x5u`) are ignored, because the sender of a forged token chooses them.
    pub(super) fn parse(text: &'a str) -> Result<Self, Problem> {
        if text.len() > TOKEN_LIMIT {
            return Err(Problem::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Problem::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Problem::Malformed)?;
        let header = decode(header).and_then(|header| json::object(&header));
        let (algorithm, key_id) = read_header(header.ok_or(Problem::Malformed)?)?;
        let payload = decode(payload).ok_or(Problem::Malformed)?;
        let signature = decode(signature).filter(|signature| !signature.is_empty());
        let signature = signature.ok_or(Problem::Malformed)?;
        Ok(Self { algorithm, key_id, signed, signature, payload })
    }

    /// The claims. They mean nothing until the signature is checked.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, Problem> {
        json::object(&self.payload).ok_or(Problem::Malformed)
    }
}

fn read_header(mut header: Map<String, Value>) -> Result<(Algorithm, Option<String>), Problem> {
    let algorithm = match header.get("alg") {
        Some(Value::String(name)) => Algorithm::named(name).ok_or(Problem::Algorithm)?,
        _ => return Err(Problem::Malformed),
    };
    // A receiver must refuse extensions that it does not implement (RFC 7515, section 4.1.11). There are none here.
    if header.contains_key("crit") {
        return Err(Problem::Malformed);
    }
    // Tokens for other purposes say so, such as `at+jwt` and `logout+jwt` (RFC 8725, section 3.11).
    match header.get("typ") {
        None => {}
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("JWT") => {}
        Some(_) => return Err(Problem::Malformed),
    }
    match header.remove("kid") {
        None => Ok((algorithm, None)),
        Some(Value::String(id)) => Ok((algorithm, Some(id))),
        Some(_) => Err(Problem::Malformed),
    }
}

/// Decodes base64url: no padding, no white space, no bits left over, so that each value has one form.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

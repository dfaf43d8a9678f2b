//! A provider for tests, with a key for each algorithm.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};

/// An RSA key of 2048 bits, for tests only: `ring` does not generate RSA keys. PKCS#8 in base64, made once with
/// `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`.
const TEST_RSA_KEY: &str = "\
    MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDLY2WsWNqdfju2Qov3Va5Ry73E83ZzTRPo4Y51Ap6UStq47sPP\
    pBJ9wASLT1dTVGLb1+koV0eX4nAlzwrger24POonV/AvWI8s/YSLx2zOnfAacFFky2uKgdItBam2FOhApdYwuRwzfbNxnfg2TtI7\
    YPfjNJStNbtjKDaeQVJLKHkYKburW6bdz2ldEqzBnTaxjwvTg4hHyJ/3GcuJmFG0laCg1E4JfwPKOxq83ooYNIifztOsSv7htREV\
    6n6QgoC2tnDc00bvkmR5qdgx8BE1UJHs5Yrvz+ATjxPIVJAbDCNv6pDhm7A/HVfpUxzARxkoHPfrZAK/0KMnWV38WqNRAgMBAAEC\
    ggEAAWlEyD2JObHMh+cIHwqrJsokBU5dVU8cJeQ9qyqJqySmLsWU+jurNHMSQ4u8HQQVyVVxo2+nmMmlnHe6wH/8bnalArtreHz+\
    FyVHiUAF5LQGYkiUIi5cPZJVBtEgg8gviXNLqs1sjNnSP0jXUDwPxhibyG+dge4pVLDMvU7pRCyWLjMvR2sOW9xAYF/CoTzqu8TY\
    yd3kHDCNMus7XEwF7qQgoHcFkVsJ7n0q5M3SZuqjrXgRhiUQ6BxsTKMT87LTSiWO7szLgAVQOdhIFdgHSmvAG/hVJxiaji+r9p2n\
    ATchm5H+MrhSBCWOWX+X070uxxu39o3Wj1sTl+V3Y56uOQKBgQDzWKPOW1f55EM30P6FOdwGzVdiGExsenPwwQ63+PGwnHCitvnF\
    CNY2tT2tO/gE/gXi2EC+yWhWtrAyZNl3/KaA9vGIEtyJm+VpEpJaNCcXYf3tH5668s8SVJnPeZq/9CoI6xq+j3GUNXCZv6PgALxm\
    +mDvbLo3YUg8QnTMhqxtnwKBgQDV9tjtLYkSnPqBccw+tzKDvzHslFh9nKUSzCqMTpEbcudFpAm0SvAI67wPjc3jksoATmcJGOfm\
    QGFGF3gTpt6324r7AwdbhjFLt3cIT2dM/sBHZy46dMxI83FYGwvPxAe3wbxMi7SYpyOb/tQOjQWlOE4cTSGKntBwr0Y2KHZpDwKB\
    gQDxj2wLzGDojs6q+auuVGE132B+39/9TxEITJxvw48n4iNtYnVOQhdi90biUEVDr2XoaQLcYNJSQcdmPvYhRYuDOZ9JlG+Xqklw\
    pB7jrCGh9IQ8fsbyjVVAvPpyGiSjp5ySfc9umrYEiYfdF391PUXIc4MGKMgxcUBjkRSgco93wQKBgQDLnWicdOvv4aFm1AO5Xx9c\
    TvPUnuuDRjG1LMQE17OxemxqUovFnlbFNoi2CI15VzSSjAnzl1cAQB4R1L25feCO+QdOjnhO+eopkwNcziuRExGqIZ/Vk1bgyYMA\
    hGR+KJ/rmBt4gK6xYsU5a40j98H6lBWJS0FzKGVWBwZ6/ZCJswKBgC9tQ20KPxw/GSs5t/vEfb9XUXF6Vqk2k9tEukCcpkXCfuW4\
    inyWfGsqb+8eKNqt7ieY33aie38FC9bkOonjwGUOyh9Y/t2vFD+Ndx6yRU8mTk5HadbvupNBHEV4+IYFbFqVrEZssOvxfuMk7U8Y\
    2OEm5D4y4ii5GiKBoKLZfj1j";

pub(super) struct Provider {
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
    random: SystemRandom,
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Provider {
    pub(super) fn new() -> Self {
        let random = SystemRandom::new();
        let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let p256 = EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
        Self {
            rsa: RsaKeyPair::from_pkcs8(&STANDARD.decode(TEST_RSA_KEY).unwrap()).unwrap(),
            p256: EcdsaKeyPair::from_pkcs8(curve, p256.as_ref(), &random).unwrap(),
            ed25519: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap(),
            random,
        }
    }

    /// A token with these parts, signed as its `alg` says. `HS256` signs with the modulus of the RSA key, and any
    /// other name with RS256.
    pub(super) fn token(&self, header: &Value, claims: &Value) -> String {
        let algorithm = header["alg"].as_str().unwrap_or_default();
        self.token_signed_with(algorithm, &header.to_string(), &claims.to_string())
    }

    pub(super) fn token_signed_with(&self, algorithm: &str, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.sign(algorithm, signed.as_bytes());
        format!("{signed}.{}", encode(signature))
    }

    fn sign(&self, algorithm: &str, signed: &[u8]) -> Vec<u8> {
        let rsa = |encoding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; self.rsa.public().modulus_len()];
            self.rsa.sign(encoding, &self.random, signed, &mut signature).unwrap();
            signature
        };
        match algorithm {
            "PS256" => rsa(&RSA_PSS_SHA256),
            "ES256" => self.p256.sign(&self.random, signed).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed25519.sign(signed).as_ref().to_vec(),
            "HS256" => {
                let secret = hmac::Key::new(hmac::HMAC_SHA256, &self.modulus());
                hmac::sign(&secret, signed).as_ref().to_vec()
            }
            _ => rsa(&RSA_PKCS1_SHA256),
        }
    }

    fn modulus(&self) -> Vec<u8> {
        RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public()).n
    }

    /// The public key for an algorithm, without `kid`, `use` and `alg`.
    pub(super) fn key(&self, algorithm: &str) -> Value {
        match algorithm {
            "ES256" => {
                let point = self.p256.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
            "EdDSA" => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(self.ed25519.public_key())})
            }
            _ => {
                let key = RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
                json!({"kty": "RSA", "n": encode(key.n), "e": encode(key.e)})
            }
        }
    }

    /// Another RSA key that nobody can sign with: one bit of its modulus is flipped.
    pub(super) fn other_rsa_key(&self) -> Value {
        let mut modulus = self.modulus();
        modulus[100] ^= 1;
        json!({"kty": "RSA", "n": encode(modulus), "e": "AQAB"})
    }
}

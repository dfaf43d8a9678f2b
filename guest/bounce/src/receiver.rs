//! The program that waits for the callback.

use std::fmt;

use crate::refusal::Refusal;

/// The length of the random part of a `state`: 128 bits in lower-case hexadecimal digits.
const RANDOM: usize = 32;

/// The lowest port that is a target. The ports below belong to the system.
const LOWEST: u16 = 1024;

/// A program that listens on `127.0.0.1`. Only its port varies, so no request can choose another host.
///
/// The host is never `localhost`: a browser that knows a strict transport security policy for that name would use
/// `https`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receiver {
    pub(crate) port: u16,
}

impl Receiver {
    /// Read the port from the only `state` among the parameters. A `state` is five digits, which are the port, and 32
    /// lower-case hexadecimal digits.
    pub(crate) fn of<N, V>(parameters: impl Iterator<Item = (N, V)>) -> Result<Self, Refusal>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut states = parameters.filter(|(name, _)| name.as_ref() == "state");
        let (_, state) = states.next().ok_or(Refusal::NoState)?;
        if states.next().is_some() {
            return Err(Refusal::TwoStates);
        }
        let (port, random) = state.as_ref().split_at_checked(5).ok_or(Refusal::State)?;
        let is_random = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if random.len() != RANDOM || !random.bytes().all(is_random) {
            return Err(Refusal::State);
        }
        // `parse` alone would accept a sign.
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal::State);
        }
        let port = port.parse().ok().filter(|port| *port >= LOWEST).ok_or(Refusal::Port)?;
        Ok(Self { port })
    }

    /// The URL of the callback, without a query.
    pub(crate) fn url(self) -> String {
        format!("{self}/callback")
    }
}

/// Writes the origin.
impl fmt::Display for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://127.0.0.1:{}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: &str = "0123456789abcdef0123456789abcdef";

    fn of(query: &str) -> Result<u16, Refusal> {
        Receiver::of(form_urlencoded::parse(query.as_bytes())).map(|receiver| receiver.port)
    }

    #[test]
    fn the_port_is_the_first_five_digits_of_the_state() {
        for port in [1024, 43117, 65535] {
            assert_eq!(of(&format!("code=x&state={port:05}{RANDOM}")), Ok(port));
        }
        assert_eq!(of(&format!("error=access_denied&state=08080{RANDOM}")), Ok(8080));
    }

    /// The program decodes the value before it compares it, so the encoding does not matter.
    #[test]
    fn an_encoded_state_is_the_same_state() {
        assert_eq!(of(&format!("state=%343117{RANDOM}")), Ok(43117));
        assert_eq!(of(&format!("st%61te=43117{RANDOM}")), Ok(43117));
    }

    #[test]
    fn ports_outside_of_1024_to_65535_are_refused() {
        for port in ["00000", "00022", "00080", "00443", "01023", "65536", "70000", "99999"] {
            assert_eq!(of(&format!("state={port}{RANDOM}")), Err(Refusal::Port), "{port}");
        }
    }

    #[test]
    fn a_missing_state_is_refused() {
        for query in [
            "",
            "code=x",
            &format!("State=43117{RANDOM}"),
            &format!("STATE=43117{RANDOM}"),
            &format!("state[]=43117{RANDOM}"),
            &format!("state[0]=43117{RANDOM}"),
            &format!("%20state=43117{RANDOM}"),
            &format!("+state=43117{RANDOM}"),
            &format!("state%00=43117{RANDOM}"),
            &format!("x=1;state=43117{RANDOM}"),
            &format!("?state=43117{RANDOM}"),
            &format!("{}state=43117{RANDOM}", "s".repeat(5000)),
        ] {
            assert_eq!(of(query), Err(Refusal::NoState), "{query}");
        }
    }

    #[test]
    fn a_repeated_state_is_refused() {
        for other in ["", "43117", &format!("43117{RANDOM}"), &format!("43118{RANDOM}")] {
            for name in ["state", "st%61te", "%73tate"] {
                let query = format!("state=43117{RANDOM}&code=x&{name}={other}");
                assert_eq!(of(&query), Err(Refusal::TwoStates), "{query}");
                let query = format!("{name}={other}&state=43117{RANDOM}");
                assert_eq!(of(&query), Err(Refusal::TwoStates), "{query}");
            }
        }
    }

    #[test]
    fn a_state_of_another_form_is_refused() {
        for state in [
            "",
            "43117",
            "state",
            RANDOM,
            // 36 and 38 characters.
            &format!("43117{}", &RANDOM[1..]),
            &format!("4311{RANDOM}"),
            &format!("43117{RANDOM}0"),
            &format!("143117{RANDOM}"),
            // The digits of other scripts, and other digits than hexadecimal ones.
            &format!("４３１１７{RANDOM}"),
            &format!("٤٣١١٧{RANDOM}"),
            &format!("4311７{RANDOM}"),
            &format!("43117{}", "０".repeat(32)),
            &format!("43117{}", RANDOM.to_uppercase()),
            &format!("43117{}g", &RANDOM[1..]),
            &format!("0xa86{RANDOM}"),
            &format!("+4311{RANDOM}"),
            &format!("-4311{RANDOM}"),
            &format!("%2b4311{RANDOM}"),
            &format!("4311.{RANDOM}"),
            &format!("4e003{RANDOM}"),
            &format!(" 4311{RANDOM}"),
            &format!("43117{} ", &RANDOM[1..]),
            &format!("43117{}%0a", &RANDOM[1..]),
            &format!("43117{}%00", &RANDOM[1..]),
            &format!("%0d%0a431{RANDOM}"),
            // Other hosts.
            "43117@evil.example",
            "43117.evil.example",
            "evil.example:43117",
            "//evil.example/",
            "https://evil.example/",
            "[::1]:43117",
            "127.0.0.1:43117",
            &format!("43117@evil.example/{}", &RANDOM[..18]),
            &format!("43117.evil.example{}", &RANDOM[..19]),
            &format!("@evil{RANDOM}"),
            &format!("::1:1{RANDOM}"),
            // No separator other than `&` ends a value.
            &format!("43117{RANDOM};code=x"),
            &format!("43117{RANDOM},43117{RANDOM}"),
            &format!("43117{RANDOM}%26x=1"),
            &"4".repeat(5000),
        ] {
            assert_eq!(of(&format!("code=x&state={state}")), Err(Refusal::State), "{state}");
        }
        assert_eq!(of("state"), Err(Refusal::State));
    }

    /// A property of random queries.
    #[test]
    fn an_accepted_query_has_one_state_with_the_port() {
        const PARTS: [&str; 22] = [
            "state",
            "=",
            "&",
            ";",
            "43117",
            RANDOM,
            "@",
            "evil.example",
            "%",
            "00",
            "0d",
            "0a",
            "/",
            "\\",
            "#",
            "?",
            "+",
            "[",
            "::1",
            "７",
            "01023",
            "99999",
        ];
        // Marsaglia's xorshift, so that each run is the same.
        let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut accepted = 0;
        for _ in 0..200_000 {
            let mut query = String::new();
            let mut rest = random;
            for _ in 0..=random % 9 {
                query += PARTS[(rest % 22) as usize];
                rest /= 22;
            }
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let query =
                if random & 1 == 0 { query } else { format!("state=43117{RANDOM}&{query}") };
            let Ok(port) = of(&query) else { continue };
            accepted += 1;
            let mut states =
                form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
            let (_, state) = states.next().unwrap();
            assert!(states.next().is_none() && state.len() == 37, "{query}");
            assert!(port >= 1024 && state.starts_with(&format!("{port:05}")), "{query}");
        }
        assert!(accepted > 1000, "{accepted}");
    }

    #[test]
    fn the_url_names_the_address_and_the_port() {
        let receiver = Receiver { port: 43117 };
        assert_eq!(receiver.to_string(), "http://127.0.0.1:43117");
        assert_eq!(receiver.url(), "http://127.0.0.1:43117/callback");
    }
}

//! Several answers of one run: what a guest learns from all of them together.

use super::*;

const KEY: &str = "GOCSPX-k3Vq9ZtLmWx2";

/// What the guest reads at `/login` of `body`, in a run that sends the secret [`KEY`].
fn login(vault: &Vault, body: &str) -> String {
    shown(read_in(vault, &sent(&[KEY]), response(200, "", body)).unwrap().get("/login"))
}

/// An endpoint that repeats the guest's guesses. Without the seal, each answer tells whether the guess is right.
#[test]
fn only_the_first_right_guess_of_a_run_tells_something() {
    let vault = Vault::default();
    let guess = |text: &str| login(&vault, &format!(r#"{{"login":"{text}"}}"#));
    for wrong in ["GOCSPX-a", "ada", "434f435350582d"] {
        assert_eq!(guess(wrong), format!("text {wrong}"));
    }
    assert_eq!(vault.sealed(), None);
    assert_eq!(guess("GOCSPX-k"), "secret GOCSPX-k");
    assert_eq!(vault.sealed(), Some(Sealed::Repeated));
    for any in ["OCSPX-k3", "OCSPX-k4", "ada", "1"] {
        assert_eq!(guess(any), format!("secret {any}"));
    }
    // What the guest knows anyway is still told.
    let answer = read_in(
        &vault,
        &sent(&[KEY]),
        response(400, "", r#"{"error":"invalid_grant","scope":"read"}"#),
    );
    let answer = answer.unwrap();
    assert_eq!(shown(answer.get("/error")), "text invalid_grant");
    assert_eq!(shown(answer.get("/scope")), "text read");
    // The counter-check: another run.
    assert_eq!(login(&Vault::default(), r#"{"login":"ada"}"#), "text ada");
}

#[test]
fn an_earlier_answer_is_sealed_too() {
    let vault = Vault::default();
    let request = sent(&[KEY]);
    let earlier = read_in(&vault, &request, response(200, "", r#"{"login":"ada"}"#)).unwrap();
    assert_eq!(shown(earlier.get("/login")), "text ada");
    login(&vault, &format!(r#"{{"login":"{KEY}"}}"#));
    assert_eq!(shown(earlier.get("/login")), "secret ada");
}

#[test]
fn a_token_of_the_same_answer_is_not_repeated() {
    for (body, readable) in [
        (r#"{"access_token":"tok-AbCdEf123456","login":"tok-AbCdEf123456"}"#, false),
        (r#"{"access_token":"tok-AbCdEf123456","login":"xAbCdEf12x"}"#, false),
        (r#"{"login":"tok-AbCdEf123456","data":{"userToken":["tok-AbCdEf123456"]}}"#, false),
        (r#"{"client_secret":1234567890,"login":"1234567890"}"#, false),
        // A part of a token that is less than half of it may be the number of the account.
        (
            r#"{"access_token":"xoxp-17653672481-19874698323-pdFZKVeTuE8s","login":"17653672481"}"#,
            true,
        ),
        (r#"{"access_token":"tok-AbCdEf123456","login":"AbCdEf1"}"#, true),
        // These are no tokens.
        (r#"{"token_type":"rate_limited","login":"rate_limited"}"#, true),
        (r#"{"code":"rate_limited","login":"rate_limited"}"#, true),
        (r#"{"token":"ada","login":"ada"}"#, true),
    ] {
        assert_eq!(login(&Vault::default(), body).starts_with("text "), readable, "{body}");
    }
    let body = r#"{"access_token":"8417263549","expires_x":8417263549}"#;
    assert_eq!(shown(sealed(&[], body).unwrap().get("/expires_x")), "secret 8417263549");
}

#[test]
fn a_token_of_an_earlier_answer_is_not_repeated() {
    let vault = Vault::default();
    login(&vault, r#"{"refresh_token":"tok-AbCdEf123456"}"#);
    assert_eq!(login(&vault, r#"{"login":"ada"}"#), "text ada");
    assert_eq!(login(&vault, r#"{"login":"AbCdEf123456"}"#), "secret AbCdEf123456");
}

/// A guest may send any value of an answer as a secret, such as a token under a name that no one knows.
#[test]
fn a_value_that_was_sent_is_not_repeated() {
    let vault = Vault::default();
    let answer = read_in(&vault, &sent(&[]), response(200, "", r#"{"jwt":"pin4711"}"#)).unwrap();
    let Some(Leaf::Secret(jwt)) = answer.get("/jwt") else { panic!("it is sealed") };
    assert_eq!(login(&vault, r#"{"login":"pin4711"}"#), "text pin4711");
    let request = form(TOKEN, &[("code", Value::Secret(jwt))]).build(&grants()).unwrap();
    let answer = read_in(&vault, &request, response(200, "", r#"{"login":"pin4711"}"#)).unwrap();
    assert_eq!(shown(answer.get("/login")), "secret pin4711");
}

#[test]
fn a_secret_in_pieces_is_found_across_the_values_of_an_answer() {
    let body = |pieces: [&str; 3]| {
        let [a, b, c] = pieces;
        format!(r#"{{"login":"{a}","x":"other","team":{{"name":"{b}"}},"id":"{c}"}}"#)
    };
    assert_eq!(login(&Vault::default(), &body(["k3V", "q9Z", "tLm"])), "secret k3V");
    // The counter-check: the order of the answer counts, and not that of the names.
    assert_eq!(login(&Vault::default(), &body(["tLm", "k3V", "q9Z"])), "text tLm");
}

#[test]
fn more_tokens_than_a_vault_keeps_seal_it() {
    let vault = Vault::default();
    let token = |number: u32| format!(r#"{{"access_token":"token-{number:04}","login":"ada"}}"#);
    // The same token counts once.
    for number in (0..64).chain(0..64) {
        assert_eq!(login(&vault, &token(number)), "text ada", "{number}");
    }
    assert_eq!(login(&vault, &token(64)), "secret ada");
    assert_eq!(vault.sealed(), Some(Sealed::Full));
}

/// Pseudorandom characters of `alphabet` (xorshift64*), the same in each run of the test.
fn random(state: &mut u64, alphabet: &str, length: usize) -> String {
    let mut next = || {
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize
    };
    (0..length).map(|_| char::from(alphabet.as_bytes()[next() % alphabet.len()])).collect()
}

/// With parts of four characters, several of these sign-ins would lack the name of the account.
#[test]
fn a_coincidence_does_not_seal_a_run() {
    const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
    const DIGITS: &str = "0123456789";
    let mut state = 7;
    for number in 0..150 {
        let mut random = |alphabet, length| random(&mut state, alphabet, length);
        let (hex, verifier) = (random("0123456789abcdef", 40), random(BASE64, 43));
        let token = random(BASE64, 500);
        let refresh = random(BASE64, 100);
        let (name, mail) = (random(LETTERS, 10), random(LETTERS, 12));
        let (id, lifetime) = (random(&DIGITS[1..], 17), random(&DIGITS[1..], 7));
        let body = |login: &str| {
            format!(
                r#"{{"access_token":"{token}","refresh_token":"{refresh}","login":"{login}",
                    "team":{{"name":"{mail}@example.com"}},"id":{id},"expires_in":{lifetime}}}"#
            )
        };
        let vault = Vault::default();
        let login = |body: &str| {
            let request = sent(&[&hex, &verifier]);
            shown(read_in(&vault, &request, response(200, "", body)).unwrap().get("/login"))
        };
        assert_eq!(login(&body(&name)), format!("text {name}"), "{number}");
        // The counter-check.
        let part = &verifier[number % 35..][..8];
        assert_eq!(login(&body(part)), format!("secret {part}"), "{number}");
    }
}

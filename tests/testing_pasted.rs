//! The test of `guest/TESTING.md`, which readers can paste.

const GUEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests/exchange.wasm");

use curtaincall::testing::http::{Method, Request};
use curtaincall::testing::{CannedAnswer, TestGuest};

#[test]
fn the_code_becomes_a_token() -> Result<(), Box<dyn std::error::Error>> {
    let mut guest = TestGuest::load(GUEST.parse()?)?;
    guest.setup().variables.set("client_id", "bot");
    guest.setup().variables.set("token_endpoint", "https://idp.example/token");
    guest.setup().net.allow("https://idp.example/token")?;
    let token = CannedAnswer::new(Method::POST, &"https://idp.example/token".parse()?);
    guest.setup().answer(token.if_form("code", "abc").body(r#"{"access_token":"t0ken"}"#));

    let reply = guest.call(Request::get("/callback?code=abc").body(Vec::new())?)?;

    assert_eq!(reply.response.status(), 200);
    assert_eq!(reply.outcome().and_then(|outcome| outcome.get("access_token")), Some("t0ken"));
    Ok(())
}

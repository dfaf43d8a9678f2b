//! The name of the session at AWS, which shows up in the logs of the account.

/// The length of a name that AWS accepts, in characters.
const SHORTEST: usize = 2;
const LONGEST: usize = 64;

/// The name of a person as a name that AWS accepts: `[\w+=,.@-]{2,64}`.
///
/// Different persons can get the same name, so it is only for people to read. AWS decides by the ID token.
pub(crate) fn session_name(person: &str) -> String {
    let allowed = |c: char| if is_allowed(c) { c } else { '-' };
    let name: String = person.chars().map(allowed).take(LONGEST).collect();
    format!("{name:-<SHORTEST$}")
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_address_is_unchanged() {
        assert_eq!(session_name("ada.l+aws_x@example.org"), "ada.l+aws_x@example.org");
    }

    #[test]
    fn other_characters_are_replaced_one_by_one() {
        assert_eq!(session_name("\"o'neil b\u{e9}\"@example.org"), "-o-neil-b--@example.org");
        assert_eq!(session_name("auth0|5f&Action=x\n"), "auth0-5f-Action=x-");
    }

    #[test]
    fn the_length_is_from_2_to_64() {
        assert_eq!(session_name("7"), "7-");
        assert_eq!(session_name(&"\u{e9}".repeat(255)), "-".repeat(64));
    }
}

//! The embedded default guest. It shows a page, and returns the authorization response as the outcome.

mod page;

use curtaincall_guest::{Guest, Reply, Request};

struct Default;

impl Guest for Default {
    fn handle(request: Request) -> Reply {
        if let Some(error) = value(&request, "error") {
            let description = value(&request, "error_description");
            let page = page::failed(&error, description.as_deref());
            return Reply::failure(page, &error, description.as_deref());
        }
        match response_values(&request) {
            values if values.is_empty() => Reply::pending(page::nothing()),
            values => Reply::success(page::succeeded(), values),
        }
    }
}

curtaincall_guest::export!(Default);

/// The first value called `name`, unless it is empty.
fn value(request: &Request, name: &str) -> Option<String> {
    request.parameter(name).filter(|value| !value.is_empty())
}

/// The shell variables of the names that the host reserves: see [`variable`].
const RESERVED: [&str; 5] =
    ["CODE_VERIFIER", "REDIRECT_URI", "NONCE", "ERROR", "ERROR_DESCRIPTION"];

/// Every parameter of the authorization response (RFC 6749, section 4.1.2) that the host accepts as a value, except
/// `state`, which the host has already checked. If names such as `code` and `Code` become the same shell variable,
/// `code` is kept. Returns nothing if all values are empty, or if a name or value is invalid.
fn response_values(request: &Request) -> Vec<(String, String)> {
    let mut values: Vec<(String, String)> = Vec::new();
    for (name, value) in request.parameters() {
        if !is_name(&name) || value.contains('\0') {
            return Vec::new();
        }
        let variable = variable(&name);
        if name == "state" || RESERVED.contains(&variable.as_str()) {
            continue;
        }
        let value = (name.into_owned(), value.into_owned());
        match values.iter_mut().find(|(known, _)| self::variable(known) == variable) {
            None => values.push(value),
            Some(known) if is_plain(&value.0) && !is_plain(&known.0) => *known = value,
            Some(_) => {}
        }
    }
    if values.iter().all(|(_, value)| value.is_empty()) { Vec::new() } else { values }
}

/// The shell variable for a name. The host refuses two names with the same variable.
fn variable(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(letter).collect()
}

/// Whether a name is in the style of the specifications, such as `access_token`.
fn is_plain(name: &str) -> bool {
    variable(name).to_ascii_lowercase() == name
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use curtaincall_guest::Outcome;

    fn body(reply: &Reply) -> &str {
        std::str::from_utf8(&reply.response.body).unwrap()
    }

    #[test]
    fn success_contains_every_parameter_except_state() {
        let reply = Default::handle(Request::get(
            "/callback?code=a%2Fb&state=s&iss=https%3A%2F%2Fidp&scope=a+b&scope=c",
        ));
        let Some(Outcome::Success(values)) = reply.outcome() else { panic!("no success") };
        let values: Vec<_> = values.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(values, [("code", "a/b"), ("iss", "https://idp"), ("scope", "a b")]);
        assert!(body(&reply).contains("You can close this tab"));
    }

    #[track_caller]
    fn handed_over(query: &str) -> Vec<(String, String)> {
        match Default::handle(Request::get(&format!("/callback?{query}"))).outcome() {
            Some(Outcome::Success(values)) => values.clone(),
            _ => panic!("no success: {query}"),
        }
    }

    #[test]
    fn reserved_names_are_left_out() {
        for reserved in
            ["nonce=n", "Nonce=n", "code-verifier=v", "REDIRECT_URI=u", "error=", "Error=e"]
        {
            let values = handed_over(&format!("{reserved}&code=abc"));
            assert_eq!(values, [("code".to_owned(), "abc".to_owned())], "{reserved}");
        }
        let values = handed_over("code=abc&nonces=n");
        assert_eq!(values.len(), 2, "a name that is not reserved stays");
    }

    #[test]
    fn of_names_with_one_shell_variable_the_plain_one_is_kept() {
        for query in ["code=good&Code=evil&co%64E=evil", "Code=evil&code=good&CODE=evil"] {
            assert_eq!(handed_over(query), [("code".to_owned(), "good".to_owned())], "{query}");
        }
        let values = handed_over("a-b=first&a.b=second");
        assert_eq!(values, [("a-b".to_owned(), "first".to_owned())]);
    }

    #[test]
    fn a_form_post_is_read_like_a_query() {
        let reply = Default::handle(Request::post_form("/callback", "code=abc&state=s"));
        assert_eq!(reply.outcome().unwrap().get("code"), Some("abc"));
    }

    #[test]
    fn a_provider_error_is_a_failure_and_its_text_is_escaped() {
        let reply = Default::handle(Request::get(
            "/callback?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&code=x",
        ));
        let Some(Outcome::Failure(failure)) = reply.outcome() else { panic!("no failure") };
        assert_eq!(failure.error, "access_denied");
        assert_eq!(failure.description.as_deref(), Some("<script>alert(1)</script>"));
        assert!(!body(&reply).contains("<script"), "{}", body(&reply));
        assert!(body(&reply).contains("&lt;script"), "{}", body(&reply));
    }

    #[test]
    fn an_error_code_is_escaped_too() {
        let reply = Default::handle(Request::get("/callback?error=%3Cb%3E%22"));
        assert!(!body(&reply).contains("<b>"), "{}", body(&reply));
    }

    #[test]
    fn a_request_without_parameters_leaves_the_flow_open() {
        for nothing in [
            "/callback",
            "/callback?",
            "/callback?state=s",
            "/callback?code=",
            "/callback?error=",
            "/callback?a%0Ab=1",
            "/callback?=1",
            "/callback?code=a%00b",
        ] {
            let reply = Default::handle(Request::get(nothing));
            assert!(reply.outcome().is_none(), "{nothing}");
            assert_eq!(reply.response.status_code, 400, "{nothing}");
        }
    }
}

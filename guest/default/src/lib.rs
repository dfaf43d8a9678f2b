//! The embedded default guest: it shows what came back, and hands it over.

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

/// Every parameter of the authorization response (RFC 6749, section 4.1.2) but `state`, which has
/// done its work; the first of each name. None at all where they are not ones that a program takes.
fn response_values(request: &Request) -> Vec<(String, String)> {
    let mut values: Vec<(String, String)> = Vec::new();
    for (name, value) in request.parameters() {
        if !is_name(&name) || value.contains('\0') {
            return Vec::new();
        }
        if name != "state" && !values.iter().any(|(known, _)| *known == name) {
            values.push((name.into_owned(), value.into_owned()));
        }
    }
    match values.iter().all(|(_, value)| value.is_empty()) {
        true => Vec::new(),
        false => values,
    }
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
    fn success_has_every_parameter_but_state() {
        let reply = Default::handle(Request::get(
            "/callback?code=a%2Fb&state=s&iss=https%3A%2F%2Fidp&scope=a+b&scope=c",
        ));
        let Some(Outcome::Success(values)) = reply.outcome() else { panic!("no success") };
        let values: Vec<_> = values.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(values, [("code", "a/b"), ("iss", "https://idp"), ("scope", "a b")]);
        assert!(body(&reply).contains("You can close this tab"));
    }

    #[test]
    fn a_form_post_counts_as_a_query_does() {
        let reply = Default::handle(Request::post_form("/callback", "code=abc&state=s"));
        assert_eq!(reply.outcome().unwrap().get("code"), Some("abc"));
    }

    #[test]
    fn a_provider_error_is_a_failure_with_its_words_escaped() {
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
    fn a_request_with_nothing_useful_leaves_the_flow_open() {
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

//! Access to the parameters and header fields of a request.

use std::borrow::Cow;

use crate::Request;

const FORM: &str = "application/x-www-form-urlencoded";

impl Request {
    /// Create a `GET` request for a test, with a path and query such as `/callback?code=abc`.
    pub fn get(path_with_query: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            path_with_query: path_with_query.to_owned(),
            authority: "127.0.0.1:1".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Create a `POST` request with a form for a test, as with `response_mode=form_post`.
    pub fn post_form(path_with_query: &str, form: &str) -> Self {
        Self {
            method: "POST".to_owned(),
            headers: vec![("content-type".to_owned(), FORM.as_bytes().to_vec())],
            body: form.as_bytes().to_vec(),
            ..Self::get(path_with_query)
        }
    }

    /// The decoded names and values of the query, then those of a form body.
    pub fn parameters(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let query = self.path_with_query.split_once('?').map_or("", |(_, query)| query);
        let form: &[u8] = if self.is_form() { &self.body } else { b"" };
        form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(form))
    }

    /// The first value with this name in the query or the form.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.parameters().find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    }

    /// The value of the first header field with this name, if it is text. `name` must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        std::str::from_utf8(value).ok()
    }

    fn is_form(&self) -> bool {
        let essence = self.header("content-type").and_then(|value| value.split(';').next());
        essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(FORM))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_from_the_query_and_then_the_form() {
        let request = Request::post_form("/callback?a=1&b=x%20y", "b=2&c=%C3%A9+%2B");
        let all: Vec<_> = request.parameters().collect();
        let all: Vec<_> = all.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(all, [("a", "1"), ("b", "x y"), ("b", "2"), ("c", "é +")]);
        assert_eq!(request.parameter("b").as_deref(), Some("x y"));
        assert_eq!(request.parameter("d"), None);
    }

    #[test]
    fn a_body_that_is_not_a_form_has_no_parameters() {
        let mut request = Request::post_form("/callback", "a=1");
        request.headers[0].1 = b"text/plain".to_vec();
        assert_eq!(request.parameters().count(), 0);
        request.headers[0].1 = b"Application/X-WWW-Form-URLencoded; charset=utf-8".to_vec();
        assert_eq!(request.parameters().count(), 1);
    }

    #[test]
    fn a_header_is_found_by_its_name() {
        let request = Request::post_form("/", "");
        assert_eq!(request.header("content-type"), Some(FORM));
        assert_eq!(request.header("accept"), None);
    }
}

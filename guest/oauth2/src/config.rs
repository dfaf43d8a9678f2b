//! The configuration: names and values. An empty value counts as missing, so that it can unset one of a preset.

use crate::failure::Failure;
use crate::names;

/// The configuration of a provider.
pub(crate) struct Config(Vec<(String, String)>);

impl Config {
    pub(crate) fn new(values: Vec<(String, String)>) -> Self {
        Self(values)
    }

    /// The names that have a value.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let values = self.0.iter().filter(|(_, value)| !value.is_empty());
        values.map(|(name, _)| name.as_str())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        debug_assert!(names::is_known(name), "`{name}` is missing in the list of settings");
        self.value(name)
    }

    fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| Failure::missing(name))
    }

    /// The names and values of a table: `b` and its value for `a.b` in the table `a.`.
    pub(crate) fn table(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        debug_assert!(names::is_known(prefix), "`{prefix}` is missing in the list of tables");
        let values = self.0.iter().filter(|(_, value)| !value.is_empty());
        values.filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// One of some words.
    pub(crate) fn choice<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Failure> {
        let Some(value) = self.get(name) else { return Ok(None) };
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == value) {
            return Ok(Some(*meaning));
        }
        let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        Err(Failure::invalid(name, value, &words.join(" or ")))
    }

    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool, Failure> {
        Ok(self.choice(name, &[("true", true), ("false", false)])?.unwrap_or(default))
    }

    /// A number of seconds.
    pub(crate) fn seconds(&self, name: &str) -> Result<Option<u64>, Failure> {
        let seconds = |value: &str| {
            value.parse().map_err(|_| Failure::invalid(name, value, "a number of seconds"))
        };
        self.get(name).map(seconds).transpose()
    }

    /// A URL, with each `{variable}` in it replaced by the value of that name.
    ///
    /// `{tenantid}` stays: the host compares it with the ID token's own tenant.
    pub(crate) fn url(&self, name: &str) -> Result<Option<String>, Failure> {
        let Some(template) = self.get(name) else { return Ok(None) };
        let mut url = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((variable, after)) = after.split_once('}') else {
                return Err(Failure::invalid(name, template, "`}` after each `{`"));
            };
            url += before;
            if variable == "tenantid" {
                url += "{tenantid}";
            } else {
                url += self.variable(variable)?;
            }
            rest = after;
        }
        Ok(Some(url + rest))
    }

    /// The value of a variable in a URL. It must not add anything to the URL but a name.
    fn variable(&self, name: &str) -> Result<&str, Failure> {
        let value = self.value(name).ok_or_else(|| Failure::missing(name))?;
        if value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-') {
            Ok(value)
        } else {
            Err(Failure::invalid(name, value, "only letters, digits, `.` and `-`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(values: &[(&str, &str)]) -> Config {
        let owned = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::new(owned.collect())
    }

    #[test]
    fn an_empty_value_counts_as_missing() {
        let config = config(&[("scope", ""), ("token.a", ""), ("token.b", "1")]);
        assert_eq!(config.get("scope"), None);
        assert_eq!(config.required("scope").unwrap_err().what, "`scope` is not configured.");
        assert_eq!(config.table("token.").collect::<Vec<_>>(), [("b", "1")]);
    }

    #[test]
    fn an_unknown_word_is_a_failure_that_names_the_words() {
        let config = config(&[("pkce", "yes"), ("expires_in", "1h")]);
        assert_eq!(
            config.flag("pkce", true).unwrap_err().what,
            "Invalid `pkce` in the configuration: expected `true` or `false`, got `yes`."
        );
        assert!(config.seconds("expires_in").is_err());
        assert!(config.flag("nonce", true).unwrap());
    }

    #[test]
    fn a_variable_in_a_url_is_filled_in_and_cannot_change_the_rest_of_it() {
        let url = |tenant: &str| {
            let template = "https://idp.example/{tenant}/v2.0/{tenantid}";
            config(&[("issuer", template), ("tenant", tenant)]).url("issuer").map(Option::unwrap)
        };
        assert_eq!(url("a-1.b").unwrap(), "https://idp.example/a-1.b/v2.0/{tenantid}");
        for hostile in ["a/b", "a?b", "a#b", "a@b", "a%2fb", "a b", "ä", "{a}", "a:1"] {
            assert_eq!(url(hostile).unwrap_err().error, "invalid_configuration", "{hostile}");
        }
        assert_eq!(url("").unwrap_err().what, "`tenant` is not configured.");
        assert!(config(&[("issuer", "https://{a")]).url("issuer").is_err());
    }
}

//! The query of a callback by GET.

use crate::receiver::Receiver;
use crate::refusal::Refusal;

/// The maximum length in bytes. Servers limit the head of a request to 8 or 16 KiB.
const MOST: usize = 8 << 10;

/// A query that a browser passes on unchanged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Query<'a> {
    pub(crate) receiver: Receiver,
    raw: &'a str,
}

impl<'a> Query<'a> {
    /// Check a query, as it is in the request.
    ///
    /// It becomes a part of a header field, so it must be printable ASCII. It must not contain a `#`, which would end
    /// the query. Every other character stays in the URL: the rest of a `Refresh` field is the URL if no quotation mark
    /// begins it (HTML, "shared declarative refresh steps"), and a URL in `http` begins with `h`.
    pub(crate) fn parse(raw: &'a str) -> Result<Self, Refusal> {
        if raw.len() > MOST {
            return Err(Refusal::LongQuery);
        }
        if !raw.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(Refusal::Character);
        }
        let receiver = Receiver::of(form_urlencoded::parse(raw.as_bytes()))?;
        Ok(Self { receiver, raw })
    }

    /// The URL of the program, with this query, byte for byte.
    pub(crate) fn url(&self) -> String {
        format!("{}?{}", self.receiver.url(), self.raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = "state=431170123456789abcdef0123456789abcdef";

    #[test]
    fn a_query_is_passed_on_byte_for_byte() {
        for query in [
            STATE.to_owned(),
            format!("code=a%2Fb+c&{STATE}&iss=https%3A%2F%2Fidp.example&scope=a+b&scope=c"),
            format!("error=access_denied&error_description=The+user+said+no&{STATE}"),
            format!("&&a&=b&a=&{STATE}&"),
            format!("{STATE}&x=;,'\"<>`{{}}|\\^~!*()[]:@/?$"),
            format!("x=%zz%&{STATE}&y=%0d%0a%00%C3%A9"),
            format!("{STATE}&x={}", "x".repeat(MOST - STATE.len() - 3)),
        ] {
            let url = Query::parse(&query).map(|query| query.url());
            assert_eq!(url, Ok(format!("http://127.0.0.1:43117/callback?{query}")));
        }
    }

    #[test]
    fn a_query_that_a_browser_would_change_is_refused() {
        for part in ["\r\nX: y", "\n", "\t", " ", "\0", "\u{7f}", "é", "７", "\u{80}", "#x"] {
            for query in [format!("{STATE}{part}"), format!("code={part}&{STATE}")] {
                assert_eq!(Query::parse(&query), Err(Refusal::Character), "{query:?}");
            }
        }
    }

    #[test]
    fn a_query_of_more_than_8_kib_is_refused() {
        for length in [MOST - STATE.len() - 2, 100_000] {
            let query = format!("{STATE}&x={}", "x".repeat(length));
            assert_eq!(Query::parse(&query), Err(Refusal::LongQuery));
        }
    }
}

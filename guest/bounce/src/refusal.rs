//! The reasons for which a request is not sent on.

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No page is at this path.
    NotFound,
    /// The method is not one of these.
    Method(&'static str),
    /// The body is not a form.
    MediaType,
    /// The query is too long.
    LongQuery,
    /// The body is too large.
    LargeBody,
    /// The body did not arrive whole.
    PartialBody,
    /// The query or the form contains a character that a browser would change.
    Character,
    /// No parameter is called `state`.
    NoState,
    /// More than one parameter is called `state`.
    TwoStates,
    /// The `state` does not have the form of [`Receiver::of`](crate::receiver::Receiver::of).
    State,
    /// The `state` names a port that is not allowed.
    Port,
}

impl Refusal {
    /// The status code (RFC 9110, section 15.5).
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Method(_) => 405,
            Self::LargeBody => 413,
            Self::LongQuery => 414,
            Self::MediaType => 415,
            Self::PartialBody
            | Self::Character
            | Self::NoState
            | Self::TwoStates
            | Self::State
            | Self::Port => 400,
        }
    }

    /// What happened, for the person and for the operator. It is HTML, and contains nothing of the request.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::NotFound => "There is no page at this address.",
            Self::Method(_) => "This address does not accept requests with this method.",
            Self::MediaType => {
                "The sign-in page sent data that is not a form. Only \
                 <code>application/x-www-form-urlencoded</code> is accepted."
            }
            Self::LongQuery => "The address is longer than 8 KB.",
            Self::LargeBody => "The sign-in page sent more than 64 KB.",
            Self::PartialBody => "The response of the sign-in page did not arrive whole.",
            Self::Character => {
                "The response of the sign-in page contains a character that cannot be passed on unchanged."
            }
            Self::NoState => {
                "The response of the sign-in page contains no <code>state</code>. It does not say which program waits \
                 for it."
            }
            Self::TwoStates => {
                "The response of the sign-in page contains more than one <code>state</code>."
            }
            Self::State => {
                "The <code>state</code> is invalid. It must be 5 digits, which are the port of the program, and 32 \
                 lower-case hexadecimal digits."
            }
            Self::Port => "The <code>state</code> names an invalid port. Expected 01024 to 65535.",
        }
    }
}

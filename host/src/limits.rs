//! Every limit on a guest: its name, its flag, its default and its one line of documentation.
//!
//! This is the one list. The command line, its help and the messages are made from it; what enforces
//! a limit takes its value from [`Limits`] and answers with a [`LimitError`].

use std::time::Duration;

use bytesize::ByteSize;

/// A kind of value that a limit can have.
pub trait Amount: Sized {
    /// What help calls a value, e.g. `SIZE`.
    const VALUE_NAME: &'static str;

    /// Read a value as a person writes it.
    ///
    /// # Errors
    /// What is wrong with `text`, and what to write instead.
    fn parse(text: &str) -> Result<Self, String>;

    /// The value as a person writes it.
    fn show(&self) -> String;
}

/// As long as a timer of the operating system can be set: beyond it, adding to the clock overflows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Amount for Duration {
    const VALUE_NAME: &'static str = "DURATION";

    fn parse(text: &str) -> Result<Self, String> {
        match humantime::parse_duration(text) {
            Err(error) => Err(format!("{error}; write e.g. `500ms`, `90s` or `5m`")),
            Ok(Self::ZERO) => Err("must be longer than 0; write e.g. `90s` or `5m`".to_owned()),
            Ok(duration) if duration > LONGEST => Err("must not be longer than a year".to_owned()),
            Ok(duration) => Ok(duration),
        }
    }

    fn show(&self) -> String {
        humantime::format_duration(*self).to_string().replace(' ', "")
    }
}

impl Amount for ByteSize {
    const VALUE_NAME: &'static str = "SIZE";

    fn parse(text: &str) -> Result<Self, String> {
        match text.parse::<Self>() {
            Err(error) => Err(format!("{error}; write e.g. `512KiB` or `64MiB`")),
            Ok(size) if size.as_u64() > i64::MAX as u64 => {
                Err("is more than any machine has".into())
            }
            Ok(size) => Ok(size),
        }
    }

    fn show(&self) -> String {
        const UNITS: [(u64, &str); 3] = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        let bytes = self.as_u64();
        let exact =
            |(shift, _): &&(u64, &str)| bytes > 0 && bytes.trailing_zeros() as u64 >= *shift;
        match UNITS.iter().find(exact) {
            Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
            None => format!("{bytes}B"),
        }
    }
}

impl Amount for u32 {
    const VALUE_NAME: &'static str = "COUNT";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error| format!("{error}; write a whole number"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// Makes [`Limits`] and [`Limit`] of the list below.
macro_rules! limits {
    ($($(#[doc = $about:literal])+ $name:ident $field:ident: $type:ty = $default:expr, $flag:literal, $of:literal;)*) => {
        /// What one guest may use. The defaults suit a page that ends a sign-in.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits {
            $($(#[doc = $about])+ #[doc = concat!("(`--", $flag, "`).")] pub $field: $type,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        /// One thing that is limited.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Limit {
            $($(#[doc = $about])+ $name,)*
        }

        impl Limit {
            /// All that there are, in the order in which help lists them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The flag that sets it, without the dashes.
            pub const fn flag(self) -> &'static str {
                match self { $(Self::$name => $flag,)* }
            }

            /// What it limits, in one line.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($about),+),)* }
            }

            /// What help calls its value.
            pub const fn value_name(self) -> &'static str {
                match self { $(Self::$name => <$type as Amount>::VALUE_NAME,)* }
            }

            const fn of(self) -> &'static str {
                match self { $(Self::$name => $of,)* }
            }
        }

        impl Limits {
            /// The value of `limit` as a person writes it.
            pub fn get(&self, limit: Limit) -> String {
                match limit { $(Limit::$name => self.$field.show(),)* }
            }

            /// Set `limit` to what a person wrote.
            ///
            /// # Errors
            /// What is wrong with `text`, and what to write instead.
            pub fn set(&mut self, limit: Limit, text: &str) -> Result<(), String> {
                match limit { $(Limit::$name => self.$field = Amount::parse(text)?,)* }
                Ok(())
            }
        }
    };
}

limits! {
    /// CPU time of one guest call
    CpuTime cpu_time: Duration = Duration::from_secs(1), "max-cpu-time", " of CPU time";
    /// Wall time of one guest call, waiting included
    WallTime wall_time: Duration = Duration::from_secs(30), "max-wall-time", " of wall time";
    /// Memory of one guest call: its own, and what the host holds for it
    Memory memory: ByteSize = ByteSize::mib(64), "max-memory", " of memory";
    /// Table elements of one guest call, over all its tables
    TableElements table_elements: u32 = 100_000, "max-table-elements", " table elements";
    /// Core instances in a component, and as many component instances, memories and tables
    Instances instances: u32 = 100, "max-instances", " instances";
    /// Stack of one guest call
    Stack stack: ByteSize = ByteSize::kib(512), "max-stack", " of stack";
    /// Data that a guest passes in one call of the host, or returns
    HostCallData host_call_data: ByteSize = ByteSize::mib(8), "max-host-call-data", " of data for one call";
    /// Resource handles that a guest holds at a time
    Handles handles: u32 = 1_000, "max-handles", " resource handles";
    /// Body of a guest's reply
    Reply reply: ByteSize = ByteSize::mib(4), "max-reply", " of reply body";
    /// Header fields of a guest's reply: names, values, and 32 bytes for each
    ReplyHeaders reply_headers: ByteSize = ByteSize::kib(16), "max-reply-headers", " of reply headers";
    /// What one guest call may write to its standard output and error
    Log log: ByteSize = ByteSize::kib(64), "max-log", " of log";
    /// Requests of one guest call to other hosts
    OutgoingRequests outgoing_requests: u32 = 16, "max-outgoing-requests", " outgoing requests";
    /// Bodies of those requests and of what answers them
    OutgoingData outgoing_data: ByteSize = ByteSize::mib(1), "max-outgoing-data", " of outgoing requests and their answers";
    /// The component
    Component component: ByteSize = ByteSize::mib(32), "max-component", " of component";
    /// Compiled code of the component
    Compiled compiled: ByteSize = ByteSize::mib(64), "max-compiled", " of compiled code";
    /// Time to compile the component
    CompileTime compile_time: Duration = Duration::from_secs(60), "max-compile-time", " of compile time";
    /// Memory to compile the component
    CompileMemory compile_memory: ByteSize = ByteSize::gib(2), "max-compile-memory", " of compile memory";
}

/// A limit that a guest reached, and its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the guest reached its limit of {value}{}", .limit.of())]
pub struct LimitError {
    limit: Limit,
    value: String,
}

impl LimitError {
    /// `limit` was reached, at the value that it has in `limits`.
    pub(crate) fn new(limit: Limit, limits: &Limits) -> Self {
        Self { limit, value: limits.get(limit) }
    }

    /// Which limit.
    pub fn limit(&self) -> Limit {
        self.limit
    }
}

/// `size` in memory: what does not fit there cannot be reached.
pub(crate) fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_can_be_written() {
        let mut limits = Limits::default();
        for &limit in Limit::ALL {
            let shown = limits.get(limit);
            limits.set(limit, &shown).unwrap();
            assert_eq!(limits.get(limit), shown);
        }
        assert_eq!(limits, Limits::default());
        for size in [0, 1, 1023, 1536, 100_000_000, (3 << 30) + 1, i64::MAX as u64] {
            assert_eq!(ByteSize::parse(&ByteSize(size).show()), Ok(ByteSize(size)));
        }
    }

    #[test]
    fn what_is_no_amount_says_what_is() {
        let mut limits = Limits::default();
        for (limit, text, problem) in [
            (Limit::CpuTime, "0s", "must be longer than 0; write e.g. `90s` or `5m`"),
            (Limit::CpuTime, "2y", "must not be longer than a year"),
            (Limit::Memory, "9EiB", "is more than any machine has"),
            (Limit::Handles, "-1", "invalid digit found in string; write a whole number"),
        ] {
            assert_eq!(limits.set(limit, text).unwrap_err(), problem);
        }
        assert_eq!(limits, Limits::default());
    }

    #[test]
    fn a_message_names_the_limit_and_its_value() {
        let message = |limit| LimitError::new(limit, &Limits::default()).to_string();
        assert_eq!(message(Limit::Memory), "the guest reached its limit of 64MiB of memory");
        assert_eq!(message(Limit::Handles), "the guest reached its limit of 1000 resource handles");
    }
}

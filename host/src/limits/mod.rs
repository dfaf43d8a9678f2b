//! The limits on a guest: their names, defaults and descriptions.
//!
//! The error messages and the help of the program are generated from the list below. The code that enforces a limit
//! takes its value from [`Limits`] and returns a [`LimitError`].

mod amount;

use std::ops::RangeInclusive;
use std::time::Duration;

use bytesize::ByteSize;

pub use amount::{Amount, duration};

/// Generates [`Limits`] and [`Limit`] from the list below.
macro_rules! limits {
    ($(#[doc = $about:literal] $variant:ident $field:ident: $type:ty = $default:expr, $name:literal, $of:literal;)*) => {
        /// The limits on what one guest may use, for [`Flow::limits`](crate::Flow::limits). The defaults suit a guest
        /// that shows the last page of a sign-in.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits {
            $(#[doc = concat!($about, ".")] pub $field: $type,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        /// One of the [`Limits`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Limit {
            $(#[doc = concat!($about, ".")] $variant,)*
        }

        impl Limit {
            /// Returns a stable machine-readable name, such as `cpu-time`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            fn of(self) -> &'static str {
                match self { $(Self::$variant => $of,)* }
            }
        }

        /// All limits, in the order of the help.
        pub const LIMITS: &[Limit] = &[$(Limit::$variant,)*];

        /// Returns the description of `limit`, in one line.
        pub fn about(limit: Limit) -> &'static str {
            match limit { $(Limit::$variant => $about.trim(),)* }
        }

        /// Returns the placeholder for a value of `limit` in the help.
        pub fn value_name(limit: Limit) -> &'static str {
            match limit { $(Limit::$variant => <$type as Amount>::VALUE_NAME,)* }
        }

        /// Returns the value of `limit` as a user writes it.
        pub fn get(limits: &Limits, limit: Limit) -> String {
            match limit { $(Limit::$variant => limits.$field.show(),)* }
        }

        /// Parses `text` as a user writes it, and sets `limit` to its value.
        ///
        /// # Errors
        /// Returns what is wrong with `text`, and what was expected.
        pub fn set(limits: &mut Limits, limit: Limit, text: &str) -> Result<(), String> {
            if limit == Limit::Stack {
                check_stack(text)?;
            }
            match limit { $(Limit::$variant => limits.$field = Amount::parse(text)?,)* }
            Ok(())
        }
    };
}

limits! {
    /// CPU time of one guest call
    CpuTime cpu_time: Duration = Duration::from_secs(1), "cpu-time", " of CPU time";
    /// Wall time of one guest call, including waiting; a request to another host has two thirds of it
    WallTime wall_time: Duration = Duration::from_secs(30), "wall-time", " of wall time";
    /// Memory of one guest call, including what the host holds for it
    Memory memory: ByteSize = ByteSize::mib(64), "memory", " of memory";
    /// Table elements of one guest call, in all tables together
    TableElements table_elements: u32 = 100_000, "table-elements", " table elements";
    /// Core instances in a component; the same limit applies to component instances, memories and tables, each on its own
    Instances instances: u32 = 100, "instances", " instances";
    /// Stack of one guest call
    Stack stack: ByteSize = ByteSize::kib(512), "stack", " of stack";
    /// Data that a guest passes to the host in one host call, or returns
    HostCallData host_call_data: ByteSize = ByteSize::mib(8), "host-call-data", " of data for one call";
    /// Resource handles that a guest holds at once
    Handles handles: u32 = 1_000, "handles", " resource handles";
    /// Body of a guest's reply
    Reply reply: ByteSize = ByteSize::mib(4), "reply", " of reply body";
    /// Header fields of a guest's reply: names, values, and 32 bytes for each field
    ReplyHeaders reply_headers: ByteSize = ByteSize::kib(16), "reply-headers", " of reply headers";
    /// Text that one guest call may write to its standard output and standard error
    Log log: ByteSize = ByteSize::kib(64), "log", " of log";
    /// Requests of one guest call to other hosts
    OutgoingRequests outgoing_requests: u32 = 16, "outgoing-requests", " outgoing requests";
    /// Bodies of the requests of one guest call to other hosts, and of the responses
    OutgoingData outgoing_data: ByteSize = ByteSize::mib(1), "outgoing-data", " of outgoing requests and responses";
    /// Size of the component
    Component component: ByteSize = ByteSize::mib(32), "component", " of component size";
    /// Size of the component's compiled code
    Compiled compiled: ByteSize = ByteSize::mib(64), "compiled", " of compiled code";
    /// Time to compile the component
    CompileTime compile_time: Duration = Duration::from_secs(60), "compile-time", " of compile time";
    /// Memory to compile the component
    CompileMemory compile_memory: ByteSize = ByteSize::gib(2), "compile-memory", " of compile memory";
}

/// The smallest stack that wasmtime accepts, and a size beyond which the system may have no memory for it.
const STACK: RangeInclusive<ByteSize> = ByteSize(1)..=ByteSize(1 << 30);

fn check_stack(text: &str) -> Result<(), String> {
    if STACK.contains(&ByteSize::parse(text)?) {
        Ok(())
    } else {
        Err(format!("expected a size from {} to {}", STACK.start().show(), STACK.end().show()))
    }
}

/// Returns the name by which users set `limit`, such as `max-cpu-time`: a flag without its dashes, or an option of a
/// test case.
pub fn setting(limit: Limit) -> String {
    format!("max-{}", limit.name())
}

/// The error for a guest that reaches a limit. Contains the limit and its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the guest reached its limit of {}", amount(*.limit, .value))]
pub struct LimitError {
    limit: Limit,
    value: String,
}

impl LimitError {
    /// Creates the error for `limit`, with its value in `limits`.
    pub(crate) fn new(limit: Limit, limits: &Limits) -> Self {
        Self { limit, value: get(limits, limit) }
    }

    /// Returns the limit that was reached.
    pub fn limit(&self) -> Limit {
        self.limit
    }
}

/// Returns `value` with what it is an amount of, such as `100 instances`, in the singular for one.
fn amount(limit: Limit, value: &str) -> String {
    let of = limit.of();
    let one = of.strip_suffix('s').filter(|_| value == "1");
    format!("{value}{}", one.unwrap_or(of))
}

/// Converts `size` to a number of bytes in memory. Saturates, because no memory use can exceed the address space.
pub(crate) fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_value_can_be_parsed_again() {
        let mut limits = Limits::default();
        for &limit in LIMITS {
            let shown = get(&limits, limit);
            set(&mut limits, limit, &shown).unwrap();
            assert_eq!(get(&limits, limit), shown);
        }
        assert_eq!(limits, Limits::default());
    }

    #[test]
    fn the_error_for_an_invalid_amount_says_what_was_expected() {
        let mut limits = Limits::default();
        for (limit, text, problem) in [
            (Limit::CpuTime, "5", "expected a duration such as `500ms`, `90s` or `5m`"),
            (Limit::CpuTime, "0s", "expected a duration longer than 0, such as `90s` or `5m`"),
            (Limit::CpuTime, "5M", "expected a duration such as `500ms`, `90s` or `5m`"),
            (Limit::CpuTime, "366d", "expected a duration of at most 365 days"),
            (Limit::Memory, "lots", "expected a size such as `512KiB` or `64MiB`"),
            (Limit::Memory, "9EiB", "expected a size below 8EiB"),
            (Limit::Stack, "0", "expected a size from 1B to 1GiB"),
            (Limit::Stack, "1TiB", "expected a size from 1B to 1GiB"),
            (Limit::Handles, "-1", "expected a whole number from 0 to 4294967295"),
        ] {
            assert_eq!(set(&mut limits, limit, text).unwrap_err(), problem);
        }
        assert_eq!(limits, Limits::default());
    }

    #[test]
    fn a_message_names_the_limit_and_its_value() {
        let message = |limit| LimitError::new(limit, &Limits::default()).to_string();
        assert_eq!(message(Limit::Memory), "the guest reached its limit of 64MiB of memory");
        assert_eq!(message(Limit::Handles), "the guest reached its limit of 1000 resource handles");
        let one = LimitError { limit: Limit::Instances, value: "1".to_owned() };
        assert_eq!(one.to_string(), "the guest reached its limit of 1 instance");
    }

    #[test]
    fn a_limit_has_a_name_and_a_description() {
        assert_eq!(Limit::CpuTime.name(), "cpu-time");
        assert_eq!(about(Limit::CpuTime), "CPU time of one guest call");
        assert_eq!(value_name(Limit::CpuTime), "DURATION");
        let mut names: Vec<_> = LIMITS.iter().map(|limit| limit.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), LIMITS.len());
    }
}

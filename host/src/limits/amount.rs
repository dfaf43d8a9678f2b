//! The types of value that a limit can have, as users write them.

use std::time::Duration;

use bytesize::ByteSize;

/// A type of value that a limit can have.
pub trait Amount: Sized {
    /// The placeholder for a value in the help, such as `SIZE`.
    const VALUE_NAME: &'static str;

    /// Parses a value as a user writes it.
    ///
    /// # Errors
    /// Returns what is wrong with `text`, and what was expected.
    fn parse(text: &str) -> Result<Self, String>;

    /// Returns the value as a user writes it.
    fn show(&self) -> String;
}

/// The longest accepted duration: 365 days. Much longer ones overflow when added to the clock.
const MAX_DURATION: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The accepted units of a duration. humantime also accepts others, such as `M` for a month, which looks like a minute.
const UNITS: [&str; 8] = ["ns", "us", "ms", "s", "m", "min", "h", "d"];

/// Parses a duration, which may be zero. Returns `None` if it is invalid.
pub fn duration(text: &str) -> Option<Duration> {
    let mut units = text.split(|c: char| !c.is_alphabetic()).filter(|unit| !unit.is_empty());
    let are_known = units.all(|unit| UNITS.contains(&unit));
    are_known.then(|| humantime::parse_duration(text).ok()).flatten()
}

impl Amount for Duration {
    const VALUE_NAME: &'static str = "DURATION";

    fn parse(text: &str) -> Result<Self, String> {
        match duration(text) {
            None => Err("expected a duration such as `500ms`, `90s` or `5m`".to_owned()),
            Some(Self::ZERO) => {
                Err("expected a duration longer than 0, such as `90s` or `5m`".to_owned())
            }
            Some(duration) if duration > MAX_DURATION => {
                Err("expected a duration of at most 365 days".to_owned())
            }
            Some(duration) => Ok(duration),
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
            Err(_) => Err("expected a size such as `512KiB` or `64MiB`".to_owned()),
            Ok(size) if size.as_u64() > i64::MAX as u64 => Err("expected a size below 8EiB".into()),
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
        text.parse().map_err(|_| format!("expected a whole number from 0 to {}", Self::MAX))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_documented_units() {
        let day = 24 * 60 * 60;
        for (text, seconds) in [("0s", 0), ("1h 30m", 5400), ("1min", 60), ("2d", 2 * day)] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("1ms2us3ns"), Some(Duration::from_nanos(1_002_003)));
        for text in ["", "5", "5M", "1w", "1y", "1 month", "m", "5S"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_shown_size_can_be_parsed_again() {
        for size in [0, 1, 1023, 1536, 100_000_000, (3 << 30) + 1, i64::MAX as u64] {
            assert_eq!(ByteSize::parse(&ByteSize(size).show()), Ok(ByteSize(size)));
        }
    }
}

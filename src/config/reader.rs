//! Reads values from the environment and collects their errors.

use std::{collections::HashMap, fmt, ops::RangeInclusive, str::FromStr, time::Duration};

use aside_runtime::server_url::InvalidUrl;

use super::{
    ConfigError, Quota, values,
    variables::{Fallback, fallback, resembling},
};

/// The bounds of time-outs. An hour is more than any needs, and fits every counter of milliseconds.
const TIMEOUTS: (RangeInclusive<Duration>, &str) = (Duration::from_millis(1)..=Duration::from_hours(1), "1ms to 1h");
/// The bounds of staleness.
const STALENESS: (RangeInclusive<Duration>, &str) = (Duration::ZERO..=Duration::from_mins(1), "0ms to 1m");
/// The bounds of delays.
const DELAYS: (RangeInclusive<Duration>, &str) = (Duration::ZERO..=Duration::from_hours(1), "0s to 1h");
/// The bounds of lifetimes.
const LIVES: (RangeInclusive<Duration>, &str) =
    (Duration::from_millis(1)..=Duration::from_hours(3_650 * 24), "1ms to 3650d");

/// Reads one variable after the other. A bad one is recorded and read as its default, so that one start finds all bad ones.
pub(super) struct Reader {
    values: HashMap<String, String>,
    problems: Vec<String>,
}

impl Reader {
    pub(super) fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { values: variables.into_iter().collect(), problems: Vec::new() }
    }

    /// The value of a variable that has a default. `expected` completes "expected ...".
    pub(super) fn value<T>(&mut self, name: &str, expected: impl fmt::Display, parse: impl Fn(&str) -> Option<T>) -> T {
        let Fallback::Text(default) = fallback(name) else { panic!("{name} has no default text") };
        self.parsed(name, expected, &parse)
            .unwrap_or_else(|| parse(default).unwrap_or_else(|| panic!("the default of {name} is good")))
    }

    /// A whole number that has a default.
    pub(super) fn number(&mut self, name: &str, allowed: RangeInclusive<usize>) -> usize {
        self.value(name, whole_number(&allowed), |text| values::number(text, &allowed))
    }

    /// A whole number whose default follows from something else.
    pub(super) fn number_or(&mut self, name: &str, default: usize, allowed: RangeInclusive<usize>) -> usize {
        self.parsed(name, whole_number(&allowed), |text| values::number(text, &allowed)).unwrap_or(default)
    }

    /// A time-out.
    pub(super) fn timeout(&mut self, name: &str) -> Duration {
        self.duration(name, &TIMEOUTS)
    }

    /// A lifetime.
    pub(super) fn life(&mut self, name: &str) -> Duration {
        self.duration(name, &LIVES)
    }

    /// A delay.
    pub(super) fn delay(&mut self, name: &str) -> Duration {
        self.duration(name, &DELAYS)
    }

    /// A staleness.
    pub(super) fn staleness(&mut self, name: &str) -> Duration {
        self.duration(name, &STALENESS)
    }

    fn duration(&mut self, name: &str, (allowed, bounds): &(RangeInclusive<Duration>, &str)) -> Duration {
        let expected = format!("a duration from {bounds} in whole milliseconds, like 500ms, 10m or 30d");
        self.value(name, expected, |text| values::duration(text, allowed))
    }

    /// A limit, or none.
    pub(super) fn quota(&mut self, name: &str) -> Option<Quota> {
        self.value(name, "requests/window like 60/60s, in whole seconds up to 1d, or off", values::quota)
    }

    /// The URL of a server, which may hold a password: it has no default and is never shown. A bad one is read as
    /// `placeholder`.
    pub(super) fn secret<T: FromStr<Err = InvalidUrl>>(&mut self, name: &str, placeholder: &str) -> T {
        let Fallback::Required(hint) = fallback(name) else { panic!("{name} has a default") };
        let problem = match self.values.remove(name).filter(|value| !value.is_empty()) {
            None => format!("{name} is not set: {}{hint}", self.misspelling_of(name)),
            Some(value) => match value.parse() {
                Ok(parsed) => return parsed,
                Err(error) => format!("{name} (not shown here) {error}"),
            },
        };
        self.problems.push(problem);
        placeholder.parse().expect("the placeholder is good")
    }

    /// A hint at a set variable with nearly this name.
    fn misspelling_of(&self, name: &str) -> String {
        let mut alike: Vec<&str> =
            self.values.keys().map(String::as_str).filter(|key| resembling(key) == Some(name)).collect();
        alike.sort_unstable();
        alike.first().map_or_else(String::new, |key| format!("{key} is; did you mean {name}? Otherwise "))
    }

    /// Records an error in a value.
    pub(super) fn refuse(&mut self, name: &str, expected: impl fmt::Display) {
        let (value, remark) = match (self.values.get(name), fallback(name)) {
            (None, Fallback::Text(default)) => (default, " (the default)"),
            (value, _) => (value.map_or("", String::as_str), ""),
        };
        // A URL with a user part may hold a password.
        let may_be_secret = value.contains("://") && value.contains('@');
        let shown = if may_be_secret { "(not shown here)".to_owned() } else { format!("{value:?}") };
        self.problems.push(format!("{name} is {shown}{remark}, expected {expected}"));
    }

    /// The result, if there is no error.
    pub(super) fn finish<T>(self, read: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(read) } else { Err(ConfigError::new(self.problems)) }
    }

    /// A sentence for each name that is probably misspelt.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self
            .values
            .keys()
            .filter_map(|name| Some(format!("{name:?} is not a setting; did you mean {}?", resembling(name)?)))
            .collect();
        warnings.sort();
        warnings
    }

    /// `None` if the variable is not set or its value is bad.
    fn parsed<T>(&mut self, name: &str, expected: impl fmt::Display, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = self.values.get(name)?;
        let parsed = parse(value);
        if parsed.is_none() {
            self.refuse(name, expected);
        }
        parsed
    }
}

fn whole_number(allowed: &RangeInclusive<usize>) -> String {
    format!("a whole number from {} to {}", allowed.start(), allowed.end())
}

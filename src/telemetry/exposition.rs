//! The two text formats of metrics, and their negotiation.
//!
//! Prometheus requests `OpenMetrics` by name. Other clients (browsers, curl) get the older text format, which browsers display. In
//! that format the description of a counter has its full name, with `_total`, and there are no units and no end mark.

use std::{borrow::Cow, collections::HashMap};

/// A format of `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// Prometheus' own, version 0.0.4.
    Text,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

/// How specifically an element of `Accept` matches a format: any type, its main type, the type, the type in its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Any,
    MainType,
    Type,
    Version,
}

impl Exposition {
    /// The format for these lines of `Accept` (RFC 9110, 12.5.1): `OpenMetrics` if it has the higher quality, or is named and has the
    /// same quality. A client that accepts neither gets the text.
    #[must_use]
    pub fn choose(accept: &[&str]) -> Self {
        let quality_of = |format: Self| {
            let ranges = accept.iter().flat_map(|line| line.split(','));
            let (fit, quality) = ranges
                .filter_map(|range| format.matches(range))
                .max_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)))?;
            Some((quality, fit >= Fit::Type))
        };
        let (text, _) = quality_of(Self::Text).unwrap_or_default();
        match quality_of(Self::OpenMetrics) {
            Some((quality, is_named)) if quality > text || (is_named && quality > 0.0 && quality >= text) => {
                Self::OpenMetrics
            }
            _other => Self::Text,
        }
    }

    /// The value of `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Converts `OpenMetrics` to this format.
    #[must_use]
    pub fn write(self, open_metrics: String) -> String {
        match self {
            Self::Text => text(&open_metrics),
            Self::OpenMetrics => open_metrics,
        }
    }

    /// How an element of `Accept` matches, and its quality.
    fn matches(self, element: &str) -> Option<(Fit, f32)> {
        let (main, sub, version) = match self {
            Self::Text => ("text", "plain", "0.0.4"),
            Self::OpenMetrics => ("application", "openmetrics-text", "1.0.0"),
        };
        let mut parts = element.split(';').map(str::trim);
        let (wanted_main, wanted_sub) = parts.next()?.split_once('/')?;
        let is = |wanted: &str, own: &str| wanted.eq_ignore_ascii_case(own);
        let mut fit = match (wanted_main, wanted_sub) {
            ("*", "*") => Fit::Any,
            (wanted, "*") if is(wanted, main) => Fit::MainType,
            (wanted, of_it) if is(wanted, main) && is(of_it, sub) => Fit::Type,
            _other => return None,
        };
        let mut quality = 1.0;
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => quality = value.trim().parse().ok().filter(|quality| (0.0..=1.0).contains(quality))?,
                "version" if value.trim().trim_matches('"') == version => fit = Fit::Version,
                "version" => return None,
                _ignored => {}
            }
        }
        Some((fit, quality))
    }
}

/// The older text format: without units and the end mark, and with other names for some types.
fn text(open_metrics: &str) -> String {
    let kinds: HashMap<&str, &str> =
        open_metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let full_name = |name: &str| match kinds.get(name) {
        Some(&"counter") => format!("{name}_total"),
        Some(&"info") => format!("{name}_info"),
        _other => name.to_owned(),
    };
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        let line = if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let kind = match kind {
                "unknown" => "untyped",
                "info" | "stateset" => "gauge",
                kind => kind,
            };
            Cow::Owned(format!("# TYPE {} {kind}", full_name(name)))
        } else if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            Cow::Owned(format!("# HELP {} {}", full_name(name), help.replace("\\\"", "\"")))
        } else if line.starts_with('#') {
            continue;
        } else {
            Cow::Borrowed(line)
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_client_that_prefers_open_metrics_gets_it() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
                            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let text_first = "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1";
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, chosen) in [
            (prometheus_2, Exposition::OpenMetrics),
            (prometheus_3, Exposition::OpenMetrics),
            ("application/openmetrics-text", Exposition::OpenMetrics),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8", Exposition::OpenMetrics),
            ("application/openmetrics-text, text/plain", Exposition::OpenMetrics),
            ("application/openmetrics-text, */*", Exposition::OpenMetrics),
            ("application/*", Exposition::OpenMetrics),
            ("*/*, text/*;q=0.1", Exposition::OpenMetrics),
            (text_first, Exposition::Text),
            (browser, Exposition::Text),
            ("*/*", Exposition::Text),
            ("text/plain", Exposition::Text),
            ("", Exposition::Text),
            ("image/png", Exposition::Text),
            ("application/openmetrics-text;q=0.2, text/plain;q=0.7", Exposition::Text),
            ("application/openmetrics-text;q=0", Exposition::Text),
            ("application/openmetrics-text;version=2.0.0", Exposition::Text),
            ("application/openmetrics-text;q=x", Exposition::Text),
        ] {
            assert_eq!(Exposition::choose(&[accept]), chosen, "{accept}");
        }
        assert_eq!(Exposition::choose(&["*/*;q=0.1", "application/openmetrics-text"]), Exposition::OpenMetrics);
        assert_eq!(Exposition::choose(&[]), Exposition::Text);
    }

    #[test]
    fn the_text_describes_a_counter_under_its_full_name_and_has_no_units_and_no_end_mark() {
        let open_metrics = "# HELP things Things \\\"seen\\\".\n# TYPE things counter\nthings_total{kind=\"a\"} 3\n\
                            # HELP wait_seconds Waits.\n# TYPE wait_seconds histogram\n# UNIT wait_seconds seconds\n\
                            wait_seconds_sum 0.5\nwait_seconds_count 1\nwait_seconds_bucket{le=\"+Inf\"} 1\n\
                            # HELP build Build.\n# TYPE build info\nbuild_info{version=\"1\"} 1\n# EOF\n";

        let text = Exposition::Text.write(open_metrics.to_owned());

        let expected = "# HELP things_total Things \"seen\".\n# TYPE things_total counter\nthings_total{kind=\"a\"} 3\n\
                        # HELP wait_seconds Waits.\n# TYPE wait_seconds histogram\n\
                        wait_seconds_sum 0.5\nwait_seconds_count 1\nwait_seconds_bucket{le=\"+Inf\"} 1\n\
                        # HELP build_info Build.\n# TYPE build_info gauge\nbuild_info{version=\"1\"} 1\n";
        assert_eq!(text, expected);
        assert_eq!(Exposition::OpenMetrics.write(open_metrics.to_owned()), open_metrics);
    }
}

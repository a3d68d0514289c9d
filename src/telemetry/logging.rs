//! Log lines: one for each event, as text or JSON.
//!
//! They go to standard output (twelve-factor), and nothing else does. Errors at the start and progress bars go to standard error.

use std::{
    env,
    io::{self, IsTerminal},
};

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, layer::SubscriberExt, registry, util::SubscriberInitExt};

use crate::config::{LogConfig, LogFormat};

/// Starts logging for this process. Only the first call has an effect: tests run several applications in one process.
pub fn init(config: &LogConfig) {
    // https://no-color.org: any value but an empty one.
    let is_colour_disabled = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_coloured = io::stdout().is_terminal() && !is_colour_disabled;
    let _first_call_decides = subscriber(config, io::stdout, is_coloured).try_init();
}

type DynSubscriber = Box<dyn Subscriber + Send + Sync>;

fn subscriber<W>(config: &LogConfig, writer: W, is_coloured: bool) -> DynSubscriber
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(is_coloured);
    let filtered = registry().with(EnvFilter::new(&config.filter));
    match config.format {
        LogFormat::Text => Box::new(filtered.with(lines)),
        // The fields of the event stand beside its level and time, those of its request in `span`.
        LogFormat::Json => Box::new(filtered.with(lines.json().flatten_event(true).with_span_list(false))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::{debug, info, info_span, subscriber::with_default};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn config(format: LogFormat) -> LogConfig {
        LogConfig { format, filter: "info".into() }
    }

    fn logged(format: LogFormat) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        with_default(subscriber(&config(format), move || writer.clone(), false), || {
            let request = info_span!("request", request_id = "r1").entered();
            info!(status = 200, "answered");
            debug!("too detailed");
            drop(request);
        });
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_is_one_object_with_the_fields_of_event_and_request() {
        let text = logged(LogFormat::Json);

        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert_eq!(
            (&line["level"], &line["message"], &line["status"]),
            (&"INFO".into(), &"answered".into(), &200.into())
        );
        assert_eq!(line["span"]["request_id"], "r1");
    }

    #[test]
    fn a_text_line_names_event_and_request() {
        let text = logged(LogFormat::Text);

        assert_eq!(text.lines().count(), 1);
        assert!(
            text.contains("answered") && text.contains("status=200") && text.contains("request_id=\"r1\""),
            "{text}"
        );
    }

    #[test]
    fn setting_up_twice_changes_nothing_and_does_not_panic() {
        init(&config(LogFormat::Text));
        init(&config(LogFormat::Json));
    }
}

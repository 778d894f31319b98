//! Where counts and durations of lookups are published, if anywhere.

use crate::store::options::{OptionKind, OptionSpec, Options};

/// The option of this module, the same for every store.
pub const OPTIONS: &[OptionSpec] = &[OptionSpec::new(
    "metrics",
    OptionKind::Choice(WORDS),
    "Where counts and durations of lookups go: off, to Airflow's own metrics (airflow), or to the global \
    provider of OpenTelemetry (opentelemetry).",
)
.with_default("off")];

/// The words of the option, in the order of [`Metrics`].
const WORDS: &[&str] = &["off", "airflow", "opentelemetry"];

/// Where lookups are reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metrics {
    /// Nowhere.
    #[default]
    Off,
    /// Airflow's `Stats`, and through it `StatsD`, Datadog or OpenTelemetry as `[metrics]` says.
    Airflow,
    /// The meter and tracer providers that the process has set up for OpenTelemetry.
    OpenTelemetry,
}

impl Metrics {
    /// Reads `metrics`.
    pub fn from_options(options: &Options) -> Self {
        match options.text("metrics") {
            Some("airflow") => Self::Airflow,
            Some("opentelemetry") => Self::OpenTelemetry,
            _ => Self::Off,
        }
    }

    /// The first argument of `strongroom._telemetry.publish`; `None` if nothing is published.
    pub const fn target(self) -> Option<&'static str> {
        match self {
            Self::Off => None,
            Self::Airflow => Some("airflow"),
            Self::OpenTelemetry => Some("opentelemetry"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    #[test]
    fn every_word_is_a_target_of_its_own_and_off_is_the_default() {
        let read = |word: &str| {
            let mut options = Options::default();
            options.set("metrics", OptionValue::Text(word.to_owned()));
            Metrics::from_options(&options)
        };
        assert_eq!(Metrics::from_options(&Options::default()), read("off"));
        assert_eq!(read("off").target(), None);
        for word in WORDS.iter().filter(|word| **word != "off") {
            assert_eq!(read(word).target(), Some(*word));
        }
        assert_eq!(OPTIONS.first().map(|spec| spec.default), Some("off"));
    }
}

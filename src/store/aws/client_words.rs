//! The contents of `config_kwargs`: the words of `botocore.config.Config`.
//!
//! The official class passes them to the STS client only, so most of them seem to work there and have no
//! effect. Here they apply to both clients. Meanings: botocore/config.py and botocore/args.py.

use std::fmt;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::http::ProxySettings;
use crate::redact::Shown;
use crate::store::aws::words::Words;
use crate::store::options::Options;
use crate::value::json::Value;

/// The option's name.
const OPTION: &str = "config_kwargs";

/// The option's sentence in the reference.
pub(super) const CONFIG_KWARGS: &str = "Words of botocore's Config: connect_timeout, read_timeout, retries, \
proxies, region_name, use_dualstack_endpoint, use_fips_endpoint, user_agent_extra, \
ignore_configured_endpoint_urls.";

/// How long a connection may take to open: just over the time at which a lost SYN packet is sent for the
/// third time (after 1 s and 3 s). botocore waits 60 s, longer than any lookup lasts.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// How long the server may stay silent: botocore's default. The deadline of a lookup usually ends the wait
/// earlier.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Words that have a meaning here.
const KNOWN: &[&str] = &[
    "connect_timeout",
    "ignore_configured_endpoint_urls",
    "proxies",
    "read_timeout",
    "region_name",
    "retries",
    "use_dualstack_endpoint",
    "use_fips_endpoint",
    "user_agent_extra",
];

/// The contents of `config_kwargs`. Debug shows no proxy.
#[derive(Clone, Default)]
pub(super) struct ClientWords {
    connect_timeout: Option<Duration>,
    read_timeout: Option<Duration>,
    /// How often one read is attempted in all.
    pub(super) max_attempts: Option<u32>,
    /// Proxies in place of those of the environment.
    pub(super) proxies: Option<ProxySettings>,
    /// The region of STS, and of the service where nothing else names one.
    pub(super) region: Option<String>,
    /// Whether the endpoint also has IPv6.
    pub(super) use_dual_stack: Option<bool>,
    /// Whether the endpoint has to be a FIPS one.
    pub(super) use_fips: Option<bool>,
    /// Appended to the user agent.
    pub(super) user_agent_extra: Option<String>,
    /// Whether endpoints in the environment and the profile are ignored.
    pub(super) ignore_configured_endpoints: Option<bool>,
    /// Descriptions of the values that cannot be used. The official class reads secrets despite them, since
    /// they only affect STS there.
    pub(super) unusable: Vec<String>,
}

impl ClientWords {
    /// Reads the object.
    pub(super) fn read(object: Option<&Value>) -> Result<Self> {
        let words = Words::new(OPTION, object);
        let text = |key| Ok::<_, Error>(words.text(key)?.map(str::to_owned));
        let mut unusable = Vec::new();
        Ok(Self {
            connect_timeout: used(words.seconds("connect_timeout"), &mut unusable),
            read_timeout: used(words.seconds("read_timeout"), &mut unusable),
            max_attempts: max_attempts(words.object("retries")?)?,
            proxies: used(proxies(words), &mut unusable),
            region: used(text("region_name"), &mut unusable),
            use_dual_stack: used(words.boolean("use_dualstack_endpoint"), &mut unusable),
            use_fips: used(words.boolean("use_fips_endpoint"), &mut unusable),
            user_agent_extra: used(user_agent(words), &mut unusable),
            ignore_configured_endpoints: used(
                words.boolean("ignore_configured_endpoint_urls"),
                &mut unusable,
            ),
            unusable,
        })
    }

    /// How long a connection may take to open.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout.unwrap_or(CONNECT_TIMEOUT)
    }

    /// How long the server may stay silent.
    pub(super) fn read_timeout(&self) -> Duration {
        self.read_timeout.unwrap_or(READ_TIMEOUT)
    }
}

impl fmt::Debug for ClientWords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientWords")
            .field("connect_timeout", &self.connect_timeout())
            .field("read_timeout", &self.read_timeout())
            .field("max_attempts", &self.max_attempts)
            .field("proxies", &self.proxies)
            .finish_non_exhaustive()
    }
}

/// The value that was written, or nothing and a line in `unusable`.
fn used<T>(read: Result<Option<T>>, unusable: &mut Vec<String>) -> Option<T> {
    read.unwrap_or_else(|error| {
        unusable.push(error.to_string());
        None
    })
}

/// `total_max_attempts` counts the first attempt, `max_attempts` only those after it (botocore/config.py);
/// the mode has no effect, since retries happen in one layer.
fn max_attempts(retries: Words<'_>) -> Result<Option<u32>> {
    let total = retries.count("total_max_attempts")?;
    let after_the_first = retries.count("max_attempts")?;
    // botocore's `max_attempts` counts the retries, `total_max_attempts` the first attempt as well.
    Ok(total.or(after_the_first.map(|count| count.saturating_add(1))))
}

fn proxies(words: Words<'_>) -> Result<Option<ProxySettings>> {
    if words.value("proxies").is_none() {
        return Ok(None);
    }
    let proxies = words.object("proxies")?;
    Ok(Some(ProxySettings::explicit(proxies.text("http")?, proxies.text("https")?)))
}

/// Accepts only what a header can hold.
fn user_agent(words: Words<'_>) -> Result<Option<String>> {
    let text = words.text("user_agent_extra")?;
    if text.is_some_and(|text| !text.bytes().all(|byte| matches!(byte, b' '..=b'~'))) {
        return Err(Error::config("`user_agent_extra` in `config_kwargs` must be printable ASCII"));
    }
    Ok(text.map(str::to_owned))
}

/// Warns about each word that has no meaning here, or whose value has none.
pub(super) fn warn_about_useless(options: &Options, words: &ClientWords) {
    for fault in &words.unusable {
        tracing::warn!("{fault}; it has no effect");
    }
    let keys = Words::new(OPTION, options.object(OPTION)).keys();
    let unknown: Vec<_> = keys.filter(|key| !KNOWN.contains(key)).map(|key| Shown(key).to_string()).collect();
    if !unknown.is_empty() {
        tracing::warn!("`config_kwargs` holds words without effect here: {}", unknown.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::aws::words::tests::json;

    fn read(text: &str) -> Result<ClientWords> {
        ClientWords::read(Some(&json(text)))
    }

    #[test]
    fn the_words_mean_what_they_mean_to_botocore() {
        let words = read(
            r#"{"connect_timeout": 2, "read_timeout": 0.5, "retries": {"max_attempts": 0, "mode": "standard"},
                "use_fips_endpoint": true, "use_dualstack_endpoint": "false", "user_agent_extra": "x/1", "region_name": "r"}"#,
        )
        .unwrap();
        assert_eq!((words.connect_timeout().as_secs(), words.read_timeout().as_millis()), (2, 500));
        assert_eq!(
            (words.max_attempts, words.use_fips, words.use_dual_stack),
            (Some(1), Some(true), Some(false))
        );
        assert_eq!(
            read(r#"{"retries": {"max_attempts": 9, "total_max_attempts": 2}}"#).unwrap().max_attempts,
            Some(2)
        );
        assert!(read("{}").unwrap().proxies.is_none());
    }

    #[test]
    fn what_has_the_wrong_shape_is_named() {
        assert!(read(r#"{"retries": 3}"#).is_err());
        for text in [r#"{"connect_timeout": 0}"#, r#"{"user_agent_extra": "a\nb"}"#, r#"{"proxies": 5}"#] {
            assert_eq!(read(text).unwrap().unusable.len(), 1, "{text}");
        }
    }
}

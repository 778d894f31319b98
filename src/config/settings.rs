//! The whole configuration of one backend.

use std::sync::Arc;

use crate::backend::audit::{AuditLog, AuditSettings};
use crate::backend::chain::ChainSettings;
use crate::backend::telemetry::Metrics;
use crate::backend::{
    AgentSettings, BundleNames, OnError, Patterns, Prefetch, ReferenceSettings, Settings, WriteSettings,
    misses, path,
};
use crate::config::chain::{Surroundings, is_chain};
use crate::config::forgive::forgive;
use crate::config::meant::{instead, meant};
use crate::config::raw::{RawOptions, RawValue};
use crate::config::{option_of, read, references};
use crate::error::{Error, Result};
use crate::layers::{ASKED_EACH_TIME, FilterRules, LayerSettings};
use crate::redact::Shown;
use crate::store::StoreEntry;
use crate::store::environment::Environment;
use crate::store::options::{OptionDefault, OptionKind, OptionSpec, OptionValue, Options};
use crate::value::json::Value;

/// Represents all of the kwargs in a fault about something missing.
const WHOLE: &str = "backend_kwargs";

/// The options that concern the configuration itself.
pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("strict", OptionKind::Boolean, "Refuse unknown keys instead of warning of them.")
        .with(OptionDefault::Boolean(false)),
    OptionSpec::new(
        "cache",
        OptionKind::Object,
        "Another way to write the cache's options: {\"enabled\", \"maximum_size\", \"expire_after_write\"}.",
    ),
];

/// A valid configuration, and what the user should know about it.
#[derive(Debug)]
pub struct Configured {
    /// The settings of the backend.
    pub settings: Arc<Settings>,
    /// Each a whole sentence; shown once per process.
    pub warnings: Vec<String>,
}

/// Whether Airflow could read the written kwargs. If not, it passes none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kwargs {
    /// The kwargs that were passed are those that were written.
    Read,
    /// Some kwargs were lost, so what is missing is not the user's fault.
    Unread,
}

/// Reads `raw`, which is complete. See [`configure_from`].
pub fn configure(
    entry: &'static StoreEntry,
    raw: &RawOptions,
    environment: Environment,
) -> Result<Configured> {
    configure_from(entry, raw, environment, Kwargs::Read)
}

/// Reads `raw`. Does no I/O: it runs inside `import airflow`.
///
/// Errors are for options that can never work; an unknown key is one only under `strict`. What the official
/// constructor accepts is not an error here: it becomes an error of the lookups that need it. The same
/// applies to options that are missing from unread kwargs.
pub fn configure_from(
    entry: &'static StoreEntry,
    raw: &RawOptions,
    environment: Environment,
    kwargs: Kwargs,
) -> Result<Configured> {
    let configured = configure_member(entry, raw, environment, kwargs)?;
    let settings = &configured.settings;
    if settings.chain.is_none() {
        let known = || [entry.info.name].into_iter().chain(entry.tools.words.iter().copied());
        references::check(settings, known)?;
    }
    Ok(configured)
}

/// Like [`configure_from`], where references may lead to other members of a chain.
pub(super) fn configure_member(
    entry: &'static StoreEntry,
    raw: &RawOptions,
    environment: Environment,
    kwargs: Kwargs,
) -> Result<Configured> {
    let mut warnings = Vec::new();
    // Read first, because it decides what becomes of unknown keys.
    let strict = raw.iter().any(|(key, value)| key == "strict" && is_true(value));
    let mut options = written(entry, raw, strict, &mut warnings)?;
    expand_cache_alias(&mut options)?;
    if !entry.rules.keeps_values {
        keep_nothing_unasked(&mut options);
    }
    match (entry.rules.check)(&options, &environment).map_err(|error| and_warnings(error, &warnings)) {
        Err(error) if kwargs == Kwargs::Unread => options.set_fault(WHOLE, error),
        checked => checked?,
    }
    let chain = if is_chain(entry) {
        let around = Surroundings { raw, options: &options, environment: &environment, kwargs, strict };
        let (chain, more) = around.chain()?;
        warnings.extend(more);
        Some(chain)
    } else {
        None
    };
    let settings = settings(entry, options, environment, chain)?;
    Ok(Configured { settings: Arc::new(settings), warnings })
}

/// The options as they are written; an unknown key is a warning, or under `strict` an error.
fn written(
    entry: &'static StoreEntry,
    raw: &RawOptions,
    strict: bool,
    warnings: &mut Vec<String>,
) -> Result<Options> {
    let mut options = Options::default();
    for (key, value) in raw.iter() {
        match option_of(entry, key) {
            Some(spec) if is_written_again(entry, raw, key, spec) => {
                let (key, other) = (Shown(key), spec.key);
                warnings.push(format!(
                    "`{key}` in backend_kwargs is ignored, since `{other}` is written as well"
                ));
            }
            Some(spec) => set(&mut options, entry, spec, value, warnings)?,
            None if strict => return Err(unknown(entry, key, "is refused, as `strict` asks")),
            None => warnings.push(unknown(entry, key, "is ignored").to_string()),
        }
    }
    if let Some(origin) = raw.origin() {
        if let Some(unknown) = origin.unknown.first().filter(|_| strict) {
            return Err(Error::config(unknown.clone()));
        }
        warnings.extend(origin.unknown.iter().cloned());
    }
    Ok(options)
}

/// The typed settings, each module's from its own options.
fn settings(
    entry: &'static StoreEntry,
    options: Options,
    environment: Environment,
    chain: Option<ChainSettings>,
) -> Result<Settings> {
    let settings = Settings {
        entry,
        convention: path::convention(entry, &options)?,
        patterns: Patterns::from_options(&options),
        on_error: OnError::from_options(&options),
        log_misses: misses::are_logged(&options),
        bundles: BundleNames::from_options(&options)?,
        prefetch: Prefetch::from_options(&options)?,
        audit: AuditSettings::from_options(&options)?.map(AuditLog::new),
        metrics: Metrics::from_options(&options),
        agent: AgentSettings::from_options(&options)?,
        layers: LayerSettings::from_options(
            &options,
            (entry.rules.attempts)(&options, &environment),
            entry.rules.rate_after_throttle,
        )
        .with_filter(FilterRules::from_options(&options)?),
        references: ReferenceSettings::from_options(&options)?,
        writes: WriteSettings::from_options(&options)?,
        is_alone: true,
        routing: Arc::default(),
        chain: chain.map(Arc::new),
        options,
        environment,
    };
    settings.layers.cache.check()?;
    if settings.layers.timeout.is_zero() {
        return Err(Error::config(
            "`timeout` in backend_kwargs is zero, so every lookup would end before it begins",
        )
        .with_hint("Write the seconds that a lookup may take at most"));
    }
    Ok(settings)
}

/// A member of a chain, for tests.
#[cfg(all(test, feature = "memory"))]
pub(crate) fn configure_part(
    entry: &'static StoreEntry,
    raw: &RawOptions,
    environment: Environment,
) -> Result<Configured> {
    configure_member(entry, raw, environment, Kwargs::Read)
}

/// An incomplete configuration may contain a misspelt key, which would otherwise not be reported.
fn and_warnings(error: Error, warnings: &[String]) -> Error {
    let hint = error.hint().map(str::to_owned).into_iter().chain(warnings.iter().cloned());
    let hint = hint.collect::<Vec<_>>().join(". ");
    if hint.is_empty() { error } else { error.with_hint(hint) }
}

/// Whether a later key is another spelling of the same option. Snake case sorts last of the three, and takes
/// precedence.
fn is_written_again(entry: &StoreEntry, raw: &RawOptions, key: &str, spec: &OptionSpec) -> bool {
    let is_same = |other: &str| option_of(entry, other).is_some_and(|other| other.key == spec.key);
    key != spec.key && raw.iter().any(|(other, _)| other > key && is_same(other))
}

fn is_true(value: &RawValue) -> bool {
    let strict = OptionSpec::new("strict", OptionKind::Boolean, "");
    matches!(read::read(&strict, value), Ok(Some(OptionValue::Boolean(true))))
}

fn without_effect(entry: &StoreEntry, key: &str, reason: &str) -> String {
    let instead = instead(entry, key).map(|instead| format!(". {instead}")).unwrap_or_default();
    format!("`{key}` in backend_kwargs has no effect: {reason}{instead}")
}

fn set(
    options: &mut Options,
    entry: &StoreEntry,
    spec: &OptionSpec,
    value: &RawValue,
    warnings: &mut Vec<String>,
) -> Result<()> {
    if let OptionKind::Ignored(reason) = spec.kind {
        warnings.push(without_effect(entry, spec.key, reason));
    }
    match read::read(spec, value) {
        Ok(Some(value)) => options.set(spec.key, value),
        Ok(None) => {}
        Err(error) if is_official(entry, spec) => {
            let fate = if let Some(value) = forgive(spec, value) {
                options.set(spec.key, value);
                "it counts as what the official class makes of it"
            } else {
                options.set_fault(spec.key, error.clone());
                "lookups that need it fail"
            };
            warnings.push(format!("{error}; {fate}"));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Whether the official class may know the key: then its constructor would have accepted any value.
fn is_official(entry: &StoreEntry, spec: &OptionSpec) -> bool {
    let of_store = entry.options.iter().any(|own| own.key == spec.key);
    of_store || spec.key == "timeout" || spec.key.ends_with("_lookup_pattern")
}

/// The report about an undeclared key, with the nearest declared one if it is similar.
fn unknown(entry: &StoreEntry, key: &str, fate: &str) -> Error {
    let error = Error::config(format!(
        "the unknown key `{}` in backend_kwargs of {} {fate}",
        Shown(key),
        entry.python_class
    ));
    match meant(entry, key) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// `cache: {enabled, maximum_size, expire_after_write}`, the shape of Kestra's secret cache.
fn expand_cache_alias(options: &mut Options) -> Result<()> {
    let Some(cache) = options.object("cache").and_then(Value::as_object).cloned() else { return Ok(()) };
    for (key, value) in &cache {
        let spec = match key.to_str() {
            Some("enabled") => {
                OptionSpec::new("cache.enabled", OptionKind::Boolean, "Whether values are kept at all.")
            }
            Some("maximum_size") => {
                OptionSpec::new("cache_max_entries", OptionKind::Count, "The most values kept.")
            }
            Some("expire_after_write") => {
                OptionSpec::new("cache_ttl", OptionKind::Duration, "How long a value is served.")
            }
            _ => return Err(wrong_in_cache("an unknown key")),
        };
        let raw = value
            .as_str()
            .map_or_else(|| RawValue::Json(value.clone()), |text| RawValue::Text(text.to_owned()));
        let read = read::read(&spec, &raw)
            .map_err(|_| wrong_in_cache(&format!("a wrong `{}`", Shown(key.to_str().unwrap_or_default()))))?;
        // The cache's own options take precedence over this alias.
        if let Some(value) = read
            && options.get(spec.key).is_none()
        {
            options.set(spec.key, value);
        }
    }
    if options.boolean("cache.enabled") == Some(false) {
        options.set("cache_ttl", OptionValue::Duration(std::time::Duration::ZERO));
    }
    Ok(())
}

/// A store on this very machine is asked each time, unless a time to live is written.
fn keep_nothing_unasked(options: &mut Options) {
    let ttl = ASKED_EACH_TIME;
    if options.get(ttl.key).is_none() && options.boolean("cache.enabled") != Some(true) {
        options.set(ttl.key, OptionValue::Duration(options.duration_of(&ttl)));
    }
}

fn wrong_in_cache(what: &str) -> Error {
    Error::config(format!("`cache` in backend_kwargs holds {what}")).with_hint(
        "It takes `enabled` (true or false), `maximum_size` (a whole number) and `expire_after_write` (a \
        duration)",
    )
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use super::*;
    use crate::config::options_of;
    use crate::store::registry::find;
    use std::time::Duration;

    fn configured(kwargs: &[(&str, &str)]) -> Result<Configured> {
        let raw = kwargs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), RawValue::Text((*value).to_owned())))
            .collect();
        configure(find("memory").unwrap(), &raw, Environment::default())
    }

    /// Everything that the options decide, except the options themselves.
    fn decided(entry: &'static StoreEntry, raw: &RawOptions) -> String {
        // The options without which a store cannot be configured.
        let variables = Environment::copied(crate::store::registry::variables(), |name| {
            (name == "VAULT_TOKEN").then(|| "t".to_owned())
        });
        let folder = ("path".to_owned(), RawValue::Text("/made-up".to_owned()));
        let needed = Some(folder).filter(|_| entry.info.name == "mounted_files");
        let written = raw.iter().map(|(key, value)| (key.to_owned(), value.clone()));
        let configured = configure(entry, &written.chain(needed).collect(), variables).unwrap();
        assert_eq!(configured.warnings, [""; 0], "{}", entry.info.name);
        let Settings { convention, on_error, log_misses, audit, metrics, agent, layers, .. } =
            &*configured.settings;
        format!("{convention:?} {on_error:?} {log_misses} {audit:?} {metrics:?} {agent:?} {layers:?}")
    }

    #[test]
    fn the_declared_defaults_are_what_applies_without_them() {
        for entry in crate::store::registry::STORES {
            let nothing = RawOptions::default();
            for spec in options_of(entry).filter(|spec| spec.default != OptionDefault::Nothing) {
                // An option of the audit file is refused if there is no file.
                if spec.key.starts_with("audit_") {
                    continue;
                }
                let written =
                    [(spec.key.to_owned(), RawValue::Text(spec.default.to_string()))].into_iter().collect();
                let name = entry.info.name;
                assert_eq!(decided(entry, &written), decided(entry, &nothing), "{name}: {}", spec.key);
            }
        }
    }

    #[test]
    fn an_unknown_key_is_a_warning_with_a_suggestion() {
        let warnings = configured(&[("cache_tll", "5"), ("zzz\n", "canary-90")]).unwrap().warnings;
        insta::assert_snapshot!(warnings.join("\n"), @r"
        the unknown key `cache_tll` in backend_kwargs of strongroom.memory.MemoryBackend is ignored. Did you mean `cache_ttl`?
        the unknown key `zzz\n` in backend_kwargs of strongroom.memory.MemoryBackend is ignored
        ");
    }

    #[test]
    fn an_option_that_is_written_twice_counts_once() {
        let configured = configured(&[("cacheTtl", "5"), ("cache-ttl", "6"), ("cache_ttl", "7")]).unwrap();
        assert_eq!(configured.settings.layers.cache.ttl, Duration::from_secs(7));
        insta::assert_snapshot!(configured.warnings.join("\n"), @r"
        `cache-ttl` in backend_kwargs is ignored, since `cache_ttl` is written as well
        `cacheTtl` in backend_kwargs is ignored, since `cache_ttl` is written as well
        ");
    }

    #[cfg(feature = "mounted-files")]
    #[test]
    fn a_store_on_this_machine_is_asked_each_time_unless_a_time_is_written() {
        let ttls = |written: &[(&str, &str)]| {
            let written = written.iter().chain([&("path", "/made-up")]);
            let text = |(key, value): &(&str, &str)| (key.to_string(), RawValue::Text(value.to_string()));
            let raw = written.map(text).collect();
            let configured = configure(find("mounted_files").unwrap(), &raw, Environment::default());
            let cache = configured.unwrap().settings.layers.cache.clone();
            (cache.ttl.as_secs(), cache.negative_ttl.as_secs())
        };
        assert_eq!((ttls(&[]), ttls(&[("cache_negative_ttl", "5")])), ((0, 0), (0, 0)));
        assert_eq!(ttls(&[("cache", r#"{"enabled": false}"#)]), (0, 0));
        assert_eq!(ttls(&[("cacheTtl", "5")]), (5, 5));
        assert_eq!(ttls(&[("cache", r#"{"enabled": true}"#)]), (60, 15));
        assert_eq!(ttls(&[("cache", r#"{"expire_after_write": 7}"#)]), (7, 7));
    }

    #[test]
    fn strict_accepts_every_spelling() {
        let configured = configured(&[("strict", "yes"), ("cacheTtl", "5"), ("max-attempts", "2")]).unwrap();
        assert_eq!(configured.settings.layers.cache.ttl, Duration::from_secs(5));
        assert_eq!((configured.settings.layers.max_attempts, configured.warnings), (2, Vec::new()));
    }

    #[test]
    fn strict_makes_it_an_error() {
        let error = configured(&[("strict", "yes"), ("timeuot", "5")]).unwrap_err();
        insta::assert_snapshot!(error, @"the unknown key `timeuot` in backend_kwargs of \
        strongroom.memory.MemoryBackend is refused, as `strict` asks. Did you mean `timeout`?");
    }

    #[test]
    fn the_cache_can_be_written_as_kestra_does() {
        let layers = |cache| configured(&[("cache", cache)]).unwrap().settings.layers.cache.clone();
        assert_eq!(layers(r#"{"enabled": false}"#).ttl, Duration::ZERO);
        let cache = layers(r#"{"enabled": true, "maximum_size": 5, "expire_after_write": "PT90S"}"#);
        assert_eq!((cache.ttl, cache.max_entries), (Duration::from_secs(90), 5));
        let error = configured(&[("cache", r#"{"size": 5}"#)]).unwrap_err();
        insta::assert_snapshot!(error, @"`cache` in backend_kwargs holds an unknown key. It takes `enabled` \
        (true or false), `maximum_size` (a whole number) and `expire_after_write` (a duration)");
        let error = configured(&[("cache", r#"{"enabled": "canary"}"#)]).unwrap_err();
        insta::assert_snapshot!(error, @"`cache` in backend_kwargs holds a wrong `enabled`. It takes \
        `enabled` (true or false), `maximum_size` (a whole number) and `expire_after_write` (a duration)");
    }

    #[test]
    fn the_flat_key_takes_precedence_over_the_alias() {
        let settings =
            configured(&[("cache", r#"{"expire_after_write": 5}"#), ("cache_ttl", "7")]).unwrap().settings;
        assert_eq!(settings.layers.cache.ttl, Duration::from_secs(7));
    }

    #[test]
    fn debug_of_the_settings_shows_no_value() {
        let configured =
            configured(&[("secrets", r#"{"a": "canary-91"}"#), ("connections_prefix", "canary-92")]).unwrap();
        // The prefix is a name, not a secret.
        assert!(!format!("{:?}", configured.settings).contains("canary-91"));
    }
}

//! A line for each miss, for those who ask for it: Airflow itself says only that something "isn't defined".

use crate::backend::pattern;
use crate::backend::reply::Reply;
use crate::backend::settings::Settings;
use crate::redact::Shown;
use crate::store::SecretName;
use crate::store::convention::Lookup;
use crate::store::options::{OptionKind, OptionSpec};

/// The option that asks for it.
pub(super) const OPTION: OptionSpec = OptionSpec::new(
    "log_misses",
    OptionKind::Boolean,
    "Log one line at INFO for each lookup that finds nothing, with the names that were asked for.",
)
.with_default("false");

/// Says that `lookup`, which asked for `names`, found nothing, if it did and the operator asks for it.
pub fn say(settings: &Settings, lookup: Lookup<'_>, names: &[SecretName], reply: &Reply) {
    if settings.log_misses && reply.value.is_none() {
        tracing::info!("{}", text(settings, lookup, names, reply.outcome));
    }
}

fn text(settings: &Settings, lookup: Lookup<'_>, names: &[SecretName], outcome: &str) -> String {
    let (kind, id, store) = (lookup.kind.title(), Shown(lookup.id), settings.entry.info.title);
    let team = lookup.team.map(|team| format!(" of team \"{}\"", Shown(team))).unwrap_or_default();
    let what = match outcome {
        "absent" => format!("is not in {store}: asked for {}", quoted(names)),
        "skipped" => format!("is not looked up in {store}: {}", why_skipped(settings, lookup)),
        "refused" => format!("is not looked up in {store}: no secret can answer for this id"),
        error if names.is_empty() => format!("was not found in {store}: {error}"),
        error => format!("was not found in {store}: {error}; asked for {}", quoted(names)),
    };
    format!("{kind} \"{id}\"{team} {what}. Returning None.")
}

fn why_skipped(settings: &Settings, lookup: Lookup<'_>) -> String {
    match settings.patterns.allow(lookup.kind, lookup.id) {
        Ok(false) => format!("its `{}` keeps this id out", pattern::option(lookup.kind)),
        _ => format!("{} are switched off there", lookup.kind.plural()),
    }
}

fn quoted(names: &[SecretName]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", then ")
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use super::*;
    use crate::config::{RawOptions, RawValue, configure};
    use crate::store::convention::Kind;
    use crate::store::environment::Environment;
    use crate::store::registry::find;

    #[test]
    fn a_miss_names_what_was_asked_for() {
        let kwargs = [("variables_prefix", "null"), ("connections_lookup_pattern", "a")];
        let text_of = |(key, value): (&str, &str)| (key.to_owned(), RawValue::Text(value.to_owned()));
        let raw: RawOptions = kwargs.into_iter().map(text_of).collect();
        let settings = configure(find("memory").unwrap(), &raw, Environment::default()).unwrap().settings;
        let lookup = Lookup { kind: Kind::Connection, id: "db\n", team: Some("t") };
        let names = ["p/t--db", "p/db"].map(SecretName::from);
        let told = |lookup, names: &[SecretName], outcome| text(&settings, lookup, names, outcome);
        insta::assert_snapshot!(told(lookup, &names, "absent"), @r#"Connection "db\n" of team "t" is not in Memory: asked for `p/t--db`, then `p/db`. Returning None."#);
        insta::assert_snapshot!(told(lookup, &names[1..], "denied"), @r#"Connection "db\n" of team "t" was not found in Memory: denied; asked for `p/db`. Returning None."#);
        insta::assert_snapshot!(told(lookup, &[], "skipped"), @r#"Connection "db\n" of team "t" is not looked up in Memory: its `connections_lookup_pattern` keeps this id out. Returning None."#);
        insta::assert_snapshot!(told(Lookup { kind: Kind::Variable, team: None, ..lookup }, &[], "skipped"), @r#"Variable "db\n" is not looked up in Memory: variables are switched off there. Returning None."#);
        insta::assert_snapshot!(told(lookup, &[], "refused"), @r#"Connection "db\n" of team "t" is not looked up in Memory: no secret can answer for this id. Returning None."#);
    }
}

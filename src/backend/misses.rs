//! A log line for each miss, if the option asks for it: Airflow itself only reports that something "isn't
//! defined".

use crate::backend::pattern;
use crate::backend::plan::{Plan, Skipped};
use crate::backend::reply::Reply;
use crate::backend::settings::Settings;
use crate::redact::Shown;
use crate::store::convention::{Kind, Lookup};
use crate::store::options::{OptionDefault, OptionKind, OptionSpec, Options};

/// The option that enables it.
pub(super) const OPTION: OptionSpec = OptionSpec::new(
    "log_misses",
    OptionKind::Boolean,
    "Log one line at INFO for each lookup that finds nothing, with the names that were asked for.",
)
.with(OptionDefault::Boolean(false));

/// Whether the operator asks for it.
pub fn are_logged(options: &Options) -> bool {
    options.boolean_of(&OPTION)
}

/// Logs that `lookup` found nothing, if that is so and the option is set. Without a plan the lookup ended
/// before it had one.
pub fn say(settings: &Settings, lookup: Lookup<'_>, plan: Option<&Plan>, reply: &Reply) {
    if settings.log_misses && reply.value.is_none() {
        tracing::info!("{}", text(settings, lookup, plan, reply.outcome));
    }
}

fn text(settings: &Settings, lookup: Lookup<'_>, plan: Option<&Plan>, outcome: &str) -> String {
    let (kind, id, store) = (lookup.kind.title(), Shown(lookup.id), settings.entry.info.title);
    let team = lookup.team.map(|team| format!(" of team \"{}\"", Shown(team))).unwrap_or_default();
    let what = match plan {
        Some(Plan::Ask(route)) if outcome == "absent" => format!("is not in {store}: asked for {route}"),
        Some(Plan::Ask(route)) => format!("was not found in {store}: {outcome}; asked for {route}"),
        Some(Plan::Skip(reason)) => format!("is not looked up in {store}: {}", why(reason, lookup.kind)),
        None => format!("was not found in {store}: {outcome}"),
    };
    format!("{kind} \"{id}\"{team} {what}. Returning None.")
}

fn why(reason: &Skipped, kind: Kind) -> String {
    match reason {
        Skipped::Pattern(_) => format!("its `{}` keeps this id out", pattern::option(kind)),
        Skipped::KindOff | Skipped::NoPlace => format!("{} are switched off there", kind.plural()),
        Skipped::Unrouted(reason) => reason.clone(),
        Skipped::Impossible(_) | Skipped::Ambiguous(_) => "no secret can answer for this id".to_owned(),
    }
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests {
    use super::*;
    use crate::config::{RawOptions, RawValue, configure};
    use crate::store::SecretName;
    use crate::store::environment::Environment;
    use crate::store::registry::find;

    #[test]
    fn a_miss_names_what_was_asked_for() {
        let kwargs = [("variables_prefix", "null"), ("connections_lookup_pattern", "a")];
        let text_of = |(key, value): (&str, &str)| (key.to_owned(), RawValue::Text(value.to_owned()));
        let raw: RawOptions = kwargs.into_iter().map(text_of).collect();
        let settings = configure(find("memory").unwrap(), &raw, Environment::default()).unwrap().settings;
        let lookup = Lookup { kind: Kind::Connection, id: "db\n", team: Some("t") };
        let ask = |names: &[&str]| {
            Plan::Ask(names.iter().map(|name| SecretName::from(*name)).collect::<Vec<_>>().into())
        };
        let line = |lookup, plan: &Plan, outcome| text(&settings, lookup, Some(plan), outcome);
        insta::assert_snapshot!(line(lookup, &ask(&["p/t--db", "p/db"]), "absent"), @r#"Connection "db\n" of team "t" is not in Memory: asked for `p/t--db`, then `p/db`. Returning None."#);
        insta::assert_snapshot!(line(lookup, &ask(&["p/db"]), "denied"), @r#"Connection "db\n" of team "t" was not found in Memory: denied; asked for `p/db`. Returning None."#);
        insta::assert_snapshot!(line(lookup, &Plan::Skip(Skipped::Pattern("a".to_owned())), "skipped"), @r#"Connection "db\n" of team "t" is not looked up in Memory: its `connections_lookup_pattern` keeps this id out. Returning None."#);
        insta::assert_snapshot!(line(Lookup { kind: Kind::Variable, team: None, ..lookup },
            &Plan::Skip(Skipped::KindOff), "skipped"), @r#"Variable "db\n" is not looked up in Memory: variables are switched off there. Returning None."#);
        insta::assert_snapshot!(line(lookup, &Plan::Skip(Skipped::Ambiguous(String::new())), "refused"), @r#"Connection "db\n" of team "t" is not looked up in Memory: no secret can answer for this id. Returning None."#);
    }
}

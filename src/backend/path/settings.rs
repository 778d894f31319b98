//! The options of `path_template`.

use std::sync::Arc;

use crate::backend::chain::FOREIGN;
use crate::backend::path::Paths;
use crate::backend::path::template::Template;
use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::convention::{Convention, Kind, Lookup};
use crate::store::options::{OptionDefault, OptionKind, OptionSpec, OptionValue, Options};
use crate::store::{PerKind, StoreEntry};

const TEMPLATE: OptionSpec = OptionSpec::new(
    "path_template",
    OptionKind::Text,
    "How names are made in place of the default prefixes, such as {tenant}/{namespace:/}/{name}.",
);

const TENANT: OptionSpec =
    OptionSpec::new("path_tenant", OptionKind::Text, "What {tenant} in `path_template` stands for.");

const NAMESPACE: OptionSpec = OptionSpec::new(
    "path_namespace",
    OptionKind::Text,
    "What {namespace} in `path_template` stands for, such as company.team; a team of Airflow is its last \
    part.",
);

const INHERIT: OptionSpec = OptionSpec::new(
    "inherit",
    OptionKind::Boolean,
    "Whether a secret that is absent in the namespace is looked for in each of its parents.",
)
.with(OptionDefault::Boolean(false));

/// The options of this module.
pub(in crate::backend) const OPTIONS: &[OptionSpec] = &[TEMPLATE, TENANT, NAMESPACE, INHERIT];

/// The rules of the store's names, below a tenant and a namespace if the options ask for that.
pub fn convention(entry: &StoreEntry, options: &Options) -> Result<Arc<dyn Convention>> {
    // A class of another package names its secrets itself.
    if entry.info.name == FOREIGN.info.name {
        return (entry.convention)(options);
    }
    let Some(text) = options.non_empty(TEMPLATE.key) else {
        no_effect(options, |_| false, "there is no `path_template`")?;
        return (entry.convention)(options);
    };
    let template = Template::parse(text)?;
    let is_needed = |key: &str| {
        if key == TENANT.key { template.has_tenant() } else { template.has_namespace() }
    };
    no_effect(options, is_needed, "`path_template` has no place for it")?;
    let own = (entry.convention)(&without_default_prefixes(entry, options))?;
    if own.place_in_id() {
        return Err(Error::config("`path_template` in backend_kwargs needs a `mount_point`")
            .with_hint("Write the mount that all secrets are below"));
    }
    let tenant = if template.has_tenant() { required(options, TENANT.key)? } else { "" };
    let namespace = if template.has_namespace() {
        parts(&template, required(options, NAMESPACE.key)?)?
    } else {
        Vec::new()
    };
    let lead = PerKind::make(|kind| lead(&*own, options, kind));
    let inherits = options.boolean_of(&INHERIT);
    Ok(Arc::new(Paths { own, lead, template, tenant: tenant.to_owned(), namespace, inherits }))
}

/// An error for an option that nothing uses.
fn no_effect(options: &Options, is_needed: impl Fn(&str) -> bool, why: &str) -> Result<()> {
    let is_written = |key: &str| match options.get(key) {
        Some(OptionValue::Boolean(value)) => *value,
        Some(OptionValue::Text(text)) => !text.is_empty(),
        value => value.is_some(),
    };
    let keys = [TENANT.key, NAMESPACE.key, INHERIT.key];
    match keys.into_iter().find(|key| is_written(key) && !is_needed(key)) {
        None => Ok(()),
        Some(key) => Err(Error::config(format!("`{key}` in backend_kwargs has no effect: {why}"))
            .with_hint("Write \"path_template\": \"{tenant}/{namespace:/}/{name}\", or leave it out")),
    }
}

fn required<'a>(options: &'a Options, key: &str) -> Result<&'a str> {
    let text = options.non_empty(key).filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| {
        let what = if key == TENANT.key { "{tenant}" } else { "{namespace}" };
        Error::config(format!("`{key}` in backend_kwargs is missing: `path_template` has {what}"))
            .with_hint(format!("Write what {what} stands for, such as internal or company.team"))
    })
}

/// The parts of a namespace, which dots separate.
fn parts(template: &Template, namespace: &str) -> Result<Vec<String>> {
    let parts: Vec<String> = namespace.trim().split('.').map(str::to_owned).collect();
    if let Some(part) = parts.iter().find(|part| !template.can_hold(part)) {
        let what = if part.is_empty() {
            "has an empty part".to_owned()
        } else {
            format!("has the part `{}`, which contains what separates parts in `path_template`", Shown(part))
        };
        return Err(Error::config(format!("`path_namespace` in backend_kwargs {what}"))
            .with_hint("Write its parts with dots between them, such as company.team"));
    }
    Ok(parts)
}

/// The options, in which a prefix that is not written is empty.
fn without_default_prefixes(entry: &StoreEntry, options: &Options) -> Options {
    let mut own = options.clone();
    for spec in entry.options.iter().filter(|spec| is_prefix(spec.key)) {
        if own.get(spec.key).is_none() {
            own.set(spec.key, OptionValue::Text(String::new()));
        }
    }
    own
}

/// What comes before an id without a prefix: a separator that nothing precedes. A slash is how names of the
/// Parameter Store begin.
fn lead(own: &dyn Convention, options: &Options, kind: Kind) -> String {
    let is_written =
        ["prefix", "path"].iter().any(|end| options.get(&format!("{}_{end}", kind.group())).is_some());
    let begin = own.names(Lookup { kind, id: "", team: None }).into_names().into_iter().next();
    let begin = begin.map(|begin| begin.as_str().to_owned()).unwrap_or_default();
    let is_separator = !begin.contains('/') && !begin.chars().any(char::is_alphanumeric);
    if is_written || !is_separator { String::new() } else { begin }
}

/// Whether names of a kind begin with the option.
fn is_prefix(key: &str) -> bool {
    let is_of = |kind: Kind| {
        let rest = key.strip_prefix(kind.group()).and_then(|rest| rest.strip_prefix('_'));
        matches!(rest, Some("prefix" | "path"))
    };
    Kind::ALL.into_iter().any(is_of)
}

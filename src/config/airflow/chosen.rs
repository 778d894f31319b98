//! Which backend is configured, for which component, and with which options.
//!
//! Source: `_get_custom_secret_backend` in `_shared/configuration/parser.py` of Airflow 3.3.2.

use crate::config::airflow::{AirflowConfig, Found, expand};
use crate::config::{RawOptions, RawValue};
use crate::error::Result;
use crate::redact::Shown;
use crate::value::Text;
use crate::value::json::{self, Value};

/// The component that looks something up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// Scheduler, API server, DAG processor and the `airflow` command.
    Server,
    /// Tasks and triggers, for which `[workers]` may name another backend.
    Worker,
}

/// A configured backend. Debug lists the keys of its options only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The class path as it was written.
    pub class: String,
    /// Where the class path comes from.
    pub class_place: String,
    /// Where the options come from, if they are written as one JSON object.
    pub kwargs_place: Option<String>,
    /// The options: those of the JSON object, and those with a variable of their own, which take precedence.
    pub options: RawOptions,
    /// The keys that have a variable of their own, with the name of each.
    pub single: Vec<(String, String)>,
    /// Why the JSON object is not read, if Airflow cannot read it.
    pub unread: Option<String>,
    /// The names of environment variables in the options that were replaced.
    pub replaced: Vec<String>,
    /// The names after a dollar sign that no variable has, so that Airflow leaves them unchanged.
    pub unset: Vec<String>,
}

/// The names of the options that configure a backend.
struct Keys {
    section: &'static str,
    class: &'static str,
    kwargs: &'static str,
    single: &'static str,
}

const SECRETS: Keys = Keys {
    section: "secrets",
    class: "backend",
    kwargs: "backend_kwargs",
    single: "AIRFLOW__SECRETS__BACKEND_KWARG__",
};

const WORKERS: Keys = Keys {
    section: "workers",
    class: "secrets_backend",
    kwargs: "secrets_backend_kwargs",
    single: "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARG__",
};

impl Component {
    /// The word in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Worker => "worker",
        }
    }
}

impl AirflowConfig {
    /// The backend that `component` asks first; `None` if none is configured. Workers fall back to the
    /// backend of `[secrets]`.
    pub fn chosen(&self, component: Component) -> Result<Option<Chosen>> {
        if component == Component::Worker
            && let Some(chosen) = self.chosen_by(&WORKERS)?
        {
            return Ok(Some(chosen));
        }
        self.chosen_by(&SECRETS)
    }

    /// Whether workers have a backend of their own.
    pub fn workers_differ(&self) -> Result<bool> {
        Ok(self.chosen_by(&WORKERS)?.is_some())
    }

    fn chosen_by(&self, keys: &Keys) -> Result<Option<Chosen>> {
        let class = self.option(keys.section, keys.class, false)?;
        let Some(class) = class.filter(|class| !class.text.trim().is_empty()) else { return Ok(None) };
        // Airflow counts the options as sensitive, but not the class, so only they have `_CMD` and `_SECRET`
        // forms.
        let written = self.option(keys.section, keys.kwargs, true)?;
        let written = written.filter(|written| !written.text.is_empty());
        let (mut options, unread) = match written.as_ref().map(|written| read(&written.text)) {
            None => (RawOptions::default(), None),
            Some(Ok(options)) => (options, None),
            Some(Err(problem)) => (RawOptions::default(), Some(problem)),
        };
        let single = self.single(keys, &mut options);
        let (replaced, unset) = written.as_ref().map(|written| self.dollars(written)).unwrap_or_default();
        Ok(Some(Chosen {
            class: class.text.trim().to_owned(),
            class_place: class.place,
            kwargs_place: written.map(|written| written.place),
            options,
            single,
            unread,
            replaced,
            unset,
        }))
    }

    /// Adds the keys that have a variable of their own, which take precedence over the rest.
    fn single(&self, keys: &Keys, options: &mut RawOptions) -> Vec<(String, String)> {
        let mut single = Vec::new();
        for (name, value) in self.variables_with(keys.single).filter(|(name, _)| !name.is_empty()) {
            let key = name.to_lowercase();
            options.insert(key.clone(), RawValue::Text(value.to_owned()));
            single.push((key, format!("{}{name}", keys.single)));
        }
        single
    }

    /// The names after dollar signs: first those of variables that are set, then the rest.
    fn dollars(&self, found: &Found) -> (Vec<String>, Vec<String>) {
        let names = expand::named(&found.written).into_iter().map(str::to_owned);
        names.partition(|name| self.variable(name).is_some())
    }
}

impl Chosen {
    /// The class path, if it looks like one.
    pub fn shown_class(&self) -> String {
        shown_class(&self.class)
    }
}

/// A class path as it may be shown: names with dots between them. Anything else is in the wrong place and may
/// be a secret.
pub fn shown_class(class: &str) -> String {
    let is_name = |part: &str| {
        !part.is_empty()
            && !part.starts_with(|first: char| first.is_ascii_digit())
            && part.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
    };
    let is_path = class.contains('.') && class.split('.').all(is_name) && !is_token(class);
    if is_path { Shown(class).to_string() } else { "(not shown: no class path)".to_owned() }
}

/// Whether this is a token that looks like a class path: one of Vault's ("Token prefixes" in its
/// documentation), or a JWT, which begins with JSON in base64.
fn is_token(class: &str) -> bool {
    let of_vault = ["hvs", "hvb", "hvr", "s", "b", "r"];
    let first = class.split('.').next().unwrap_or_default();
    class.starts_with("eyJ") || (class.split('.').count() == 2 && of_vault.contains(&first))
}

/// The options of a JSON object, or why Airflow takes none of them. Nothing of the text is shown.
fn read(text: &str) -> Result<RawOptions, String> {
    let parsed = json::parse(&Text::from(text)).map_err(|error| format!("is not valid JSON ({error})"))?;
    match &parsed {
        Value::Object(members) => Ok(members.iter().filter_map(option).collect()),
        // Airflow's `if not backend_kwargs: backend_kwargs = {}`.
        other if !other.is_truthy() => Ok(RawOptions::default()),
        other => Err(format!("is JSON of type {}, not an object", other.type_name())),
    }
}

fn option((key, value): &(Text, Value)) -> Option<(String, RawValue)> {
    let value = match value.as_str() {
        Some(text) => RawValue::Text(text.to_owned()),
        None => RawValue::Json(value.clone()),
    };
    Some((key.to_str()?.to_owned(), value))
}

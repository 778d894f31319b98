//! A member whose secrets come from a backend class of another package.
//!
//! It is a store like any other to the layers: its answers are cached, shared, served when they are old, and
//! audited. But its class is only ever called outside of the steps of a lookup (see [`outside`]), and never
//! by a lookup that another such class makes.

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::process::{Deadline, is_outside, outside};
use crate::redact::Shown;
use crate::store::convention::{Convention, Kind, Lookup, Naming};
use crate::store::environment::Environment;
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::prefix::TEAM_SEPARATOR;
use crate::store::tools::Tools;
use crate::store::{OptionRules, SecretName, Store, StoreEntry, StoreInfo};
use crate::value::SecretValue;
use crate::value::json::{self, Value};

/// The path of the class.
pub(crate) const CLASS_OPTION: OptionSpec = OptionSpec::new(
    "class",
    OptionKind::Text,
    "The backend class of another package, such as `airflow.secrets.environment_variables.\
    EnvironmentVariablesBackend`.",
);

/// What its constructor takes.
pub(crate) const KWARGS_OPTION: OptionSpec =
    OptionSpec::new("kwargs", OptionKind::SecretObject, "What the constructor of `class` takes.");

/// The entry of such members. It is in no list of stores, since the class is the store.
pub(crate) static FOREIGN: StoreEntry = StoreEntry {
    info: INFO,
    python_class: "strongroom.chain.ChainBackend",
    options: &[CLASS_OPTION, KWARGS_OPTION],
    variables: &[],
    convention: |_options| Ok(Arc::new(Plainly)),
    rules: OptionRules::NONE,
    tools: Tools { words: &["class"], about: "A backend class of another package: no policy", ..Tools::NONE },
    open: |options, _environment: &Environment| Ok(Arc::new(ForeignStore(Arc::new(Class::of(options))))),
};

const INFO: StoreInfo = StoreInfo { name: "class", title: "Class of another package" };

/// Calls the class, with the GIL. Installed by the boundary to Python.
pub type Caller = fn(&Class, &Question) -> Result<Option<SecretValue>>;

static CALLER: OnceLock<Caller> = OnceLock::new();

/// Makes `caller` the one that calls foreign classes.
pub fn install_caller(caller: Caller) {
    let _ = CALLER.set(caller);
}

/// A class and the arguments of its constructor. Debug shows only the path.
pub struct Class {
    /// Where it is imported from.
    pub path: String,
    /// A JSON object.
    pub kwargs: Value,
    /// The same as text, by which one instance is told from another.
    pub key: String,
}

impl Class {
    fn of(options: &Options) -> Self {
        let path = options.text(CLASS_OPTION.key).unwrap_or_default().to_owned();
        let kwargs = options
            .object(KWARGS_OPTION.key)
            .cloned()
            .unwrap_or_else(|| Value::Object([].into_iter().collect()));
        let key = json::write(&kwargs).to_str().unwrap_or_default().to_owned();
        Self { path, kwargs, key }
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Class({})", Shown(&self.path))
    }
}

/// What the class is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The kind, which decides the method.
    pub kind: Kind,
    /// What Airflow calls it.
    pub id: String,
    /// The team, for a method that takes one.
    pub team: Option<String>,
}

impl Question {
    /// The question that [`Plainly`] has put into a name: `variables/ID`, or `variables@TEAM/ID`.
    fn of(name: &SecretName) -> Result<Self> {
        let odd = || Error::internal("a name that is none of a foreign class");
        let (head, id) = name.as_str().split_once('/').ok_or_else(odd)?;
        let (group, team) = head.split_once('@').map_or((head, None), |(group, team)| (group, Some(team)));
        let kind = Kind::of_group(group).ok_or_else(odd)?;
        Ok(Self { kind, id: id.to_owned(), team: team.map(unescaped) })
    }
}

/// The class names secrets itself, so an id is passed on as it is.
#[derive(Debug)]
struct Plainly;

impl Convention for Plainly {
    fn names(&self, lookup: Lookup<'_>) -> Naming {
        let team = lookup.team.filter(|team| !team.is_empty()).map(|team| format!("@{}", escaped(team)));
        let names = vec![format!("{}{}/{}", lookup.kind.group(), team.unwrap_or_default(), lookup.id).into()];
        // A class that knows nothing of teams would take it for its name of another team's secret.
        if lookup.id.contains(TEAM_SEPARATOR) {
            return Naming::Ambiguous { separator: TEAM_SEPARATOR, names };
        }
        Naming::Names(names)
    }
}

fn escaped(team: &str) -> String {
    team.replace('%', "%25").replace('/', "%2F")
}

fn unescaped(team: &str) -> String {
    team.replace("%2F", "/").replace("%25", "%")
}

/// The class as a store.
#[derive(Debug)]
struct ForeignStore(Arc<Class>);

#[async_trait]
impl Store for ForeignStore {
    fn info(&self) -> &StoreInfo {
        &INFO
    }

    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>> {
        let path = Shown(&self.0.path);
        let caller = *CALLER.get().ok_or_else(|| Error::config("a backend class needs Python"))?;
        if is_outside() {
            return Err(Error::internal("a foreign class was asked from within another"));
        }
        let (class, question) = (Arc::clone(&self.0), Question::of(name)?);
        let deadline = Deadline::current();
        let answer = outside(move || caller(&class, &question)).await;
        if deadline.is_some_and(|deadline| deadline.remaining().is_zero()) {
            tracing::warn!(
                "`{path}` took longer for `{name}` than the lookup may take. A class of another package is \
                not interrupted: give it a timeout of its own."
            );
        }
        answer.unwrap_or_else(|| {
            Err(Error::new(ErrorKind::Internal, format!("the call of `{path}` ended without an answer")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_the_whole_question() {
        for team in [None, Some("a"), Some("a/b%2F@c")] {
            for (kind, id) in [(Kind::Variable, "db"), (Kind::Connection, "a/b@c"), (Kind::Config, "")] {
                let [name] = &Plainly.names(Lookup { kind, id, team }).into_names()[..] else { panic!() };
                let expected = Question { kind, id: id.to_owned(), team: team.map(str::to_owned) };
                assert_eq!(Question::of(name).unwrap(), expected);
            }
        }
    }

    #[test]
    fn an_id_with_the_separator_of_teams_is_ambiguous() {
        let naming = Plainly.names(Lookup { kind: Kind::Variable, id: "a--db", team: None });
        assert!(matches!(naming, Naming::Ambiguous { .. }));
    }

    #[test]
    fn no_argument_is_shown() {
        let class = Class { path: "a.B".to_owned(), kwargs: Value::Null, key: "canary".to_owned() };
        assert_eq!(format!("{:?}", ForeignStore(Arc::new(class))), "ForeignStore(Class(a.B))");
    }
}

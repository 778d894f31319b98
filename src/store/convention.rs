//! How Airflow's official class for a store names secrets and reads what they hold.

use std::fmt::{self, Debug};

use crate::error::Result;
use crate::store::SecretName;
use crate::value::SecretValue;

/// What Airflow asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A connection, by its connection id.
    Connection,
    /// A variable, by its key.
    Variable,
    /// A configuration option, by the text that its `_secret` entry holds.
    Config,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Connection, Self::Variable, Self::Config];

    /// The word in logs and statistics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Variable => "variable",
            Self::Config => "config",
        }
    }

    /// The word for many of them.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Connection => "connections",
            Self::Variable => "variables",
            Self::Config => "config values",
        }
    }

    /// The word for all of them in options and in the names of places, such as that of `bundle`.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Connection => "connections",
            Self::Variable => "variables",
            Self::Config => "config",
        }
    }

    /// The kind whose [`Self::group`] is this word.
    pub fn of_group(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.group() == word)
    }

    /// The prefix of the environment variables in which Airflow looks for this kind; it does not look for
    /// config values there.
    pub const fn variable_prefix(self) -> Option<&'static str> {
        match self {
            Self::Connection => Some("AIRFLOW_CONN_"),
            Self::Variable => Some("AIRFLOW_VAR_"),
            Self::Config => None,
        }
    }

    /// The word for it in the official classes' warnings.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Connection => "Connection",
            Self::Variable => "Variable",
            Self::Config => "Configuration option",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One question from Airflow: a kind, an id, and the team that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lookup<'text> {
    /// What is asked for.
    pub kind: Kind,
    /// What Airflow calls it.
    pub id: &'text str,
    /// The team of the caller; never set for [`Kind::Config`].
    pub team: Option<&'text str>,
}

/// The names that answer a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    /// This kind is switched off: the store is not asked.
    Off,
    /// The id could name a secret of another team; it is refused when Airflow runs with `[core] multi_team`.
    Ambiguous {
        /// What separates the team from the id in this store's names.
        separator: &'static str,
        /// The names to ask when teams are off.
        names: Vec<SecretName>,
    },
    /// A team's own names, and those that apply where Airflow runs without teams. (Only Vault's rules tell
    /// the two apart.)
    OfTeam {
        /// The names to ask under `[core] multi_team`.
        names: Vec<SecretName>,
        /// The names to ask when teams are off.
        without_teams: Vec<SecretName>,
    },
    /// No secret of this store can have this name, so there is nothing to ask.
    Impossible {
        /// What a valid name looks like, as the rest of a sentence.
        grammar: &'static str,
        /// The names to ask where something other than the store may answer, such as a bundle.
        names: Vec<SecretName>,
        /// What makes the id ambiguous as well, if it is: a bundle also holds the secrets of other teams.
        ambiguous: Option<&'static str>,
    },
    /// Ask these in order; the first that exists answers. An error ends the search.
    Names(Vec<SecretName>),
}

/// An id that is not a text that a name can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddId {
    /// Python's None.
    Nothing,
    /// A number, or another Python object.
    Object,
    /// A text that contains a lone surrogate.
    Surrogate,
}

/// What happens to a lookup of such an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddFate {
    /// Python puts the result of `str` into the name.
    AsText,
    /// No name can match it.
    Absent,
    /// Python raises.
    Refused,
}

impl Naming {
    /// Without the names that no secret can have, in a store that has a grammar of names. A name of a team
    /// may be too long where the shared one is not: then only that is asked.
    #[must_use]
    pub fn only(self, is_valid: impl Fn(&SecretName) -> bool, grammar: &'static str) -> Self {
        let (all, ambiguous) = match self {
            Self::Names(names) => (names, None),
            Self::Ambiguous { separator, names } => (names, Some(separator)),
            other => return other,
        };
        let names: Vec<_> = all.iter().filter(|name| is_valid(name)).cloned().collect();
        match ambiguous {
            _ if names.is_empty() => Self::Impossible { grammar, names: all, ambiguous },
            Some(separator) => Self::Ambiguous { separator, names },
            None => Self::Names(names),
        }
    }

    /// All names that may be asked; none for a kind that is switched off.
    pub fn into_names(self) -> Vec<SecretName> {
        match self {
            Self::Off => Vec::new(),
            Self::Ambiguous { names, .. } | Self::Impossible { names, .. } | Self::Names(names) => names,
            Self::OfTeam { names, without_teams } => names.into_iter().chain(without_teams).collect(),
        }
    }
}

/// How a value is written into a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As one text: a variable, a config value, the URI of a connection.
    Text,
    /// The fields of a connection as JSON.
    Fields,
}

/// The rules of one configured backend: plain data that forked processes can share.
pub trait Convention: Debug + Send + Sync {
    /// The names that answer `lookup`, in the order of the official class.
    fn names(&self, lookup: Lookup<'_>) -> Naming;

    /// The id of what `name` has after `prefix`; `None` for a name that begins otherwise. A store that
    /// changes the letters of ids gives one of the ids that have this name.
    fn id_below(&self, prefix: &str, name: &SecretName) -> Option<String> {
        name.as_str().strip_prefix(prefix).map(str::to_owned)
    }

    /// What Airflow gets for a secret that holds `value`. `None` means that the secret has no answer.
    fn read(&self, _kind: Kind, value: SecretValue) -> Result<Option<SecretValue>> {
        Ok(Some(value))
    }

    /// What a secret has to hold so that [`Self::read`] gives `text` for it. `form` is that of a connection;
    /// the text is then a URI, or JSON with its fields.
    fn write(&self, _kind: Kind, _form: Form, text: SecretValue) -> Result<SecretValue> {
        Ok(text)
    }

    /// The name in the store for one that an operator has written, such as in a reference: the same, where
    /// nothing but the configuration knows a part of it.
    fn referred(&self, name: &SecretName) -> SecretName {
        name.clone()
    }

    /// What the official class does with an id that is not a text that a name can hold. `multi_team` is
    /// `[core] multi_team`: with teams, most classes search the id for one, which fails in Python for
    /// anything but a text.
    fn odd(&self, _lookup: Lookup<'_>, odd: OddId, multi_team: bool) -> OddFate {
        match odd {
            OddId::Surrogate => OddFate::Refused,
            OddId::Nothing | OddId::Object if multi_team => OddFate::Refused,
            OddId::Nothing | OddId::Object => OddFate::AsText,
        }
    }

    /// Fields of a secret that have a meaning but do not reach Airflow, each with a remedy: for `strongroom
    /// lint`.
    fn dropped(&self, _kind: Kind, _value: &SecretValue) -> Vec<String> {
        Vec::new()
    }

    /// Whether each id begins with the place that it is in, such as a mount. Then nothing is known of names
    /// without an id, and the names of the empty id, from which prefixes are derived, are those of the id
    /// `PLACE/`.
    fn place_in_id(&self) -> bool {
        false
    }
}

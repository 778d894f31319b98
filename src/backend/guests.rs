//! `agent_group`: processes of other users that may ask an agent, and what each of them may ask for.

use std::sync::Arc;

use crate::backend::chain::Routing;
use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::convention::{Kind, Lookup};
use crate::store::options::{OptionKind, OptionSpec, Options};
use crate::store::pattern::Pattern;
use crate::value::json::{Object, Value};

/// The shape of the option.
const SHAPE: &str = "{\"group\": 50000, \"owner\": 50001, \"allow\": [{\"uid\": 50002, \
                     \"kinds\": [\"variables\"], \
                     \"ids\": \"blue_\"}]}";

/// The option of this module.
pub(super) const OPTION: OptionSpec = OptionSpec::new(
    "agent_group",
    OptionKind::Json(SHAPE),
    "Other users that may ask an agent with a named socket: its group, the user that it runs as, and who may \
    ask for which kinds, ids and teams.",
);

/// Who else than its own user an agent answers.
#[derive(Debug)]
pub struct AgentGroup {
    /// The group of the folder and the socket, which all who ask are in.
    pub group: u32,
    /// The user that the agent runs as, whom those who ask trust.
    pub owner: Option<u32>,
    allow: Vec<Guest>,
}

/// A user or a group, and what it may ask for.
#[derive(Debug)]
struct Guest {
    who: Who,
    what: Routing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    User(u32),
    Group(u32),
}

impl AgentGroup {
    /// Reads the option.
    pub(super) fn from_options(options: &Options) -> Result<Option<Arc<Self>>> {
        let group = match options.json(OPTION.key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(members)) => Self::of(members)?,
            Some(_) => return Err(wrong("no object")),
        };
        Ok(Some(Arc::new(group)))
    }

    fn of(members: &Object) -> Result<Self> {
        known(members, &["group", "owner", "allow"])?;
        let group = number(members, "group")?.ok_or_else(|| wrong("without a `group`"))?;
        let allow = members.get("allow").and_then(Value::as_array).unwrap_or_default();
        if allow.is_empty() {
            return Err(wrong("without anyone to `allow`"));
        }
        let allow =
            allow.iter().map(|entry| entry.as_object().map_or(Err(wrong("no list of objects")), Guest::of));
        Ok(Self { group, owner: number(members, "owner")?, allow: allow.collect::<Result<_>>()? })
    }

    /// Whether someone of this user and these groups may ask for anything.
    pub fn knows(&self, user: u32, groups: &[u32]) -> bool {
        self.of_peer(user, groups).next().is_some()
    }

    /// Whether they may ask for this, and then whether in the name of every team; the error is that of an
    /// invalid pattern.
    pub fn permits(&self, user: u32, groups: &[u32], lookup: Lookup<'_>) -> Result<Option<EveryTeam>> {
        for guest in self.of_peer(user, groups) {
            if guest.what.passes_over(lookup)?.is_none() {
                return Ok(Some(EveryTeam(guest.what.teams.is_none())));
            }
        }
        Ok(None)
    }

    fn of_peer<'peer>(&'peer self, user: u32, groups: &'peer [u32]) -> impl Iterator<Item = &'peer Guest> {
        self.allow.iter().filter(move |guest| match guest.who {
            Who::User(allowed) => allowed == user,
            Who::Group(allowed) => groups.contains(&allowed),
        })
    }
}

/// Whether no team is withheld, so that a client may say whether Airflow has teams at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EveryTeam(pub bool);

impl Guest {
    fn of(members: &Object) -> Result<Self> {
        known(members, &["uid", "gid", "kinds", "ids", "teams"])?;
        let who = match (number(members, "uid")?, number(members, "gid")?) {
            (Some(user), None) => Who::User(user),
            (None, Some(group)) => Who::Group(group),
            _ => return Err(wrong("with an entry of `allow` that has not exactly one of `uid` and `gid`")),
        };
        Ok(Self { who, what: Routing { kinds: kinds(members)?, teams: teams(members)?, ids: ids(members)? } })
    }
}

fn known(members: &Object, keys: &[&str]) -> Result<()> {
    match members.iter().find(|(key, _)| !keys.iter().any(|known| key.to_str() == Some(*known))) {
        None => Ok(()),
        Some((key, _)) => {
            let key = key.to_str().unwrap_or_default();
            Err(wrong(&format!("an object with the unknown key `{}`", Shown(key))))
        }
    }
}

fn number(members: &Object, key: &str) -> Result<Option<u32>> {
    match members.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64().and_then(|number| u32::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(&format!("with a `{key}` that is no number of a user or a group"))),
        },
    }
}

/// The texts of a list, or the only one; null is `None`.
fn list(members: &Object, key: &str) -> Result<Option<Vec<Option<String>>>> {
    let of = |value: &Value| match value {
        Value::Null => Ok(None),
        _ => value
            .as_str()
            .map(|text| Some(text.to_owned()))
            .ok_or_else(|| wrong(&format!("with wrong `{key}`"))),
    };
    match members.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(values)) => values.iter().map(of).collect::<Result<_>>().map(Some),
        Some(value) => Ok(Some(vec![of(value)?])),
    }
}

fn kinds(members: &Object) -> Result<Option<Vec<Kind>>> {
    let kind = |word: Option<String>| {
        let word = word.unwrap_or_default().trim().to_lowercase();
        let of_one = || Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
        Kind::of_group(&word)
            .or_else(of_one)
            .ok_or_else(|| wrong("with `kinds` other than connections, variables and config"))
    };
    let Some(words) = list(members, "kinds")? else { return Ok(None) };
    words.into_iter().map(kind).collect::<Result<_>>().map(Some)
}

fn teams(members: &Object) -> Result<Option<Vec<Option<String>>>> {
    list(members, "teams")
}

fn ids(members: &Object) -> Result<Option<Pattern>> {
    match members.get("ids") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_str().filter(|text| !text.is_empty()) {
            Some(text) => Ok(Some(Pattern::new(text))),
            None => Err(wrong("with `ids` that are no regular expression")),
        },
    }
}

fn wrong(what: &str) -> Error {
    Error::config(format!("`agent_group` in backend_kwargs is {what}")).with_hint(format!("Write {SHAPE}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;
    use crate::value::json;

    fn group(text: &str) -> Result<AgentGroup> {
        let mut options = Options::default();
        options.set(OPTION.key, OptionValue::Json(json::parse(&text.into()).unwrap()));
        AgentGroup::from_options(&options).map(|group| Arc::into_inner(group.unwrap()).unwrap())
    }

    fn variable(id: &str) -> Lookup<'_> {
        Lookup { kind: Kind::Variable, id, team: None }
    }

    #[test]
    fn users_and_groups_may_ask_for_what_their_entries_name() {
        let group = group(
            r#"{"group": 7, "owner": 1, "allow": [
                {"uid": 2, "kinds": ["variables"], "ids": "blue_", "teams": ["blue", null]}, {"gid": 9}]}"#,
        )
        .unwrap();
        assert_eq!((group.group, group.owner), (7, Some(1)));
        let permits = |user, groups: &[u32], lookup| group.permits(user, groups, lookup).unwrap();
        assert_eq!(permits(2, &[7], variable("blue_a")), Some(EveryTeam(false)));
        assert_eq!(permits(2, &[7], variable("red_a")), None);
        assert_eq!(permits(2, &[7], Lookup { kind: Kind::Connection, ..variable("blue_a") }), None);
        assert_eq!(permits(2, &[7], Lookup { team: Some("red"), ..variable("blue_a") }), None);
        assert_eq!(permits(3, &[7, 9], variable("red_a")), Some(EveryTeam(true)));
        assert_eq!((group.knows(3, &[9]), group.knows(3, &[7])), (true, false));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |text: &str| group(text).unwrap_err().message().to_owned();
        for (text, what) in [
            ("[1]", "no object"),
            (r#"{"allow": [{"uid": 1}]}"#, "without a `group`"),
            (r#"{"group": 1}"#, "without anyone to `allow`"),
            (r#"{"group": "a", "allow": [{"uid": 1}]}"#, "a `group` that is no number"),
            (r#"{"group": 1, "allow": [5]}"#, "no list of objects"),
            (r#"{"group": 1, "allow": [{"uid": 1, "gid": 2}]}"#, "not exactly one of `uid` and `gid`"),
            (r#"{"group": 1, "allow": [{"uid": -1}]}"#, "a `uid` that is no number"),
            (r#"{"group": 1, "allow": [{"uid": 1, "kind": "x"}]}"#, "the unknown key `kind`"),
            (r#"{"group": 1, "allow": [{"uid": 1, "kinds": ["x"]}]}"#, "`kinds` other than connections"),
            (r#"{"group": 1, "allow": [{"uid": 1, "ids": 5}]}"#, "`ids` that are no regular expression"),
        ] {
            let said = wrong(text);
            assert!(said.contains(what), "{said}");
        }
    }
}

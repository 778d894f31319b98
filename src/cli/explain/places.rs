//! The environment variables that Airflow reads after the backend.
//!
//! Source: `secrets/environment_variables.py` of Airflow 3.3.2. (Airflow 3.2 refuses fewer ids: those without
//! a team that look like `_team___id`.)

use crate::config::airflow::AirflowConfig;
use crate::store::convention::{Kind, Lookup};

/// Separates the team from the id in the name of a variable; the separator in names of secrets is another
/// one.
const SEPARATOR: &str = "___";

/// A variable that could answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EnvironmentVariable {
    /// Its name.
    pub(super) name: String,
    /// Whether it is set, so that Airflow uses it.
    pub(super) is_set: bool,
}

/// The variables of a lookup, the team's first. There are none for config values, nor for an id that could be
/// another team's.
pub(super) fn variables(airflow: &AirflowConfig, lookup: Lookup<'_>) -> Vec<EnvironmentVariable> {
    let Some(prefix) = lookup.kind.variable_prefix() else { return Vec::new() };
    if lookup.id.contains(SEPARATOR) && airflow.multi_team() {
        return Vec::new();
    }
    let id = lookup.id.to_uppercase();
    let team = lookup.team.filter(|team| !team.is_empty());
    let team = team.map(|team| format!("{prefix}_{}{SEPARATOR}{id}", team.to_uppercase()));
    let shared = format!("{prefix}{id}");
    let place = |name: String, needs_text: bool| {
        let value = airflow.variable(&name);
        // An empty team variable does not count. An empty shared one is a valid value of a variable, but not
        // a connection.
        let is_set = value.is_some_and(|value| !value.is_empty() || !needs_text);
        EnvironmentVariable { name, is_set }
    };
    let team = team.map(|name| place(name, true));
    team.into_iter().chain([place(shared, lookup.kind == Kind::Connection)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_capitals_and_the_teams_comes_first() {
        let set = [("AIRFLOW_CONN__T___DB", ""), ("AIRFLOW_CONN_DB", "canary"), ("AIRFLOW_VAR_DB", "")];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let airflow = AirflowConfig::read([set.as_slice(), &[home()]].concat(), None).unwrap();
        let names_of = |kind, team| {
            let places = variables(&airflow, Lookup { kind, id: "db", team });
            places.into_iter().map(|place| (place.name, place.is_set)).collect::<Vec<_>>()
        };
        assert_eq!(
            names_of(Kind::Connection, Some("t")),
            [("AIRFLOW_CONN__T___DB".to_owned(), false), ("AIRFLOW_CONN_DB".to_owned(), true)]
        );
        assert_eq!(names_of(Kind::Variable, None), [("AIRFLOW_VAR_DB".to_owned(), true)]);
        assert_eq!(names_of(Kind::Config, None), []);
    }

    #[test]
    fn with_teams_an_id_that_could_be_another_teams_has_no_variable() {
        let set = [home(), ("AIRFLOW__CORE__MULTI_TEAM".to_owned(), "True".to_owned())];
        let airflow = AirflowConfig::read(set.to_vec(), None).unwrap();
        let names = |id, team| {
            let places = variables(&airflow, Lookup { kind: Kind::Connection, id, team });
            places.into_iter().map(|place| place.name).collect::<Vec<_>>()
        };
        assert!(names("t___db", None).is_empty() && names("_t___db", Some("u")).is_empty());
        assert_eq!(names("t--db", None), ["AIRFLOW_CONN_T--DB"]);
        assert_eq!(names("t__db", Some("u")), ["AIRFLOW_CONN__U___T__DB", "AIRFLOW_CONN_T__DB"]);
        assert_eq!(names("db", Some("")), ["AIRFLOW_CONN_DB"]);
    }

    fn home() -> (String, String) {
        ("AIRFLOW_HOME".to_owned(), "/nonexistent".to_owned())
    }
}

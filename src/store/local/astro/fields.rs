//! The names in Astro's settings file, and what is reported about others.
//!
//! Astro's reader (viper) ignores case in keys, and silently ignores keys that it does not know.

/// A place in the file that has names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The top of the file.
    Top,
    /// The mapping `airflow`.
    Section,
    /// An entry of `connections`.
    Connection,
    /// An entry of `variables`.
    Variable,
}

/// Names that other tools use for a field, without separators.
const ALIASES: [(&str, &str); 22] = [
    ("id", "conn_id"),
    ("connectionid", "conn_id"),
    ("connid", "conn_id"),
    ("connectiontype", "conn_type"),
    ("hostname", "conn_host"),
    ("user", "conn_login"),
    ("username", "conn_login"),
    ("connuser", "conn_login"),
    ("connusername", "conn_login"),
    ("pass", "conn_password"),
    ("passwd", "conn_password"),
    ("database", "conn_schema"),
    ("db", "conn_schema"),
    ("dbname", "conn_schema"),
    ("url", "conn_uri"),
    ("connurl", "conn_uri"),
    ("extradejson", "conn_extra"),
    ("extras", "conn_extra"),
    ("key", "variable_name"),
    ("varname", "variable_name"),
    ("val", "variable_value"),
    ("varvalue", "variable_value"),
];

impl Level {
    const ALL: [Self; 4] = [Self::Top, Self::Section, Self::Connection, Self::Variable];

    /// The names that have a meaning here.
    pub(super) const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Top => &["airflow"],
            Self::Section => &["connections", "variables", "pools"],
            Self::Connection => &[
                "conn_id",
                "conn_type",
                "conn_host",
                "conn_schema",
                "conn_login",
                "conn_password",
                "conn_port",
                "conn_uri",
                "conn_extra",
            ],
            Self::Variable => &["variable_name", "variable_value"],
        }
    }

    /// Whether `name` has a meaning here, ignoring case.
    pub(super) fn has(self, name: &str) -> bool {
        self.fields().iter().any(|field| field.eq_ignore_ascii_case(name))
    }

    /// What to do about a name that has no meaning here.
    pub(super) fn advice(self, name: &str) -> String {
        let plain = plain(name.split(':').next().unwrap_or(name));
        if let Some(field) = self.meant(&plain) {
            return format!("Write `{field}`");
        }
        if let Some(other) = Self::ALL.into_iter().find(|other| *other != self && other.has(name)) {
            return format!("It belongs {}", other.as_str());
        }
        match self.nearest(&plain) {
            Some(field) => format!("Did you mean `{field}`?"),
            None => format!("Known {} are: {}", self.as_str(), self.fields().join(", ")),
        }
    }

    /// The field that another spelling, or the name from another tool, refers to.
    fn meant(self, plain_name: &str) -> Option<&'static str> {
        let prefix = match self {
            Self::Connection => "conn",
            Self::Variable => "variable",
            Self::Top | Self::Section => "",
        };
        let is_same = |field: &&str| {
            let field = plain(field);
            field == plain_name || field.strip_prefix(prefix) == Some(plain_name)
        };
        let alias = || ALIASES.iter().find(|(word, field)| *word == plain_name && self.has(field));
        self.fields()
            .iter()
            .find(|field| is_same(field))
            .copied()
            .or_else(|| alias().map(|(_, field)| *field))
    }

    fn nearest(self, plain_name: &str) -> Option<&'static str> {
        let distance = |field: &str| strsim::damerau_levenshtein(plain_name, &plain(field));
        let (distance, field) = self.fields().iter().map(|field| (distance(field), *field)).min()?;
        (distance <= (field.len() / 3).max(1)).then_some(field)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Top => "at the top of the file",
            Self::Section => "below `airflow`",
            Self::Connection => "in an entry of `connections`",
            Self::Variable => "in an entry of `variables`",
        }
    }
}

/// Removes case and separators.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_case_of_names_does_not_matter() {
        assert!(Level::Connection.has("CONN_ID") && Level::Top.has("Airflow"));
        assert!(!Level::Connection.has("connId") && !Level::Variable.has("conn_id"));
    }

    #[test]
    fn the_field_that_was_meant_is_named() {
        for (place, name, expected) in [
            (Level::Connection, "host", "Write `conn_host`"),
            (Level::Connection, "connId", "Write `conn_id`"),
            (Level::Connection, "CONN-PORT", "Write `conn_port`"),
            (Level::Connection, "username", "Write `conn_login`"),
            (Level::Connection, "extra_dejson", "Write `conn_extra`"),
            (Level::Connection, "conn_pasword", "Did you mean `conn_password`?"),
            (Level::Connection, "conn_password:canary", "Write `conn_password`"),
            (Level::Connection, "variable_name", "It belongs in an entry of `variables`"),
            (Level::Variable, "name", "Write `variable_name`"),
            (Level::Variable, "Value", "Write `variable_value`"),
            (
                Level::Variable,
                "description",
                "Known in an entry of `variables` are: variable_name, variable_value",
            ),
            (Level::Section, "variable", "Did you mean `variables`?"),
            (Level::Section, "conn_id", "It belongs in an entry of `connections`"),
            (Level::Top, "connections", "It belongs below `airflow`"),
            (Level::Top, "airflw", "Did you mean `airflow`?"),
        ] {
            assert_eq!(place.advice(name), expected, "{name}");
        }
    }
}

//! Which Airflow reads the connection.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The versions of Airflow whose connection parsing differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// `airflow.models.connection` of apache-airflow-core 3.1.6 to 3.3: query values are read as JSON.
    #[default]
    Airflow33,
    /// `airflow.sdk.definitions.connection` of the Task SDK: what tasks see in Airflow 3.
    TaskSdk13,
    /// apache-airflow-core 3.0.0 to 3.1.5: query values stay strings.
    Airflow30,
    /// Airflow 2.9 to 2.11: extra may be any text.
    Airflow211,
}

/// The text names no dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("unknown connection dialect; use airflow_3_3, task_sdk_1_3, airflow_3_0 or airflow_2_11")]
pub struct UnknownDialect;

impl Dialect {
    /// All dialects, the default first.
    pub const ALL: [Self; 4] = [Self::Airflow33, Self::TaskSdk13, Self::Airflow30, Self::Airflow211];

    /// The name in configuration and in test data.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Airflow33 => "airflow_3_3",
            Self::TaskSdk13 => "task_sdk_1_3",
            Self::Airflow30 => "airflow_3_0",
            Self::Airflow211 => "airflow_2_11",
        }
    }

    /// Whether each query value is read as JSON where it is JSON.
    pub(super) fn decodes_query_values(self) -> bool {
        self == Self::Airflow33
    }

    /// Whether this is the database model: it encodes password and extra for encryption and drops an empty
    /// password.
    pub(super) fn is_model(self) -> bool {
        self != Self::TaskSdk13
    }

    /// Whether extra must be a JSON object.
    pub(super) fn requires_object_extra(self) -> bool {
        matches!(self, Self::Airflow33 | Self::Airflow30)
    }

    /// Whether the constructor takes `team_name`.
    pub(super) fn knows_teams(self) -> bool {
        self == Self::Airflow33
    }

    /// Whether reading extra as JSON masks its strings with `re2`, which refuses lone surrogates.
    pub(super) fn masks_with_re2(self) -> bool {
        self == Self::Airflow211
    }

    /// Whether `get_uri` keeps a host whole when its protocol is the connection type.
    pub(super) fn keeps_matching_protocol(self) -> bool {
        matches!(self, Self::Airflow33 | Self::TaskSdk13)
    }
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, UnknownDialect> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == name).ok_or(UnknownDialect)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

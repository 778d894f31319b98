//! `strongroom set`.

use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use crate::backend::{Change, Changed, Wish};
use crate::cli::output::Report;
use crate::cli::setup::Source;
use crate::cli::subject::Subject;
use crate::error::{Error, Result};
use crate::moment;
use crate::redact::Shown;
use crate::store::convention::{Kind, Lookup};
use crate::store::{Expect, State};
use crate::value::json::{self, Object};
use crate::value::{Dialect, Text, Value};

use super::contents::{FormatWord, check_id, checked};
use super::input::{InputOptions, descriptor, value};
use super::shown::report;
use super::target::{Consent, Target, WriteOptions, consent};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SetArguments {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    input: InputOptions,
    #[command(flatten)]
    fields: Fields,
    /// How a connection is written; as it is given, if this is left out.
    #[arg(long, value_name = "FORMAT")]
    format: Option<FormatWord>,
    /// Which Airflow checks a connection: `airflow_3_3`, `task_sdk_1_3`, `airflow_3_0` or `airflow_2_11`.
    #[arg(long, value_name = "DIALECT", default_value_t)]
    dialect: Dialect,
    /// Fail if there is such a secret.
    #[arg(long, conflicts_with_all = ["update_only", "if_version"])]
    create_only: bool,
    /// Fail if there is no such secret.
    #[arg(long, conflicts_with = "if_version")]
    update_only: bool,
    /// Fail unless the secret has this version, as `strongroom describe` shows it.
    #[arg(long, value_name = "VERSION")]
    if_version: Option<String>,
    /// A tag that the secret gets beside those in `tags` of the options; may be given several times.
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    tags: Vec<String>,
    /// When the secret expires: a moment such as `2027-01-31T00:00:00Z`, or a number of days such as `90d`.
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    #[command(flatten)]
    write: WriteOptions,
}

/// The fields of a connection. With them, the value that is read is the password.
#[derive(Clone, Debug, Default, clap::Args)]
struct Fields {
    /// The type of a connection of fields, such as postgres. What is read is then the password alone.
    #[arg(long, value_name = "TYPE")]
    conn_type: Option<String>,
    /// The host of the connection.
    #[arg(long, requires = "conn_type")]
    host: Option<String>,
    /// The user of the connection.
    #[arg(long, requires = "conn_type")]
    login: Option<String>,
    /// The port of the connection.
    #[arg(long, requires = "conn_type")]
    port: Option<u16>,
    /// The schema, such as the name of a database.
    #[arg(long, requires = "conn_type")]
    schema: Option<String>,
    /// A description for people.
    #[arg(long, requires = "conn_type")]
    description: Option<String>,
    /// The file descriptor with its extra as a JSON object.
    #[arg(long, value_name = "N", requires = "conn_type")]
    extra_fd: Option<u32>,
    /// It has no password, so nothing is read.
    #[arg(long, requires = "conn_type", conflicts_with_all = ["fd", "exact"])]
    no_password: bool,
}

/// Writes the secret under the first name of the lookup.
pub(in crate::cli) fn set(source: &Source, arguments: &SetArguments) -> Result<Report> {
    let lookup = arguments.subject.lookup();
    check_id(lookup)?;
    let mut target = Target::of(source, &arguments.write, lookup)?;
    let text = arguments.text(lookup)?;
    let (text, form, odd) = checked(lookup, &text, arguments.format, arguments.dialect)?;
    target.warnings.extend(odd);
    let (tags, expires) = (arguments.tags()?, arguments.expires()?);
    let mut wish = Wish { text, form, expect: arguments.expect(), tags, expires };
    if !arguments.write.yes || arguments.write.dry_run {
        let planned =
            target.run(async |client, route| client.backend.set(lookup, route, &wish, false).await)?;
        if arguments.write.dry_run || planned.change == Change::Unchanged {
            return Ok(report(&target, lookup, &planned, arguments.write.dry_run));
        }
        if planned.change == Change::Updated
            && let Consent::Refused(report) = consent(&arguments.write, &planned, "replace")?
        {
            return Ok(report);
        }
        wish.expect = as_planned(wish.expect, &planned);
    }
    let done = target.run(async |client, route| client.backend.set(lookup, route, &wish, true).await)?;
    target.tell_agent(lookup);
    Ok(report(&target, lookup, &done, false))
}

/// What was planned is done, and nothing else: another writer in between is a conflict.
fn as_planned(expect: Expect, planned: &Changed) -> Expect {
    match (expect, planned.before.state, &planned.before.version) {
        (Expect::Anything, State::Absent, _) => Expect::Absent,
        (Expect::Anything, State::Present, Some(version)) => Expect::Version(version.clone()),
        (Expect::Anything, State::Present, None) => Expect::Present,
        (expect, ..) => expect,
    }
}

impl SetArguments {
    fn text(&self, lookup: Lookup<'_>) -> Result<Zeroizing<String>> {
        let Some(conn_type) = &self.fields.conn_type else {
            let what = match lookup.kind {
                Kind::Connection => "URI or JSON of the connection",
                Kind::Variable | Kind::Config => "value",
            };
            return value(&self.input, what);
        };
        if lookup.kind != Kind::Connection {
            return Err(Error::config("--conn-type and the like are for connections"));
        }
        self.of_fields(conn_type)
    }

    fn of_fields(&self, conn_type: &str) -> Result<Zeroizing<String>> {
        let fields = &self.fields;
        let password = if fields.no_password { None } else { Some(value(&self.input, "password")?) };
        let extra = fields.extra_fd.map(descriptor).transpose()?;
        let texts = [
            ("conn_type", Some(conn_type)),
            ("host", fields.host.as_deref()),
            ("login", fields.login.as_deref()),
            ("password", password.as_ref().map(|text| text.as_str())),
            ("schema", fields.schema.as_deref()),
            ("description", fields.description.as_deref()),
            ("extra", extra.as_ref().map(|text| text.trim())),
        ];
        let texts = texts.into_iter().filter_map(|(key, text)| Some((Text::from(key), Value::from(text?))));
        let port = fields.port.map(|port| (Text::from("port"), Value::from(i64::from(port))));
        let object: Object = texts.chain(port).collect();
        let written = json::write(&Value::from(object));
        Ok(Zeroizing::new(written.to_str().unwrap_or_default().to_owned()))
    }

    fn expect(&self) -> Expect {
        match &self.if_version {
            Some(version) => Expect::Version(version.clone()),
            None if self.create_only => Expect::Absent,
            None if self.update_only => Expect::Present,
            None => Expect::Anything,
        }
    }

    fn tags(&self) -> Result<Vec<(String, String)>> {
        let tag = |text: &String| {
            let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
                Error::config(format!("--tag `{}` is not KEY=VALUE", Shown(text)))
                    .with_hint("Write it as in --tag team=data")
            })?;
            Ok((key.to_owned(), value.to_owned()))
        };
        self.tags.iter().map(tag).collect()
    }

    fn expires(&self) -> Result<Option<SystemTime>> {
        let Some(text) = &self.expires else { return Ok(None) };
        let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
        let after = |days: u32| SystemTime::now().checked_add(Duration::from_secs(u64::from(days) * 86_400));
        let moment = days.map_or_else(|| moment::read(text), after);
        let moment = moment.filter(|moment| *moment > SystemTime::now());
        moment.map(Some).ok_or_else(|| {
            Error::config(format!("--expires `{}` is no moment in the future", Shown(text)))
                .with_hint("Write it as in 2027-01-31T00:00:00Z, or as a number of days such as 90d")
        })
    }
}

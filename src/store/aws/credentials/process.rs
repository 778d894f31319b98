//! The `credential_process` of a profile: a program that prints credentials.
//!
//! Sources: botocore/credentials.py (`ProcessProvider`), and "Sourcing credentials with an external process"
//! in the guide of the AWS SDKs. The vendor's provider also passes the line to `sh -c`, but cannot end the
//! shell or what it started.

use std::fmt;
use std::io;
use std::process::Command;

use async_trait::async_trait;
use aws_credential_types::Credentials;

use crate::error::{Error, ErrorKind, Result};
use crate::moment;
use crate::process::{Program, may_pass};
use crate::redact::Shown;
use crate::store::aws::credentials::{CredentialSource, no_credentials};
use crate::value::Text;
use crate::value::json::{Object, Value, parse};

/// The only version of the output that is defined.
const VERSION: i64 = 1;

const HINT: &str = "Run the command by hand with `sh -c` as the user that runs Airflow; its output is not \
shown, since it holds keys";

/// Runs the line of a profile. Its output is never shown.
pub(super) struct Process {
    profile: String,
    line: String,
    program: Program,
}

impl Process {
    /// A source whose program has not been started yet.
    pub(super) fn new(profile: &str, line: &str) -> Self {
        Self { profile: profile.to_owned(), line: line.to_owned(), program: Program::default() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &self.line]);
        command
    }

    fn failed(&self) -> Error {
        let profile = Shown(&self.profile);
        no_credentials(format!(
            "running the credential_process of the AWS profile `{profile}` gave no credentials"
        ))
        .with_hint(HINT)
    }

    fn not_run(&self, kind: io::ErrorKind) -> Error {
        if !may_pass(kind) {
            return self.failed().with_source(io::Error::from(kind));
        }
        let profile = Shown(&self.profile);
        let text = format!("the credential_process of the AWS profile `{profile}` cannot be started now");
        Error::new(ErrorKind::Unreachable, text)
            .with_hint("Check how many processes and how much memory the user that runs Airflow may have")
            .with_source(io::Error::from(kind))
            .temporary(None)
    }
}

#[async_trait]
impl CredentialSource for Process {
    fn origin(&self) -> String {
        format!("the credential_process of the AWS profile `{}`", Shown(&self.profile))
    }

    async fn load(&self) -> Result<Credentials> {
        let ended = self.program.run(None, || self.command()).await.map_err(|kind| self.not_run(kind))?;
        let printed = Some(ended).filter(|ended| ended.status.success()).map(|ended| ended.stdout);
        printed.and_then(credentials).ok_or_else(|| self.failed())
    }
}

/// Leaves out the line, which may hold a password.
impl fmt::Debug for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Process").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// The credentials in the program's output, if it is complete.
fn credentials(printed: Vec<u8>) -> Option<Credentials> {
    let answer = parse(&Text::from_utf8_surrogatepass(printed).ok()?).ok()?;
    let members = answer.as_object()?;
    member(members, "Version")?.as_i64().filter(|version| *version == VERSION)?;
    let text = |name| member(members, name)?.as_str().map(str::to_owned);
    // With an end that cannot be read, expired credentials would be used without notice.
    let expiry = match text("Expiration") {
        Some(moment) => Some(moment::read(&moment)?),
        None => None,
    };
    Some(Credentials::new(
        text("AccessKeyId")?,
        text("SecretAccessKey")?,
        text("SessionToken"),
        expiry,
        "CredentialProcess",
    ))
}

/// Ignores case in names, like the vendor's provider.
fn member<'object>(members: &'object Object, name: &str) -> Option<&'object Value> {
    let named = |key: &Text| key.to_str().is_some_and(|key| key.eq_ignore_ascii_case(name));
    members.iter().find(|(key, _)| named(key)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::process::Deadline;

    #[tokio::test]
    async fn a_program_that_fails_shows_nothing() {
        for line in [
            "echo canary; echo canary >&2; exit 3",
            "echo canary",
            r#"echo '{"AccessKeyId": "canary", "SecretAccessKey": "canary"}'"#,
            r#"echo '{"Version": 2, "AccessKeyId": "canary", "SecretAccessKey": "canary"}'"#,
            r#"echo '{"Version": 1, "AccessKeyId": "canary"}'"#,
            r#"echo '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "canary", "Expiration": "soon"}'"#,
            r#"echo '{"Version": 1, "AccessKeyId": "canary", "SecretAccessKey": "canary"}'; exit 1"#,
            "/nonexistent/canary",
        ] {
            let source = Process::new("p", line);
            let error = source.load().await.unwrap_err();
            let message = error.to_string();
            assert!(
                message.starts_with(
                    "running the credential_process of the AWS profile `p` gave no credentials. Run"
                ),
                "{message}"
            );
            assert!(!format!("{error:?} {source:?}").contains("canary"));
        }
    }

    #[test]
    fn a_machine_without_room_for_another_process_is_a_temporary_error() {
        let source = Process::new("p", "x");
        let error = source.not_run(io::ErrorKind::WouldBlock);
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unreachable, true));
        let error = source.not_run(io::ErrorKind::NotFound);
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unauthenticated, false));
    }

    #[test]
    fn keys_token_and_end_are_read() {
        let read = |text: &str| credentials(text.as_bytes().to_vec());
        let found = read(
            r#"{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": "t",
                "Expiration": "1970-01-01T02:00:01+02:00", "Unknown": {}}"#,
        );
        let found = found.unwrap();
        assert_eq!((found.access_key_id(), found.secret_access_key()), ("a", "s"));
        assert_eq!(found.session_token(), Some("t"));
        assert_eq!(found.expiry(), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1)));
        let found = read(r#"{"version": 1, "accesskeyid": "a", "secretaccesskey": "s"}"#).unwrap();
        assert_eq!((found.session_token(), found.expiry()), (None, None));
    }

    #[tokio::test]
    async fn what_the_program_prints_is_read() {
        let answer = r#"{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": "t"}"#;
        let credentials = Process::new("p", &format!("echo '{answer}'")).load().await.unwrap();
        assert_eq!((credentials.access_key_id(), credentials.session_token()), ("a", Some("t")));
    }

    #[tokio::test]
    async fn the_attempts_of_a_lookup_share_one_run() {
        let directory = tempfile::tempdir().unwrap();
        let runs = directory.path().join("runs");
        let source = Process::new("p", &format!("echo run >> '{}'; sleep 0.5", runs.display()));
        let lookup = async {
            for _ in 0..3 {
                assert!(tokio::time::timeout(Duration::from_millis(50), source.load()).await.is_err());
            }
            assert!(source.load().await.is_err());
            Ok(())
        };
        Deadline::after(Duration::from_secs(60)).run(lookup).await.unwrap();
        assert_eq!(std::fs::read_to_string(&runs).unwrap(), "run\n");
    }
}

//! `credential_process`: a program that prints credentials.
//!
//! Source: botocore/credentials.py (`ProcessProvider`): the line is split into words, no shell sees it.

use std::fmt;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::redact::Shown;
use crate::store::aws::credentials::document;
use crate::store::aws::credentials::{CredentialSource, no_credentials};

/// More than this is not credentials.
const MAX_OUTPUT: u64 = 1 << 20;

/// The program and its arguments. Debug shows only the program: arguments may be secrets.
#[derive(Clone)]
pub(super) struct CredentialProcess {
    words: Vec<String>,
    profile: String,
}

impl CredentialProcess {
    /// `words` holds the program first; `profile` names it in messages.
    pub(super) fn new(words: Vec<String>, profile: &str) -> Self {
        Self { words, profile: profile.to_owned() }
    }

    fn spawn(&self) -> io::Result<Child> {
        let (program, arguments) = self.words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    }

    fn failed(&self, what: &str) -> Error {
        no_credentials(format!("the credential_process of the AWS profile `{}` {what}", Shown(&self.profile)))
            .with_hint("Run the command by hand as the user that runs Airflow; its output is not shown, since it holds keys")
    }

    fn credentials(&self, output: &[u8]) -> Result<Credentials> {
        let answer = document::object(output)
            .ok_or_else(|| self.failed("printed something that is no JSON object"))?;
        if answer.get("Version").and_then(crate::value::json::Value::as_i64) != Some(1) {
            return Err(self.failed("printed credentials of another version than 1"));
        }
        let read = document::credentials(&answer, "SessionToken", "process");
        read.map_err(|reason| self.failed(&format!("printed incomplete credentials: {reason}")))
    }
}

/// A child process that does not outlive the interest in it: a lookup that is cancelled takes its child along.
struct Leash(Arc<Mutex<Option<Child>>>);

impl Drop for Leash {
    fn drop(&mut self) {
        let child = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            // It may have ended by itself meanwhile; either way nothing is left of it.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Reads what the child prints and how it ends. `None` says that it was taken away meanwhile.
fn output(child: &Mutex<Option<Child>>) -> io::Result<Option<(bool, Zeroizing<Vec<u8>>)>> {
    let pipe =
        child.lock().unwrap_or_else(PoisonError::into_inner).as_mut().and_then(|child| child.stdout.take());
    let mut printed = Zeroizing::new(Vec::new());
    if let Some(pipe) = pipe {
        pipe.take(MAX_OUTPUT).read_to_end(&mut printed)?;
    }
    let ended = child.lock().unwrap_or_else(PoisonError::into_inner).take();
    ended.map(|mut child| child.wait().map(|status| (status.success(), printed))).transpose()
}

#[async_trait]
impl CredentialSource for CredentialProcess {
    async fn load(&self) -> Result<Credentials> {
        let child = self.spawn().map_err(|error| self.failed(&format!("cannot be started: {error}")))?;
        let child = Arc::new(Mutex::new(Some(child)));
        let _leash = Leash(Arc::clone(&child));
        // Reading and waiting block, so they have a thread of their own.
        let ended = tokio::task::spawn_blocking(move || output(&child)).await;
        match ended.map_err(|_| Error::internal("reading from the credential_process failed"))? {
            Ok(Some((true, printed))) => self.credentials(&printed),
            Ok(_) => Err(self.failed("ended with an error")),
            Err(error) => Err(self.failed(&format!("cannot be read: {error}"))),
        }
    }
}

impl fmt::Debug for CredentialProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CredentialProcess")
            .field("program", &self.words.first())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn shell(script: &str) -> CredentialProcess {
        CredentialProcess::new(vec!["/bin/sh".into(), "-c".into(), script.into()], "p")
    }

    #[tokio::test]
    async fn what_the_program_prints_is_read() {
        let script =
            r#"echo '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": "t"}'"#;
        let credentials = shell(script).load().await.unwrap();
        assert_eq!(
            (credentials.access_key_id(), credentials.session_token(), credentials.expiry()),
            ("a", Some("t"), None)
        );
    }

    #[tokio::test]
    async fn failures_say_what_to_do_and_show_nothing() {
        for (script, expected) in [
            ("echo canary; exit 3", "ended with an error"),
            ("echo canary", "no JSON object"),
            (r#"echo '{"AccessKeyId": "canary"}'"#, "another version than 1"),
            (r#"echo '{"Version": 1, "AccessKeyId": "canary"}'"#, "SecretAccessKey is missing"),
        ] {
            let error = shell(script).load().await.unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!format!("{error:?} {:?}", shell(script)).contains("canary"));
        }
        let missing = CredentialProcess::new(vec!["/nonexistent/program".into()], "p");
        assert!(missing.load().await.unwrap_err().to_string().contains("cannot be started"));
    }

    #[tokio::test]
    async fn a_cancelled_lookup_takes_the_program_along() {
        let start = Instant::now();
        let process = shell("exec sleep 30");
        assert!(tokio::time::timeout(Duration::from_millis(50), process.load()).await.is_err());
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

//! Personal logins made with `az` or `azd`.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential,
    AzureDeveloperCliCredentialOptions, Executor,
};

use crate::process::{Program, may_pass};
use crate::store::azure::credentials::{NoToken, TokenSource};

/// How long a tool may take: the same as in azure-identity (`process_timeout`). The deadline of the lookup
/// may be earlier.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The exit status of a shell that does not find the command.
const NOT_FOUND: i32 = 127;

/// Which tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::azure) enum Tool {
    /// `az`
    AzureCli,
    /// `azd`
    AzureDeveloperCli,
}

impl Tool {
    fn credential(self, runner: &Runner) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let executor: Option<Arc<dyn Executor>> = Some(Arc::new(runner.clone()));
        Ok(match self {
            Self::AzureCli => {
                AzureCliCredential::new(Some(AzureCliCredentialOptions { executor, ..Default::default() }))?
            }
            Self::AzureDeveloperCli => {
                let options = AzureDeveloperCliCredentialOptions { executor, ..Default::default() };
                AzureDeveloperCliCredential::new(Some(options))?
            }
        })
    }

    fn command(self) -> &'static str {
        match self {
            Self::AzureCli => "az",
            Self::AzureDeveloperCli => "azd",
        }
    }

    fn login(self) -> &'static str {
        match self {
            Self::AzureCli => "az login",
            Self::AzureDeveloperCli => "azd auth login",
        }
    }
}

/// The login of a person in such a tool.
#[derive(Debug)]
pub(in crate::store::azure) struct PersonalLogin {
    tool: Tool,
    runner: Runner,
}

impl PersonalLogin {
    /// A login whose tool has not been started yet.
    pub(in crate::store::azure) fn new(tool: Tool) -> Self {
        Self { tool, runner: Runner::default() }
    }
}

#[async_trait]
impl TokenSource for PersonalLogin {
    fn name(&self) -> &'static str {
        match self.tool {
            Tool::AzureCli => "AzureCliCredential",
            Tool::AzureDeveloperCli => "AzureDeveloperCliCredential",
        }
    }

    async fn fetch(&self, scope: &str) -> Result<AccessToken, NoToken> {
        let (tool, login) = (self.tool.command(), self.tool.login());
        let credential =
            self.tool.credential(&self.runner).map_err(|_| NoToken::not_here("cannot be asked"))?;
        credential.get_token(&[scope], None).await.map_err(|error| match super::cause::<RunError>(&error) {
            Some(RunError::Late) => NoToken::Late(format!("waited for `{tool}` in vain")),
            Some(RunError::NotFound) => NoToken::not_here(format!("found no `{tool}` on PATH")),
            Some(RunError::Failed(status)) => NoToken::not_here(format!(
                "ran `{tool}`, which gave no token (exit status {status}): run `{login}` as this user"
            )),
            None => NoToken::not_here(format!("could not run `{tool}`, or did not understand what it said")),
        })
    }
}

/// Runs a tool, for as long as a lookup waits for it. The SDK starts it through a shell and can only end the
/// shell; here both are ended.
#[derive(Clone, Debug)]
struct Runner(Arc<Program>, Duration);

impl Default for Runner {
    fn default() -> Self {
        Self(Arc::default(), TIMEOUT)
    }
}

/// Why a tool gave no token.
#[derive(Clone, Copy, Debug)]
enum RunError {
    NotFound,
    /// It took too long, or could not be started for the moment.
    Late,
    Failed(i32),
}

impl fmt::Display for RunError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

impl std::error::Error for RunError {}

#[async_trait]
impl Executor for Runner {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let command = || {
            let mut command = Command::new(program);
            command.args(args);
            command
        };
        let late = |kind| if may_pass(kind) { io::Error::other(RunError::Late) } else { kind.into() };
        let output = self.0.run(Some(self.1), command).await.map_err(late)?;
        match output.status.code() {
            Some(0) => Ok(output),
            Some(NOT_FOUND) => Err(io::Error::other(RunError::NotFound)),
            status => Err(io::Error::other(RunError::Failed(status.unwrap_or(-1)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn a_slow_tool_may_be_quicker_the_next_time() {
        let runner = Runner(Arc::default(), Duration::from_millis(20));
        let slow = runner.run(OsStr::new("sleep"), &[OsStr::new("600")]).await.unwrap_err();
        let cause = slow.get_ref().and_then(|cause| cause.downcast_ref::<RunError>());
        assert!(matches!(cause, Some(RunError::Late)), "{slow:?}");
        let error = NoToken::Late("waited for `az` in vain".to_owned()).into_error("AzureCliCredential");
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Timeout, true));
        let missing = Runner::default().run(OsStr::new("/nonexistent"), &[]).await.unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}

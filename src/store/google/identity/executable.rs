//! A program that prints the token of the other provider.
//!
//! Source: "Executable-sourced credentials" of workload identity federation, and google-auth, `pluggable.py`.

use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secrecy::SecretString;
use serde_json::Value as Json;

use crate::error::{Error, ErrorKind, Result};
use crate::process::{Program, may_pass};
use crate::store::environment::Environment;

use super::{needed, text};

const ALLOWED: &str = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES";
const DEFAULT_TIMEOUT: u64 = 30_000;

/// The program, its arguments and its environment.
pub(super) struct Executable {
    words: Vec<String>,
    variables: Vec<(&'static str, String)>,
    timeout: Duration,
    output_file: Option<PathBuf>,
    program: Program,
}

impl Executable {
    /// Reads the command from the credentials. The user must have allowed such programs.
    pub(super) fn new(json: &Json, executable: &Json, environment: &Environment) -> Result<Self> {
        if environment.get(ALLOWED) != Some("1") {
            return Err(Error::config("the credentials name a program, and programs are not allowed")
                .with_hint(format!("Set {ALLOWED}=1 if you trust the credentials file")));
        }
        let command = needed(executable, "command", "the `executable` of `credential_source`")?;
        let words = split(command).filter(|words| !words.is_empty());
        let words =
            words.ok_or_else(|| Error::config("the `command` of `credential_source` has an open quote"))?;
        let output_file = text(executable, "output_file").map(PathBuf::from);
        let milliseconds = executable.get("timeout_millis").and_then(Json::as_u64).unwrap_or(DEFAULT_TIMEOUT);
        Ok(Self {
            words,
            variables: variables(json, executable),
            timeout: Duration::from_millis(milliseconds),
            output_file,
            program: Program::default(),
        })
    }

    /// The token: from the program's file, or from its output.
    pub(super) async fn fetch(&self) -> Result<SecretString> {
        if let Some(token) = self.left_behind() {
            return Ok(token);
        }
        token(&self.run().await?, SystemTime::now())
    }

    fn left_behind(&self) -> Option<SecretString> {
        let content = std::fs::read(self.output_file.as_ref()?).ok()?;
        let json: Json = serde_json::from_slice(&content).ok()?;
        // Without an expiration time it is impossible to know whether the token still works.
        // `pluggable.py` ignores the file then, too.
        json.get("expiration_time")?;
        token(&content, SystemTime::now()).ok()
    }

    async fn run(&self) -> Result<Vec<u8>> {
        let (program, arguments) = self.words.split_first().ok_or_else(|| failed("has no name"))?;
        let command = || {
            let mut command = Command::new(program);
            command.args(arguments).envs(self.variables.iter().map(|(name, value)| (name, value)));
            command
        };
        let output = self.program.run(Some(self.timeout), command).await.map_err(not_run)?;
        match output.status.code() {
            Some(0) => Ok(output.stdout),
            Some(code) => Err(failed(&format!("ended with status {code}"))),
            None => Err(failed("was ended by a signal")),
        }
    }
}

fn not_run(kind: io::ErrorKind) -> Error {
    match kind {
        io::ErrorKind::TimedOut => late(ErrorKind::Timeout, "took longer than its `timeout_millis`"),
        io::ErrorKind::FileTooLarge => failed("prints more than a token has"),
        other if may_pass(other) => {
            late(ErrorKind::Unreachable, "cannot be started now").with_source(io::Error::from(other))
        }
        other => failed("cannot be started").with_source(io::Error::from(other)),
    }
}

fn variables(json: &Json, executable: &Json) -> Vec<(&'static str, String)> {
    let url = text(json, "service_account_impersonation_url").unwrap_or_default();
    let email = url.rsplit('/').next().and_then(|last| last.split(':').next()).unwrap_or_default();
    let passed = [
        ("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE", text(json, "audience").unwrap_or_default()),
        ("GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE", text(json, "subject_token_type").unwrap_or_default()),
        ("GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE", "0"),
        ("GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL", email),
        ("GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE", text(executable, "output_file").unwrap_or_default()),
    ];
    passed
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
}

/// `success`, then `id_token` or `saml_response`, and `expiration_time` in seconds.
fn token(printed: &[u8], now: SystemTime) -> Result<SecretString> {
    let json: Json = serde_json::from_slice(printed).map_err(|_| failed("did not print a JSON object"))?;
    if json.get("success").and_then(Json::as_bool) != Some(true) {
        return Err(failed("says that it has no token"));
    }
    let expires = json.get("expiration_time").and_then(Json::as_u64);
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    if expires.is_some_and(|expires| expires <= now) {
        return Err(failed("printed a token that has expired"));
    }
    let found = text(&json, "id_token").or_else(|| text(&json, "saml_response"));
    found.map(SecretString::from).ok_or_else(|| failed("printed no `id_token` and no `saml_response`"))
}

fn failed(what: &str) -> Error {
    of_program(ErrorKind::Unauthenticated, what)
}

/// A temporary error, during which old values are served: it says nothing about the identity.
fn late(kind: ErrorKind, what: &str) -> Error {
    of_program(kind, what).temporary(None)
}

fn of_program(kind: ErrorKind, what: &str) -> Error {
    Error::new(kind, format!("the program for the subject token {what}"))
        .with_hint("Run the `command` of `credential_source` by hand to see what it says")
}

/// The words of a command, as `shlex.split` splits them.
fn split(command: &str) -> Option<Vec<String>> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut letters = command.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => quoted(&mut letters, '\'', word.get_or_insert_default())?,
            '"' => quoted(&mut letters, '"', word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(letters.next()?),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

fn quoted(letters: &mut std::str::Chars<'_>, quote: char, word: &mut String) -> Option<()> {
    loop {
        match letters.next()? {
            letter if letter == quote => return Some(()),
            '\\' if quote == '"' => match letters.next()? {
                letter @ ('"' | '\\') => word.push(letter),
                letter => word.extend(['\\', letter]),
            },
            letter => word.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    #[test]
    fn commands_are_split_as_python_splits_them() {
        for (command, expected) in [
            ("a b  c", Some(vec!["a", "b", "c"])),
            (r#"a 'b c' "d \" e" f\ g"#, Some(vec!["a", "b c", "d \" e", "f g"])),
            (r#"a"b"'c' """#, Some(vec!["abc", ""])),
            ("a 'b", None),
            ("", Some(vec![])),
        ] {
            let expected = expected.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(split(command), expected, "{command}");
        }
    }

    #[test]
    fn an_answer_is_a_token_that_still_works() {
        let read = |json: Json| token(json.to_string().as_bytes(), UNIX_EPOCH + Duration::from_secs(100));
        let found = read(json!({"success": true, "id_token": "canary", "expiration_time": 101})).unwrap();
        assert_eq!(found.expose_secret(), "canary");
        assert!(read(json!({"success": true, "saml_response": "canary"})).is_ok());
        for answer in [
            json!({"success": false, "message": "canary"}),
            json!({"success": true, "id_token": "canary", "expiration_time": 100}),
            json!({"success": true}),
            json!(["canary"]),
        ] {
            assert!(!read(answer).unwrap_err().to_string().contains("canary"));
        }
    }

    #[test]
    fn failures_that_may_pass_are_outages() {
        use io::ErrorKind::{FileTooLarge, NotFound, OutOfMemory, PermissionDenied, TimedOut, WouldBlock};
        for (kinds, may_pass) in
            [([TimedOut, WouldBlock, OutOfMemory], true), ([NotFound, PermissionDenied, FileTooLarge], false)]
        {
            for error in kinds.map(not_run) {
                assert_eq!((error.kind().is_outage(), error.is_temporary()), (may_pass, may_pass), "{error}");
            }
        }
    }

    #[test]
    fn programs_have_to_be_allowed() {
        let executable = json!({"command": "a"});
        let error = Executable::new(&json!({}), &executable, &Environment::default()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config);
        let allowed = Environment::read(|name| (name == ALLOWED).then(|| "1".to_owned()));
        assert!(Executable::new(&json!({}), &executable, &allowed).is_ok());
        assert!(Executable::new(&json!({}), &json!({"command": "a '"}), &allowed).is_err());
    }
}

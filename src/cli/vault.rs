//! `strongroom vault approle`: the commands that set up a login to Vault. Made of names alone; nothing is called.
//!
//! Sources: "`AppRole` auth method" and "Response wrapping" in the documentation of Vault.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::cli::Configured;
use crate::cli::env::shown;
use crate::cli::masked::MASK;
use crate::cli::output::Report;
use crate::cli::policy::{Mode, left_out, of_vault};
use crate::cli::setup::Setup;
use crate::config::RawValue;
use crate::error::{Error, Result};
use crate::redact::is_harmful;
use crate::value::json as own_json;

/// The class that is configured in the end.
const CLASS: &str = "strongroom.hashicorp.VaultBackend";

/// What of the configuration this login takes the place of, or writes itself.
const REPLACED: [&str; 27] = [
    "url",
    "endpoint_url",
    "namespace",
    "auth_type",
    "auth_mount_point",
    "token",
    "token_path",
    "username",
    "password",
    "role_id",
    "secret_id",
    "wrapped_secret_id",
    "key_id",
    "region",
    "assume_role_kwargs",
    "iam_server_id",
    "kubernetes_role",
    "kubernetes_jwt_path",
    "jwt_role",
    "jwt_token",
    "jwt_token_path",
    "cert_role",
    "gcp_key_path",
    "gcp_keyfile_dict",
    "gcp_scopes",
    "azure_tenant_id",
    "azure_resource",
];

/// Policies of Vault's own: a role of that name would replace what every token has.
const RESERVED: [&str; 3] = ["default", "response-wrapping", "root"];

/// Yours to fill in.
const ADDRESS: &str = "VAULT_ADDRESS";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    login: Login,
}

#[derive(Debug, clap::Subcommand)]
enum Login {
    /// A login with a role id and a secret id, for machines that no cloud vouches for.
    ///
    /// Prints the commands in order, each with what it is for, and the options of the backend that go with them.
    /// Makes no call: run the commands as somebody who may.
    #[command(
        after_help = "Examples:\n  strongroom vault approle\n  strongroom vault approle --mode manage --role-name airflow-admin\n  strongroom vault approle --print-commands"
    )]
    Approle(Configured<Approle>),
}

#[derive(Debug, clap::Args)]
struct Approle {
    /// What the login may do: what lookups and this command line read, or writing too.
    #[arg(long, value_name = "MODE", default_value = "read")]
    mode: Mode,
    /// The name of role and policy: letters, digits, `_`, `-` and `.`; by default airflow, or airflow-manage.
    #[arg(long, value_name = "NAME")]
    role_name: Option<String>,
    /// The beginning of names that the policy is for, in place of the configured paths. May be given several times.
    #[arg(long, value_name = "PREFIX")]
    prefix: Vec<String>,
    /// The mount of the KV engine, in place of the configured one.
    #[arg(long, value_name = "MOUNT")]
    mount: Option<String>,
    /// Print the commands alone, without a word between them.
    #[arg(long)]
    print_commands: bool,
}

/// One command, and what it is for.
struct Step {
    purpose: &'static str,
    command: String,
}

/// Prints the commands. Makes no call.
pub(super) fn run(arguments: &Arguments) -> Result<Report> {
    let Login::Approle(Configured { own: arguments, source }) = &arguments.login;
    let name = arguments.name()?;
    let mount = arguments.mount.as_deref();
    let (policy, configured) = of_vault(source, arguments.mode, &arguments.prefix, mount)?;
    let place = Place::of(configured.as_ref());
    let kwargs = kwargs(&place, configured.as_ref(), mount);
    let steps = steps(&place, &name, &policy);
    let text = if arguments.print_commands { commands(&steps) } else { explained(&steps, &kwargs) };
    let json = json!({
        "policy": {"name": name, "document": &policy},
        "commands": steps.iter().map(|step| json!({"purpose": step.purpose, "command": step.command})).collect::<Vec<_>>(),
        "backend": CLASS,
        "backend_kwargs": kwargs,
    });
    let warnings = configured.iter().flat_map(Setup::warned).chain(left_out(&policy)).collect();
    Ok(Report { warnings, ..Report::done(text, json) })
}

impl Approle {
    fn name(&self) -> Result<String> {
        let usual = if self.mode == Mode::Manage { "airflow-manage" } else { "airflow" };
        let name = self.role_name.as_deref().unwrap_or(usual);
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
        let begins = name.starts_with(|first: char| first.is_ascii_alphanumeric());
        // The server takes capitals for small letters.
        let is_own = !RESERVED.contains(&name.to_ascii_lowercase().as_str());
        (begins && is_own && name.chars().all(is_letter)).then(|| name.to_owned()).ok_or_else(|| {
            Error::config("`--role-name` is not a name that can be used").with_hint(
                "Letters, digits, `_`, `-` and `.`, with a letter or a digit first, and not the name of a policy of Vault's own",
            )
        })
    }
}

/// Where the server is, and where on it the login.
struct Place {
    address: String,
    namespace: Option<String>,
    login: String,
}

impl Place {
    /// An address that may hold a password is yours to fill in again.
    fn of(configured: Option<&Setup>) -> Self {
        let address = configured.and_then(address).unwrap_or_else(|| ADDRESS.to_owned());
        let options = configured.map(|setup| &setup.settings.options);
        let namespace = configured.and_then(|setup| {
            let written = setup.settings.options.non_empty("namespace");
            written.or_else(|| setup.settings.environment.non_empty("VAULT_NAMESPACE"))
        });
        let is_approle = |text: Option<&str>| text == Some("approle");
        let login = options.filter(|options| is_approle(options.non_empty("auth_type")));
        let login = login.and_then(|options| options.non_empty("auth_mount_point")).unwrap_or("approle");
        Self {
            address,
            namespace: namespace
                .map(|text| text.trim_matches('/').to_owned())
                .filter(|text| !text.is_empty()),
            login: login.trim_matches('/').to_owned(),
        }
    }
}

fn address(setup: &Setup) -> Option<String> {
    let options = &setup.settings.options;
    let written = options.non_empty("endpoint_url").or_else(|| options.non_empty("url"));
    let written = written.or_else(|| setup.settings.environment.non_empty("VAULT_ADDR"))?;
    let value = shown(setup.entry, "url", &RawValue::Text(written.to_owned()));
    value.as_str().filter(|text| *text != MASK).map(str::to_owned)
}

/// The options of the backend, role id and secret id to be filled in.
fn kwargs(place: &Place, configured: Option<&Setup>, mount: Option<&str>) -> Value {
    let mut members = Map::new();
    members.insert("url".to_owned(), json!(place.address));
    if let Some(namespace) = &place.namespace {
        members.insert("namespace".to_owned(), json!(namespace));
    }
    members.insert("auth_type".to_owned(), json!("approle"));
    if place.login != "approle" {
        members.insert("auth_mount_point".to_owned(), json!(place.login));
    }
    members.insert("role_id".to_owned(), json!("ROLE_ID"));
    members.insert("secret_id".to_owned(), json!("SECRET_ID"));
    for (key, value) in configured.iter().flat_map(|setup| setup.chosen.options.iter()) {
        // What may hold a secret, or has no effect, is left out.
        let is_shown = |setup: &Setup| shown(setup.entry, key, value).as_str() != Some(MASK);
        if !REPLACED.contains(&key) && configured.is_some_and(is_shown) {
            members.insert(key.to_owned(), plain(value));
        }
    }
    // Where each id names its mount, it goes on to do so.
    if let Some(mount) = mount.filter(|_| members.get("mount_point") != Some(&Value::Null)) {
        members.insert("mount_point".to_owned(), json!(mount));
    }
    Value::Object(members)
}

fn plain(value: &RawValue) -> Value {
    match value {
        RawValue::Text(text) => json!(text),
        RawValue::Json(json) => {
            let written = own_json::write(json);
            written.to_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
        }
    }
}

fn steps(place: &Place, name: &str, policy: &str) -> Vec<Step> {
    let login = &place.login;
    let step = |purpose, command| Step { purpose, command };
    let role = |end: &str| quoted(&format!("auth/{login}/role/{name}{end}"));
    let path =
        if login == "approle" { String::new() } else { format!("{} ", quoted(&format!("-path={login}"))) };
    let mut steps =
        vec![step("where the server is", format!("export VAULT_ADDR={}", quoted(&place.address)))];
    if let Some(namespace) = &place.namespace {
        let command = format!("export VAULT_NAMESPACE={}", quoted(namespace));
        steps.push(step("which namespace of it", command));
    }
    steps.extend([
        step("the login method; leave it out where `vault auth list` shows it", format!("vault auth enable {path}approle")),
        step("what the login may do", format!("vault policy write {name} - <<'POLICY'\n{policy}POLICY")),
        step(
            "the role: a token lives for an hour and is renewed for a day, a secret id is good for 30 days, both from the \
             addresses of your workers alone",
            format!(
                "vault write {} token_policies={name} token_ttl=1h token_max_ttl=24h token_num_uses=0 secret_id_ttl=720h \
                 secret_id_num_uses=0 secret_id_bound_cidrs=WORKER_CIDRS token_bound_cidrs=WORKER_CIDRS",
                role("")
            ),
        ),
        step("ROLE_ID", format!("vault read -field=role_id {}", role("/role-id"))),
        step(
            "WRAPPING_TOKEN, which holds the secret id for ten minutes and gives it once",
            format!("vault write -wrap-ttl=10m -field=wrapping_token -f {}", role("/secret-id")),
        ),
        step(
            "SECRET_ID, on the machine that Airflow runs on",
            "VAULT_TOKEN=WRAPPING_TOKEN vault unwrap -field=secret_id".to_owned(),
        ),
    ]);
    steps
}

fn commands(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let _ = writeln!(text, "{}", step.command);
    }
    text
}

fn explained(steps: &[Step], kwargs: &Value) -> String {
    let mut text = String::new();
    for step in steps {
        let _ = writeln!(text, "# {}\n{}\n", step.purpose, step.command);
    }
    // Airflow replaces names behind a dollar sign in what it reads.
    let written = single(&kwargs.to_string().replace('$', r"\u0024"));
    text.push_str("# the backend; the words in capitals are yours to fill in\n");
    let _ = writeln!(text, "export AIRFLOW__SECRETS__BACKEND={CLASS}");
    let _ = writeln!(text, "export AIRFLOW__SECRETS__BACKEND_KWARGS={written}");
    text
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { single(text) }
}

fn single(text: &str) -> String {
    let escaped = text.replace('\'', r"'\''");
    if !escaped.chars().any(is_harmful) {
        return format!("'{escaped}'");
    }
    // As bash, zsh and ksh write what a terminal must not be sent.
    let mut word = String::from("$'");
    for letter in text.chars() {
        match letter {
            '\'' | '\\' => word.extend(['\\', letter]),
            letter if is_harmful(letter) => word.extend(format!("\\u{:04x}", u32::from(letter)).chars()),
            letter => word.push(letter),
        }
    }
    word + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Result<String> {
        let arguments = Approle {
            mode: Mode::Manage,
            role_name: Some(name.to_owned()),
            prefix: Vec::new(),
            mount: None,
            print_commands: false,
        };
        arguments.name()
    }

    #[test]
    fn a_role_has_a_name_that_a_shell_and_a_path_take() {
        assert_eq!(named("airflow-2.prod").unwrap(), "airflow-2.prod");
        for name in ["", "-f", ".", "a b", "a/b", "$(canary)", "a\nb", "Default", "root"] {
            let error = named(name).unwrap_err().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn words_of_a_shell_stay_one_word() {
        assert_eq!(quoted("https://h:8200/a"), "https://h:8200/a");
        assert_eq!(quoted("a'b $c"), r"'a'\''b $c'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a\u{1b}[31m'\\"), r"$'a\u001b[31m\'\\'");
    }

    #[test]
    fn another_mount_of_the_login_is_in_each_command() {
        let place = Place {
            address: ADDRESS.to_owned(),
            namespace: Some("a b".to_owned()),
            login: "my role".to_owned(),
        };
        let commands = commands(&steps(&place, "airflow", "path \"x\" {\n}\n"));
        assert!(
            commands.contains("export VAULT_NAMESPACE='a b'\nvault auth enable '-path=my role' approle\n")
        );
        assert!(commands.contains("vault policy write airflow - <<'POLICY'\npath \"x\" {\n}\nPOLICY\n"));
        assert!(commands.contains("vault read -field=role_id 'auth/my role/role/airflow/role-id'\n"));
        let kwargs = kwargs(&place, None, Some("kv"));
        assert_eq!((&kwargs["auth_mount_point"], &kwargs["mount_point"]), (&json!("my role"), &json!("kv")));
    }
}

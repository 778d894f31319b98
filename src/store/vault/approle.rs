//! `strongroom vault approle`: the commands that set up a login to Vault. It only uses names and makes no
//! call.
//!
//! Sources: "`AppRole` auth method" and "Response wrapping" in the documentation of Vault.

use crate::error::{Error, Result};
use crate::redact::shell_word as quoted;
use crate::store::tools::{Guide, GuideRequest, GuideStep, GuideSteps, Guides};
use crate::value::Text;
use crate::value::json::Value;

/// The set-ups of this store.
pub(super) const GUIDES: Guides = Guides {
    about: "Set up a login to Vault: print the commands, in order",
    long_about: "Set up a login to Vault: print the commands, in order.\n\nThe login method, a policy for \
    the configured paths, the role, a secret id that is wrapped on its way, and the options of the backend. \
    Makes no call: run the commands as a user who may.",
    examples: "Examples:\n  strongroom vault approle\n  strongroom vault approle --mode manage --role-name \
    airflow-admin\n  strongroom vault approle --print-commands",
    all: &[Guide {
        word: "approle",
        about: "A login with a role id and a secret id, for machines that no cloud vouches for",
        long_about: "A login with a role id and a secret id, for machines that no cloud vouches \
        for.\n\nPrints the commands in order, each with what it is for, and the options of the backend that \
        go with them. Makes no call: run the commands as a user who may.",
        name,
        write,
    }],
};

/// Options of the configuration that this login replaces or sets itself.
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

/// Vault's own policies: writing one of these names would change the permissions of all tokens.
const RESERVED: [&str; 3] = ["default", "response-wrapping", "root"];

/// To be filled in by the user.
const ADDRESS: &str = "VAULT_ADDRESS";

/// The name of role and policy.
fn name(asked: Option<&str>, manages: bool) -> Result<String> {
    let usual = if manages { "airflow-manage" } else { "airflow" };
    let name = asked.unwrap_or(usual);
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    let begins = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    // The server ignores case in names of policies.
    let is_own = !RESERVED.contains(&name.to_ascii_lowercase().as_str());
    (begins && is_own && name.chars().all(is_letter)).then(|| name.to_owned()).ok_or_else(|| {
        Error::config("`--role-name` is not a name that can be used").with_hint(
            "Letters, digits, `_`, `-` and `.`, with a letter or a digit first, and not the name of a policy \
            of Vault's own",
        )
    })
}

fn write(request: &GuideRequest<'_>) -> GuideSteps {
    let place = Server::of(request);
    GuideSteps { steps: steps(&place, request.name, request.policy), options: kwargs(&place, request) }
}

/// The address of the server, and the mount of the login.
struct Server {
    address: String,
    namespace: Option<String>,
    login: String,
}

impl Server {
    /// An address that may hold a password is left to be filled in.
    fn of(request: &GuideRequest<'_>) -> Self {
        let option = |key| request.configured.and_then(|(options, _)| options.non_empty(key));
        let variable = |name| request.configured.and_then(|(_, environment)| environment.non_empty(name));
        let address = option("endpoint_url").or_else(|| option("url")).or_else(|| variable("VAULT_ADDR"));
        let address = address.filter(|text| (request.may_be_shown)(text));
        let namespace = option("namespace").or_else(|| variable("VAULT_NAMESPACE"));
        let is_approle = option("auth_type") == Some("approle");
        let login = option("auth_mount_point").filter(|_| is_approle).unwrap_or("approle");
        Self {
            address: address.unwrap_or(ADDRESS).to_owned(),
            namespace: namespace
                .map(|text| text.trim_matches('/').to_owned())
                .filter(|text| !text.is_empty()),
            login: login.trim_matches('/').to_owned(),
        }
    }
}

/// The options of the backend, in which role id and secret id are left to be filled in.
fn kwargs(place: &Server, request: &GuideRequest<'_>) -> Vec<(String, Value)> {
    let text = |text: &str| Value::String(Text::from(text));
    let mut members = vec![("url".to_owned(), text(&place.address))];
    if let Some(namespace) = &place.namespace {
        members.push(("namespace".to_owned(), text(namespace)));
    }
    members.push(("auth_type".to_owned(), text("approle")));
    if place.login != "approle" {
        members.push(("auth_mount_point".to_owned(), text(&place.login)));
    }
    members.push(("role_id".to_owned(), text("ROLE_ID")));
    members.push(("secret_id".to_owned(), text("SECRET_ID")));
    let kept = request.written.iter().filter(|(key, _)| !REPLACED.contains(&key.as_str()));
    members.extend(kept.cloned());
    // If each id names its mount, it continues to do so.
    let Some(mount) = request.account else { return members };
    match members.iter_mut().find(|(key, _)| key == "mount_point") {
        Some((_, Value::Null)) => {}
        Some((_, written)) => *written = text(mount),
        None => members.push(("mount_point".to_owned(), text(mount))),
    }
    members
}

fn steps(place: &Server, name: &str, policy: &str) -> Vec<GuideStep> {
    let login = &place.login;
    let step = |purpose, command| GuideStep { purpose, command };
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
        step(
            "the login method; leave it out where `vault auth list` shows it",
            format!("vault auth enable {path}approle"),
        ),
        step("what the login may do", format!("vault policy write {name} - <<'POLICY'\n{policy}POLICY")),
        step(
            "the role: a token lives for an hour and is renewed for a day, a secret id is good for 30 days, \
            both from the addresses of your workers alone",
            format!(
                "vault write {} token_policies={name} token_ttl=1h token_max_ttl=24h token_num_uses=0 \
                secret_id_ttl=720h secret_id_num_uses=0 secret_id_bound_cidrs=WORKER_CIDRS \
                token_bound_cidrs=WORKER_CIDRS",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_a_name_that_a_shell_and_a_path_take() {
        assert_eq!(name(Some("airflow-2.prod"), true).unwrap(), "airflow-2.prod");
        assert_eq!(
            (name(None, true).unwrap(), name(None, false).unwrap()),
            ("airflow-manage".to_owned(), "airflow".to_owned())
        );
        for wrong in ["", "-f", ".", "a b", "a/b", "$(canary)", "a\nb", "Default", "root"] {
            let error = name(Some(wrong), true).unwrap_err().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn another_mount_of_the_login_is_in_each_command() {
        let place = Server {
            address: ADDRESS.to_owned(),
            namespace: Some("a b".to_owned()),
            login: "my role".to_owned(),
        };
        let steps = steps(&place, "airflow", "path \"x\" {\n}\n");
        let commands: Vec<_> = steps.iter().map(|step| step.command.as_str()).collect();
        let commands = commands.join("\n") + "\n";
        assert!(
            commands.contains("export VAULT_NAMESPACE='a b'\nvault auth enable '-path=my role' approle\n")
        );
        assert!(commands.contains("vault policy write airflow - <<'POLICY'\npath \"x\" {\n}\nPOLICY\n"));
        assert!(commands.contains("vault read -field=role_id 'auth/my role/role/airflow/role-id'\n"));
        let request = GuideRequest {
            name: "airflow",
            policy: "",
            account: Some("kv"),
            configured: None,
            written: Vec::new(),
            may_be_shown: &|_| true,
        };
        let kwargs = kwargs(&place, &request);
        let of =
            |key: &str| kwargs.iter().find(|(known, _)| known == key).and_then(|(_, value)| value.as_str());
        assert_eq!((of("auth_mount_point"), of("mount_point")), (Some("my role"), Some("kv")));
        let own = GuideRequest { written: vec![("mount_point".to_owned(), Value::Null)], ..request };
        let kept = super::kwargs(&place, &own);
        assert!(kept.iter().any(|(key, value)| key == "mount_point" && *value == Value::Null));
    }
}

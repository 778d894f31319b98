//! What the command line needs to know about Key Vault.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use reqwest::Client;
use secrecy::SecretString;
use url::Url;

use crate::redact::{Shown, ShownPath};
use crate::store::convention::{Convention, Kind, Lookup};
use crate::store::environment::Environment;
use crate::store::kit::checks::{impossible_names, unverified};
use crate::store::kit::probe::{Probe, words};
use crate::store::options::Options;
use crate::store::tools::{Finding, Severity, Tools};

use super::config::AzureSettings;
use super::convention::KeyVaultConvention;
use super::credentials::end_of_certificate;
use super::policy::POLICY;
use super::trust::vault_roots;
use super::vault::Vault;
use super::who::who;

/// The part of the entry that lookups do not need.
pub(super) const TOOLS: Tools = Tools {
    official_class: Some("airflow.providers.microsoft.azure.secrets.key_vault.AzureKeyVaultBackend"),
    words: &["azure", "azure_key_vault", "key_vault"],
    about: "Azure Key Vault: role assignments",
    lists_tags: true,
    check,
    policy: Some(POLICY),
    ..Tools::NONE
};

/// A certificate that expires sooner than this is reported.
const SOON: Duration = Duration::from_secs(30 * 86_400);

/// What an open store reports beyond its calls.
pub(super) struct Diagnosis {
    who: String,
    vault: String,
    probe: Probe,
    /// The beginnings of names.
    prefixes: Vec<String>,
    /// The file of the certificate that logins are signed with.
    certificate: Option<(PathBuf, Option<SecretString>)>,
}

impl Diagnosis {
    /// Built from the settings of the store; `client` is the one that asks the vault.
    pub(super) fn new(
        settings: &AzureSettings,
        environment: &Environment,
        vault: &Vault,
        client: Client,
        convention: &KeyVaultConvention,
    ) -> Self {
        let trust = words(&vault_roots(settings, environment));
        let refused = "logins with a certificate";
        Self {
            who: who(settings, environment),
            vault: vault.origin.ascii_serialization(),
            probe: Probe { client, address: vault.origin.ascii_serialization(), trust, refused },
            prefixes: prefixes(convention),
            certificate: certificate(settings, environment),
        }
    }

    /// Whether a name is one of Airflow's. Key Vault ignores case.
    pub(super) fn is_below(&self, name: &str) -> bool {
        let begins = |prefix: &String| {
            name.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
        };
        self.prefixes.iter().any(begins)
    }

    /// Reads the certificate, and makes one request that carries no token.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let file = self.certificate.as_ref();
        let ends = file.and_then(|(path, password)| end(path, password.as_ref(), SystemTime::now()));
        ends.into_iter().chain(self.probe.findings().await).collect()
    }

    /// The identity and the place, in words that hold no secret.
    pub(super) fn identity(&self) -> String {
        format!("{} at {}", self.who, Shown(&self.vault))
    }
}

fn prefixes(convention: &KeyVaultConvention) -> Vec<String> {
    let of_kind = |kind| convention.names(Lookup { kind, id: "", team: None }).into_names();
    Kind::ALL.into_iter().flat_map(of_kind).map(|name| name.as_str().to_owned()).collect()
}

/// The certificate in use: that of the options, or of the environment if the options name no principal.
fn certificate(
    settings: &AzureSettings,
    environment: &Environment,
) -> Option<(PathBuf, Option<SecretString>)> {
    let is_whole = settings.tenant_id.is_some() && settings.client_id.is_some();
    if is_whole && settings.client_secret.is_some() {
        return None;
    }
    if let (true, Some(path)) = (is_whole, &settings.certificate_path) {
        return Some((PathBuf::from(path), settings.certificate_password.clone()));
    }
    let set = |name| environment.non_empty(name);
    let is_principal = set("AZURE_TENANT_ID").is_some() && set("AZURE_CLIENT_ID").is_some();
    let path = set("AZURE_CLIENT_CERTIFICATE_PATH")
        .filter(|_| is_principal && set("AZURE_CLIENT_SECRET").is_none())?;
    let password = set("AZURE_CLIENT_CERTIFICATE_PASSWORD");
    Some((PathBuf::from(path), password.map(|password| SecretString::from(password.to_owned()))))
}

/// A finding about the end of a certificate. A file that cannot be read is an error of the store itself.
fn end(path: &Path, password: Option<&SecretString>, now: SystemTime) -> Option<Finding> {
    let end = end_of_certificate(path, password).ok()??;
    let remedy = "Add a new certificate to the application, and remove the old one once no login uses it";
    let Ok(left) = end.duration_since(now) else {
        let evidence = format!("the client certificate `{}` has expired", ShownPath(path));
        return Some(Finding::new(Severity::Problem, "client_certificate", evidence, remedy));
    };
    let evidence =
        format!("the client certificate `{}` ends in {} days", ShownPath(path), left.as_secs() / 86_400);
    Some(if left < SOON {
        Finding::new(Severity::Warning, "client_certificate", evidence, remedy)
    } else {
        Finding::fine("client_certificate", evidence)
    })
}

/// Checks options and environment only.
fn check(options: &Options, environment: &Environment) -> Vec<Finding> {
    let settings = AzureSettings::read(options);
    let found = [
        address(settings.vault_url.as_deref()),
        cloud(&settings, environment),
        principal(&settings),
        static_keys(&settings, environment),
        settings.verify.is_off().then(|| unverified("connection_verify")),
        impossible_names(&KeyVaultConvention::new(options)),
    ];
    found.into_iter().flatten().collect()
}

/// What exactly is wrong with the address.
fn address(written: Option<&str>) -> Option<Finding> {
    let text = written.map(str::trim).unwrap_or_default();
    let evidence = match (Vault::read(Some(text)), Url::parse(text)) {
        (Ok(vault), _) if vault.is_in_known_cloud() => return None,
        (Ok(vault), _) => {
            return Some(Finding::new(
                Severity::Note,
                "vault_url",
                format!(
                    "{} is not in a domain of Azure's own: the vault is asked what tokens are for",
                    Shown(&vault.host)
                ),
                "Check it; a vault is reached at https://NAME.vault.azure.net, through a private endpoint \
                too",
            ));
        }
        (Err(_), _) if text.is_empty() => "`vault_url` is missing",
        (Err(_), Ok(url)) if url.scheme() == "http" => "`vault_url` is plain http, which no vault answers",
        (Err(_), Ok(url)) if !url.username().is_empty() || url.password().is_some() => {
            "`vault_url` holds a user or a password"
        }
        (Err(_), Ok(url)) if url.query().is_some() || url.fragment().is_some() => {
            "`vault_url` holds a query or a fragment"
        }
        (Err(_), _) if !text.contains("://") => "`vault_url` does not begin with https://",
        (Err(_), _) => "`vault_url` is not the https address of a vault",
    };
    let remedy = "Write it as `https://NAME.vault.azure.net`, as `az keyvault show --query \
    properties.vaultUri` shows it";
    Some(Finding::new(Severity::Problem, "vault_url", evidence, remedy))
}

/// Tokens from another cloud than the vault's.
fn cloud(settings: &AzureSettings, environment: &Environment) -> Option<Finding> {
    let vault = Vault::read(settings.vault_url.as_deref()).ok().filter(Vault::is_in_known_cloud)?;
    let authority = vault.authority(settings.authority.as_deref(), environment).ok()?;
    let host = |text: &str| Url::parse(text).ok()?.host_str().map(str::to_owned);
    let (chosen, usual) = (host(&authority)?, host(vault.login())?);
    (chosen != usual).then(|| {
        Finding::new(
            Severity::Warning,
            "cloud",
            format!(
                "tokens come from {}, while vaults like {} trust {usual}",
                Shown(&chosen),
                Shown(&vault.host)
            ),
            "Leave out `authority` and AZURE_AUTHORITY_HOST, or correct `vault_url`: they are of different \
            clouds",
        )
    })
}

/// An incomplete service principal is not used at all.
fn principal(settings: &AzureSettings) -> Option<Finding> {
    let has_credential = settings.client_secret.is_some() || settings.certificate_path.is_some();
    let parts = [
        ("tenant_id", settings.tenant_id.is_some()),
        ("client_id", settings.client_id.is_some()),
        ("client_secret or client_certificate_path", has_credential),
    ];
    let missing: Vec<_> = parts.iter().filter(|(_, is_there)| !is_there).map(|(name, _)| *name).collect();
    (1..parts.len()).contains(&missing.len()).then(|| {
        Finding::new(
            Severity::Warning,
            "principal",
            format!(
                "the service principal is not whole, so that none of it is used: {} is missing",
                missing.join(" and ")
            ),
            "Write all three, or none for the default credentials",
        )
    })
}

/// The end of a client secret is only known to identities that may read applications, which a reader of
/// secrets usually may not.
fn static_keys(settings: &AzureSettings, environment: &Environment) -> Option<Finding> {
    let is_whole = settings.tenant_id.is_some() && settings.client_id.is_some();
    let is_written = settings.client_secret.is_some() && is_whole;
    let is_replaced = is_whole && settings.certificate_path.is_some();
    let is_set = environment.non_empty("AZURE_CLIENT_SECRET").is_some() && !is_replaced;
    let place = match (is_written, is_set) {
        (true, _) => "backend_kwargs",
        (false, true) => "the environment",
        (false, false) => return None,
    };
    Some(Finding::new(
        Severity::Warning,
        "static_keys",
        format!("a client secret is in {place}; when it expires is not known here"),
        "Use a managed or workload identity; `az ad app credential list --id CLIENT_ID` shows when the \
        secret expires",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::OptionValue;

    const VAULT: (&str, &str) = ("vault_url", "https://a.vault.azure.net");

    fn found(options: &[(&'static str, &str)], variables: &[(&str, &str)]) -> Vec<(&'static str, Severity)> {
        let environment = Environment::of(variables);
        let found = check(&Options::of_texts(options), &environment);
        assert!(!format!("{found:?}").contains("canary"), "{found:?}");
        found.iter().map(|finding| (finding.check, finding.severity)).collect()
    }

    #[test]
    fn an_invalid_address_is_reported_with_the_reason() {
        assert_eq!(found(&[VAULT], &[]), []);
        assert_eq!(found(&[("vault_url", "https://kv.example")], &[]), [("vault_url", Severity::Note)]);
        for (url, part) in [
            ("", "is missing"),
            ("a.vault.azure.net", "does not begin with https://"),
            ("http://a.vault.azure.net", "plain http"),
            ("https://u:canary@a.vault.azure.net", "a user or a password"),
            ("https://a.vault.azure.net?canary", "a query"),
            ("https://a.vault.azure.net#canary", "a fragment"),
            ("https://", "is not the https address"),
        ] {
            let finding = address(Some(url)).unwrap();
            assert_eq!((finding.check, finding.severity), ("vault_url", Severity::Problem));
            assert!(finding.evidence.contains(part), "{url}: {finding:?}");
            assert!(!format!("{finding:?}").contains("canary"), "{finding:?}");
        }
    }

    #[test]
    fn each_noteworthy_option_is_reported() {
        let warned = |check| [(check, Severity::Warning)];
        assert_eq!(found(&[VAULT, ("authority", "login.microsoftonline.us")], &[]), warned("cloud"));
        let china = ("vault_url", "https://a.vault.azure.cn");
        assert_eq!(
            found(&[china], &[("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com")]),
            warned("cloud")
        );
        assert_eq!(found(&[china, ("authority", "https://login.chinacloudapi.cn/")], &[]), []);
        let whole = [VAULT, ("tenant_id", "t"), ("client_id", "c"), ("client_secret", "canary")];
        assert_eq!(found(&whole, &[]), warned("static_keys"));
        assert_eq!(found(&whole[..3], &[]), warned("principal"));
        assert_eq!(found(&[VAULT], &[("AZURE_CLIENT_SECRET", "canary")]), warned("static_keys"));
        assert_eq!(found(&[VAULT, ("sep", "_")], &[]), [("names", Severity::Problem)]);
        let mut options = Options::of_texts(&[VAULT]);
        options.set("connection_verify", OptionValue::Boolean(false));
        let found = check(&options, &Environment::default());
        assert_eq!(found.iter().map(|finding| finding.check).collect::<Vec<_>>(), ["tls"]);
    }
}

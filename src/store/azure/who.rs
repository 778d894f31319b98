//! The identity that secrets are read as, as far as options and environment determine it: in the order of
//! `credentials/chain.rs`.

use crate::redact::Shown;
use crate::store::azure::config::AzureSettings;
use crate::store::environment::Environment;

/// The identity that asks, without a call.
pub(super) fn who(settings: &AzureSettings, environment: &Environment) -> String {
    written(settings).unwrap_or_else(|| default(settings, environment))
}

/// The principal of the options, if it is complete.
fn written(settings: &AzureSettings) -> Option<String> {
    let (tenant, client) = (settings.tenant_id.as_deref()?, settings.client_id.as_deref()?);
    let with = match (&settings.client_secret, &settings.certificate_path) {
        (Some(_), _) => "client secret",
        (None, Some(_)) => "certificate",
        (None, None) => return None,
    };
    Some(principal(client, tenant, with, "backend_kwargs"))
}

fn principal(client: &str, tenant: &str, with: &str, place: &str) -> String {
    format!("the application {} of tenant {} ({with} from {place})", Shown(client), Shown(tenant))
}

/// The identity in the environment; if there is none, only the first login finds out.
fn default(settings: &AzureSettings, environment: &Environment) -> String {
    let set = |name| environment.non_empty(name);
    let wanted = set("AZURE_TOKEN_CREDENTIALS").unwrap_or_default().trim().to_lowercase();
    let may = |names: &[&str]| names.contains(&wanted.as_str()) || wanted.is_empty();
    if may(&["prod", "environmentcredential"])
        && let (Some(tenant), Some(client)) = (set("AZURE_TENANT_ID"), set("AZURE_CLIENT_ID"))
    {
        let with = match (set("AZURE_CLIENT_SECRET"), set("AZURE_CLIENT_CERTIFICATE_PATH")) {
            (Some(_), _) => Some("client secret"),
            (None, Some(_)) => Some("certificate"),
            (None, None) => None,
        };
        if let Some(with) = with {
            return principal(client, tenant, with, "the environment");
        }
    }
    if may(&["prod", "workloadidentitycredential"])
        && let Some(workload) = workload(settings, environment)
    {
        return workload;
    }
    let machine = managed(settings, environment);
    match wanted.as_str() {
        "managedidentitycredential" | "prod" => machine,
        "environmentcredential" | "workloadidentitycredential" => {
            "no identity: what AZURE_TOKEN_CREDENTIALS names is not set up".to_owned()
        }
        "azureclicredential" => "the person who is logged in with `az`".to_owned(),
        "azuredeveloperclicredential" => "the person who is logged in with `azd`".to_owned(),
        "dev" => "the person who is logged in with `az` or `azd`".to_owned(),
        _ => format!("the first that answers of {machine}, the login of `az`, the login of `azd`"),
    }
}

fn workload(settings: &AzureSettings, environment: &Environment) -> Option<String> {
    let set = |name| environment.non_empty(name);
    set("AZURE_FEDERATED_TOKEN_FILE")?;
    let client = settings.managed_identity_client_id.as_deref().or_else(|| set("AZURE_CLIENT_ID"))?;
    let tenant = settings.workload_identity_tenant_id.as_deref().or_else(|| set("AZURE_TENANT_ID"))?;
    Some(format!("the workload identity {} of tenant {}", Shown(client), Shown(tenant)))
}

fn managed(settings: &AzureSettings, environment: &Environment) -> String {
    let client = settings.managed_identity_client_id.as_deref();
    match client.or_else(|| environment.non_empty("AZURE_CLIENT_ID")) {
        Some(client) => format!("the managed identity {}", Shown(client)),
        None => "the managed identity of this machine".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::Options;

    fn described(options: &[(&'static str, &str)], variables: &[(&str, &str)]) -> String {
        let environment = Environment::of(variables);
        who(&AzureSettings::read(&Options::of_texts(options)), &environment)
    }

    #[test]
    fn the_first_place_that_is_set_up_is_named() {
        let own = [("tenant_id", "t"), ("client_id", "c"), ("client_secret", "canary")];
        assert_eq!(described(&own, &[]), "the application c of tenant t (client secret from backend_kwargs)");
        let certified = [own[0], own[1], ("client_certificate_path", "/a.pem")];
        assert_eq!(
            described(&certified, &[]),
            "the application c of tenant t (certificate from backend_kwargs)"
        );
        let principal =
            [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "canary")];
        assert_eq!(
            described(&own[..2], &principal),
            "the application c of tenant t (client secret from the environment)"
        );
        let workload = [principal[0], principal[1], ("AZURE_FEDERATED_TOKEN_FILE", "/t")];
        assert_eq!(described(&[], &workload), "the workload identity c of tenant t");
        let chain = "the first that answers of the managed identity of this machine, the login of `az`, the \
        login of `azd`";
        assert_eq!(described(&own[..1], &[]), chain);
        assert_eq!(
            described(&[("managed_identity_client_id", "m")], &[("AZURE_TOKEN_CREDENTIALS", "prod")]),
            "the managed identity m"
        );
        assert_eq!(
            described(&[], &[("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential"), principal[0]]),
            "the person who is logged in with `az`"
        );
        let no_identity = described(&[], &[("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")]);
        assert_eq!(no_identity, "no identity: what AZURE_TOKEN_CREDENTIALS names is not set up");
    }
}

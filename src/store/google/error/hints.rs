//! What an operator can do about an error of Secret Manager.

use google_cloud_gax::error::rpc::Code;

use super::{GOOGLE, GoogleRefusal};
use crate::error::ErrorKind;
use crate::store::SecretName;

pub(super) fn read_permission(name: &SecretName, project: &str) -> String {
    format!(
        "Give this identity roles/secretmanager.secretAccessor on `{name}` in project `{project}`, and check \
        that this is the right project; a role that was just given takes some minutes to act. If there is no \
        such secret: Google denies names that do not exist, too, to an identity with roles on single secrets \
        only; give it the role on the project, with a condition on the name"
    )
}

pub(super) fn list_permission(project: &str) -> String {
    format!(
        "Give this identity secretmanager.secrets.list in project `{project}`, as in \
        roles/secretmanager.viewer"
    )
}

pub(super) fn hint(refusal: &GoogleRefusal, project: &str, permission: impl FnOnce() -> String) -> String {
    match (refusal.code, refusal.kind()) {
        (Some(Code::PermissionDenied), _) => denied_hint(refusal, project).unwrap_or_else(permission),
        (Some(Code::FailedPrecondition), _) => {
            "The latest version is disabled, destroyed or expired: enable it (`gcloud secrets versions \
            enable`) or add another one (`gcloud secrets versions add`)"
                .to_owned()
        }
        (Some(Code::NotFound), _) => format!("Check the project `{project}` and `location`"),
        (_, ErrorKind::Denied) => "Check proxies: it was not Google that denied".to_owned(),
        (_, ErrorKind::Unauthenticated) => {
            "Check that the key is still enabled, that the service account exists, and this machine's clock"
                .to_owned()
        }
        (_, ErrorKind::InvalidName) => "A name has 1 to 255 letters, digits, - and _".to_owned(),
        (_, ErrorKind::Throttled) => {
            format!("Ask less often (a longer `cache_ttl`), or have the quota of project `{project}` raised")
        }
        (_, ErrorKind::Unreachable | ErrorKind::Timeout) => {
            "Google Cloud usually recovers by itself; see status.cloud.google.com".to_owned()
        }
        _ => GOOGLE.check_address(),
    }
}

/// Hints for reasons other than a missing permission (`google/api/error_reason.proto`).
fn denied_hint(refusal: &GoogleRefusal, project: &str) -> Option<String> {
    Some(match refusal.reason.as_deref()? {
        "SERVICE_DISABLED" => format!(
            "Enable the API: `gcloud services enable secretmanager.googleapis.com --project {project}`, or \
            correct `project_id`"
        ),
        "BILLING_DISABLED" => format!("Link project `{project}` to a billing account"),
        "CONSUMER_INVALID" | "RESOURCE_PROJECT_INVALID" => {
            format!("There is no project `{project}`: correct `project_id`")
        }
        "CONSUMER_SUSPENDED" => format!("Project `{project}` is suspended: see the Google Cloud console"),
        "USER_PROJECT_DENIED" => {
            "Give this identity roles/serviceusage.serviceUsageConsumer on the quota project, or unset it"
                .to_owned()
        }
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => {
            "The token lacks the scope https://www.googleapis.com/auth/cloud-platform: see `gcp_scopes`, or \
            the access scopes of the virtual machine"
                .to_owned()
        }
        "SECURITY_POLICY_VIOLATED" => {
            "A VPC Service Controls perimeter forbids it: read from inside, or add an access level".to_owned()
        }
        _ => return None,
    })
}

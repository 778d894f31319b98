//! The Role that lets a service account read, as a manifest.

use crate::error::Result;
use crate::store::tools::{PolicyRequest, PolicyTool};

use super::error::checked_namespace;

/// RBAC knows neither labels nor the beginnings of names, so the document is about the whole namespace.
pub(super) const POLICY: PolicyTool =
    PolicyTool { check_asked: check, check, without_names: None, ..PolicyTool::new(policy) };

/// What both objects of the document begin with.
const VERSION: &str = "rbac.authorization.k8s.io/v1";

fn policy(request: &PolicyRequest) -> String {
    let written = request.options.non_empty("namespace");
    let namespace = request.account.as_deref().or(written).unwrap_or("airflow");
    let verbs = if request.manages {
        r#"["list", "get", "create", "update", "patch", "delete"]"#
    } else {
        r#"["list"]"#
    };
    format!(
        r#"# RBAC cannot limit a list to labels: this allows all secrets of the namespace, so keep those
# of Airflow in one of their own. Put the name of Airflow's service account in place of `airflow`.
apiVersion: {VERSION}
kind: Role
metadata:
  name: airflow-secrets
  namespace: "{namespace}"
rules:
  - apiGroups: [""]
    resources: ["secrets"]
    verbs: {verbs}
---
apiVersion: {VERSION}
kind: RoleBinding
metadata:
  name: airflow-secrets
  namespace: "{namespace}"
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: airflow-secrets
subjects:
  - kind: ServiceAccount
    name: airflow
    namespace: "{namespace}"
"#
    )
}

/// What is no namespace is no part of a document either.
fn check(request: &PolicyRequest) -> Result<()> {
    request.refuse_tags_and_keys()?;
    let written = request.account.as_deref().or(request.options.non_empty("namespace"));
    written.map_or(Ok(()), |namespace| checked_namespace(namespace).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_one_verb_in_one_namespace() {
        let read = policy(&PolicyRequest::default());
        assert!(read.contains("verbs: [\"list\"]\n"), "{read}");
        assert_eq!(read.matches("namespace: \"airflow\"\n").count(), 3, "{read}");
        let mut asked =
            PolicyRequest { manages: true, account: Some("mine".to_owned()), ..PolicyRequest::default() };
        let managed = policy(&asked);
        assert!(managed.contains("namespace: \"mine\"") && managed.contains("\"patch\""), "{managed}");
        assert!(check(&asked).is_ok());
        asked.account = Some("a\"\nb".to_owned());
        assert!(check(&asked).is_err());
    }
}

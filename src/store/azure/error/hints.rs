//! What an operator can do about an error of Key Vault.

use std::borrow::Cow;

use super::{Asked, KEY_VAULT, VaultRefusal};
use crate::error::ErrorKind;
use crate::redact::Shown;

impl VaultRefusal {
    pub(super) fn hint(&self, kind: ErrorKind, asked: &Asked<'_>) -> Option<Cow<'static, str>> {
        let (vault, permission) = (Shown(asked.vault), asked.permission);
        Some(match (self.inner.as_deref().unwrap_or_default(), kind) {
            ("SecretDisabled", _) => {
                "Enable its current version: `az keyvault secret set-attributes --enabled true`".into()
            }
            ("ForbiddenByRbac", _) => format!(
                "Give this identity the role `Key Vault Secrets User` on {vault}; a new role takes up to ten \
                minutes"
            )
            .into(),
            ("AccessDenied" | "ForbiddenByPolicy", _) => format!(
                "{vault} uses access policies: give this identity the secret permission `{permission}` there"
            )
            .into(),
            ("ForbiddenByFirewall" | "ForbiddenByConnection", _) => format!(
                "The firewall of {vault} does not let this network in: add its address, a service endpoint \
                or a private endpoint"
            )
            .into(),
            ("ObjectIsDeletedButRecoverable", _) => {
                "Bring it back with `az keyvault secret recover`, or purge it and make it anew".into()
            }
            (_, ErrorKind::Denied) => format!(
                "Give this identity the role `Key Vault Secrets User` on {vault}, or `{permission}` in its \
                access policy; check its firewall"
            )
            .into(),
            (_, ErrorKind::Unauthenticated) => self.token_hint(),
            (_, ErrorKind::Throttled) => {
                "Ask less often (a longer `cache_ttl`), or spread secrets over more vaults".into()
            }
            (_, ErrorKind::InvalidName) => "Check `api_version` and the name of the secret".into(),
            (_, ErrorKind::Malformed) => KEY_VAULT.check_address().into(),
            _ => return None,
        })
    }

    /// The challenge names the tenant that the vault belongs to.
    fn token_hint(&self) -> Cow<'static, str> {
        match &self.tenant {
            _ if self.wants_claims => {
                "The vault asks for claims that this token has not: check the conditional access policies \
                for this identity, and whether its sessions were revoked"
                    .into()
            }
            Some(tenant) => format!(
                "The vault trusts tokens of the tenant {}: check `tenant_id` and the identity, and this \
                machine's clock",
                Shown(tenant)
            )
            .into(),
            None => "Check `tenant_id`, that the identity belongs to the vault's tenant, and this machine's \
            clock"
                .into(),
        }
    }
}

//! The names of secrets and what is known about each, by `GetSecrets`.

use azure_security_keyvault_secrets::ResourceExt;

use crate::error::Result;
use crate::redact::Shown;
use crate::store::{Description, Descriptions, Names, Page};

use super::convention::is_valid_name;
use super::describe::{DISABLED, of_properties};
use super::error::read_error;
use super::{KeyVault, no_such_page, reader};

impl KeyVault {
    /// One page of the names that can be read, which those of disabled secrets cannot.
    pub(super) async fn page(&self, prefix: &str, page: Option<&Page>) -> Result<Names> {
        let mut page = self.described_page(prefix, page).await?;
        page.secrets.retain(|secret| secret.state != Some(DISABLED));
        Ok(page.into())
    }

    /// Key Vault has no filter: all names are returned, page by page, and those with another beginning are
    /// dropped here. It ignores case, so a name is shown with the case of the prefix.
    pub(super) async fn described_page(&self, prefix: &str, page: Option<&Page>) -> Result<Descriptions> {
        let link = page.map(|page| self.vault.link(page.token()).ok_or_else(no_such_page)).transpose()?;
        let answer = reader::page(&self.client, link).await.map_err(|error| {
            let subject = format!("listing the secrets that begin with `{}`", Shown(prefix));
            read_error(&error, &self.asked(subject, "list")).unwrap_or_else(no_such_page)
        })?;
        let secrets = answer.value.into_iter().filter_map(|properties| {
            let name = properties.resource_id().ok()?.name;
            let described = of_properties(properties, below(&name, prefix)?);
            is_valid_name(&name).then_some(described)
        });
        let secrets: Vec<Description> = secrets.collect();
        let next = answer.next_link.filter(|link| !link.is_empty()).map(Page::new);
        Ok(Descriptions { secrets, next })
    }
}

/// The name with the prefix in the case that was asked for; `None` if it has another beginning.
fn below(name: &str, prefix: &str) -> Option<String> {
    let begin = name.get(..prefix.len())?;
    begin.eq_ignore_ascii_case(prefix).then(|| format!("{prefix}{}", &name[prefix.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_case_of_a_prefix_does_not_matter() {
        assert_eq!(
            below("Airflow-Connections-Db", "airflow-connections-").as_deref(),
            Some("airflow-connections-Db")
        );
        assert_eq!((below("other-a", "airflow-"), below("air", "airflow-")), (None, None));
        assert_eq!(below("a", "").as_deref(), Some("a"));
    }
}

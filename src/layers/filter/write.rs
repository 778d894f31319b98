//! Changes behind a filter: nothing is written that the backend would then not see.

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::store::{Accepts, Current, NewSecret, Removal, SecretName, State, Write};

use super::Filter;

impl Filter {
    fn writer(&self) -> Result<&dyn Write> {
        self.inner.write().ok_or_else(|| self.inner.info().cannot("write", "be written to"))
    }

    /// The name in the store of one that may be changed.
    fn writable(&self, name: &SecretName) -> Result<SecretName> {
        self.name_in_store(name).ok_or_else(|| {
            let text =
                format!("`{name}` does not begin with `{}`, as `filter_on_prefix` asks", self.rules.prefix);
            Error::new(ErrorKind::InvalidName, text).with_hint("Change the prefix of the kind, or the filter")
        })
    }

    /// Refuses to change a secret that exists and is left out.
    fn check_current(&self, name: &SecretName, current: &Current) -> Result<()> {
        match self.rules.against(&current.tags).filter(|_| current.state != State::Absent) {
            Some(why) if self.rules.has_tags() => Err(left_out(name, &why)),
            _ => Ok(()),
        }
    }
}

fn left_out(name: &SecretName, why: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("`{name}` is left out: {why}"))
        .with_hint("Give it the tags that the filter asks for, such as with `tags` in backend_kwargs")
}

#[async_trait]
impl Write for Filter {
    fn accepts(&self) -> Accepts {
        self.inner.write().map(Write::accepts).unwrap_or_default()
    }

    async fn current(&self, name: &SecretName) -> Result<Current> {
        let current = self.writer()?.current(&self.writable(name)?).await?;
        self.check_current(name, &current)?;
        Ok(current)
    }

    async fn put(&self, name: &SecretName, secret: &NewSecret, over: &Current) -> Result<Option<String>> {
        if self.rules.has_tags() {
            let mut tags = secret.tags.clone();
            tags.extend(
                over.tags.iter().filter(|(key, _)| !secret.tags.iter().any(|(new, _)| new == key)).cloned(),
            );
            if let Some(why) = self.rules.against(&tags) {
                return Err(left_out(name, &why));
            }
        }
        self.writer()?.put(&self.writable(name)?, secret, over).await
    }

    fn is_repeatable(&self, over: &Current) -> bool {
        self.inner.write().is_some_and(|inner| inner.is_repeatable(over))
    }

    async fn delete(&self, name: &SecretName, how: Removal, over: &Current) -> Result<()> {
        self.writer()?.delete(&self.writable(name)?, how, over).await
    }

    async fn restore(&self, name: &SecretName, over: &Current) -> Result<()> {
        self.writer()?.restore(&self.writable(name)?, over).await
    }
}

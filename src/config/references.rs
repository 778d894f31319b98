//! Whether what references may lead to exists.

use crate::backend::Settings;
use crate::error::{Error, Result};
use crate::redact::Shown;

/// An error if `references` of a store names a member that there is not.
pub(super) fn check<'a, I>(settings: &Settings, known: impl Fn() -> I) -> Result<()>
where
    I: Iterator<Item = &'a str>,
{
    let Some(unknown) = settings.references.members().find(|name| known().all(|member| member != *name))
    else {
        return Ok(());
    };
    let near = known().map(|member| (strsim::damerau_levenshtein(unknown, member), member)).min();
    let near = near.filter(|(distance, member)| *distance <= (member.len() / 3).max(1));
    let meant = near.map(|(_, member)| format!("Did you mean `{}`? ", Shown(member))).unwrap_or_default();
    let mut names: Vec<_> = known().map(|member| format!("`{}`", Shown(member))).collect();
    names.dedup();
    let unknown = Shown(unknown);
    Err(Error::config(format!(
        "`references` in backend_kwargs names the member `{unknown}`, which there is not"
    ))
    .with_hint(format!("{meant}There is {}", names.join(", "))))
}

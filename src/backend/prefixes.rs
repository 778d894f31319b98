//! The beginnings of the names of a kind, for listings.

use crate::backend::settings::Settings;
use crate::error::Error;
use crate::store::convention::{Kind, Lookup};

impl Settings {
    /// The beginnings of the names of `kind`, in the order in which they are asked; none if the kind is
    /// switched off.
    pub fn prefixes(&self, kind: Kind) -> Vec<String> {
        let names = self.convention.names(Lookup { kind, id: "", team: None }).into_names();
        names.iter().map(|name| name.as_str().to_owned()).collect()
    }

    /// The first beginning of the names of `kind`; `None` if the kind is switched off.
    pub fn prefix(&self, kind: Kind) -> Option<String> {
        self.prefixes(kind).into_iter().next()
    }

    /// Whether `kind` is switched on although nothing is known about its names, because each id names its own
    /// place.
    pub fn needs_place(&self, kind: Kind) -> bool {
        let any = Lookup { kind, id: "any/", team: None };
        self.convention.place_in_id() && !self.convention.names(any).into_names().is_empty()
    }

    /// Why names of `kind` cannot be listed, if they cannot.
    pub fn unlisted(&self, kind: Kind) -> Option<Error> {
        self.needs_place(kind).then(|| {
            let what = kind.plural();
            Error::config(format!(
                "{what} cannot be listed: each id names the mount that it is in, and none \
            is configured"
            ))
            .with_hint(
                "Write the mount as `mount_point`; for this command alone \
                AIRFLOW__SECRETS__BACKEND_KWARG__MOUNT_POINT does",
            )
        })
    }

    /// Whether the store has the same secret for two ids.
    pub fn are_one(&self, kind: Kind, left: &str, right: &str) -> bool {
        let names = |id| self.convention.names(Lookup { kind, id, team: None }).into_names();
        names(left) == names(right)
    }
}

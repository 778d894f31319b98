//! References to other secrets, as commands show them.

use serde_json::{Map, Value, json};

use crate::backend::{AskedName, Referred};
use crate::cli::masked::MASK;
use crate::redact::Shown;

/// Whether references are shown.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct Coordinates {
    /// Show references to other secrets as they are written, and not as `***`.
    #[arg(long)]
    include_coordinates: bool,
}

impl Coordinates {
    /// A reference as it is shown.
    pub(super) fn of(self, referred: &Referred) -> String {
        if self.include_coordinates { referred.reference.to_string() } else { MASK.to_owned() }
    }

    /// What a reference led to, as a part of a line.
    pub(super) fn name(self, referred: &Referred) -> String {
        let place = place(referred);
        let indent = " ".repeat(referred.depth * 2);
        let (shown, member) = (self.of(referred), Shown(&referred.member));
        format!("{indent}reference in {place} to `{member}`, {shown}")
    }

    /// The same for programs.
    pub(super) fn json(self, referred: &Referred) -> Value {
        json!({"coordinate": self.of(referred), "place": referred.place.join("."), "member": referred.member,
            "depth": referred.depth})
    }

    /// Puts the references of a connection in the place of what they led to, which is never shown.
    pub(super) fn put(self, fields: &mut Map<String, Value>, steps: &[AskedName]) {
        for referred in own(steps) {
            let place: Vec<&str> =
                referred.place.iter().map(String::as_str).filter(|part| *part != "uri").collect();
            let shown = json!(self.of(referred));
            match place.as_slice() {
                ["extra", below @ ..] => {
                    put_below(fields.entry("extra_dejson").or_insert(json!({})), below, shown);
                }
                [field] if fields.contains_key(*field) => drop(fields.insert((*field).to_owned(), shown)),
                _ => {}
            }
        }
    }
}

/// The references that the value itself holds, and not what it refers to.
pub(super) fn own(steps: &[AskedName]) -> impl Iterator<Item = &Referred> {
    steps.iter().filter_map(|step| step.referred.as_deref()).filter(|referred| referred.depth == 1)
}

/// Where a reference is, in words.
pub(super) fn place(referred: &Referred) -> String {
    if referred.place.is_empty() {
        "the value".to_owned()
    } else {
        format!("`{}`", Shown(&referred.place.join(".")))
    }
}

/// What is beside a reference in extra stays masked.
fn put_below(value: &mut Value, place: &[&str], shown: Value) {
    let Some((first, rest)) = place.split_first() else {
        *value = shown;
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    if let Some(members) = value.as_object_mut() {
        put_below(members.entry(*first).or_insert(json!({})), rest, shown);
    }
}

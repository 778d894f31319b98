//! The files in a folder. Contents are not read.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};

use crate::error::Result;
use crate::store::tools::{Finding, Severity};
use crate::store::{Description, Listing, PerKind, SecretName};

use super::config::Place;
use super::error::{input_output, no_folder};

/// The most folders within each other that are looked into.
const DEEPEST: usize = 16;

/// Files by their names.
pub(super) type Files = BTreeMap<String, Metadata>;

/// The files of all `places` whose names begin with `prefix`. Reads folders: this blocks.
pub(super) fn list(places: &PerKind<Option<Place>>, prefix: &str) -> Result<Listing> {
    let mut files = Files::new();
    for place in places.iter().flatten() {
        let inside = format!("{}/", place.folder().trim_end_matches('/'));
        let chosen = if prefix.starts_with(&inside) { prefix } else { &inside };
        if chosen.starts_with(prefix) {
            files.extend(below(place, chosen)?);
        }
    }
    let secrets = files.into_iter().map(|(name, metadata)| described(name.into(), &metadata)).collect();
    Ok(Listing { secrets, next: None })
}

/// What is known of the file `name` without its contents; `None` if there is none.
pub(super) fn describe(name: &SecretName) -> Result<Option<Description>> {
    let path = Path::new(name.as_str());
    let metadata = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Ok(None),
        Ok(metadata) => metadata,
        Err(error) if is_absence(error.kind()) => return Ok(None),
        Err(error) => return Err(input_output(path, error)),
    };
    let real = path.canonicalize().ok();
    let version = real.as_deref().and_then(mounted_version);
    let id = real.map(|real| real.display().to_string());
    Ok(Some(Description { id, version, ..described(name.clone(), &metadata) }))
}

/// Why there is no file `name` although there is something: for `strongroom explain`.
pub(super) fn why_absent(name: &SecretName) -> Option<Finding> {
    let path = Path::new(name.as_str());
    let finding = |what: &str, remedy| {
        Some(Finding::new(Severity::Warning, "file", format!("`{name}` {what}"), remedy))
    };
    match (fs::symlink_metadata(path).ok()?, fs::metadata(path)) {
        (_, Ok(metadata)) if metadata.is_dir() => finding(
            "is a folder, and a value is in a file",
            "Mount a file there, or ask for an id in the folder",
        ),
        (link, Err(_)) if link.is_symlink() => {
            finding("is a link that leads nowhere", "Mount the secret again, or take the link away")
        }
        _ => None,
    }
}

/// The files whose names begin with `prefix`, which is a path within `place`.
pub(super) fn below(place: &Place, prefix: &str) -> Result<Files> {
    let mut files = Files::new();
    if !Path::new(place.folder()).is_dir() {
        return Err(no_folder(Path::new(place.folder())));
    }
    let (folder, _) = split(prefix);
    walk(folder, prefix, &mut Vec::new(), &mut files)?;
    Ok(files)
}

/// A path up to its last slash, and the rest.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |slash| slash.saturating_add(1)))
}

/// Adds the files in `folder`, which ends with a slash, and in the folders within it. What begins with a dot
/// is no secret: a mount keeps its versions there. `above` are the folders around this one: a link may lead
/// back.
fn walk(folder: &str, prefix: &str, above: &mut Vec<(u64, u64)>, files: &mut Files) -> Result<()> {
    let failed = |error: std::io::Error| input_output(Path::new(folder), error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absence(error.kind()) => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let here = fs::metadata(folder).map_err(failed)?;
    let here = (here.dev(), here.ino());
    if above.contains(&here) || above.len() >= DEEPEST {
        return Ok(());
    }
    above.push(here);
    for entry in entries {
        // Names that are no text cannot be asked for.
        let Ok(name) = entry.map_err(failed)?.file_name().into_string() else { continue };
        let path = format!("{folder}{name}");
        let may_begin = path.starts_with(prefix) || prefix.starts_with(&path);
        if !name.starts_with('.') && may_begin {
            add(path, prefix, above, files)?;
        }
    }
    above.pop();
    Ok(())
}

/// Adds a file, or those of a folder. A file that has gone in the meantime, or a link that leads nowhere, is
/// no secret.
fn add(path: String, prefix: &str, above: &mut Vec<(u64, u64)>, files: &mut Files) -> Result<()> {
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => walk(&format!("{path}/"), prefix, above, files)?,
        Ok(metadata) if metadata.is_file() && path.starts_with(prefix) => {
            files.insert(path, metadata);
        }
        _ => {}
    }
    Ok(())
}

fn described(name: SecretName, metadata: &Metadata) -> Description {
    let form = Some(format!("file of {} bytes", metadata.len()));
    Description { form, changed: metadata.modified().ok(), ..Description::of(name) }
}

/// The folder of a version of a mount, which Kubernetes names by the time.
fn mounted_version(real: &Path) -> Option<String> {
    let parts = real.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    parts.filter_map(|name| name.strip_prefix("..")).next_back().map(str::to_owned)
}

fn is_absence(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

//! The files in a folder: which there are, and what is noteworthy about them. Contents are not read.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path};

use crate::error::Result;
use crate::store::convention::Kind;
use crate::store::tools::{Finding, Severity};
use crate::store::{Description, Listing, PerKind, SecretName};

use super::config::{Place, path_key};
use super::error::{TO_READ, input_output, no_folder};

/// The most folders within each other that are looked into.
const DEEPEST: usize = 16;

/// The most files that a finding names.
const SHOWN: usize = 5;

/// Files by their names.
type Files = BTreeMap<String, Metadata>;

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

/// What is noteworthy about the files of each kind. What a lookup or a listing reports by itself is left out.
/// Reads folders: this blocks.
pub(super) fn findings(places: &PerKind<Option<Place>>) -> Vec<Finding> {
    let of_kinds = Kind::ALL.into_iter().filter_map(|kind| Some((kind, places.of(kind).as_ref()?)));
    of_kinds.flat_map(|(kind, place)| of_kind(kind, place)).collect()
}

fn of_kind(kind: Kind, place: &Place) -> Vec<Finding> {
    let Ok(files) = below(place, &place.beginning) else { return Vec::new() };
    if files.is_empty() {
        return vec![nothing(kind, place)];
    }
    let chosen = |wanted: &dyn Fn(&String, &Metadata) -> bool| {
        files
            .iter()
            .filter(|(name, file)| wanted(name, file))
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>()
    };
    let has_mode = |bits: u32| chosen(&|_, file| file.permissions().mode() & bits != 0);
    let found = [
        finding(
            Severity::Warning,
            "file_access",
            &chosen(&|name, _| {
                File::open(name).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
            }),
            "may not be read by this user",
            TO_READ,
        ),
        finding(
            Severity::Warning,
            "file_mode",
            &has_mode(0o022),
            "can be changed by other users of this machine",
            "chmod go-w",
        ),
        finding(
            Severity::Note,
            "file_mode",
            &has_mode(0o004),
            "can be read by every user of this machine",
            "`defaultMode: 0440` with `fsGroup` in Kubernetes, else chmod 640, if Airflow is not alone",
        ),
    ];
    found
        .into_iter()
        .flatten()
        .map(|found| Finding { evidence: format!("{kind}: {}", found.evidence), ..found })
        .collect()
}

fn finding(
    severity: Severity,
    check: &'static str,
    names: &[&str],
    what: &str,
    remedy: &str,
) -> Option<Finding> {
    let shown: Vec<_> =
        names.iter().take(SHOWN).map(|name| format!("`{}`", SecretName::from(*name))).collect();
    let more = if names.len() > shown.len() { " and more" } else { "" };
    let evidence = format!("{} of the files {what}: {}{more}", names.len(), shown.join(", "));
    (!names.is_empty()).then(|| Finding::new(severity, check, evidence, remedy))
}

/// A kind without files. Only a note: not everyone has config values.
fn nothing(kind: Kind, place: &Place) -> Finding {
    let (folder, _) = split(&place.beginning);
    let what =
        if Path::new(folder).is_dir() { "holds no file for" } else { "does not exist, so there are no" };
    let beginning = SecretName::from(place.beginning.as_str());
    let evidence = format!(
        "`{}` {what} {}: their paths begin with `{beginning}`",
        SecretName::from(folder),
        kind.plural()
    );
    let remedy =
        format!("Mount them there, correct `{}` and the prefix, or set the prefix to null", path_key(kind));
    Finding::new(Severity::Note, "folder", evidence, remedy)
}

/// The files whose names begin with `prefix`, which is a path within `place`.
fn below(place: &Place, prefix: &str) -> Result<Files> {
    let mut files = Files::new();
    if !Path::new(place.folder()).is_dir() {
        return Err(no_folder(Path::new(place.folder())));
    }
    let (folder, _) = split(prefix);
    walk(folder, prefix, &mut Vec::new(), &mut files)?;
    Ok(files)
}

/// A path up to its last slash, and the rest.
fn split(path: &str) -> (&str, &str) {
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
        if name.starts_with('.') || !may_begin {
            continue;
        }
        // A file that has gone in the meantime, or a link that leads nowhere, is no secret.
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => walk(&format!("{path}/"), prefix, above, files)?,
            Ok(metadata) if metadata.is_file() && path.starts_with(prefix) => {
                files.insert(path, metadata);
            }
            _ => {}
        }
    }
    above.pop();
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

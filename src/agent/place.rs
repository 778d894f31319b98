//! The folder of the sockets, and the name of the socket of a configuration.
//!
//! The folder belongs to one user and is closed to all others. The name of a socket is an HMAC of the
//! configuration under a random key of that user, so that neither a listing of the folder nor the address of
//! a connection says anything of what is configured.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::agent::wire::VERSION;
use crate::backend::{AgentMode, AgentSettings};
use crate::config::RawOptions;
use crate::error::{Error, Result};
use crate::process::effective_user;
use crate::store::environment::Environment;

/// The bytes of a user's key: those of a block of the hash, so that it is used as it is.
const KEY: usize = 64;

/// The longest path of a socket, in bytes, without the zero at its end (`sun_path` in unix(7); 104 on macOS).
const LONGEST: usize = 103;

/// Where the agent of a configuration listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    name: String,
    /// Whether the operator has named the socket; then its folder may be root's.
    is_named: bool,
    /// Another user than that of this process whose agent is trusted.
    owner: Option<u32>,
}

impl Place {
    /// The place of the agent for what was configured, in the folder of this user, which is made if it is not
    /// there yet.
    pub fn of(store: &str, options: &RawOptions, environment: &Environment) -> Result<Self> {
        let folder = user_folder()?;
        let key = user_key(&folder)?;
        let name = format!("{}{SUFFIX}", name(&key, store, options, environment));
        Ok(Self { name, folder, is_named: false, owner: None })
    }

    /// The place of a socket that the operator has named.
    pub fn at(socket: &Path) -> Result<Self> {
        let (Some(folder), Some(name)) = (socket.parent(), socket.file_name().and_then(|name| name.to_str()))
        else {
            return Err(Error::config(format!("`agent` is no path of a socket: {}", socket.display())));
        };
        if socket.as_os_str().len() > LONGEST {
            let why = format!("`agent` is too long for the path of a socket: {}", socket.display());
            return Err(Error::config(why).with_hint(format!("Name one of at most {LONGEST} bytes")));
        }
        Ok(Self { folder: folder.to_owned(), name: name.to_owned(), is_named: true, owner: None })
    }

    /// The place of the agent of `settings`, which were read from `options` and `environment`.
    pub fn for_settings(
        settings: &AgentSettings,
        store: &str,
        options: &RawOptions,
        environment: &Environment,
    ) -> Result<Self> {
        match &settings.mode {
            AgentMode::At(path) => {
                let owner = settings.group.as_ref().and_then(|group| group.owner);
                Ok(Self { owner, ..Self::at(path)? })
            }
            _ => Self::of(store, options, environment),
        }
    }

    /// The folder of the socket.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Whether the operator has named the socket.
    pub(super) fn is_named(&self) -> bool {
        self.is_named
    }

    /// Whether `user` may listen here: this user, and at a place that the operator has named root, and the
    /// user that the configuration names.
    pub(super) fn trusts(&self, user: u32) -> bool {
        user == effective_user() || (self.is_named && (user == 0 || self.owner == Some(user)))
    }

    /// Whether no other user could have put the socket here; `None` if there is nothing. Symbolic links are
    /// not followed.
    pub(super) fn is_safe(&self) -> Option<bool> {
        let socket = fs::symlink_metadata(self.socket()).ok()?;
        let is_safe = self.is_folder_safe()?;
        Some(is_safe && socket.file_type().is_socket() && self.trusts(socket.uid()))
    }

    /// Whether no other user can put a socket into the folder; `None` if there is none.
    fn is_folder_safe(&self) -> Option<bool> {
        let folder = fs::symlink_metadata(&self.folder).ok()?;
        let shut = if self.is_named { WRITABLE } else { OTHERS };
        Some(folder.is_dir() && is_closed(folder.mode(), shut) && self.trusts(folder.uid()))
    }

    /// Makes the folder, if only that is missing; an error where no client would ask what listens here.
    pub(super) fn check_folder(&self) -> Result<()> {
        // A volume for all containers of a pod is open to every user, and a folder in it is not.
        let _ = DirBuilder::new().mode(0o700).create(&self.folder);
        if self.is_folder_safe() != Some(false) {
            return Ok(());
        }
        let folder = self.folder.display();
        Err(Error::config(format!("{folder} is not a folder that only this user or root can write to"))
            .with_hint(
                "Name a socket in one that is, and not behind a symbolic link: no lookup would ask here",
            ))
    }

    /// Makes the folder for the members of `group`, or checks the one that is there.
    pub(super) fn open_folder_to(&self, group: u32) -> Result<()> {
        if DirBuilder::new().mode(0o700).create(&self.folder).is_ok() {
            return chown(&self.folder, None, Some(group))
                .and_then(|()| fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o750)))
                .map_err(|error| unusable(&self.folder, error));
        }
        let found = fs::symlink_metadata(&self.folder).map_err(|error| unusable(&self.folder, error))?;
        if found.gid() == group && found.mode() & 0o077 == 0o050 {
            return Ok(());
        }
        let folder = self.folder.display();
        Err(Error::config(format!("{folder} is not open to group {group} and closed to all others"))
            .with_hint(format!("`chgrp {group} {folder} && chmod 0750 {folder}`, or name another folder")))
    }

    /// The other agents of this user, at places of the same folder that have names of their own.
    pub(super) fn others(&self) -> Vec<Self> {
        let names = fs::read_dir(&self.folder).into_iter().flatten().filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            (name.ends_with(SUFFIX) && name != self.name).then_some(name)
        });
        names.map(|name| Self { name, ..self.clone() }).collect()
    }

    /// What is locked while an agent makes room for itself.
    pub(super) fn turnstile(&self) -> PathBuf {
        self.folder.join("agents.lock")
    }

    /// What is locked by the one agent that listens here.
    pub(super) fn lock(&self) -> PathBuf {
        self.folder.join(format!("{}.lock", self.name))
    }

    /// Its time says when a process last tried to start an agent.
    pub(super) fn attempt(&self) -> PathBuf {
        self.folder.join(format!("{}.attempt", self.name))
    }

    /// Its time says when the agent was last found silent, to all processes of the user.
    pub(super) fn silent(&self) -> PathBuf {
        self.folder.join(format!("{}.silent", self.name))
    }
}

const SUFFIX: &str = ".sock";

/// `/run/user/UID/strongroom` where the system has made such a folder, else one in the folder for temporary
/// files.
fn user_folder() -> Result<PathBuf> {
    let user = effective_user();
    let runtime = PathBuf::from(format!("/run/user/{user}"));
    let folder = if is_private(&runtime, user) {
        runtime.join("strongroom")
    } else {
        std::env::temp_dir().join(format!("strongroom-{user}"))
    };
    // A socket has to fit: the name is 32 digits, and the ending.
    if folder.as_os_str().len() + 1 + 32 + SUFFIX.len() > LONGEST {
        return Err(Error::config(format!(
            "the folder for the agent's socket has too long a path: {}",
            folder.display()
        ))
        .with_hint("Set TMPDIR to a shorter path, or `agent` to the path of a socket"));
    }
    make_private(&folder, user)?;
    Ok(folder)
}

/// Makes the folder, or checks the one that is there: another user could have made it in the common folder.
fn make_private(folder: &Path, user: u32) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == IoErrorKind::AlreadyExists && is_private(folder, user) => Ok(()),
        Err(error) if error.kind() == IoErrorKind::AlreadyExists => Err(Error::config(format!(
            "{} is not a folder of this user (uid {user}) that is closed to all others",
            folder.display()
        ))
        .with_hint("Remove it, or set `agent` to the path of a socket elsewhere")),
        Err(error) => Err(unusable(folder, error)),
    }
}

/// All that others may do with a folder, and what lets them change it.
const OTHERS: u32 = 0o077;
const WRITABLE: u32 = 0o022;

fn is_closed(mode: u32, to: u32) -> bool {
    mode & to == 0
}

/// Whether `folder` is a real folder of `user`'s (no symbolic link) that no other user may enter.
fn is_private(folder: &Path, user: u32) -> bool {
    fs::symlink_metadata(folder)
        .is_ok_and(|found| found.is_dir() && found.uid() == user && is_closed(found.mode(), OTHERS))
}

fn unusable(path: &Path, error: std::io::Error) -> Error {
    Error::config(format!("{} cannot be used for the agent", path.display())).with_source(error)
}

/// The random key of this user, made on first use.
fn user_key(folder: &Path) -> Result<Zeroizing<[u8; KEY]>> {
    let path = folder.join("key");
    if let Some(key) = read_key(&path)? {
        return Ok(key);
    }
    let (mut key, mut suffix) = (Zeroizing::new([0; KEY]), [0; 8]);
    getrandom::fill(key.as_mut_slice())
        .and_then(|()| getrandom::fill(&mut suffix))
        .map_err(|error| Error::internal("the system gives no random bytes").with_source(error))?;
    // Written beside and linked, so that nothing else reads half of it, and the first one wins. The number of
    // the process would not do: it is the same in all threads, and in containers that share the folder.
    let draft = folder.join(format!("key.{:016x}", u64::from_le_bytes(suffix)));
    let written = new_file(&draft).and_then(|mut file| file.write_all(key.as_slice()));
    let linked = written.and_then(|()| fs::hard_link(&draft, &path));
    let _ = fs::remove_file(&draft);
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == IoErrorKind::AlreadyExists => {
            read_key(&path)?.ok_or_else(|| Error::config(format!("{} went away", path.display())))
        }
        Err(error) => Err(unusable(&path, error)),
    }
}

fn new_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn read_key(path: &Path) -> Result<Option<Zeroizing<[u8; KEY]>>> {
    let mut key = Zeroizing::new([0; KEY]);
    match File::open(path).and_then(|mut file| file.read_exact(key.as_mut_slice())) {
        Ok(()) => Ok(Some(key)),
        Err(error) if error.kind() == IoErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path, error)),
    }
}

/// 32 hexadecimal digits. `agent` itself does not count: how a process gets to the agent does not change what
/// the agent answers.
fn name(key: &[u8; KEY], store: &str, options: &RawOptions, environment: &Environment) -> String {
    let mut mac = Hmac::<Sha256>::new(key.into());
    let mut add = |part: &[u8]| {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    };
    add(VERSION.as_bytes());
    add(store.as_bytes());
    for (key, value) in options.iter().filter(|(key, _)| !AgentSettings::concerns(key)) {
        add(key.as_bytes());
        add(value.fingerprint().as_bytes());
    }
    // What follows cannot be one more option.
    add(b"");
    for (name, value) in environment.iter() {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    let mut name = String::with_capacity(32);
    for byte in mac.finalize().into_bytes().iter().take(16) {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::RawValue;

    fn options(pairs: &[(&str, &str)]) -> RawOptions {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), RawValue::Text((*value).to_owned()))).collect()
    }

    #[test]
    fn the_name_follows_the_configuration_and_the_key_and_says_nothing() {
        let none = Environment::default();
        let of = |key: u8, pairs: &[(&str, &str)]| name(&[key; KEY], "memory", &options(pairs), &none);
        let first = of(1, &[("token", "canary")]);
        assert_eq!(first.len(), 32);
        assert_eq!(first, of(1, &[("token", "canary"), ("agent", "auto")]));
        let others =
            [of(2, &[("token", "canary")]), of(1, &[("token", "other")]), of(1, &[("tokencanary", "")])];
        assert!(others.iter().all(|other| *other != first));
    }

    #[test]
    fn a_text_and_a_number_are_two_configurations() {
        let none = Environment::default();
        let number: RawOptions =
            [("a".to_owned(), RawValue::Json(crate::value::json::parse(&"5".into()).unwrap()))]
                .into_iter()
                .collect();
        assert_ne!(
            name(&[1; KEY], "s", &number, &none),
            name(&[1; KEY], "s", &options(&[("a", "5")]), &none)
        );
    }

    #[test]
    fn all_processes_of_a_user_have_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..64).map(|_| scope.spawn(|| user_key(folder.path()).unwrap())).collect();
            threads.into_iter().map(|thread| *thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == *user_key(folder.path()).unwrap() && *key != [0; KEY]));
        let mode = fs::metadata(folder.path().join("key")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_others_may_enter_or_that_is_a_link_is_refused() {
        let (above, user) = (tempfile::tempdir().unwrap(), effective_user());
        let folder = above.path().join("own");
        make_private(&folder, user).unwrap();
        make_private(&folder, user).unwrap();
        assert!(make_private(&folder, user + 1).is_err());
        let link = above.path().join("link");
        symlink(&folder, &link).unwrap();
        assert!(make_private(&link, user).is_err());
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
        let error = make_private(&folder, user).unwrap_err().to_string();
        assert!(error.contains("closed to all others"), "{error}");
    }

    #[test]
    fn a_named_socket_has_its_files_beside_it() {
        for path in ["/run/strongroom/agent.sock", "/run/strongroom/agent", "/run/a.b.sock.c"] {
            assert_eq!(Place::at(Path::new(path)).unwrap().socket(), Path::new(path));
        }
        let longest = format!("/{}", "x".repeat(LONGEST - 1));
        assert!(Place::at(Path::new(&longest)).is_ok());
        let error = Place::at(Path::new(&format!("{longest}x"))).unwrap_err();
        assert!(error.to_string().contains("too long"), "{error}");
        let place = Place::at(Path::new("/run/strongroom/agent.sock")).unwrap();
        assert_eq!(place.lock(), Path::new("/run/strongroom/agent.sock.lock"));
        assert!(Place::at(Path::new("/")).is_err());
    }
}

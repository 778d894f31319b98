//! The store as a whole, over real files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::error::{Error, ErrorKind};

/// A folder into which Kubernetes mounts a secret.
struct Mount(tempfile::TempDir);

impl Mount {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn name(&self, name: &str) -> SecretName {
        self.path(name).to_str().unwrap().into()
    }

    /// Replaces all files at once: a new folder, and a link that is renamed onto the old one.
    fn swap(&self, version: &str, files: &[(&str, &[u8])]) {
        let old = self.path("..data").read_link();
        for (name, content) in files {
            let file = self.path(&format!("..{version}/{name}"));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
            let first = name.split('/').next().unwrap();
            let _ = symlink(format!("..data/{first}"), self.path(first));
        }
        symlink(format!("..{version}"), self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
        if let Ok(old) = old {
            fs::remove_dir_all(self.path(old.to_str().unwrap())).unwrap();
        }
    }

    /// Variables are in the folder itself, connections have a prefix there.
    fn store(&self) -> MountedFiles {
        let path = self.0.path().to_str().unwrap();
        MountedFiles::from_options(&Options::of_texts(&[
            ("path", path),
            ("variables_path", path),
            ("connections_prefix", "conn-"),
            ("sep", ""),
        ]))
    }

    async fn get(&self, name: &str) -> Result<Option<String>> {
        let value = self.store().get(&self.name(name)).await?;
        Ok(value.map(|value| value.expose().to_owned()))
    }
}

#[tokio::test]
async fn a_swap_shows_at_the_next_lookup() {
    let mount = Mount::new();
    mount.swap("1", &[("a", b"one\n"), ("b/c", b"{\"x\": 1}")]);
    assert_eq!(mount.get("a").await.unwrap().as_deref(), Some("one"));
    assert_eq!(mount.get("b/c").await.unwrap().as_deref(), Some("{\"x\": 1}"));
    mount.swap("2", &[("a", b"two")]);
    assert_eq!(mount.get("a").await.unwrap().as_deref(), Some("two"));
    // Its link leads nowhere now.
    assert_eq!(mount.get("b/c").await.unwrap(), None);
    assert_eq!(mount.get("b").await.unwrap(), None);
    let why = mount.store().why_absent(&mount.name("b")).await.unwrap().unwrap();
    assert!(why.evidence.ends_with("is a link that leads nowhere"), "{why:?}");
}

#[test]
fn no_file_is_absent_while_its_mount_is_swapped() {
    let mount = Mount::new();
    mount.swap("0", &[("a", b"0")]);
    let (store, name, is_over) = (mount.store(), mount.name("a"), AtomicBool::new(false));
    std::thread::scope(|threads| {
        let reading = threads.spawn(|| {
            let mut reads = 0;
            while !is_over.load(Ordering::Relaxed) {
                assert!(store.value(&name).unwrap().is_some(), "absent after {reads} reads");
                reads += 1;
            }
            reads
        });
        for version in 1..300 {
            mount.swap(&version.to_string(), &[("a", version.to_string().as_bytes())]);
            std::thread::sleep(Duration::from_micros(200));
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(reading.join().unwrap() > 0);
    });
}

#[tokio::test]
async fn what_is_no_secret_is_refused_with_its_reason() {
    let mount = Mount::new();
    let large = vec![b'a'; 1 << 20];
    mount.swap(
        "1",
        &[("binary", b"PK\x03\x04\0canary"), ("largest", &large), ("larger", &[&*large, b"a"].concat())],
    );
    let failed = async |name: &str| {
        let error: Error = mount.get(name).await.unwrap_err();
        assert!(error.hint().is_some() && !error.to_string().contains("canary"), "{error}");
        error.kind()
    };
    assert_eq!(failed("binary").await, ErrorKind::Malformed);
    assert_eq!(mount.get("largest").await.unwrap().unwrap().len(), 1 << 20);
    assert_eq!(failed("larger").await, ErrorKind::Config);
    symlink("/dev/null", mount.path("device")).unwrap();
    assert_eq!(failed("device").await, ErrorKind::Config);
    for outside in ["../x", "..data/binary", ".hidden", "a/../binary"] {
        assert_eq!(failed(outside).await, ErrorKind::InvalidName, "{outside}");
    }
    let elsewhere = mount.store().get(&"/etc/passwd".into()).await.unwrap_err();
    assert_eq!(elsewhere.kind(), ErrorKind::InvalidName);
    fs::remove_dir_all(mount.0.path()).unwrap();
    assert_eq!(failed("binary").await, ErrorKind::Config);
}

#[tokio::test]
async fn a_file_that_may_not_be_read_is_denied() {
    let mount = Mount::new();
    // Root may read what has no permissions, but for this.
    symlink("/proc/sys/vm/compact_memory", mount.path("a")).unwrap();
    let error = mount.get("a").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Denied, Some("PermissionError")));
    let found = mount.store().diagnose().await;
    assert!(found.iter().any(|finding| finding.check == "file_access"), "{found:?}");
}

#[tokio::test]
async fn files_are_listed_by_prefix_with_time_and_size() {
    let mount = Mount::new();
    mount.swap("2026_11_29", &[("conn-a", b"x://h"), ("b", b"canary"), ("c/d", b""), (".hidden", b"")]);
    symlink(".", mount.path("loop")).unwrap();
    let listed = async |prefix: &str| {
        let listing = mount.store().list(prefix, None).await.unwrap();
        assert_eq!(listing.next, None);
        assert!(listing.secrets.iter().all(|secret| secret.changed.is_some()));
        let below =
            |secret: &Description| secret.name.as_str()[mount.0.path().to_str().unwrap().len()..].to_owned();
        listing.secrets.iter().map(below).collect::<Vec<_>>()
    };
    let root = mount.name("").as_str().to_owned();
    assert_eq!(listed("").await, ["/b", "/c/d", "/conn-a"]);
    assert_eq!(listed(&root).await, ["/b", "/c/d", "/conn-a"]);
    assert_eq!(listed(&format!("{root}conn-")).await, ["/conn-a"]);
    assert_eq!(listed(&format!("{root}c/")).await, ["/c/d"]);
    assert!(listed("/etc/").await.is_empty());
    let described = mount.store().describe(&mount.name("b")).await.unwrap().unwrap();
    assert_eq!(described.form.as_deref(), Some("file of 6 bytes"));
    assert_eq!(described.version.as_deref(), Some("2026_11_29"));
    assert!(!format!("{described:?}").contains("canary"));
    assert_eq!(mount.store().describe(&mount.name("c")).await.unwrap(), None);
    fs::remove_dir_all(mount.0.path()).unwrap();
    assert_eq!(mount.store().list("", None).await.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn modes_and_empty_folders_are_findings() {
    let mount = Mount::new();
    let checks = async || mount.store().diagnose().await.iter().map(|found| found.check).collect::<Vec<_>>();
    assert_eq!(checks().await, ["folder"; 3]);
    fs::write(mount.path("a"), "canary").unwrap();
    for (mode, expected) in [
        (0o640, &["folder", "folder"][..]),
        (0o644, &["folder", "file_mode", "folder"]),
        (0o666, &["folder", "file_mode", "file_mode", "folder"]),
    ] {
        fs::set_permissions(mount.path("a"), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(checks().await, expected, "{mode:o}");
    }
}

#[test]
fn kinds_that_share_everything_are_reported() {
    let found =
        |written: &[(&'static str, &str)]| check(&Options::of_texts(written), &Environment::default()).len();
    assert_eq!(found(&[("path", "/s")]), 0);
    assert_eq!(found(&[("connections_path", "/s"), ("variables_path", "/s/")]), 1);
    assert_eq!(found(&[("path", "/s"), ("variables_prefix", "connections"), ("config_prefix", ".c")]), 2);
}

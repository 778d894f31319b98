//! Files, permissions, full disks, and many writers at once.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use serde_json::Value;

use super::*;
use crate::error::Error;
use crate::store::convention::Kind;
use crate::store::options::{OptionValue, Options};

fn log(path: &Path, max_bytes: u64) -> AuditLog {
    let mut options = Options::default();
    options.set("audit_path", OptionValue::Text(path.to_str().unwrap().to_owned()));
    options.set("audit_max_bytes", OptionValue::Count(max_bytes));
    AuditLog::new(AuditSettings::from_options(&options).unwrap().unwrap())
}

fn record(log: &AuditLog, id: &str) -> Result<()> {
    let lookup = Lookup { kind: Kind::Variable, id, team: None };
    let took = Duration::from_micros(5);
    log.record(&Access {
        lookup,
        store: "memory",
        member: None,
        outcome: "value",
        age: None,
        took,
        claims: &Claims::default(),
    })
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    (folder, path)
}

/// The ids of all lines, each of which is whole.
fn ids(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "the last line has no end");
    let id = |line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    text.lines().map(id).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The error without the name of the temporary folder.
fn shown(error: &Error, path: &Path) -> String {
    error.to_string().replace(path.parent().unwrap().to_str().unwrap(), "/folder")
}

#[test]
fn lines_are_appended_to_a_file_for_the_owner_alone() {
    let (_folder, path) = folder();
    let log = log(&path, 0);
    for id in ["a", "b", "c"] {
        record(&log, id).unwrap();
    }
    assert_eq!(ids(&path), ["a", "b", "c"]);
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_file_that_others_can_read_or_write_is_refused() {
    let (_folder, path) = folder();
    let log = log(&path, 10);
    record(&log, "a").unwrap();
    for mode in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert_eq!(record(&log, "b").unwrap_err().kind(), crate::error::ErrorKind::Config);
    }
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let error = record(&log, "b").unwrap_err();
    insta::assert_snapshot!(shown(&error, &path), @r#"the audit file "/folder/audit.jsonl" can be read or written by others (mode 0644) (audit). Run: chmod 600 "/folder/audit.jsonl""#);
    // It was also over its limit, and was not renamed.
    assert_eq!(ids(&path), ["a"]);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    record(&log, "b").unwrap();
}

#[test]
fn another_users_file_is_refused() {
    let (_folder, path) = folder();
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    if std::os::unix::fs::chown(&path, Some(65_534), None).is_err() {
        // Only root can give a file away; other users can only check the message.
        let error = error::refused(&path, file::Objection::Foreign(65_534));
        assert!(error.to_string().contains("(uid 65534)"), "{error}");
        return;
    }
    let error = record(&log(&path, 0), "a").unwrap_err();
    insta::assert_snapshot!(shown(&error, &path), @r#"the audit file "/folder/audit.jsonl" belongs to another user (uid 65534) (audit). Name a file of its own in `audit_path` for each user"#);
}

#[test]
fn a_link_is_not_followed() {
    let (folder, path) = folder();
    let target = folder.path().join("target");
    for exists in [false, true] {
        if exists {
            fs::write(&target, "").unwrap();
            fs::set_permissions(&target, Permissions::from_mode(0o600)).unwrap();
        }
        let _ = fs::remove_file(&path);
        symlink(&target, &path).unwrap();
        let error = record(&log(&path, 0), "a").unwrap_err();
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown(&error, &path), @r#"the audit file "/folder/audit.jsonl" is a symbolic link (audit). Name the file itself in `audit_path`"#);
        }
        assert_eq!((target.exists(), ids(&target).len()), (exists, 0));
    }
}

#[test]
fn a_file_with_another_name_is_refused() {
    let (folder, path) = folder();
    record(&log(&path, 0), "a").unwrap();
    fs::hard_link(&path, folder.path().join("other")).unwrap();
    let error = record(&log(&path, 0), "b").unwrap_err();
    insta::assert_snapshot!(shown(&error, &path), @r#"the audit file "/folder/audit.jsonl" has 2 names: it is a hard link (audit). Move the file away: the next line begins another one"#);
    assert_eq!(ids(&path), ["a"]);
    fs::remove_file(folder.path().join("other")).unwrap();
    record(&log(&path, 0), "b").unwrap();
}

#[test]
fn a_folder_that_any_user_may_write_to_is_refused() {
    let (folder, path) = folder();
    let allow = |mode| fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
    for mode in [0o777, 0o702] {
        allow(mode);
        let error = record(&log(&path, 0), "a").unwrap_err();
        let text = shown(&error, &path).replace("0702", "0777");
        insta::allow_duplicates! {
            insta::assert_snapshot!(text, @r#"the audit file "/folder/audit.jsonl" is in a folder that any user may write to (mode 0777) (audit). Run: chmod o-w "/folder""#);
        }
        assert!(!path.exists());
    }
    // A folder with a group, as in the images of Airflow, and one like `/tmp`.
    for mode in [0o770, 0o775, 0o1777] {
        allow(mode);
        record(&log(&path, 0), "a").unwrap();
    }
    assert_eq!(ids(&path).len(), 3);
}

#[test]
fn a_folder_a_pipe_and_a_device_are_not_files() {
    let (folder, path) = folder();
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().unwrap().success());
    // The pipe has no reader: opening it must not wait for one.
    for path in [path.as_path(), folder.path(), Path::new("/dev/full")] {
        let error = record(&log(path, 0), "a").unwrap_err();
        assert!(error.to_string().contains("is not a regular file"), "{error}");
    }
}

#[test]
fn a_missing_folder_is_reported() {
    let (folder, path) = folder();
    let error = record(&log(&folder.path().join("missing/audit.jsonl"), 0), "a").unwrap_err();
    insta::assert_snapshot!(shown(&error, &path), @r#"the audit file "/folder/missing/audit.jsonl" has no folder to be in (audit): No such file or directory (os error 2). Make the folder, and let the user of this process write to it"#);
}

#[test]
fn half_a_line_does_not_spoil_the_next_one() {
    let (_folder, path) = folder();
    let log = log(&path, 0);
    record(&log, "a").unwrap();
    let mut content = fs::read(&path).unwrap();
    content.extend_from_slice(b"{\"time\": \"2026-");
    fs::write(&path, content).unwrap();
    record(&log, "b").unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().map(serde_json::from_str::<Value>).collect();
    assert_eq!(lines.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(lines[2].as_ref().unwrap()["id"], "b");
}

#[test]
fn a_line_in_a_deleted_file_counts_as_missing() {
    let (folder, path) = folder();
    let mut opened = file::open(&path).unwrap();
    assert!(file::add_line(&mut opened, b"first\n").unwrap());
    // Rotated once: still there.
    fs::rename(&path, folder.path().join("audit.jsonl.1")).unwrap();
    assert!(file::add_line(&mut opened, b"second\n").unwrap());
    fs::remove_file(folder.path().join("audit.jsonl.1")).unwrap();
    assert!(!file::add_line(&mut opened, b"third\n").unwrap());
}

#[test]
fn a_full_file_is_put_aside() {
    let (_folder, path) = folder();
    let line = {
        record(&log(&path, 0), "a").unwrap();
        fs::metadata(&path).unwrap().len()
    };
    // Space for two lines, whose last numbers may differ in length.
    let log = log(&path, 2 * line + 20);
    for id in ["b", "c", "d", "e"] {
        record(&log, id).unwrap();
    }
    assert_eq!(ids(&path), ["e"]);
    assert_eq!(ids(&rotate::beside(&path, ".1")), ["c", "d"]);
    assert_eq!((mode(&rotate::beside(&path, ".1")), mode(&rotate::beside(&path, ".lock"))), (0o600, 0o600));
}

#[test]
fn lines_are_written_while_another_process_rotates() {
    let (_folder, path) = folder();
    let lock = file::open(&rotate::beside(&path, ".lock")).unwrap();
    lock.lock().unwrap();
    let log = log(&path, 1);
    for id in ["a", "b"] {
        record(&log, id).unwrap();
    }
    assert_eq!(ids(&path), ["a", "b"]);
    // A child of another test may hold a copy of the descriptor, which would stay locked after a mere close.
    lock.unlock().unwrap();
    record(&log, "c").unwrap();
    assert_eq!(
        (ids(&path), ids(&rotate::beside(&path, ".1"))),
        (vec!["c".into()], vec!["a".into(), "b".into()])
    );
}

#[test]
fn a_file_that_cannot_be_rotated_is_still_written_and_reported() {
    let (_folder, path) = folder();
    fs::create_dir(rotate::beside(&path, ".1")).unwrap();
    let log = log(&path, 1);
    record(&log, "a").unwrap();
    let error = record(&log, "b").unwrap_err();
    insta::assert_snapshot!(shown(&error, &path), @r#"the audit file "/folder/audit.jsonl" could not be rotated, so it grows on (audit): Is a directory (os error 21). Let the user of this process rename files in its folder"#);
    assert_eq!(ids(&path), ["a", "b"]);
}

/// Runs in a child of the tests below; without the variables it does nothing.
#[test]
fn child_writes() {
    let variable = |name: &str| std::env::var(format!("STRONGROOM_AUDIT_TEST_{name}")).ok();
    let Some(path) = variable("PATH").map(PathBuf::from) else { return };
    let number = |name: &str| variable(name).unwrap().parse::<u64>().unwrap();
    let (log, name, failures) = (log(&path, number("MAX_BYTES")), number("NAME"), number("FAILURES"));
    let write = |thread: u64| {
        (0..number("LINES")).filter(|line| record(&log, &id(name, thread, *line)).is_err()).count()
    };
    let failed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..number("THREADS")).map(|thread| scope.spawn(move || write(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(failed > 0, failures > 0, "{failed} lines failed");
}

fn id(process: u64, thread: u64, line: u64) -> String {
    format!("p{process:02}-t{thread:02}-l{line:06}")
}

/// A process of several threads that writes to `path`.
fn child(command: &mut Command, path: &Path, name: u64, numbers: &[(&str, u64)]) -> Child {
    for (name, number) in numbers {
        command.env(format!("STRONGROOM_AUDIT_TEST_{name}"), number.to_string());
    }
    command
        .args(["--exact", "backend::audit::tests::child_writes", "--quiet"])
        .env("STRONGROOM_AUDIT_TEST_PATH", path)
        .env("STRONGROOM_AUDIT_TEST_NAME", name.to_string())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

const PROCESSES: u64 = 4;
const THREADS: u64 = 4;
const LINES: u64 = 500;

/// Runs all writers at once; `max_bytes` decides how often they rotate.
fn write_at_once(path: &Path, max_bytes: u64) {
    let numbers = [("MAX_BYTES", max_bytes), ("THREADS", THREADS), ("LINES", LINES), ("FAILURES", 0)];
    let children: Vec<_> =
        (0..PROCESSES).map(|name| child(&mut Command::new(this_program()), path, name, &numbers)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn many_processes_and_threads_rotate_at_once_and_lose_no_line() {
    let (_folder, path) = folder();
    // A line has 200 to 260 bytes, so all of them together exceed the limit once, in the middle.
    write_at_once(&path, PROCESSES * THREADS * LINES * 130);
    let (aside, current) = (ids(&rotate::beside(&path, ".1")), ids(&path));
    assert!(!aside.is_empty() && !current.is_empty());
    let found: BTreeSet<_> = aside.iter().chain(&current).collect();
    assert_eq!(aside.len() + current.len(), found.len(), "a line was written twice");
    assert_eq!(found.len() as u64, PROCESSES * THREADS * LINES);
}

#[test]
fn whatever_is_left_of_many_rotations_is_whole() {
    let (_folder, path) = folder();
    write_at_once(&path, 2_000);
    let left = [ids(&path), ids(&rotate::beside(&path, ".1"))].concat();
    // Usually about twenty; more if the rotating process waits for a core while the others continue to write.
    assert!((left.len() as u64) < PROCESSES * THREADS * LINES / 2, "{} lines", left.len());
    // Older generations are deleted, as they should be; the newest line of the last writer must not be.
    let last = |id: &String| id.ends_with(&format!("l{:06}", LINES - 1));
    assert!(left.iter().any(last), "{left:?}");
}

/// With `ulimit -f` the system writes as much of a line as fits, and then nothing.
#[test]
fn a_line_that_does_not_fit_is_an_error_and_spoils_no_later_one() {
    let (_folder, path) = folder();
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\"";
    let numbers = [("MAX_BYTES", 0), ("THREADS", 1), ("LINES", 100), ("FAILURES", 1)];
    let mut limited = Command::new("sh");
    let status = child(limited.args(["-c", script]).arg(this_program()), &path, 0, &numbers).wait();
    assert!(status.unwrap().success());
    let before = fs::read_to_string(&path).unwrap();
    assert!(!before.ends_with('\n'), "the limit fell on the end of a line");
    record(&log(&path, 0), "later").unwrap();
    let after = fs::read_to_string(&path).unwrap();
    let (last, others) = after
        .lines()
        .collect::<Vec<_>>()
        .split_last()
        .map(|(last, others)| (last.to_string(), others.len()))
        .unwrap();
    assert_eq!(others, before.lines().count());
    assert_eq!(serde_json::from_str::<Value>(&last).unwrap()["id"], "later");
}

#[test]
fn errors_of_a_full_disk_say_so() {
    let path = Path::new("/folder/audit.jsonl");
    for cause in [libc::ENOSPC, libc::EDQUOT, libc::EFBIG] {
        let error = error::unwritten(path, std::io::Error::from_raw_os_error(cause));
        assert_eq!(error.hint(), Some("Make room where the file is"));
        assert!(error.is_temporary());
    }
}

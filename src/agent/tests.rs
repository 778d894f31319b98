//! Client and agent over a real socket, each on a thread of its own.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::wire::{Reply, Request, VERSION, WireLookup, frame};
use super::*;
use crate::backend::{Answered, Settings};
use crate::config::{RawOptions, RawValue, configure};
use crate::error::{ErrorKind, Result};
use crate::store::convention::{Kind, Lookup};
use crate::store::environment::Environment;
use crate::store::registry::find;

const LIMITS: Limits = Limits { idle: None, most_clients: 4, memory: None };

fn settings(kwargs: &[(&str, &str)]) -> Settings {
    let own = [("secrets", r#"{"airflow/variables/a": "1", "airflow/variables/b": "2"}"#)];
    let raw: RawOptions = own
        .iter()
        .chain(kwargs)
        .map(|(key, value)| ((*key).to_owned(), RawValue::Text((*value).to_owned())))
        .collect();
    let configured = configure(find("memory").unwrap(), &raw, Environment::default()).unwrap();
    Arc::into_inner(configured.settings).unwrap()
}

/// An agent at work, and the folder of its socket.
struct AtWork {
    folder: tempfile::TempDir,
    thread: Option<JoinHandle<Result<()>>>,
}

impl AtWork {
    fn start(kwargs: &[(&str, &str)], limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::at(place(folder.path()), None).unwrap();
        let settings = settings(kwargs);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(agent.serve(settings, limits))
        });
        Self { folder, thread: Some(thread) }
    }

    fn client(&self) -> Client {
        Client::new(place(self.folder.path()))
    }

    fn ended(&mut self) {
        self.thread.take().unwrap().join().unwrap().unwrap();
        assert!(!socket(self.folder.path()).exists());
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("agent.sock")
}

fn place(folder: &Path) -> Place {
    Place::at(&socket(folder)).unwrap()
}

fn variable(id: &str) -> Lookup<'_> {
    Lookup { kind: Kind::Variable, id, team: None }
}

fn ask(client: &Client, id: &str) -> Asked<()> {
    client.ask(WireLookup::new(variable(id), None), || Ok(()))
}

fn answered(client: &Client, id: &str) -> Answered {
    match ask(client, id) {
        Asked::Answered(answered) => answered,
        other => panic!("no answer: {other:?}"),
    }
}

fn value(client: &Client, id: &str) -> Option<String> {
    answered(client, id).outcome.unwrap().value.map(|value| value.expose().to_owned())
}

#[test]
fn values_absences_and_errors_are_answered_and_counted() {
    let mut agent = AtWork::start(&[], LIMITS);
    let client = agent.client();
    assert_eq!(value(&client, "a").as_deref(), Some("1"));
    let again = answered(&client, "a").outcome.unwrap();
    assert!(again.fresh_for > Duration::from_secs(50) && again.fresh_for <= Duration::from_secs(54));
    assert_eq!(value(&client, "none"), None);
    // Without word of teams, an id that could be another team's is refused.
    let error = answered(&client, "x--a").outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    let status = client.status().unwrap();
    assert_eq!((status.lookups, status.from_memory, status.clients), (4, 1, 1));
    assert_eq!((status.pid, status.store.as_str()), (std::process::id(), "memory"));
    client.refresh(Some("a"), None);
    assert_eq!(value(&client, "a").as_deref(), Some("1"));
    assert_eq!(client.status().unwrap().from_memory, 1);
    client.stop().unwrap();
    agent.ended();
    assert!(matches!(ask(&client, "a"), Asked::Direct { is_news: false, .. }));
    let (error, folder) =
        (client.status().unwrap_err().to_string(), agent.folder.path().display().to_string());
    insta::assert_snapshot!(
        error.replace(&folder, "FOLDER"),
        @"no agent of this user listens at FOLDER/agent.sock. Start it with `strongroom agent`"
    );
}

#[test]
fn what_is_in_use_is_refreshed_before_it_expires() {
    let mut agent = AtWork::start(&[("cache_ttl", "3s")], LIMITS);
    let client = agent.client();
    let start = Instant::now();
    while client.status().unwrap().refreshes < 2 && start.elapsed() < Duration::from_secs(20) {
        assert_eq!(value(&client, "a").as_deref(), Some("1"));
        thread::sleep(Duration::from_millis(20));
    }
    let status = client.status().unwrap();
    assert_eq!(status.refreshes, 2);
    // Only the first one went to the store while a caller waited.
    assert_eq!(status.from_memory, status.lookups - 1);
    client.stop().unwrap();
    agent.ended();
}

#[test]
fn there_is_one_agent_at_a_place_and_what_a_killed_one_left_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    drop(UnixListener::bind(socket(folder.path())).unwrap());
    let first = Agent::at(place(folder.path()), None).unwrap();
    let second = Agent::at(place(folder.path()), None).unwrap_err().to_string();
    assert!(second.starts_with("another agent is at work at"), "{second}");
    drop(first);
    Agent::at(place(folder.path()), None).unwrap();
}

#[test]
fn an_agent_without_clients_ends_after_its_time_and_one_whose_socket_has_gone_at_once() {
    let limits = Limits { idle: Some(Duration::from_millis(300)), ..LIMITS };
    let mut agent = AtWork::start(&[], limits);
    let client = agent.client();
    assert_eq!(value(&client, "a").as_deref(), Some("1"));
    thread::sleep(Duration::from_millis(600));
    // A client that is connected keeps it.
    assert_eq!(value(&client, "a").as_deref(), Some("1"));
    drop(client);
    agent.ended();
    let mut agent = AtWork::start(&[], LIMITS);
    assert_eq!(value(&agent.client(), "a").as_deref(), Some("1"));
    std::fs::remove_file(socket(agent.folder.path())).unwrap();
    agent.ended();
}

#[test]
fn more_clients_than_allowed_ask_the_store_themselves() {
    let agent = AtWork::start(&[], LIMITS);
    let clients: Vec<_> = (0..4).map(|_| agent.client()).collect();
    assert!(clients.iter().all(|client| value(client, "a").is_some()));
    for _ in 0..100 {
        let further = ask(&agent.client(), "a");
        assert!(matches!(further, Asked::Direct { is_news: true, is_absent: false }), "{further:?}");
    }
    // Those that it serves are not told to leave it alone.
    assert!(!agent.folder.path().join("agent.sock.silent").exists());
    assert!(clients.iter().all(|client| value(client, "a").is_some()));
    clients[0].stop().unwrap();
}

/// What listens in the place of an agent and does `act` with each client.
fn impostor(act: impl Fn(UnixStream) + Send + 'static) -> (tempfile::TempDir, Client) {
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(socket(folder.path())).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            act(stream.unwrap());
        }
    });
    let client = Client::new(place(folder.path()));
    (folder, client)
}

#[test]
fn an_agent_that_is_silent_costs_its_250_ms_once_for_all_processes() {
    let (folder, client) =
        impostor(|stream| drop(thread::spawn(move || (thread::sleep(Duration::from_secs(9)), stream))));
    let start = Instant::now();
    assert!(matches!(ask(&client, "a"), Asked::Direct { is_news: true, .. }));
    assert!(start.elapsed() >= Duration::from_millis(250));
    // Another process has a client of its own.
    let (start, other) = (Instant::now(), Client::new(place(folder.path())));
    for _ in 0..100 {
        assert!(matches!(ask(&other, "a"), Asked::Direct { is_news: false, .. }));
    }
    assert!(start.elapsed() < Duration::from_millis(250));
}

#[test]
fn an_agent_that_never_ends_its_work_is_left_after_the_time_of_the_lookup() {
    let (folder, client) = impostor(|mut stream| {
        thread::spawn(move || {
            while stream.write_all(&frame(&Reply::Working).unwrap()).is_ok() {
                thread::sleep(Duration::from_millis(100));
            }
        });
    });
    let (start, client) = (Instant::now(), client.for_lookups_within(Duration::from_millis(500)));
    assert!(matches!(ask(&client, "a"), Asked::Direct { is_news: true, .. }));
    assert!(start.elapsed() >= Duration::from_millis(500));
    assert!(folder.path().join("agent.sock.silent").exists());
}

#[test]
fn an_agent_whose_queue_is_full_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let listener = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    let address = socket2::SockAddr::unix(socket(folder.path())).unwrap();
    listener.bind(&address).unwrap();
    listener.listen(0).unwrap();
    let _waits = UnixStream::connect(socket(folder.path())).unwrap();
    let (start, client) = (Instant::now(), Client::new(place(folder.path())));
    assert!(matches!(ask(&client, "a"), Asked::Direct { is_news: true, is_absent: false }));
    assert!(start.elapsed() < Duration::from_millis(200));
}

#[test]
fn what_is_no_socket_in_a_closed_folder_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(socket(folder.path()), "").unwrap();
    let client = Client::new(place(folder.path()));
    assert!(matches!(ask(&client, "a"), Asked::Direct { is_news: true, is_absent: false }));
    let error = client.status().unwrap_err().to_string();
    assert!(error.contains("is no socket in a folder that only this user can write to"), "{error}");
}

#[test]
fn nonsense_and_a_wrong_version_are_no_answers() {
    let garbage = |mut stream: UnixStream| {
        let _ = stream.write_all(&[0xFF; 64]);
    };
    let (_folder, client) = impostor(garbage);
    assert!(matches!(ask(&client, "a"), Asked::Direct { is_news: true, .. }));
    let refuses = |mut stream: UnixStream| {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(&frame(&Reply::Refused("")).unwrap());
    };
    let (_folder, client) = impostor(refuses);
    assert!(matches!(ask(&client, "a"), Asked::Direct { is_news: true, is_absent: false }));
}

#[test]
fn clients_that_talk_nonsense_are_cut_and_others_do_not_notice() {
    let agent = AtWork::start(&[], LIMITS);
    let hello = frame(&VERSION).unwrap();
    let whole = [&hello[..], &frame(&Request::Status).unwrap(), &[0xFF; 4]].concat();
    for bytes in [&b"\xFF\xFF\xFF\xFF"[..], b"\0\0\0\0", b"\x01\0\0\0\x07", &whole] {
        let mut stream = UnixStream::connect(socket(agent.folder.path())).unwrap();
        stream.write_all(bytes).unwrap();
        // It is closed, with or without words.
        let mut rest = Vec::new();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let _ = stream
            .read_to_end(&mut rest)
            .map_err(|error| assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock));
        assert_eq!(value(&agent.client(), "a").as_deref(), Some("1"));
    }
    agent.client().stop().unwrap();
}

#[test]
fn a_caller_who_wants_to_leave_leaves() {
    let works = |mut stream: UnixStream| {
        thread::spawn(move || {
            let working = frame(&Reply::Working).unwrap();
            while stream.write_all(&working).is_ok() {
                thread::sleep(Duration::from_millis(100));
            }
        });
    };
    let (_folder, client) = impostor(works);
    let mut checks = 0;
    let asked = client.ask(WireLookup::new(variable("a"), None), || {
        checks += 1;
        if checks > 10 { Err("enough") } else { Ok(()) }
    });
    assert!(matches!(asked, Asked::Interrupted("enough")));
}

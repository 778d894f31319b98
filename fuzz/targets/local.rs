//! Any bytes as a secrets file, in every format, with the words in it as ids: each is answered or refused,
//! in the same way when read again.

#![no_main]

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use _native::store::local::{LocalConfig, LocalFiles};
use _native::store::{PerKind, SecretName, Store};
use libfuzzer_sys::fuzz_target;

const EXTENSIONS: [&str; 3] = ["env", "json", "yaml"];
const MOST_IDS: usize = 8;
const FOLDERS: [&str; 3] = ["connections", "variables", "config"];

/// One for this process: libFuzzer's workers are separate processes.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("strongroom-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the files");
    folder
});

fuzz_target!(|data: &[u8]| {
    let Some((choice, content)) = data.split_first() else { return };
    let is_settings = choice % 4 == 3;
    let extension = EXTENSIONS[usize::from(choice % 4).min(2)];
    let path = FOLDER.join(format!("file.{extension}"));
    std::fs::write(&path, content).expect("the file is written");
    let store = LocalFiles::new(if is_settings {
        LocalConfig { settings: Some(path), ..LocalConfig::default() }
    } else {
        LocalConfig { files: PerKind::make(|_kind| Some(path.clone())), ..LocalConfig::default() }
    });
    for id in ids(content) {
        for folder in FOLDERS {
            let name = SecretName::from(format!("{folder}/{id}"));
            assert_eq!(answer(&store, &name), answer(&store, &name), "{name:?}");
        }
    }
});

/// Words of the file, the likeliest names in it.
fn ids(content: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(content);
    let words = text.split(|character: char| !character.is_alphanumeric() && !"-_. ".contains(character));
    words.map(str::trim).filter(|word| !word.is_empty()).take(MOST_IDS).map(str::to_owned).collect()
}

/// The outcome of a lookup, as text. Without a runtime the store reads on this thread, so one poll is enough.
fn answer(store: &LocalFiles, name: &SecretName) -> String {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(store.get(name)).as_mut().poll(&mut context) {
        Poll::Ready(Ok(value)) => {
            value.map_or_else(|| "absent".to_owned(), |value| value.expose().to_owned())
        }
        Poll::Ready(Err(error)) => format!("error: {error}"),
        Poll::Pending => panic!("a read of a file waits for something"),
    }
}

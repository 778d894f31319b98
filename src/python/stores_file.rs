//! A chain whose stores are in a file: it continues with those of the file's present version.
//!
//! A lookup that memory does not answer looks at the file, as stores look at the files of their
//! credentials. A
//! new version is a new configuration, with caches of its own; one that cannot be used is reported
//! once, and the
//! last usable one stays. All backends of one configuration share this, since some versions of Airflow
//! make one
//! for each lookup, and a backend made after the file broke has to work, too.
//!
//! Everything here is used with the GIL held, so a fork finds no lock taken; files are read without it.

use std::num::NonZeroUsize;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use pyo3::prelude::*;

use crate::config::{RawOptions, RawValue, StoresFile};
use crate::error::Result;
use crate::python::backend::Handle;
use crate::python::error::to_python;
use crate::python::{log, registry};
use crate::store::StoreEntry;
use crate::store::environment::Environment;
use crate::value::json;

/// Configurations whose last usable version is remembered, although no backend has it.
const MOST_KEPT: NonZeroUsize = NonZeroUsize::new(16).unwrap();

type Key = (RawOptions, Environment);

static FILES: Mutex<Option<LruCache<Key, Arc<FromFile>>>> = Mutex::new(None);

/// What backends with a stores file share.
pub(super) struct FromFile {
    entry: &'static StoreEntry,
    written: RawOptions,
    environment: Environment,
    state: Mutex<State>,
}

struct State {
    /// The file as it was when it was last read.
    file: StoresFile,
    /// The last usable version.
    handle: Arc<Handle>,
}

/// What a backend asks: its only configuration, or the current one of a file.
pub(super) enum Current<'a> {
    Fixed(&'a Handle),
    Read(Arc<Handle>),
}

impl Deref for Current<'_> {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        match self {
            Self::Fixed(handle) => handle,
            Self::Read(handle) => handle,
        }
    }
}

/// The file that `written` names, read if this process does not know it yet; `None` if it names none.
pub(super) fn open(
    py: Python<'_>,
    entry: &'static StoreEntry,
    written: &RawOptions,
    environment: &Environment,
    logger: &str,
) -> PyResult<Option<Arc<FromFile>>> {
    let raise = |error| to_python(py, &error, false);
    let Some(file) = StoresFile::of(entry, written, environment).map_err(raise)? else { return Ok(None) };
    let key = (written.clone(), environment.clone());
    if let Some(known) = with_list(|list| list.get(&key).cloned()) {
        known.renewed(py)?;
        return Ok(Some(known));
    }
    let (file, read) = py.detach(|| {
        let file = file.looked_at();
        let read = file.read(written);
        (file, read)
    });
    let handle = configured(py, entry, read.map_err(raise)?, environment, logger)?.map_err(raise)?;
    let (written, environment) = key.clone();
    let state = Mutex::new(State { file, handle: Arc::new(handle) });
    let opened = Arc::new(FromFile { entry, written, environment, state });
    with_list(|list| list.put(key, Arc::clone(&opened)));
    Ok(Some(opened))
}

/// The configuration of one version of the file; classes of other packages are looked at, too.
fn configured(
    py: Python<'_>,
    entry: &'static StoreEntry,
    raw: RawOptions,
    environment: &Environment,
    logger: &str,
) -> PyResult<Result<Handle>> {
    check_classes(py, &raw)?;
    let shared = registry::share(py, entry, raw, environment.clone(), || Ok(Vec::new()));
    let (shared, warnings) = match shared {
        Ok(shared) => shared,
        Err(error) => return Ok(Err(error.with_store(entry.info.name))),
    };
    if !warnings.is_empty() {
        log::warn(py, logger, warnings)?;
    }
    Ok(Ok(Handle { shared, logger: logger.to_owned() }))
}

/// As for stores in JSON, which the constructor in Python has looked at.
fn check_classes(py: Python<'_>, raw: &RawOptions) -> PyResult<()> {
    let Some((_, RawValue::Json(stores))) = raw.iter().find(|(key, _)| *key == "stores") else {
        return Ok(());
    };
    let is_foreign = |store: &json::Value| store.as_object().is_some_and(|store| store.contains_key("class"));
    if !stores.as_array().is_some_and(|stores| stores.iter().any(is_foreign)) {
        return Ok(());
    }
    let text = json::write(stores);
    py.import("strongroom._foreign")?.call_method1("check", (text.to_str().unwrap_or_default(),))?;
    Ok(())
}

impl FromFile {
    /// The version that was last read.
    pub(super) fn current(&self) -> Arc<Handle> {
        self.with_state(|state| Arc::clone(&state.handle))
    }

    /// The present version, if it can be used. One that cannot is a WARNING, once.
    pub(super) fn renewed(&self, py: Python<'_>) -> PyResult<Arc<Handle>> {
        let file = self.with_state(|state| state.file.clone());
        let Some(file) = py.detach(|| file.has_changed().then(|| file.looked_at())) else {
            return Ok(self.current());
        };
        // Noted before it is read: other threads continue with the old version meanwhile, and a version that
        // cannot be used is read once.
        self.with_state(|state| state.file = file.clone());
        let logger = self.current().logger.clone();
        let problem = match py.detach(|| file.read(&self.written)) {
            Ok(raw) => match configured(py, self.entry, raw, &self.environment, &logger) {
                Ok(Ok(handle)) => {
                    self.with_state(|state| state.handle = Arc::new(handle));
                    return Ok(self.current());
                }
                Ok(Err(error)) => error.to_string(),
                // Our own words about a class; anything else, such as a signal, passes.
                Err(error) if is_about_configuration(py, &error) => error.value(py).to_string(),
                Err(error) => return Err(error),
            },
            Err(error) => error.to_string(),
        };
        log::warn(py, &logger, vec![format!("{problem}; the stores that were read before stay in use")])?;
        Ok(self.current())
    }

    fn with_state<T>(&self, use_state: impl FnOnce(&mut State) -> T) -> T {
        use_state(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn is_about_configuration(py: Python<'_>, error: &PyErr) -> bool {
    let kind = error.get_type(py).name().map(|name| name.to_string());
    kind.is_ok_and(|name| name == "ConfigurationError")
}

fn with_list<T>(use_list: impl FnOnce(&mut LruCache<Key, Arc<FromFile>>) -> T) -> T {
    let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    use_list(files.get_or_insert_with(|| LruCache::new(MOST_KEPT)))
}

//! Fork generations: what a process built is never used by its children.
//!
//! Four rules, each of which was found through a hang (see `docs/architecture.md`, "Process model"):
//!
//! 1. Everything alive is in a [`ForkCell`], stamped with the generation that built it. A child sees a stale
//!    stamp, leaks the inherited value (no destructor, no lock) and builds its own.
//! 2. While something is being built, no fork may begin: a half-initialised static would stay
//!    half-initialised in the child forever. [`no_fork`] holds forks off; within it there is only CPU work
//!    and short file reads: no network, no Python, no child process, and no second `no_fork`.
//! 3. While a thread is within a step of a lookup, no fork begins either: the libraries that we use keep
//!    locks in statics, and a lock that is held at the fork stays held in the child forever.
//!    [`between_forks`] holds forks off during each step, which never waits for the network, and lets them
//!    pass in between.
//! 4. Nothing here takes the GIL: the forking thread holds it while it waits in the `prepare` handler.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Which process in a line of forks this is; each child increments it.
pub type Generation = u64;

static GENERATION: AtomicU64 = AtomicU64::new(1);
static BUILDING: AtomicBool = AtomicBool::new(false);
/// A fork is waiting for steps to end, or is under way: no step begins.
static FORKING: AtomicBool = AtomicBool::new(false);
/// How many steps of lookups are under way.
static STEPS: AtomicUsize = AtomicUsize::new(0);

/// How long a thread sleeps before it checks again whether it may continue.
const PAUSE: Duration = Duration::from_micros(50);

thread_local! {
    /// How many of the steps are this thread's own.
    static OWN_STEPS: Cell<usize> = const { Cell::new(0) };
}

/// The generation of the present process.
pub fn generation() -> Generation {
    GENERATION.load(Ordering::Acquire)
}

/// Something that happens once in each process of a line of forks.
#[derive(Debug, Default)]
pub struct OncePerProcess(AtomicU64);

impl OncePerProcess {
    /// Has not happened yet.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Whether this is the first call in this process.
    pub fn is_first(&self) -> bool {
        let present = generation();
        self.0.swap(present, Ordering::AcqRel) != present
    }
}

fn hold_building() {
    while BUILDING.swap(true, Ordering::Acquire) {
        std::thread::sleep(PAUSE);
    }
}

fn release_building() {
    BUILDING.store(false, Ordering::Release);
}

/// Waits until no thread is within a step or builds. Steps come first, since one of them may be waiting to
/// build.
///
/// A step that forks, to run another program, does not wait for other steps, which might be waiting for it.
extern "C" fn before_fork() {
    // A thread that forks within its own step would wait for itself.
    if own_steps() == 0 {
        while FORKING.swap(true, Ordering::SeqCst) {
            std::thread::sleep(PAUSE);
        }
        while STEPS.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(PAUSE);
        }
    }
    hold_building();
}

extern "C" fn after_fork() {
    release_building();
    if own_steps() == 0 {
        FORKING.store(false, Ordering::SeqCst);
    }
}

extern "C" fn begin_generation() {
    GENERATION.fetch_add(1, Ordering::SeqCst);
    // Only the forking thread exists in the child, so the steps of all others are gone.
    STEPS.store(own_steps(), Ordering::SeqCst);
    FORKING.store(false, Ordering::SeqCst);
    release_building();
}

fn own_steps() -> usize {
    // Fails while the thread ends and its thread-locals are already gone.
    OWN_STEPS.try_with(Cell::get).unwrap_or(0)
}

/// A step of a lookup. While it lives, no fork begins.
struct ForkBarrier(());

impl ForkBarrier {
    fn begin() -> Self {
        loop {
            STEPS.fetch_add(1, Ordering::SeqCst);
            // The fork that sets the flag reads the count afterwards, so at least one of the two sees the
            // other.
            if own_steps() > 0 || !FORKING.load(Ordering::SeqCst) {
                OWN_STEPS.set(own_steps() + 1);
                return Self(());
            }
            STEPS.fetch_sub(1, Ordering::SeqCst);
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for ForkBarrier {
    fn drop(&mut self) {
        OWN_STEPS.set(own_steps() - 1);
        STEPS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs `future` so that no fork begins while it is being polled. Poll it without the GIL, and outside
/// [`no_fork`].
pub async fn between_forks<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let _step = ForkBarrier::begin();
        future.as_mut().poll(context)
    })
    .await
}

/// Registers the fork handlers, once per process line. Call it before anything else in this module.
#[allow(unsafe_code)]
pub fn install_fork_handlers() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: the three handlers only touch atomics and sleep, which is allowed around a fork, and
        // they live as long as the module, which Python never unloads.
        unsafe {
            libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(begin_generation));
        }
    });
}

/// While it exists, no fork begins in this process. See the rules of the module.
#[must_use = "forks are held off only while the guard lives"]
#[derive(Debug)]
pub struct NoFork(());

/// Holds forks off, after waiting for others that do so and for a fork under way.
pub fn no_fork() -> NoFork {
    hold_building();
    NoFork(())
}

impl Drop for NoFork {
    fn drop(&mut self) {
        release_building();
    }
}

/// A value that belongs to one generation, built on first use in each.
///
/// ```
/// # use _native::process::ForkCell;
/// static CELL: ForkCell<String> = ForkCell::new();
/// let value = CELL.get_or_try(|| Ok::<_, std::convert::Infallible>("built once".to_owned()));
/// assert_eq!(value, Ok(&"built once".to_owned()));
/// ```
#[derive(Debug)]
pub struct ForkCell<T> {
    pointer: AtomicPtr<(Generation, T)>,
}

// SAFETY: the cell owns its value like a `Box` and hands out shared references only.
#[allow(unsafe_code)]
unsafe impl<T: Send + Sync> Sync for ForkCell<T> {}
// SAFETY: as above; a value moves with its cell.
#[allow(unsafe_code)]
unsafe impl<T: Send> Send for ForkCell<T> {}

impl<T> Default for ForkCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[allow(unsafe_code)]
impl<T> ForkCell<T> {
    /// An empty cell.
    pub const fn new() -> Self {
        Self { pointer: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The value, if this generation has built it.
    pub fn get(&self) -> Option<&T> {
        let pointer = self.pointer.load(Ordering::Acquire);
        // SAFETY: a pointer of this generation is published once and freed only in `drop`.
        unsafe { Self::current(pointer) }
    }

    /// Like [`Self::get_or_try`], for what cannot fail.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        match self.get_or_try(|| Ok::<_, std::convert::Infallible>(make())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// The value of this generation, built by `make` under [`no_fork`] if there is none yet.
    ///
    /// When several threads build at the same time, the first to finish wins.
    pub fn get_or_try<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        let seen = self.pointer.load(Ordering::Acquire);
        // SAFETY: as in `get`.
        if let Some(value) = unsafe { Self::current(seen) } {
            return Ok(value);
        }
        let _held = no_fork();
        // Another thread may have built the value while this one waited.
        let seen = self.pointer.load(Ordering::Acquire);
        // SAFETY: as in `get`.
        if let Some(value) = unsafe { Self::current(seen) } {
            return Ok(value);
        }
        let fresh = Box::into_raw(Box::new((generation(), make()?)));
        // The inherited value behind `seen`, if any, is leaked on purpose: its locks and sockets belong to
        // the parent. `no_fork` is exclusive, so no other thread stores here in the meantime.
        self.pointer.store(fresh, Ordering::Release);
        // SAFETY: `fresh` was just made and is freed only in `drop`.
        Ok(unsafe { &(*fresh).1 })
    }

    /// # Safety
    /// `pointer` is null or came from `Box::into_raw` in this cell and has not been freed.
    unsafe fn current<'cell>(pointer: *mut (Generation, T)) -> Option<&'cell T> {
        if pointer.is_null() {
            return None;
        }
        // SAFETY: by the contract of this function.
        let (built_in, value) = unsafe { &*pointer };
        (*built_in == generation()).then_some(value)
    }
}

#[allow(unsafe_code)]
impl<T> Drop for ForkCell<T> {
    /// Only the generation that built the value drops it; a child leaks it.
    fn drop(&mut self) {
        let pointer = *self.pointer.get_mut();
        // SAFETY: the cell is going away, so no reference into it is left.
        unsafe {
            if !pointer.is_null() && (*pointer).0 == generation() {
                drop(Box::from_raw(pointer));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[derive(Debug)]
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_value_is_built_once_and_dropped_once() {
        let drops = Arc::new(AtomicUsize::new(0));
        let cell = ForkCell::new();
        for _ in 0..3 {
            let value = cell.get_or_try(|| Ok::<_, ()>(Counted(Arc::clone(&drops)))).unwrap();
            assert_eq!(value.0.load(Ordering::SeqCst), 0);
        }
        assert!(cell.get().is_some());
        drop(cell);
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_failed_build_leaves_the_cell_empty() {
        let cell: ForkCell<u8> = ForkCell::new();
        assert_eq!(cell.get_or_try(|| Err("no")), Err("no"));
        assert!(cell.get().is_none());
        assert_eq!(cell.get_or_try(|| Ok::<_, ()>(1)), Ok(&1));
    }

    #[test]
    fn a_fork_waits_for_the_steps_of_other_threads_and_steps_wait_for_the_fork() {
        let (entered, leave) = (AtomicBool::new(false), AtomicBool::new(false));
        let polled = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut step = std::pin::pin!(between_forks(poll_fn(|_| {
                    entered.store(true, Ordering::SeqCst);
                    while !leave.load(Ordering::SeqCst) {
                        std::thread::yield_now();
                    }
                    Poll::Ready(())
                })));
                assert!(step.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
            });
            while !entered.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let fork = scope.spawn(|| before_fork());
            while !FORKING.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            assert!(!fork.is_finished(), "it waits for the step");
            let late = scope.spawn(|| {
                let mut step = std::pin::pin!(between_forks(async { polled.fetch_add(1, Ordering::SeqCst) }));
                assert!(step.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
            });
            leave.store(true, Ordering::SeqCst);
            fork.join().unwrap();
            assert_eq!(polled.load(Ordering::SeqCst), 0, "no step begins during the fork");
            after_fork();
            late.join().unwrap();
        });
        assert_eq!(polled.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_step_that_forks_or_builds_does_not_wait_for_itself() {
        let mut step = std::pin::pin!(between_forks(async {
            before_fork();
            after_fork();
            drop(no_fork());
        }));
        assert!(step.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        assert_eq!(own_steps(), 0);
    }

    #[test]
    fn many_threads_build_one_value() {
        let builds = AtomicUsize::new(0);
        let cell = ForkCell::new();
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    cell.get_or_try(|| Ok::<_, ()>(builds.fetch_add(1, Ordering::SeqCst))).unwrap();
                });
            }
        });
        assert_eq!(builds.load(Ordering::SeqCst), 1);
    }
}

//! Drives several pieces of work concurrently on one thread, which exists only while there is work.
//!
//! For work that its callers do not drive themselves, such as the lookups of an event loop. A thread serves
//! one *shift*: it begins with the first piece of work and ends with the last, so that no thread is left that
//! a fork could meet. The caller that waited for the last piece also waits for the end of the thread, which
//! takes some microseconds.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Abortable, poll_fn};
use futures_util::stream::FuturesUnordered;
use tokio::task::yield_now;

use crate::error::Result;
use crate::process::{
    Generation, Runtime, ThreadNumber, between_forks, generation, thread_number, until_gone,
};

/// The longest wait for the end of a thread.
const LAST_STEPS: Duration = Duration::from_millis(100);

/// The number of a shift.
pub type Shift = u64;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type UnderWay<T> = FuturesUnordered<Abortable<Work<Ended<T>>>>;

/// Work of one kind, and the thread that drives it. It belongs to one generation of the process.
pub struct Driver<T> {
    state: Mutex<State<T>>,
    generation: Generation,
}

struct State<T> {
    /// The work that the thread has not yet taken up.
    arrived: Vec<Abortable<Work<Ended<T>>>>,
    waker: Option<Waker>,
    /// How many callers wait for work, or want it done without waiting.
    places: usize,
    /// The present shift.
    shift: Option<Shift>,
    shifts: Shift,
    /// The threads of all shifts that may still exist.
    threads: Vec<ThreadNumber>,
}

/// The outcome of work, and whether a caller has a place to wait for it.
type Ended<T> = (T, bool);

/// A caller's interest in a piece of work. The work is abandoned when it is dropped.
#[derive(Debug)]
pub struct Interest<T: Send + 'static> {
    driver: &'static Driver<T>,
    work: AbortHandle,
}

impl<T> fmt::Debug for Driver<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Driver").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Default for Driver<T> {
    fn default() -> Self {
        let state = State {
            arrived: Vec::new(),
            waker: None,
            places: 0,
            shift: None,
            shifts: 0,
            threads: Vec::new(),
        };
        Self { state: Mutex::new(state), generation: generation() }
    }
}

impl<T: Send + 'static> Driver<T> {
    /// Accepts `work`. If a shift is returned, the caller has to start a thread that calls [`Self::drive`]
    /// with it.
    pub fn begin(
        &'static self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> (Interest<T>, Option<Shift>) {
        let (handle, shift) = self.add(async { (work.await, true) });
        (Interest { driver: self, work: handle }, shift)
    }

    /// Like [`Self::begin`], for work that no caller waits for.
    pub fn begin_alone(&self, work: impl Future<Output = T> + Send + 'static) -> Option<Shift> {
        self.add(async { (work.await, false) }).1
    }

    fn add(&self, work: impl Future<Output = Ended<T>> + Send + 'static) -> (AbortHandle, Option<Shift>) {
        let (handle, registration) = AbortHandle::new_pair();
        let work = Abortable::new(Box::pin(between_forks(work)) as Work<Ended<T>>, registration);
        let mut state = self.lock();
        state.arrived.push(work);
        state.places += 1;
        let shift = state.shift.is_none().then(|| state.next_shift());
        state.wake();
        (handle, shift)
    }

    /// Drives all accepted work until none is left, and passes on the outcomes. Call it without the GIL.
    pub fn drive(&self, shift: Shift, runtime: &Runtime, mut hand_over: impl FnMut(Vec<T>)) -> Result<()> {
        self.lock().threads.push(thread_number());
        let _used = runtime.used();
        let mut under_way = UnderWay::new();
        loop {
            let turn = async {
                let ended = poll_fn(|context| self.step(shift, &mut under_way, context)).await;
                // The runtime defers tasks that used up their budget, and does not wake them once this future
                // has ended.
                yield_now().await;
                ended
            };
            let ended = runtime.block_on(turn)?;
            // In a child that was forked while outcomes were passed on, this thread has no work.
            if ended.is_empty() || self.generation != generation() {
                return Ok(());
            }
            let alone = ended.iter().filter(|(_, has_place)| !has_place).count();
            hand_over(ended.into_iter().map(|(outcome, _)| outcome).collect());
            // Work without an `Interest` holds its place until its outcome has been delivered.
            (0..alone).for_each(|_| drop(self.leave()));
        }
    }

    /// The outcomes that have arrived; none once the shift is over.
    fn step(
        &self,
        shift: Shift,
        under_way: &mut UnderWay<T>,
        context: &mut Context<'_>,
    ) -> Poll<Vec<Ended<T>>> {
        loop {
            if !self.take_up(shift, under_way, context) {
                return Poll::Ready(Vec::new());
            }
            let mut ended = Vec::new();
            while let Poll::Ready(Some(outcome)) = under_way.poll_next_unpin(context) {
                ended.extend(outcome.ok());
            }
            if !ended.is_empty() {
                return Poll::Ready(ended);
            }
            if !under_way.is_empty() {
                return Poll::Pending;
            }
        }
    }

    /// Takes up accepted work. False once the shift is over.
    fn take_up(&self, shift: Shift, under_way: &mut UnderWay<T>, context: &Context<'_>) -> bool {
        let mut state = self.lock();
        if state.shift != Some(shift) {
            return false;
        }
        under_way.extend(state.arrived.drain(..));
        state.waker = Some(context.waker().clone());
        // Ended under the lock, so that work which arrives later starts a new shift.
        if under_way.is_empty() {
            state.shift = None;
        }
        state.shift.is_some()
    }

    /// Ends a caller's interest. After the last one the shift is over; returns the threads to wait for.
    fn leave(&self) -> Vec<ThreadNumber> {
        let mut state = self.lock();
        state.places -= 1;
        if state.places > 0 {
            return Vec::new();
        }
        state.shift = None;
        // Every piece of work has a place, so what is left here has been aborted.
        state.arrived.clear();
        state.wake();
        // A caller on the driving thread itself must not wait for its own end.
        let own = thread_number();
        state.threads.iter().copied().filter(|thread| *thread != own).collect()
    }

    fn note_left(&self, waited_for: &[ThreadNumber], left: &[ThreadNumber]) {
        self.lock().threads.retain(|thread| left.contains(thread) || !waited_for.contains(thread));
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // The lists are consistent even if a thread panicked with the lock held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn next_shift(&mut self) -> Shift {
        self.shifts += 1;
        self.shift = Some(self.shifts);
        self.shifts
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl<T: Send + 'static> Drop for Interest<T> {
    /// Waits for the end of the thread if this was the last one. Release the GIL before.
    fn drop(&mut self) {
        // The driver of a parent may be locked forever.
        if self.driver.generation != generation() {
            return;
        }
        // Aborted before `leave` wakes the driver, which must not poll it again.
        self.work.abort();
        let threads = self.driver.leave();
        if !threads.is_empty() {
            let left = until_gone(threads.clone(), LAST_STEPS);
            self.driver.note_left(&threads, &left);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use tokio::sync::oneshot;
    use tokio::time::sleep;

    use super::*;

    fn driver() -> &'static Driver<u64> {
        Box::leak(Box::default())
    }

    /// Drives a shift on a thread, and returns the outcomes.
    fn on_a_thread(driver: &'static Driver<u64>, shift: Option<Shift>) -> std::thread::JoinHandle<Vec<u64>> {
        std::thread::spawn(move || {
            let mut all = Vec::new();
            let runtime = Runtime::new().unwrap();
            driver.drive(shift.unwrap(), &runtime, |ended| all.extend(ended)).unwrap();
            all
        })
    }

    fn is_over(driver: &'static Driver<u64>) -> bool {
        let state = driver.lock();
        state.places == 0 && state.shift.is_none()
    }

    #[test]
    fn concurrent_work_takes_the_time_of_one_piece_and_one_thread_and_one_shift() {
        let (driver, start) = (driver(), Instant::now());
        let begun: Vec<_> = (0..200)
            .map(|number| {
                driver.begin(async move {
                    sleep(Duration::from_millis(50)).await;
                    number
                })
            })
            .collect();
        assert_eq!(begun.iter().filter(|(_, shift)| shift.is_some()).count(), 1);
        let mut all = on_a_thread(driver, begun[0].1).join().unwrap();
        all.sort_unstable();
        assert_eq!(all, (0..200).collect::<Vec<_>>());
        assert!(start.elapsed() < Duration::from_secs(2));
        drop(begun);
        assert!(is_over(driver));
    }

    #[test]
    fn leaving_abandons_the_work_and_the_last_one_waits_for_the_thread() {
        static DROPPED: AtomicUsize = AtomicUsize::new(0);
        struct Counted;
        impl Drop for Counted {
            fn drop(&mut self) {
                DROPPED.fetch_add(1, Ordering::SeqCst);
            }
        }
        let driver = driver();
        let (entered, is_in) = oneshot::channel();
        let (place, shift) = driver.begin(async move {
            let _counted = Counted;
            entered.send(()).unwrap();
            std::future::pending().await
        });
        let thread = on_a_thread(driver, shift);
        is_in.blocking_recv().unwrap();
        drop(place);
        assert_eq!(DROPPED.load(Ordering::SeqCst), 1);
        assert!(driver.lock().threads.is_empty(), "it is gone");
        assert_eq!(thread.join().unwrap(), [0_u64; 0]);
    }

    #[test]
    fn work_without_a_waiting_caller_is_done_and_then_the_shift_is_over() {
        let driver = driver();
        let (place, shift) = driver.begin(async { 1 });
        assert_eq!(
            driver.begin_alone(async {
                sleep(Duration::from_millis(20)).await;
                2
            }),
            None
        );
        let thread = on_a_thread(driver, shift);
        drop(place);
        let ended = thread.join().unwrap();
        assert!(ended == [1, 2] || ended == [2], "{ended:?}");
        assert!(is_over(driver));
    }

    #[test]
    fn a_shift_that_is_over_before_its_thread_starts_drives_nothing() {
        let driver = driver();
        let (place, shift) = driver.begin(async { 1 });
        drop(place);
        let (later, next) = driver.begin(async { 2 });
        assert_ne!(shift, next);
        assert_eq!(on_a_thread(driver, shift).join().unwrap(), [0_u64; 0]);
        assert_eq!(on_a_thread(driver, next).join().unwrap(), [2]);
        drop(later);
    }
}

//! A process that shows its memory to no one, and keeps it out of swap as far as it may.

#[cfg(target_os = "linux")]
use std::fs;

/// How much of the memory of this process may be locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lockable {
    /// All of it is locked already, also what will come; or the system knows no such thing.
    Done,
    /// So many bytes. What has come since has to be locked again and again, by [`hide_memory`].
    UpTo(usize),
}

/// Keeps the memory of this process from other processes of the user, from core files and, where no limit
/// forbids it, from swap.
#[allow(unsafe_code)]
pub fn protect_memory() -> Lockable {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` outlives the call; a lower limit is always allowed (setrlimit(2)).
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
    #[cfg(target_os = "linux")]
    {
        // SAFETY: PR_SET_DUMPABLE takes a number and touches no memory of the process (prctl(2)).
        unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
        lock_all()
    }
    #[cfg(not(target_os = "linux"))]
    Lockable::Done
}

/// Locks what is there and what will come, page by page as it is used, unless there is a limit: every later
/// allocation beyond one would fail, and end the process.
#[cfg(target_os = "linux")]
fn lock_all() -> Lockable {
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{Resource, getrlimit};

    if let Some(most) = getrlimit(Resource::Memlock).current {
        return Lockable::UpTo(usize::try_from(most).unwrap_or(usize::MAX));
    }
    match mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT) {
        Ok(()) => Lockable::Done,
        Err(_) => Lockable::UpTo(0),
    }
}

/// Excludes the memory that may hold secrets from dumps, and locks as much of it as is allowed, beginning
/// with the heap and then the smallest mappings. Call it after memory was taken.
#[cfg(target_os = "linux")]
pub fn hide_memory(lockable: Lockable) {
    let Ok(list) = fs::read_to_string("/proc/self/maps") else { return };
    let regions = regions(&list);
    regions.iter().for_each(Region::exclude);
    let Lockable::UpTo(most) = lockable else { return };
    // What was locked before counts, and may come later in the order now. What is unlocked for a moment is
    // not swapped out in that moment.
    if rustix::mm::munlockall().is_ok() {
        lock(&regions, most);
    }
}

/// Excludes the memory that may hold secrets from dumps, which only Linux can.
#[cfg(not(target_os = "linux"))]
pub fn hide_memory(_: Lockable) {}

/// The largest page of any system; what is locked begins and ends with a page.
#[cfg(target_os = "linux")]
const PAGE: usize = 64 << 10;

/// A mapping that only this process sees: its heap, its stacks, its large allocations.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Region {
    start: usize,
    length: usize,
    is_heap: bool,
    is_stack: bool,
}

/// Locks the first `most` bytes.
#[cfg(target_os = "linux")]
fn lock(regions: &[Region], most: usize) {
    let mut left = most / PAGE * PAGE;
    // A locked stack that has to grow beyond the limit ends the process.
    for region in regions.iter().filter(|region| !region.is_stack) {
        let length = region.length.min(left);
        if length == 0 {
            return;
        }
        left -= length;
        region.lock(length);
    }
}

#[cfg(target_os = "linux")]
impl Region {
    /// Failure is no harm: the mapping has gone since.
    #[allow(unsafe_code)]
    fn exclude(&self) {
        let address = std::ptr::without_provenance_mut(self.start);
        // SAFETY: it changes what a dump contains, not what is in the pages (madvise(2)).
        let _ = unsafe { rustix::mm::madvise(address, self.length, rustix::mm::Advice::LinuxDontDump) };
    }

    #[allow(unsafe_code)]
    fn lock(&self, length: usize) {
        let address = std::ptr::without_provenance_mut(self.start);
        // SAFETY: it changes where pages are kept, not what is in them (mlock2(2)).
        let _ = unsafe { rustix::mm::mlock_with(address, length, rustix::mm::MlockFlags::ONFAULT) };
    }
}

/// The private mappings of `/proc/self/maps` that can be written and belong to no file, in the order in which
/// they are locked.
#[cfg(target_os = "linux")]
fn regions(list: &str) -> Vec<Region> {
    let mut regions: Vec<_> = list.lines().filter_map(region).collect();
    regions.sort_by_key(|region| (!region.is_heap, region.length));
    regions
}

#[cfg(target_os = "linux")]
fn region(line: &str) -> Option<Region> {
    let mut words = line.split_ascii_whitespace();
    let (range, rights) = (words.next()?, words.next()?);
    let (inode, name) = (words.nth(2)?, words.next().unwrap_or_default());
    if !(rights.starts_with("rw") && rights.ends_with('p') && inode == "0") {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    Some(Region {
        start,
        length: end.checked_sub(start)?,
        is_heap: name == "[heap]",
        is_stack: name == "[stack]",
    })
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    const LIST: &str = "\
5581e4a00000-5581e4c00000 r-xp 00000000 08:01 1234 /usr/bin/python3.12
5581e5000000-5581e5021000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000021000 rw-p 00000000 00:00 0
7f0000021000-7f0004000000 ---p 00000000 00:00 0
7f0004100000-7f0004101000 rw-p 00001000 08:01 77 /usr/lib/libc.so.6
7f0004200000-7f0004201000 rw-s 00000000 00:00 0
7ffc00000000-7ffc00010000 rw-p 00000000 00:00 0 [stack]
";

    #[test]
    fn the_heap_comes_first_and_files_and_shared_memory_do_not_count() {
        let found: Vec<_> = regions(LIST).iter().map(|region| (region.length, region.is_heap)).collect();
        assert_eq!(found, [(0x21000, true), (0x10000, false), (0x21000, false)]);
    }

    /// The flags of the mapping that contains `address`, and the locked part of the whole process in KiB.
    fn flags(address: usize) -> (String, u64) {
        let (mut inside, mut found) = (false, String::new());
        for line in fs::read_to_string("/proc/self/smaps").unwrap().lines() {
            if let Some((start, end)) = line.split_once(' ').and_then(|(range, _)| range.split_once('-')) {
                let at = |text| usize::from_str_radix(text, 16).unwrap();
                inside = (at(start)..at(end)).contains(&address);
            } else if inside && let Some(flags) = line.strip_prefix("VmFlags:") {
                flags.clone_into(&mut found);
            }
        }
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        (found, locked.trim().trim_end_matches(" kB").parse().unwrap())
    }

    #[test]
    fn large_and_small_allocations_are_kept_from_dumps_and_locked_up_to_the_limit() {
        let (large, small) = (vec![1_u8; 1 << 20], Box::new([1_u8; 64]));
        let most = Lockable::UpTo(256 << 10);
        // The tests of other threads take memory at the same time.
        hide_memory(most);
        hide_memory(most);
        let (of_large, locked) = flags(large.as_ptr().addr());
        assert!(of_large.contains(" dd"), "{of_large}");
        assert!(flags(small.as_ptr().addr()).0.contains(" dd"));
        assert!((1..=256).contains(&locked), "{locked} KiB");
    }
}

//! The user of this process.

/// The effective user of the process: the owner of the files that it creates.
#[allow(unsafe_code)]
pub fn effective_user() -> u32 {
    // SAFETY: `geteuid` takes nothing, touches no memory and cannot fail (geteuid(2)).
    unsafe { libc::geteuid() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn it_owns_what_it_creates() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(super::effective_user(), file.metadata().unwrap().uid());
    }
}

//! How the C library's allocator treats the large, short-lived tensors of a network.

/// Size in bytes above which memory still goes back at once: the weights that a model is read from.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: i32 = 256 << 20;

/// Lets the process keep the memory of tensors when they are freed, for the next ones; for
/// programs, once at their start.
///
/// glibc hands freed memory of some megabytes back to the system, and gets it again page by page
/// with the next layer, which costs a tenth of the time of the autoencoder. Elsewhere nothing
/// happens.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets two values of the allocator; one that it refuses stays as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 4 * LARGE);
    }
}

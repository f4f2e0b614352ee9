//! The allocator of the program.

/// Tensors come and go by the megabyte: this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` in `mimalloc.h`, which the bindings do not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Lets the process keep the memory of tensors when they are freed, for the next ones; to be called
/// once, at its start. `MIMALLOC_PURGE_DELAY`, in milliseconds, stands above it.
///
/// Freed pages go back to the system after ten milliseconds else, and come again one by one: a
/// fifth of the time of a step at full size, in sampling as in training.
pub(crate) fn keep_pages() {
    // SAFETY: it sets a number that the allocator reads when it frees.
    #[allow(
        unsafe_code,
        reason = "a setting of the allocator, whose interface is in C"
    )]
    unsafe {
        libmimalloc_sys::mi_option_set_default(PURGE_DELAY, -1);
    }
}

//! How much memory there is, where the system tells it.

/// What is taken where the system does not tell, in bytes.
const USUAL: u64 = 2 << 30;

/// Bytes that can be had without swapping, about.
#[cfg(target_os = "linux")]
pub(crate) fn available() -> u64 {
    let read = || {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("MemAvailable:"))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes * 1024)
    };
    read().unwrap_or(USUAL)
}

/// Bytes that can be had without swapping, about.
#[cfg(not(target_os = "linux"))]
pub(crate) fn available() -> u64 {
    USUAL
}

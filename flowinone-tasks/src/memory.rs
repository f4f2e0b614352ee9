//! The memory of this process, where the system tells it.

/// Peak resident memory in bytes.
pub fn peak_memory() -> Option<u64> {
    of_status("VmHWM:")
}

/// Resident memory in bytes, now.
pub fn resident_memory() -> Option<u64> {
    of_status("VmRSS:")
}

/// A line of Linux' account of this process, in bytes; other systems have none.
fn of_status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

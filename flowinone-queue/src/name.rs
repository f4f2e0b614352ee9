//! Names of workers: no two have the same, also in containers that are all process 1.

use flowinone_files::hexadecimal;

/// A name by machine, process and chance.
pub fn worker_name() -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let machine = machine.unwrap_or_else(|_| "worker".into());
    let mut chance = [0; 4];
    // Without chance the process tells workers of one machine apart.
    let _ = getrandom::fill(&mut chance);
    format!(
        "{}-{}-{}",
        machine.trim(),
        std::process::id(),
        hexadecimal(&chance)
    )
}

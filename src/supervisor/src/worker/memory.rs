//! How much memory a process needs.

use std::fs;

/// Proportional set size in bytes, or, where that may not be read, the resident pages that it shares with nobody.
pub(super) fn of(pid: i32) -> Option<u64> {
    proportional(pid).or_else(|| unshared(pid))
}

fn proportional(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// A process that protects its memory does not show its map, but everybody sees its size.
fn unshared(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let mut pages = text.split_whitespace().skip(1);
    let resident: u64 = pages.next()?.parse().ok()?;
    let shared: u64 = pages.next()?.parse().ok()?;
    Some(resident.saturating_sub(shared) * PAGE)
}

/// On the architectures that are built for.
const PAGE: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_needs_some_memory_by_either_measure() {
        let pid = i32::try_from(std::process::id()).unwrap();
        for bytes in [of(pid), proportional(pid), unshared(pid)] {
            assert!((100 * 1024..4 << 30).contains(&bytes.unwrap()), "{bytes:?}");
        }
        assert_eq!(of(-1), None);
    }
}

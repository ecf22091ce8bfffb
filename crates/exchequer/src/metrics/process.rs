//! What Linux says of this process and of the disk under the bank's folder. Where it says nothing, nothing is told.

use std::fs;
use std::path::Path;

use super::text::{Kind, Seconds, Text};

/// Names are those that Prometheus's own libraries use, so that ready-made dashboards work.
pub fn write(text: &mut Text, data_dir: &Path) {
    if let Some(micros) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_micros)
    {
        let help = "Processor time of this process, user and system.";
        text.single("process_cpu_seconds_total", Kind::Counter, help, Seconds(micros));
    }
    if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident)
    {
        let help = "Memory of this process that is in use.";
        text.single("process_resident_memory_bytes", Kind::Gauge, help, bytes);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        let help = "Descriptors that are open.";
        text.single("process_open_fds", Kind::Gauge, help, open.count());
    }
    if let Some(most) = fs::read_to_string("/proc/self/limits").ok().as_deref().and_then(most_fds) {
        let help = "Descriptors that may be open.";
        text.single("process_max_fds", Kind::Gauge, help, most);
    }
    if let Ok(disk) = rustix::fs::statvfs(data_dir) {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let help = "Bytes that may still be written to the disk of data_dir.";
        text.single("exchequer_data_free_bytes", Kind::Gauge, help, free);
        let size = disk.f_blocks.saturating_mul(disk.f_frsize);
        let help = "Size of the disk of data_dir.";
        text.single("exchequer_data_size_bytes", Kind::Gauge, help, size);
    }
}

/// proc(5): fields 14 and 15 of `stat`, in clock ticks; the second field may hold blanks.
fn cpu_micros(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    Some(user.saturating_add(system).saturating_mul(1_000_000) / ticks)
}

/// proc(5): `VmRSS` of `status`, in KiB.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib.saturating_mul(1024))
}

/// proc(5): the soft limit of `limits`.
fn most_fds(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc_are_read() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 5 0 0 0 150 50 0 0 20 0 9 0 1 1 1 1";
        let ticks = rustix::param::clock_ticks_per_second();
        assert_eq!(cpu_micros(stat), Some(200 * 1_000_000 / ticks));
        assert_eq!(cpu_micros("7 (a"), None);
        assert_eq!(resident("Name:\tx\nVmRSS:\t  52 kB\n"), Some(53_248));
        assert_eq!(resident("VmRSS:\t many kB"), None);
        assert_eq!(
            most_fds("Max open files            1024                 4096     files"),
            Some(1024)
        );
        assert_eq!(most_fds("Max open files            unlimited  unlimited files"), None);
    }

    #[test]
    fn this_process_is_told_of() {
        let mut text = Text::default();
        write(&mut text, Path::new("/"));
        let text = text.into_string();
        for name in [
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_open_fds",
            "exchequer_data_free_bytes",
        ] {
            assert!(
                text.lines().any(|line| line.starts_with(&format!("{name} "))),
                "{name}: {text}"
            );
        }
    }
}

//! What the system says of this process, under the names that Prometheus' own
//! libraries use.

use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use metrics::Unit;

const START_TIME: &str = "process_start_time_seconds";
const RESIDENT: &str = "process_resident_memory_bytes";
const OPEN_FILES: &str = "process_open_fds";
const FILES_MAX: &str = "process_max_fds";
const CPU: &str = "process_cpu_seconds_total";
const THREADS: &str = "process_threads";

/// The unit of processor times in `/proc` (proc(5), `CLK_TCK`): 100 in a second on
/// every Linux.
const TICKS_PER_SECOND: u64 = 100;

/// Describes the metrics of the process, which begins now.
pub fn begin() {
    metrics::describe_gauge!(START_TIME, Unit::Seconds, "When the process started, since 1970");
    metrics::describe_gauge!(RESIDENT, Unit::Bytes, "Memory of the process that is in RAM");
    metrics::describe_gauge!(OPEN_FILES, "Files and connections that the process has open");
    metrics::describe_gauge!(FILES_MAX, "Files and connections that the process may have open");
    metrics::describe_counter!(CPU, Unit::Seconds, "Processor time of the process");
    metrics::describe_gauge!(THREADS, "Threads of the process");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    metrics::gauge!(START_TIME).set(now.as_secs_f64());
    sample();
}

/// Brings the metrics of the process up to date; what the system does not say stays.
pub fn sample() {
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        if let Some(kilobytes) = number(&status, "VmRSS:") {
            metrics::gauge!(RESIDENT).set(kilobytes as f64 * 1024.0);
        }
        if let Some(threads) = number(&status, "Threads:") {
            metrics::gauge!(THREADS).set(threads as f64);
        }
    }
    if let Some(max) = fs::read_to_string("/proc/self/limits").ok().and_then(|l| number(&l, "Max open files"))
    {
        metrics::gauge!(FILES_MAX).set(max as f64);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        metrics::gauge!(OPEN_FILES).set(files.count() as f64);
    }
    if let Some(ticks) = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| ticks(&stat)) {
        metrics::counter!(CPU).absolute(ticks / TICKS_PER_SECOND);
    }
}

/// The number behind the beginning of a line.
fn number(text: &str, beginning: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(beginning))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// User and system time: the 14th and 15th field; the second, the name, may hold
/// spaces and parentheses.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let times: Vec<u64> =
        rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    (times.len() == 2).then(|| times.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_with_spaces() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194304 100 0 0 0 250 150 0 0 20 0 1 0 5";
        assert_eq!(ticks(stat), Some(400));
        assert_eq!(number("Name:\tx\nVmRSS:\t  1234 kB\n", "VmRSS:"), Some(1234));
    }
}

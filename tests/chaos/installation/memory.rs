use std::fmt;

const MIB: u64 = 1024 * 1024;

/// The memory of a process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Current resident memory.
    pub resident: u64,
    /// Maximum resident memory since the start.
    pub peak: u64,
}

impl Memory {
    /// Parses `/proc/PID/status`. Returns `None` for a process that has ended.
    pub fn read(status: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = line.strip_suffix("kB")?.trim().parse().ok()?;
            Some(kib * 1024)
        };
        Some(Self {
            resident: field("VmRSS:")?,
            peak: field("VmHWM:")?,
        })
    }
}

/// A number of bytes, displayed in MiB.
pub struct Mib(pub u64);

impl fmt::Display for Mib {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.0.div_ceil(MIB))
    }
}

/// What a process may have when all is over, where `level` is what its program had under the same load
/// before anything happened: half as much again and 32 MiB. The component that does not grow with the level is
/// for what one storm leaves in an allocator's hands, and for small baseline; a leak goes on growing and
/// passes any bound.
pub const fn bound(level: u64) -> u64 {
    level + level / 2 + 32 * MIB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_status_is_parsed() {
        let status = "Name:\ttidings-api\nVmPeak:\t  999999 kB\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nRssAnon:\t 1 kB\n";
        let memory = Memory {
            resident: 10 * MIB,
            peak: 20 * MIB,
        };
        assert_eq!(Memory::read(status), Some(memory));
        assert_eq!(Memory::read("Name:\tzombie\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn a_leak_exceeds_the_bound() {
        assert_eq!(bound(40 * MIB), 92 * MIB);
        assert_eq!(Mib(bound(1)).to_string(), "33 MiB");
    }
}

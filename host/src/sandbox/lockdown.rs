//! Locking this process in, before it reads what a stranger wrote: from then on it can compute, read what is
//! open, write what is open, and nothing else.

/// Lock this thread in for good, with all the threads that it starts. What the kernel, or a container around
/// the process, does not offer is left out: the limits on time and memory hold without it.
pub(super) fn lock_in() {
    // The filter does not let Landlock be asked for, so it comes last.
    landlock();
    seccomp();
}

/// Close what this process was started with besides its standard streams: the caller may have had other files open.
/// To be called before anything else is open. Linux 5.9.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the system call has no safe wrapper")]
pub(super) fn close_inherited() {
    // SAFETY: nothing in this process has opened a descriptor yet, so nobody uses one of those that are closed.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

#[cfg(not(target_os = "linux"))]
pub(super) fn close_inherited() {}

/// Landlock: no file can be opened, and no TCP port reached. Linux 5.13; ports since 6.7. Says whether it holds.
#[cfg(target_os = "linux")]
fn landlock() -> bool {
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetError,
        RulesetStatus, Scope,
    };
    let restricted = || -> Result<_, RulesetError> {
        let everything = Ruleset::default()
            .handle_access(AccessFs::from_all(ABI::V6))?
            .handle_access(AccessNet::from_all(ABI::V6))?
            .scope(Scope::from_all(ABI::V6))?;
        everything.create()?.restrict_self()
    };
    restricted().is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

#[cfg(not(target_os = "linux"))]
fn landlock() -> bool {
    false
}

/// Seccomp: no system call but those that a compiler needs. Linux on x86-64 and ARM64. Says whether it holds.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn seccomp() -> bool {
    filter::apply().is_ok()
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn seccomp() -> bool {
    false
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod filter {
    use std::collections::BTreeMap;

    use seccompiler::{
        BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
        SeccompFilter, SeccompRule, TargetArch, apply_filter,
    };

    /// Memory, threads, time, signals of its own, and what is open already.
    const ALLOWED: [i64; 40] = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_lseek,
        libc::SYS_mmap,
        libc::SYS_mprotect,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_membarrier,
        libc::SYS_futex,
        // It is answered by a filter of its own: see `apply`.
        libc::SYS_clone3,
        libc::SYS_set_robust_list,
        libc::SYS_set_tid_address,
        libc::SYS_rseq,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_getcpu,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        libc::SYS_clock_gettime,
        libc::SYS_clock_getres,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_getrandom,
        libc::SYS_sysinfo,
        libc::SYS_uname,
        libc::SYS_getrusage,
    ];

    /// Everything else fails with `EPERM` and does not end the process: what a C library tries for speed, such
    /// as reading the number of processors from a file, differs from one to the next.
    pub(super) fn apply() -> Result<(), Error> {
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        let everything = ALLOWED.iter().map(|&call| (call, Vec::new()));
        let mut allowed: BTreeMap<i64, Vec<SeccompRule>> = everything.collect();
        // A thread, and no process.
        let thread = libc::CLONE_THREAD as u64;
        allowed.insert(libc::SYS_clone, only(0, SeccompCmpOp::MaskedEq(thread), thread)?);
        // A signal to itself, which is how a process aborts.
        let id = u64::from(std::process::id());
        allowed.insert(libc::SYS_tgkill, only(0, SeccompCmpOp::Eq, id)?);
        // The name of a thread.
        let name = libc::PR_SET_NAME as u64;
        allowed.insert(libc::SYS_prctl, only(0, SeccompCmpOp::Eq, name)?);
        // A limit, to be read.
        allowed.insert(libc::SYS_prlimit64, only(2, SeccompCmpOp::Eq, 0)?);

        // The flags of `clone3` are in memory, where no filter sees them. C libraries take `clone` where there
        // is no such call. Of two filters the stricter holds.
        let missing = SeccompAction::Errno(libc::ENOSYS as u32);
        let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        let first = SeccompFilter::new(clone3, SeccompAction::Allow, missing, arch)?;
        let denied = SeccompAction::Errno(libc::EPERM as u32);
        let second = SeccompFilter::new(allowed, denied, SeccompAction::Allow, arch)?;
        let (first, second) = (BpfProgram::try_from(first)?, BpfProgram::try_from(second)?);
        apply_filter(&first)?;
        apply_filter(&second)
    }

    /// The call is allowed where this argument is as it says.
    fn only(argument: u8, is: SeccompCmpOp, value: u64) -> Result<Vec<SeccompRule>, Error> {
        // Pointers have the length of a machine word, everything else that is compared is shorter.
        let length = match argument {
            2 => SeccompCmpArgLen::Qword,
            _ => SeccompCmpArgLen::Dword,
        };
        let condition = SeccompCondition::new(argument, length, is, value)?;
        Ok(vec![SeccompRule::new(vec![condition])?])
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs::{self, File};
    use std::io;
    use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
    use std::process::Command;
    use std::thread;

    use super::*;

    type Attempt = (&'static str, bool, io::Result<()>);

    /// What a process can do to others; whether Landlock alone holds it back since Linux 5.13.
    fn attempts(addr: SocketAddr) -> Vec<Attempt> {
        let file =
            std::env::temp_dir().join(format!("curtaincall-lockdown-{}", std::process::id()));
        let made = File::create(&file).map(drop);
        let _ = fs::remove_file(&file);
        vec![
            ("read a file", true, File::open("/proc/self/status").map(drop)),
            ("list a folder", true, fs::read_dir("/").map(drop)),
            ("make a file", true, made),
            ("start a program", true, Command::new("/bin/true").status().map(drop)),
            ("connect", false, TcpStream::connect(addr).map(drop)),
            ("listen", false, TcpListener::bind("127.0.0.1:0").map(drop)),
            ("send a datagram", false, UdpSocket::bind("127.0.0.1:0").map(drop)),
        ]
    }

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        (listener, addr)
    }

    #[track_caller]
    fn are_denied(attempts: Vec<Attempt>) {
        for (what, _, result) in attempts {
            let kind = result.expect_err(what).kind();
            assert_eq!(kind, io::ErrorKind::PermissionDenied, "{what}");
        }
    }

    /// Filters are for a thread and those that it starts, so the other tests go on as they were.
    #[test]
    fn what_is_locked_in_opens_reaches_and_starts_nothing() {
        let (_listener, addr) = listener();
        let locked = thread::spawn(move || {
            for (what, _, result) in attempts(addr) {
                assert!(result.is_ok(), "before: {what}: {result:?}");
            }
            lock_in();
            are_denied(attempts(addr));
            // It still computes: with threads, which are held as well, memory, and time.
            let inner = thread::Builder::new().name("inner".into());
            let inner = inner.spawn(move || {
                are_denied(attempts(addr));
                vec![1_u8; 32 << 20].iter().map(|&byte| u64::from(byte)).sum::<u64>()
            });
            assert_eq!(inner.unwrap().join().unwrap(), 32 << 20);
            assert!(thread::available_parallelism().unwrap().get() >= 1);
        });
        locked.join().unwrap();
        File::open("/proc/self/status").unwrap();
    }

    #[test]
    fn landlock_holds_by_itself_where_the_kernel_has_it() {
        let (_listener, addr) = listener();
        let locked = thread::spawn(move || {
            let held = landlock();
            for (what, by_landlock, result) in attempts(addr) {
                if held && by_landlock {
                    are_denied(vec![(what, by_landlock, result)])
                } else {
                    // Ports can be reached before Linux 6.7.
                    assert!(held || result.is_ok(), "{what}: {result:?}")
                }
            }
        });
        locked.join().unwrap();
    }
}

//! Restricts the compiler process before it reads untrusted input.
//!
//! After that, the process can only compute, and read and write the files that are already open.

/// Restricts this thread and all threads that it starts, permanently.
///
/// Restrictions that the kernel or a container does not support are skipped. The limits on time and memory still hold.
pub(super) fn lock_down() {
    // The seccomp filter blocks the system calls for Landlock, so it is applied last.
    landlock();
    seccomp();
}

/// Closes all inherited descriptors except the standard streams, because the caller may have had other files open.
///
/// Must be called before this process opens anything. Needs Linux 5.9.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the system call has no safe wrapper")]
pub(super) fn close_inherited() {
    // SAFETY: this process has not opened a descriptor yet, so no code uses any of those that are closed.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

#[cfg(not(target_os = "linux"))]
pub(super) fn close_inherited() {}

/// Applies Landlock: the thread cannot open files (since Linux 5.13) or use TCP ports (since 6.7).
///
/// Returns whether the kernel enforces it.
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

/// Applies seccomp: the thread can make only the system calls that a compiler needs. For Linux on x86-64 and ARM64.
///
/// Returns whether the kernel enforces it.
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

    /// The allowed system calls: memory, threads, time, signal handlers, and files that are already open.
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
        // A separate filter handles this call: see `apply`.
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

    /// Applies the filters to this thread.
    ///
    /// A denied call fails with `EPERM` and does not end the process. C libraries differ in what they try for speed,
    /// such as reading the number of processors from a file, and they continue if it fails.
    pub(super) fn apply() -> Result<(), Error> {
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        let everything = ALLOWED.iter().map(|&call| (call, Vec::new()));
        let mut allowed: BTreeMap<i64, Vec<SeccompRule>> = everything.collect();
        // Start threads, but no processes.
        let thread = libc::CLONE_THREAD as u64;
        allowed.insert(libc::SYS_clone, only(0, SeccompCmpOp::MaskedEq(thread), thread)?);
        // Send signals only to this process, which needs one to abort.
        let id = u64::from(std::process::id());
        allowed.insert(libc::SYS_tgkill, only(0, SeccompCmpOp::Eq, id)?);
        // Set the name of a thread.
        let name = libc::PR_SET_NAME as u64;
        allowed.insert(libc::SYS_prctl, only(0, SeccompCmpOp::Eq, name)?);
        // Read resource limits, but do not set them.
        allowed.insert(libc::SYS_prlimit64, only(2, SeccompCmpOp::Eq, 0)?);

        // The flags of `clone3` are in memory, which a filter cannot read. With `ENOSYS`, C libraries use `clone`
        // instead. If two filters disagree, the kernel applies the stricter one.
        let missing = SeccompAction::Errno(libc::ENOSYS as u32);
        let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        let first = SeccompFilter::new(clone3, SeccompAction::Allow, missing, arch)?;
        let denied = SeccompAction::Errno(libc::EPERM as u32);
        let second = SeccompFilter::new(allowed, denied, SeccompAction::Allow, arch)?;
        let (first, second) = (BpfProgram::try_from(first)?, BpfProgram::try_from(second)?);
        apply_filter(&first)?;
        apply_filter(&second)
    }

    /// Returns a rule that allows a call only if the comparison of this argument holds.
    fn only(argument: u8, op: SeccompCmpOp, value: u64) -> Result<Vec<SeccompRule>, Error> {
        // Only argument 2 is a pointer, which is as long as a machine word. The other arguments are shorter.
        let length = match argument {
            2 => SeccompCmpArgLen::Qword,
            _ => SeccompCmpArgLen::Dword,
        };
        let condition = SeccompCondition::new(argument, length, op, value)?;
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

    /// What was tried, whether Landlock alone denies it since Linux 5.13, and the result.
    type Attempt = (&'static str, bool, io::Result<()>);

    /// Tries everything that affects files, other processes or the network.
    fn attempts(addr: SocketAddr) -> Vec<Attempt> {
        let file =
            std::env::temp_dir().join(format!("curtaincall-lockdown-{}", std::process::id()));
        let created = File::create(&file).map(drop);
        let _ = fs::remove_file(&file);
        vec![
            ("read a file", true, File::open("/proc/self/status").map(drop)),
            ("list a folder", true, fs::read_dir("/").map(drop)),
            ("create a file", true, created),
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
    fn assert_denied(attempts: Vec<Attempt>) {
        for (what, _, result) in attempts {
            let kind = result.expect_err(what).kind();
            assert_eq!(kind, io::ErrorKind::PermissionDenied, "{what}");
        }
    }

    /// The restrictions apply only to the current thread and to those that it starts, not to the other tests.
    #[test]
    fn a_locked_down_thread_cannot_open_files_use_the_network_or_start_programs() {
        let (_listener, addr) = listener();
        let locked = thread::spawn(move || {
            for (what, _, result) in attempts(addr) {
                assert!(result.is_ok(), "before: {what}: {result:?}");
            }
            lock_down();
            assert_denied(attempts(addr));
            // The thread can still use memory and time, and start threads. Those are restricted too.
            let inner = thread::Builder::new().name("inner".into());
            let inner = inner.spawn(move || {
                assert_denied(attempts(addr));
                vec![1_u8; 32 << 20].iter().map(|&byte| u64::from(byte)).sum::<u64>()
            });
            assert_eq!(inner.unwrap().join().unwrap(), 32 << 20);
            assert!(thread::available_parallelism().unwrap().get() >= 1);
        });
        locked.join().unwrap();
        File::open("/proc/self/status").unwrap();
    }

    #[test]
    fn landlock_alone_denies_files_and_programs_if_the_kernel_has_it() {
        let (_listener, addr) = listener();
        let locked = thread::spawn(move || {
            let is_enforced = landlock();
            for (what, by_landlock, result) in attempts(addr) {
                if is_enforced && by_landlock {
                    assert_denied(vec![(what, by_landlock, result)])
                } else {
                    // Before Linux 6.7, Landlock does not restrict ports.
                    assert!(is_enforced || result.is_ok(), "{what}: {result:?}")
                }
            }
        });
        locked.join().unwrap();
    }
}

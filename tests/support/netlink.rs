//! A host without netlink sockets.

use super::host::Host;

impl Host {
    /// Make the kernel refuse `AF_NETLINK` sockets, as in some sandboxes, so that the host cannot look up users.
    #[expect(unsafe_code, reason = "the standard library has no safe hook before exec")]
    pub fn without_netlink(mut self) -> Self {
        use seccompiler::{
            SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
            SeccompRule,
        };
        use std::os::unix::process::CommandExt as _;

        let (family, refused) = (libc::AF_NETLINK as u64, libc::EAFNOSUPPORT as u32);
        let is_netlink =
            SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family).unwrap();
        let rules = [(libc::SYS_socket, vec![SeccompRule::new(vec![is_netlink]).unwrap()])];
        let filter = SeccompFilter::new(
            rules.into_iter().collect(),
            SeccompAction::Allow,
            SeccompAction::Errno(refused),
            std::env::consts::ARCH.try_into().unwrap(),
        );
        let filter: seccompiler::BpfProgram = filter.unwrap().try_into().unwrap();
        let apply = move || seccompiler::apply_filter(&filter).map_err(std::io::Error::other);
        // SAFETY: between fork and exec, it makes two system calls. It allocates only if one fails.
        unsafe { self.command.pre_exec(apply) };
        self
    }
}

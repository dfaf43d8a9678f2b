//! The tests that need more than Rust: browsers, a network of their own, or root.
//!
//! Whether the machine has it is decided at run time. Where a part is missing, the tests that need it are reported as
//! ignored, and the reason is printed once.

#![cfg_attr(unix, expect(clippy::print_stderr, reason = "a harness says why it ignores tests"))]
#![cfg_attr(unix, expect(clippy::unwrap_used, reason = "a test that cannot go on has failed"))]
#![cfg_attr(unix, expect(unreachable_pub, reason = "nothing is outside of a test binary"))]

/// Lists the tests of a module by what they need.
#[cfg(unix)]
macro_rules! tests {
    ($($need:ident: $($name:ident),+;)+) => {
        pub fn tests() -> Vec<crate::Test> {
            vec![$($(crate::Test {
                path: concat!(module_path!(), "::", stringify!($name)),
                need: crate::need::Need::$need,
                run: $name,
            }),+),+]
        }
    };
}

#[cfg(unix)]
mod browser;
#[cfg(unix)]
mod need;
#[cfg(target_os = "linux")]
mod other_users;
#[cfg(unix)]
mod page_browser;
#[cfg(target_os = "linux")]
mod page_engines;
#[cfg(target_os = "linux")]
mod page_grants;
#[cfg(target_os = "linux")]
mod signin_engines;
#[cfg(unix)]
mod support;

/// One test.
#[cfg(unix)]
pub struct Test {
    /// Its name, after the name of this crate.
    path: &'static str,
    need: need::Need,
    run: fn(),
}

#[cfg(unix)]
impl Test {
    fn trial(&self, is_ignored: bool) -> libtest_mimic::Trial {
        let (_, name) = self.path.split_once("::").unwrap();
        let run = self.run;
        let runner = move || {
            run();
            Ok(())
        };
        libtest_mimic::Trial::test(name, runner).with_ignored_flag(is_ignored)
    }
}

#[cfg(unix)]
fn all() -> Vec<Test> {
    let mut all = browser::tests();
    all.extend(page_browser::tests());
    #[cfg(target_os = "linux")]
    {
        all.extend(other_users::tests());
        all.extend(page_engines::tests());
        all.extend(page_grants::tests());
        all.extend(signin_engines::tests());
    }
    all
}

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    let (all, mut trials) = (all(), Vec::new());
    for need in need::Need::ALL {
        let unmet = need.unmet();
        let of_need = all.iter().filter(|test| test.need == need);
        let of_need: Vec<_> = of_need.map(|test| test.trial(unmet.is_some())).collect();
        let ignored = of_need
            .iter()
            .filter(|trial| arguments.is_ignored(trial) && !arguments.is_filtered_out(trial))
            .count();
        if let (Some(reason), 1.., false) = (unmet, ignored, arguments.list) {
            eprintln!("note: {ignored} ignored: {reason}");
        }
        trials.extend(of_need);
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Nothing here is for other systems.
#[cfg(not(unix))]
fn main() {}

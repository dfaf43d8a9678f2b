//! The data of one call's store: everything that a guest can see.

use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::account::Account;
use super::bindings::{session, types};
use super::log::GuestLog;
use crate::limits::{Limits, bytes};
use crate::session::Session;

/// A fresh one for every call.
pub(super) struct State {
    account: Account,
    /// Clocks and randomness; no files, no environment, no arguments, no sockets, no standard input.
    wasi: WasiCtx,
    table: ResourceTable,
    session: Arc<Session>,
}

impl State {
    /// The store of one call, under its limits: to be made on the thread that runs the guest.
    pub(super) fn store(
        engine: &Engine,
        limits: &Limits,
        log: GuestLog,
        session: Arc<Session>,
    ) -> Store<Self> {
        let wasi = WasiCtx::builder()
            .stdout(log.clone())
            .stderr(log)
            .max_random_size(limits.host_call_data.as_u64())
            .build();
        let handles = usize::try_from(limits.handles).unwrap_or(usize::MAX);
        let mut table = ResourceTable::new();
        table.set_max_capacity(handles);
        let state = Self { account: Account::open(limits), wasi, table, session };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.account);
        store.set_hostcall_fuel(bytes(limits.host_call_data));
        store.set_max_component_handles(handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            context.data().account.check_time()?;
            Ok(UpdateDeadline::Continue(1))
        });
        store
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl types::Host for State {}

impl session::Host for State {
    fn redirect_uri(&mut self) -> String {
        self.session.redirect_uri().to_owned()
    }

    fn state(&mut self) -> String {
        self.session.state().expose().to_owned()
    }

    fn code_challenge(&mut self) -> String {
        self.session.code_challenge().to_owned()
    }

    fn code_verifier(&mut self) -> String {
        self.session.code_verifier().expose().to_owned()
    }

    fn nonce(&mut self) -> String {
        self.session.nonce().expose().to_owned()
    }
}

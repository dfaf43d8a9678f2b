//! The data of one call's store: everything that the guest can reach.

use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{CallHook, Engine, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::account::Account;
use super::bindings::{config, session, types};
use super::log::GuestLog;
use super::outgoing::Outgoing;
use super::problems::Problems;
use super::provider::ProviderState;
use super::surroundings::Surroundings;
use crate::limits::{Limits, bytes};

/// The host's state for one call. Every call gets a fresh one.
pub(super) struct CallState {
    pub(super) account: Account,
    /// Clocks and randomness. No files, environment, arguments, sockets or standard input.
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(super) outgoing: Outgoing,
    pub(super) provider: ProviderState,
    pub(super) table: ResourceTable,
    pub(super) surroundings: Surroundings,
}

impl CallState {
    /// Creates the store of one call, and applies the limits to it. Must run on the thread that runs the guest.
    ///
    /// `loaded_bytes` is the memory that the host already uses for the loaded guest.
    pub(super) fn store(
        engine: &Engine,
        limits: &Limits,
        loaded_bytes: usize,
        log: GuestLog,
        surroundings: &Surroundings,
    ) -> Store<Self> {
        let mut wasi = WasiCtx::builder();
        wasi.stdout(log.clone()).stderr(log).max_random_size(limits.host_call_data.as_u64());
        surroundings.configure(&mut wasi);
        let handles = usize::try_from(limits.handles).unwrap_or(usize::MAX);
        let mut table = ResourceTable::new();
        table.set_max_capacity(handles);
        let state = Self {
            account: Account::open(limits, loaded_bytes),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outgoing: Outgoing::new(
                Arc::clone(&surroundings.upstream),
                limits,
                Problems::new(Arc::clone(&surroundings.variables)),
            ),
            provider: ProviderState::default(),
            table,
            surroundings: surroundings.clone(),
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.account);
        store.set_hostcall_fuel(bytes(limits.host_call_data));
        store.set_max_component_handles(handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            context.data().account.check()?;
            Ok(UpdateDeadline::Continue(1))
        });
        // The epoch interrupts only guest code. This hook also checks the limits after each piece of host work.
        store.call_hook(|context, hook| match hook {
            CallHook::CallingWasm | CallHook::ReturningFromHost => {
                context.data().account.check().map_err(Into::into)
            }
            CallHook::ReturningFromWasm | CallHook::CallingHost => Ok(()),
        });
        store.data_mut().account.start();
        store
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let Self { outgoing, table, http, .. } = self;
        WasiHttpCtxView { hooks: outgoing, table, ctx: http }
    }
}

impl types::Host for CallState {}

impl config::store::Host for CallState {
    fn get(&mut self, name: String) -> Result<Option<String>, config::store::Error> {
        Ok(self.surroundings.variables.get(&name).map(str::to_owned))
    }

    fn get_all(&mut self) -> Result<Vec<(String, String)>, config::store::Error> {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ok(self.surroundings.variables.iter().map(owned).collect())
    }
}

impl session::Host for CallState {
    fn redirect_uri(&mut self) -> String {
        self.surroundings.session.redirect_uri().to_owned()
    }

    fn state(&mut self) -> String {
        self.surroundings.session.state().expose().to_owned()
    }

    fn code_challenge(&mut self) -> String {
        self.surroundings.session.code_challenge().to_owned()
    }

    fn nonce(&mut self) -> String {
        self.surroundings.session.nonce().expose().to_owned()
    }
}

//! Checks a guest's exports and imports, and links it.

use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre};

use super::engine;
use super::state::CallState;
use super::{Guest, HANDLER, LoadError, Terms};

/// Checks the exports and imports of `component`, and links it.
pub(super) fn link(
    guest: &Guest,
    component: &Component,
    terms: &Terms,
) -> Result<InstancePre<CallState>, LoadError> {
    let engine = component.engine();
    check_exports(guest, engine, component)?;
    let imports = check_imports(guest, engine, component)?;
    if !terms.reveal && imports.iter().any(|name| name.starts_with(engine::REVEAL)) {
        return Err(LoadError::Reveal { guest: guest.clone() });
    }
    let linker = engine::linker(engine, &imports).map_err(LoadError::engine)?;
    linker.instantiate_pre(component).map_err(|error| LoadError::link(guest, error))
}

fn check_exports(guest: &Guest, engine: &Engine, component: &Component) -> Result<(), LoadError> {
    if component.get_export_index(None, HANDLER).is_some() {
        return Ok(());
    }
    let exports =
        component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect();
    Err(LoadError::MissingExport { guest: guest.clone(), missing: HANDLER, exports })
}

/// Fails for imports that the host does not provide. Returns the names of all imports.
fn check_imports(
    guest: &Guest,
    engine: &Engine,
    component: &Component,
) -> Result<Vec<String>, LoadError> {
    let imported = component.component_type();
    let names: Vec<String> = imported.imports(engine).map(|(name, _)| name.to_owned()).collect();
    let unknown: Vec<String> =
        names.iter().filter(|name| !engine::is_provided(name)).cloned().collect();
    if unknown.is_empty() {
        Ok(names)
    } else {
        Err(LoadError::Imports { guest: guest.clone(), imports: unknown })
    }
}

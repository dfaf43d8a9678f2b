//! Estimates the footprint of a component before it is compiled, in one pass over its binary.
//!
//! A small component can have a large footprint, because it can instantiate a nested component many times. The pass
//! is still linear in the size of the binary: the footprint of one instance is computed once, at the definition.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentType, ComponentTypeDeclaration, ComponentTypeRef, ElementItems, Encoding, Instance,
    InstanceTypeDeclaration, Parser, Payload,
};
use wasmtime::{Result, bail};

use super::footprint::Footprint;

/// Bytes of a global in its instance.
const GLOBAL: u64 = 16;
/// Bytes of any other item that has an index in a core instance, such as a function or an import.
const ITEM: u64 = 40;
/// Bytes of a table or a memory, without its content.
const CONTAINER: u64 = 256;
/// Bytes of a core instance, without its items.
const INSTANCE: u64 = 512;
/// Bytes of a definition in a component: a type, an alias, an import, a lifted function.
const DEFINITION: u64 = 128;
/// Bytes of a table element.
const ELEMENT: u64 = 8;
/// The deepest allowed nesting of components.
const DEPTH: usize = 100;

/// Estimate the footprint of a binary component.
pub(super) fn estimate(wasm: &[u8]) -> Result<Footprint> {
    let mut estimator = Estimator::default();
    for payload in Parser::new(0).parse_all(wasm) {
        estimator.add(payload?)?;
    }
    match estimator.total {
        Some(total) => Ok(total),
        None => bail!("unexpected end of the component"),
    }
}

/// A module or component whose binary is being read.
struct Open {
    encoding: Encoding,
    /// The footprint of one of its instances.
    footprint: Footprint,
    /// The footprint of one instance of each module in its index space.
    modules: Vec<Footprint>,
    /// The footprint of one instance of each component in its index space.
    components: Vec<Footprint>,
}

#[derive(Default)]
struct Estimator {
    open: Vec<Open>,
    /// The maximum of each field, over all modules defined so far.
    largest_module: Footprint,
    /// The maximum of each field, over all components defined so far.
    largest_component: Footprint,
    total: Option<Footprint>,
}

impl Estimator {
    fn add(&mut self, payload: Payload<'_>) -> Result<()> {
        if let Payload::Version { encoding, .. } = payload {
            if self.open.len() >= DEPTH {
                bail!("components are nested more than {DEPTH} levels deep");
            }
            let empty = Footprint { host_memory: INSTANCE, ..Footprint::default() };
            let footprint = match encoding {
                Encoding::Module => Footprint { instances: 1, ..empty },
                Encoding::Component => Footprint { components: 1, ..empty },
            };
            let (modules, components) = (Vec::new(), Vec::new());
            self.open.push(Open { encoding, footprint, modules, components });
            return Ok(());
        }
        if let Payload::End(_) = payload {
            self.close();
            return Ok(());
        }
        let largest = (self.largest_module, self.largest_component);
        let Some((open, outer)) = self.open.split_last_mut() else { return Ok(()) };
        match open.encoding {
            Encoding::Module => open.module(payload),
            Encoding::Component => open.component(payload, outer, largest),
        }
    }

    fn close(&mut self) {
        let Some(closed) = self.open.pop() else { return };
        let footprint = closed.footprint;
        let outer = self.open.last_mut();
        match (closed.encoding, outer) {
            (_, None) => self.total = Some(footprint),
            (Encoding::Module, Some(outer)) => {
                outer.modules.push(footprint);
                self.largest_module = self.largest_module.max(footprint);
            }
            (Encoding::Component, Some(outer)) => {
                outer.components.push(footprint);
                self.largest_component = self.largest_component.max(footprint);
            }
        }
    }
}

impl Open {
    fn module(&mut self, payload: Payload<'_>) -> Result<()> {
        let footprint = &mut self.footprint;
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    import?;
                    footprint.add_items(1, ITEM);
                }
            }
            Payload::FunctionSection(section) => footprint.add_items(section.count(), ITEM),
            Payload::TagSection(section) => footprint.add_items(section.count(), ITEM),
            Payload::GlobalSection(section) => {
                footprint.add_items(section.count(), GLOBAL);
                footprint.add_initializers(section.range());
            }
            Payload::MemorySection(section) => {
                footprint.add_items(section.count(), CONTAINER);
                for memory in section {
                    let memory = memory?;
                    let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(16));
                    let bytes = memory.initial.saturating_mul(page.unwrap_or(u64::MAX));
                    footprint.memories += 1;
                    footprint.memory = footprint.memory.saturating_add(bytes);
                }
            }
            Payload::TableSection(section) => {
                footprint.add_items(section.count(), CONTAINER);
                footprint.add_initializers(section.range());
                for table in section {
                    let elements = table?.ty.initial;
                    footprint.tables += 1;
                    footprint.table_elements = footprint.table_elements.saturating_add(elements);
                    let bytes = elements.saturating_mul(ELEMENT);
                    footprint.host_memory = footprint.host_memory.saturating_add(bytes);
                }
            }
            Payload::ElementSection(section) => {
                footprint.add_items(section.count(), ELEMENT);
                footprint.add_initializers(section.range());
                for segment in section {
                    let count = match segment?.items {
                        ElementItems::Functions(items) => items.count(),
                        ElementItems::Expressions(_, items) => items.count(),
                    };
                    let bytes = u64::from(count) * ELEMENT;
                    footprint.initialized = footprint.initialized.saturating_add(bytes);
                }
            }
            Payload::DataSection(section) => {
                footprint.add_items(section.count(), ELEMENT);
                footprint.add_initializers(section.range());
            }
            _ => {}
        }
        Ok(())
    }

    fn component(
        &mut self,
        payload: Payload<'_>,
        outer: &[Self],
        (largest_module, largest_component): (Footprint, Footprint),
    ) -> Result<()> {
        let mut definitions = 0_usize;
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section {
                    match instance? {
                        Instance::Instantiate { module_index, args } => {
                            self.footprint.add(at(&self.modules, module_index)?);
                            definitions += 1 + args.len();
                        }
                        Instance::FromExports(exports) => definitions += 1 + exports.len(),
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    match instance? {
                        ComponentInstance::Instantiate { component_index, args } => {
                            self.footprint.add(at(&self.components, component_index)?);
                            definitions += 1 + args.len();
                        }
                        ComponentInstance::FromExports(exports) => definitions += 1 + exports.len(),
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    definitions += 1;
                    match alias? {
                        // The estimate does not track which module or component an instance exports. It was
                        // defined earlier (see `check_type`), so the largest one so far is an upper bound.
                        ComponentAlias::InstanceExport { kind, .. } => match kind {
                            ComponentExternalKind::Module => self.modules.push(largest_module),
                            ComponentExternalKind::Component => {
                                self.components.push(largest_component);
                            }
                            _ => {}
                        },
                        ComponentAlias::Outer { kind, count, index } => {
                            let of = match (count as usize).checked_sub(1) {
                                None => &*self,
                                Some(up) => match outer.iter().rev().nth(up) {
                                    Some(of) => of,
                                    None => bail!("invalid outer alias count of {count}"),
                                },
                            };
                            match kind {
                                ComponentOuterAliasKind::CoreModule => {
                                    let footprint = at(&of.modules, index)?;
                                    self.modules.push(footprint);
                                }
                                ComponentOuterAliasKind::Component => {
                                    let footprint = at(&of.components, index)?;
                                    self.components.push(footprint);
                                }
                                _ => {}
                            }
                        }
                        ComponentAlias::CoreInstanceExport { .. } => {}
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    definitions += 1;
                    check_reference(import?.ty)?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    definitions += 1;
                    let export = export?;
                    match export.kind {
                        ComponentExternalKind::Module => {
                            self.modules.push(at(&self.modules, export.index)?);
                        }
                        ComponentExternalKind::Component => {
                            self.components.push(at(&self.components, export.index)?);
                        }
                        _ => {}
                    }
                }
            }
            Payload::ComponentTypeSection(section) => {
                for ty in section {
                    definitions += 1;
                    check_type(&ty?)?;
                }
            }
            Payload::CoreTypeSection(section) => definitions += section.count() as usize,
            Payload::ComponentCanonicalSection(section) => definitions += section.count() as usize,
            _ => {}
        }
        self.footprint.add_items(u32::try_from(definitions).unwrap_or(u32::MAX), DEFINITION);
        Ok(())
    }
}

fn at(footprints: &[Footprint], index: u32) -> Result<Footprint> {
    match footprints.get(index as usize) {
        Some(footprint) => Ok(*footprint),
        None => bail!("unknown module or component index {index}"),
    }
}

/// Fail for an imported or exported module or component, which the estimate cannot see.
///
/// With this rule, everything that a component instantiates is defined earlier in the same binary.
fn check_reference(reference: ComponentTypeRef) -> Result<()> {
    match reference {
        ComponentTypeRef::Module(_) | ComponentTypeRef::Component(_) => {
            bail!("importing a module or component is not supported")
        }
        _ => Ok(()),
    }
}

/// Apply [`check_reference`] to every import and export in a type.
fn check_type(ty: &ComponentType<'_>) -> Result<()> {
    match ty {
        ComponentType::Component(declarations) => {
            declarations.iter().try_for_each(|declaration| match declaration {
                ComponentTypeDeclaration::Import(import) => check_reference(import.ty),
                ComponentTypeDeclaration::Export { ty, .. } => check_reference(*ty),
                ComponentTypeDeclaration::Type(ty) => check_type(ty),
                _ => Ok(()),
            })
        }
        ComponentType::Instance(declarations) => {
            declarations.iter().try_for_each(|declaration| match declaration {
                InstanceTypeDeclaration::Export { ty, .. } => check_reference(*ty),
                InstanceTypeDeclaration::Type(ty) => check_type(ty),
                _ => Ok(()),
            })
        }
        _ => Ok(()),
    }
}

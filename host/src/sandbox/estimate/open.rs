//! The footprint of one module or component, section by section.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentType, ComponentTypeDeclaration, ComponentTypeRef, ElementItems, Encoding, Instance,
    InstanceTypeDeclaration, Payload,
};
use wasmtime::{Result, bail};

use crate::sandbox::footprint::Footprint;

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

/// A module or component whose binary is being read.
pub(super) struct Open {
    pub(super) encoding: Encoding,
    /// The footprint of one of its instances.
    pub(super) footprint: Footprint,
    /// The footprint of one instance of each module in its index space.
    pub(super) modules: Vec<Footprint>,
    /// The footprint of one instance of each component in its index space.
    pub(super) components: Vec<Footprint>,
}

impl Open {
    pub(super) fn new(encoding: Encoding) -> Self {
        let empty = Footprint { host_memory: INSTANCE, ..Footprint::default() };
        let footprint = match encoding {
            Encoding::Module => Footprint { instances: 1, ..empty },
            Encoding::Component => Footprint { components: 1, ..empty },
        };
        Self { encoding, footprint, modules: Vec::new(), components: Vec::new() }
    }

    /// Adds a section of a module.
    pub(super) fn module(&mut self, payload: Payload<'_>) -> Result<()> {
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

    /// Adds a section of a component. `outer` contains the modules and components around it.
    pub(super) fn component(
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

/// Fails for an imported or exported module or component, which the estimate cannot see.
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

/// Applies [`check_reference`] to every import and export in a type.
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

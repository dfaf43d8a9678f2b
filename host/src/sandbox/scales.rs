//! Weighing a component: a walk over all of it before it is compiled.
//!
//! A component is small and what it stands for is large: each nested component counts as often as it is
//! instantiated. The walk is linear in the size of the component, since what one instance weighs is added up
//! once, where the component is defined.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentType, ComponentTypeDeclaration, ComponentTypeRef, ElementItems, Encoding, Instance,
    InstanceTypeDeclaration, Parser, Payload,
};
use wasmtime::{Result, bail};

use super::weight::Weight;

/// Bytes of a global in its instance.
const GLOBAL: u64 = 16;
/// Bytes of anything else that has an index in a core instance: a function, an import.
const ITEM: u64 = 40;
/// Bytes of a table or a memory, besides what is in it.
const CONTAINER: u64 = 256;
/// Bytes of a core instance itself.
const INSTANCE: u64 = 512;
/// Bytes of a definition in a component: a type, an alias, an import, a function that is lifted.
const DEFINITION: u64 = 128;
/// Bytes of an element of a table.
const ELEMENT: u64 = 8;
/// How deep components may be nested.
const DEPTH: usize = 100;

/// Weigh a binary component.
pub(super) fn weigh(wasm: &[u8]) -> Result<Weight> {
    let mut scales = Scales::default();
    for payload in Parser::new(0).parse_all(wasm) {
        scales.put(payload?)?;
    }
    match scales.whole {
        Some(whole) => Ok(whole),
        None => bail!("unexpected end"),
    }
}

/// A module or component that is being read.
struct Open {
    encoding: Encoding,
    /// Of one instance of it.
    weight: Weight,
    /// Of one instance of each module and component that has an index in it.
    modules: Vec<Weight>,
    components: Vec<Weight>,
}

#[derive(Default)]
struct Scales {
    open: Vec<Open>,
    /// The heaviest that were defined so far, whichever was heaviest in what.
    heaviest_module: Weight,
    heaviest_component: Weight,
    whole: Option<Weight>,
}

impl Scales {
    fn put(&mut self, payload: Payload<'_>) -> Result<()> {
        if let Payload::Version { encoding, .. } = payload {
            if self.open.len() >= DEPTH {
                bail!("components are nested deeper than {DEPTH}");
            }
            let nothing = Weight { held: INSTANCE, ..Weight::default() };
            let weight = match encoding {
                Encoding::Module => Weight { instances: 1, ..nothing },
                Encoding::Component => Weight { components: 1, ..nothing },
            };
            self.open.push(Open { encoding, weight, modules: Vec::new(), components: Vec::new() });
            return Ok(());
        }
        if let Payload::End(_) = payload {
            self.close();
            return Ok(());
        }
        let heaviest = (self.heaviest_module, self.heaviest_component);
        let Some((open, outer)) = self.open.split_last_mut() else { return Ok(()) };
        match open.encoding {
            Encoding::Module => open.module(payload),
            Encoding::Component => open.component(payload, outer, heaviest),
        }
    }

    fn close(&mut self) {
        let Some(closed) = self.open.pop() else { return };
        let weight = closed.weight;
        let outer = self.open.last_mut();
        match (closed.encoding, outer) {
            (_, None) => self.whole = Some(weight),
            (Encoding::Module, Some(outer)) => {
                outer.modules.push(weight);
                self.heaviest_module = self.heaviest_module.max(weight);
            }
            (Encoding::Component, Some(outer)) => {
                outer.components.push(weight);
                self.heaviest_component = self.heaviest_component.max(weight);
            }
        }
    }
}

impl Open {
    fn module(&mut self, payload: Payload<'_>) -> Result<()> {
        let weight = &mut self.weight;
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    import?;
                    weight.hold(1, ITEM);
                }
            }
            Payload::FunctionSection(section) => weight.hold(section.count(), ITEM),
            Payload::TagSection(section) => weight.hold(section.count(), ITEM),
            Payload::GlobalSection(section) => {
                weight.hold(section.count(), GLOBAL);
                weight.copy(section.range());
            }
            Payload::MemorySection(section) => {
                weight.hold(section.count(), CONTAINER);
                for memory in section {
                    let memory = memory?;
                    let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(16));
                    let bytes = memory.initial.saturating_mul(page.unwrap_or(u64::MAX));
                    weight.memories += 1;
                    weight.memory = weight.memory.saturating_add(bytes);
                }
            }
            Payload::TableSection(section) => {
                weight.hold(section.count(), CONTAINER);
                weight.copy(section.range());
                for table in section {
                    let elements = table?.ty.initial;
                    weight.tables += 1;
                    weight.table_elements = weight.table_elements.saturating_add(elements);
                    weight.held = weight.held.saturating_add(elements.saturating_mul(ELEMENT));
                }
            }
            Payload::ElementSection(section) => {
                weight.hold(section.count(), ELEMENT);
                weight.copy(section.range());
                for segment in section {
                    let count = match segment?.items {
                        ElementItems::Functions(items) => items.count(),
                        ElementItems::Expressions(_, items) => items.count(),
                    };
                    weight.copied = weight.copied.saturating_add(u64::from(count) * ELEMENT);
                }
            }
            Payload::DataSection(section) => {
                weight.hold(section.count(), ELEMENT);
                weight.copy(section.range());
            }
            _ => {}
        }
        Ok(())
    }

    fn component(
        &mut self,
        payload: Payload<'_>,
        outer: &[Self],
        (heaviest_module, heaviest_component): (Weight, Weight),
    ) -> Result<()> {
        let mut definitions = 0_usize;
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section {
                    match instance? {
                        Instance::Instantiate { module_index, args } => {
                            self.weight.add(at(&self.modules, module_index)?);
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
                            self.weight.add(at(&self.components, component_index)?);
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
                        // Where an instance has it from is not followed. It was defined before: see `check_type`.
                        ComponentAlias::InstanceExport { kind, .. } => match kind {
                            ComponentExternalKind::Module => self.modules.push(heaviest_module),
                            ComponentExternalKind::Component => {
                                self.components.push(heaviest_component);
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
                                    let weight = at(&of.modules, index)?;
                                    self.modules.push(weight);
                                }
                                ComponentOuterAliasKind::Component => {
                                    let weight = at(&of.components, index)?;
                                    self.components.push(weight);
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
        self.weight.hold(u32::try_from(definitions).unwrap_or(u32::MAX), DEFINITION);
        Ok(())
    }
}

fn at(weights: &[Weight], index: u32) -> Result<Weight> {
    match weights.get(index as usize) {
        Some(weight) => Ok(*weight),
        None => bail!("unknown module or component {index}"),
    }
}

/// No component may get a module or a component from outside: what it instantiates was defined before it.
fn check_reference(reference: ComponentTypeRef) -> Result<()> {
    match reference {
        ComponentTypeRef::Module(_) | ComponentTypeRef::Component(_) => {
            bail!("a module or component is imported, which is not supported")
        }
        _ => Ok(()),
    }
}

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

//! The resources that the instances of a component need, as far as they are known before it runs.

use std::ops::Range;

use crate::limits::{Limit, LimitError, Limits};

/// The resources that the instances of a component need. Everything counts once per instantiation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Footprint {
    /// Core instances.
    pub(super) instances: u64,
    /// Component instances.
    pub(super) components: u64,
    /// Linear memories.
    pub(super) memories: u64,
    /// Tables.
    pub(super) tables: u64,
    /// Initial table elements.
    pub(super) table_elements: u64,
    /// Initial bytes of linear memory.
    pub(super) memory: u64,
    /// Bytes that the host needs.
    pub(super) host_memory: u64,
    /// Bytes of initializers: data that is copied into memories and tables, and constant expressions that are
    /// evaluated. Each instance repeats this work, and nothing can interrupt it.
    pub(super) initialized: u64,
}

impl Footprint {
    /// The length of the encoded form, in bytes.
    pub(super) const LEN: usize = 8 * 8;

    pub(super) fn to_bytes(self) -> Vec<u8> {
        self.fields().into_iter().flat_map(u64::to_le_bytes).collect()
    }

    /// Decodes the footprint at the start of `bytes`. Returns `None` if `bytes` is too short.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut fields = bytes.get(..Self::LEN)?.as_chunks::<8>().0.iter().copied();
        let mut next = || fields.next().map(u64::from_le_bytes);
        Some(Self {
            instances: next()?,
            components: next()?,
            memories: next()?,
            tables: next()?,
            table_elements: next()?,
            memory: next()?,
            host_memory: next()?,
            initialized: next()?,
        })
    }

    fn fields(self) -> [u64; 8] {
        let Self {
            instances,
            components,
            memories,
            tables,
            table_elements,
            memory,
            host_memory,
            initialized,
        } = self;
        [instances, components, memories, tables, table_elements, memory, host_memory, initialized]
    }

    /// Checks this footprint against the limits. `loaded_bytes` is the memory that the host uses between calls.
    pub(super) fn check(&self, loaded_bytes: u64, limits: &Limits) -> Result<(), LimitError> {
        let most = [self.instances, self.components, self.memories, self.tables].into_iter().max();
        let instances = most.unwrap_or_default();
        let memory = self.memory.saturating_add(self.host_memory).saturating_add(loaded_bytes);
        let limit = if instances > u64::from(limits.instances) {
            Limit::Instances
        } else if self.table_elements > u64::from(limits.table_elements) {
            Limit::TableElements
        } else if memory.max(self.initialized) > limits.memory.as_u64() {
            Limit::Memory
        } else {
            return Ok(());
        };
        Err(LimitError::new(limit, limits))
    }

    pub(super) fn add(&mut self, other: Self) {
        *self = self.with(other, u64::saturating_add);
    }

    pub(super) fn max(self, other: Self) -> Self {
        self.with(other, u64::max)
    }

    fn with(self, other: Self, merge: fn(u64, u64) -> u64) -> Self {
        Self {
            instances: merge(self.instances, other.instances),
            components: merge(self.components, other.components),
            memories: merge(self.memories, other.memories),
            tables: merge(self.tables, other.tables),
            table_elements: merge(self.table_elements, other.table_elements),
            memory: merge(self.memory, other.memory),
            host_memory: merge(self.host_memory, other.host_memory),
            initialized: merge(self.initialized, other.initialized),
        }
    }

    /// Counts a section whose content each instance copies or evaluates.
    pub(super) fn add_initializers(&mut self, section: Range<usize>) {
        self.initialized = self.initialized.saturating_add(section.len() as u64);
    }

    /// Counts `count` items for which the host needs `bytes` each.
    pub(super) fn add_items(&mut self, count: u32, bytes: u64) {
        self.host_memory = self.host_memory.saturating_add(u64::from(count).saturating_mul(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::estimate::estimate;

    fn footprint_of(component: &str) -> Footprint {
        estimate(&wat::parse_str(component).unwrap()).unwrap()
    }

    fn error_of(component: &str) -> String {
        estimate(&wat::parse_str(component).unwrap()).unwrap_err().to_string()
    }

    /// Returns nested components, each of which instantiates the next inner one twice.
    fn doubling(depth: u32, innermost: &str) -> String {
        let inner = format!("(component $c {innermost})");
        let nest = |inner: String, _| {
            format!(
                "(component $c {inner} (instance (instantiate $c)) (instance (instantiate $c)))"
            )
        };
        let nested = (0..depth).fold(inner, nest);
        format!("(component {nested} (instance (instantiate $c)))")
    }

    #[test]
    fn a_nested_component_counts_once_per_instantiation() {
        let module = "(core module $m (memory 2) (table 3 funcref) (global i32 (i32.const 0)))\
                      (core instance (instantiate $m))";
        let many = footprint_of(&doubling(10, module));
        assert_eq!((many.instances, many.memories, many.tables), (1024, 1024, 1024));
        assert_eq!((many.memory, many.table_elements), (1024 * 2 * 65536, 1024 * 3));
        assert_eq!(many.components, 2048);
        let once = footprint_of(&doubling(0, module));
        assert_eq!((once.instances, once.memory, once.components), (1, 2 * 65536, 2));
    }

    #[test]
    fn a_constant_expression_counts_once_per_evaluation() {
        let terms = "(i32.const 1) (i32.add)".repeat(1000);
        let module = format!("(core module $m (global i32 (i32.const 1) {terms}))");
        let many = format!("{module} {}", "(core instance (instantiate $m))".repeat(50));
        let initialized = footprint_of(&format!("(component {many})")).initialized;
        assert!(initialized > 50 * 3 * 1000, "{initialized}");
    }

    #[test]
    fn counts_saturate_instead_of_overflowing() {
        let module = "(core module $m) (core instance (instantiate $m))";
        assert_eq!(footprint_of(&doubling(70, module)).instances, u64::MAX);
    }

    #[test]
    fn an_alias_or_export_of_a_component_has_the_same_footprint() {
        let inner =
            "(component $inner (core module $m (memory 1)) (core instance (instantiate $m)))";
        for other in [
            "(export $other \"other\" (component $inner)) (instance (instantiate $other))",
            "(instance $i (export \"c\" (component $inner))) (alias export $i \"c\" (component $other)) (instance (instantiate $other))",
            "(component $user (alias outer 1 $inner (component $other)) (instance (instantiate $other))) (instance (instantiate $user))",
        ] {
            let footprint = footprint_of(&format!("(component {inner} {other})"));
            assert_eq!((footprint.instances, footprint.memory), (1, 65536), "{other}");
        }
        let module = "(core module $m (memory 1)) (export $other \"other\" (core module $m))";
        let footprint =
            footprint_of(&format!("(component {module} (core instance (instantiate $other)))"));
        assert_eq!((footprint.instances, footprint.memory), (1, 65536));
    }

    #[test]
    fn an_imported_module_or_component_is_an_error() {
        for import in [
            "(import \"c\" (component))",
            "(import \"m\" (core module))",
            "(import \"i\" (instance (export \"c\" (component))))",
            "(type (component (import \"i\" (instance (export \"m\" (core module))))))",
        ] {
            let error = error_of(&format!("(component {import})"));
            assert_eq!(error, "importing a module or component is not supported");
        }
    }

    #[test]
    fn each_limit_is_checked() {
        let limits = Limits::default();
        let reached = |footprint: Footprint, loaded_bytes| {
            footprint.check(loaded_bytes, &limits).err().map(|error| error.limit())
        };
        let empty = Footprint::default();
        let most = limits.memory.as_u64();
        assert_eq!(reached(empty, most), None);
        for (footprint, limit) in [
            (Footprint { instances: 101, ..empty }, Limit::Instances),
            (Footprint { components: 101, ..empty }, Limit::Instances),
            (Footprint { memories: 101, ..empty }, Limit::Instances),
            (Footprint { tables: 101, ..empty }, Limit::Instances),
            (Footprint { table_elements: 100_001, ..empty }, Limit::TableElements),
            (Footprint { memory: most, host_memory: 1, ..empty }, Limit::Memory),
            (Footprint { initialized: most + 1, ..empty }, Limit::Memory),
        ] {
            assert_eq!(reached(footprint, 0), Some(limit), "{footprint:?}");
        }
        assert_eq!(reached(empty, most + 1), Some(Limit::Memory));
    }

    #[test]
    fn a_footprint_survives_encoding_and_decoding() {
        let module = "(core module $m (memory 1)) (core instance (instantiate $m))";
        let footprint = footprint_of(&doubling(3, module));
        assert_eq!(Footprint::from_bytes(&footprint.to_bytes()), Some(footprint));
        assert_eq!(footprint.to_bytes().len(), Footprint::LEN);
        assert_eq!(Footprint::from_bytes(&[0; Footprint::LEN - 1]), None);
    }
}

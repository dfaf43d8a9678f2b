//! What the instances of a component take, as far as that is known before it runs.

use std::ops::Range;

use crate::limits::{Limit, LimitError, Limits};

/// What the instances of a component take. Everything is counted as often as it is instantiated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// Core instances.
    pub(super) instances: u64,
    /// Instances of components.
    pub(super) components: u64,
    /// Linear memories.
    pub(super) memories: u64,
    /// Tables.
    pub(super) tables: u64,
    /// Elements of tables at the start.
    pub(super) table_elements: u64,
    /// Bytes of linear memory at the start.
    pub(super) memory: u64,
    /// Bytes that the host holds.
    pub(super) held: u64,
    /// Bytes that are copied into memories and tables at the start, and of expressions that are evaluated: each
    /// instance does it again, and nothing can interrupt it.
    pub(super) copied: u64,
}

impl Weight {
    /// Its length as bytes.
    pub(super) const LEN: usize = 8 * 8;

    pub(super) fn to_bytes(self) -> Vec<u8> {
        self.fields().into_iter().flat_map(u64::to_le_bytes).collect()
    }

    /// The weight at the start of `bytes`, if there is one.
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
            held: next()?,
            copied: next()?,
        })
    }

    fn fields(self) -> [u64; 8] {
        let Self { instances, components, memories, tables, table_elements, memory, held, copied } =
            self;
        [instances, components, memories, tables, table_elements, memory, held, copied]
    }

    /// Whether a component of this weight fits, when the host holds `loaded` bytes for it between calls.
    pub(super) fn check(&self, loaded: u64, limits: &Limits) -> Result<(), LimitError> {
        let most = [self.instances, self.components, self.memories, self.tables].into_iter().max();
        let instances = most.unwrap_or_default();
        let memory = self.memory.saturating_add(self.held).saturating_add(loaded);
        let limit = if instances > u64::from(limits.instances) {
            Limit::Instances
        } else if self.table_elements > u64::from(limits.table_elements) {
            Limit::TableElements
        } else if memory.max(self.copied) > limits.memory.as_u64() {
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
            held: merge(self.held, other.held),
            copied: merge(self.copied, other.copied),
        }
    }

    /// Count a section that is copied, or evaluated.
    pub(super) fn copy(&mut self, section: Range<usize>) {
        self.copied = self.copied.saturating_add(section.len() as u64);
    }

    /// Count what the host holds: `count` things of `bytes` each.
    pub(super) fn hold(&mut self, count: u32, bytes: u64) {
        self.held = self.held.saturating_add(u64::from(count).saturating_mul(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::scales::weigh;

    fn weight_of(component: &str) -> Weight {
        weigh(&wat::parse_str(component).unwrap()).unwrap()
    }

    fn problem_of(component: &str) -> String {
        weigh(&wat::parse_str(component).unwrap()).unwrap_err().to_string()
    }

    /// Each component instantiates the one in it twice.
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
    fn what_is_nested_counts_as_often_as_it_is_instantiated() {
        let module = "(core module $m (memory 2) (table 3 funcref) (global i32 (i32.const 0)))\
                      (core instance (instantiate $m))";
        let weight = weight_of(&doubling(10, module));
        assert_eq!((weight.instances, weight.memories, weight.tables), (1024, 1024, 1024));
        assert_eq!((weight.memory, weight.table_elements), (1024 * 2 * 65536, 1024 * 3));
        assert_eq!(weight.components, 2048);
        let once = weight_of(&doubling(0, module));
        assert_eq!((once.instances, once.memory, once.components), (1, 2 * 65536, 2));
    }

    #[test]
    fn an_expression_counts_as_often_as_it_is_evaluated() {
        let terms = "(i32.const 1) (i32.add)".repeat(1000);
        let module = format!("(core module $m (global i32 (i32.const 1) {terms}))");
        let many = format!("{module} {}", "(core instance (instantiate $m))".repeat(50));
        let copied = weight_of(&format!("(component {many})")).copied;
        assert!(copied > 50 * 3 * 1000, "{copied}");
    }

    #[test]
    fn numbers_too_large_to_count_stay_large() {
        let weight = weight_of(&doubling(70, "(core module $m) (core instance (instantiate $m))"));
        assert_eq!(weight.instances, u64::MAX);
    }

    #[test]
    fn another_name_for_a_component_is_not_lighter() {
        let heavy =
            "(component $heavy (core module $m (memory 1)) (core instance (instantiate $m)))";
        for other in [
            "(export $other \"other\" (component $heavy)) (instance (instantiate $other))",
            "(instance $i (export \"c\" (component $heavy))) (alias export $i \"c\" (component $other)) (instance (instantiate $other))",
            "(component $user (alias outer 1 $heavy (component $other)) (instance (instantiate $other))) (instance (instantiate $user))",
        ] {
            let weight = weight_of(&format!("(component {heavy} {other})"));
            assert_eq!((weight.instances, weight.memory), (1, 65536), "{other}");
        }
        let module = "(core module $m (memory 1)) (export $other \"other\" (core module $m))";
        let weight =
            weight_of(&format!("(component {module} (core instance (instantiate $other)))"));
        assert_eq!((weight.instances, weight.memory), (1, 65536));
    }

    #[test]
    fn code_from_outside_cannot_be_weighed() {
        for import in [
            "(import \"c\" (component))",
            "(import \"m\" (core module))",
            "(import \"i\" (instance (export \"c\" (component))))",
            "(type (component (import \"i\" (instance (export \"m\" (core module))))))",
        ] {
            let problem = problem_of(&format!("(component {import})"));
            assert_eq!(problem, "a module or component is imported, which is not supported");
        }
    }

    #[test]
    fn each_limit_is_checked() {
        let limits = Limits::default();
        let limit = |weight: Weight, loaded| weight.check(loaded, &limits).err().map(|e| e.limit());
        let nothing = Weight::default();
        let most = limits.memory.as_u64();
        assert_eq!(limit(nothing, most), None);
        for (weight, reached) in [
            (Weight { instances: 101, ..nothing }, Limit::Instances),
            (Weight { components: 101, ..nothing }, Limit::Instances),
            (Weight { memories: 101, ..nothing }, Limit::Instances),
            (Weight { tables: 101, ..nothing }, Limit::Instances),
            (Weight { table_elements: 100_001, ..nothing }, Limit::TableElements),
            (Weight { memory: most, held: 1, ..nothing }, Limit::Memory),
            (Weight { copied: most + 1, ..nothing }, Limit::Memory),
        ] {
            assert_eq!(limit(weight, 0), Some(reached), "{weight:?}");
        }
        assert_eq!(limit(nothing, most + 1), Some(Limit::Memory));
    }

    #[test]
    fn what_is_told_is_what_is_read() {
        let weight =
            weight_of(&doubling(3, "(core module $m (memory 1)) (core instance (instantiate $m))"));
        assert_eq!(Weight::from_bytes(&weight.to_bytes()), Some(weight));
        assert_eq!(weight.to_bytes().len(), Weight::LEN);
        assert_eq!(Weight::from_bytes(&[0; Weight::LEN - 1]), None);
    }
}

//! Where a value stands in an answer.

/// What contains a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The name of the value in its object, or the name of the array that the value is an item of. `None` for the root,
    /// and for an item of an array without a name.
    pub(super) name: Option<&'a str>,
    /// Whether the value is an item of an array.
    pub(super) is_item: bool,
}

impl<'a> Place<'a> {
    pub(super) fn member(name: &'a str) -> Self {
        Self { name: Some(name), is_item: false }
    }

    /// The place of an item of the array in this place.
    pub(super) fn item(self) -> Self {
        Self { name: self.name.filter(|_| !self.is_item), is_item: true }
    }
}

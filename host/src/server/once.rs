//! Content that is served once, at a random path.

use std::sync::{Mutex, PoisonError};

use crate::session::{Secret, SessionError};

/// A random path, and the content that is served there once.
#[derive(Debug)]
pub(crate) struct Once<T> {
    path: Secret,
    content: Mutex<Option<T>>,
}

impl<T> Once<T> {
    /// Creates a random path below `folder`, without content.
    ///
    /// # Errors
    /// Fails if the operating system does not provide random bytes.
    pub(crate) fn below(folder: &str) -> Result<Self, SessionError> {
        let (folder, name) = (folder.trim_end_matches('/'), Secret::random()?);
        let path = Secret::from(format!("{folder}/{}", name.expose()));
        Ok(Self { path, content: Mutex::new(None) })
    }

    /// Returns the path. It is a secret: any client that knows it can fetch the content.
    pub(crate) fn path(&self) -> &Secret {
        &self.path
    }

    pub(crate) fn put(&self, content: T) {
        *self.content.lock().unwrap_or_else(PoisonError::into_inner) = Some(content);
    }

    /// Takes the content. Returns `None` if it was already taken.
    pub(crate) fn take(&self) -> Option<T> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_served_once_at_a_random_path() {
        let once = Once::below("/callback").unwrap();
        assert_eq!(once.take(), None);
        once.put("page");
        assert_eq!(once.take(), Some("page"));
        assert_eq!(once.take(), None);
        let other = Once::<()>::below("/callback").unwrap();
        assert_ne!(once.path().expose(), other.path().expose());
        assert_eq!(once.path().expose().len(), "/callback/".len() + 43);
        assert_eq!(Once::<()>::below("/").unwrap().path().expose().matches('/').count(), 1);
    }
}

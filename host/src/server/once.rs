//! Something that is served once, at a path that nobody can guess.

use std::sync::{Mutex, PoisonError};

use crate::session::{Secret, SessionError};

/// A path of this run, and what is served there, once.
#[derive(Debug)]
pub(crate) struct Once<T> {
    path: Secret,
    content: Mutex<Option<T>>,
}

impl<T> Once<T> {
    /// A random path below `folder`, with nothing there yet.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub(crate) fn below(folder: &str) -> Result<Self, SessionError> {
        let (folder, name) = (folder.trim_end_matches('/'), Secret::random()?);
        let path = Secret::from(format!("{folder}/{}", name.expose()));
        Ok(Self { path, content: Mutex::new(None) })
    }

    /// The path, for the rules and for the one who may ask for it.
    pub(crate) fn path(&self) -> &Secret {
        &self.path
    }

    /// Serve `content` there.
    pub(crate) fn put(&self, content: T) {
        *self.content.lock().unwrap_or_else(PoisonError::into_inner) = Some(content);
    }

    /// What is there; nothing the second time.
    pub(crate) fn take(&self) -> Option<T> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_served_once_at_a_path_that_nobody_can_guess() {
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

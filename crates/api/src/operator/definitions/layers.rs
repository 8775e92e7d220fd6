//! Layers as the store holds them: reading one, and the write that replaces it.

use abtest_assign::Layer;
use abtest_store::contents::to_json;
use abtest_store::{DocumentKey, Expected, Kind, StoreError, Write};

use crate::namespace::StoredLayer;

impl StoredLayer {
    /// The layer with its slots.
    ///
    /// # Errors
    /// When this version of abtest cannot read it.
    pub(crate) fn layer(&self, name: &str) -> Result<Layer, StoreError> {
        serde_json::from_str(&self.content)
            .map_err(|_| StoreError::Damaged { what: key(name).to_string() })
    }

    /// The write that replaces it.
    ///
    /// # Errors
    /// When the layer cannot be written as JSON.
    pub(crate) fn replace(&self, name: &str, layer: &Layer) -> Result<Write, StoreError> {
        Ok(Write::put(key(name), Expected::Version(self.version), to_json(layer)?))
    }
}

/// The document that holds a layer.
pub(crate) fn key(name: &str) -> DocumentKey {
    DocumentKey::new(Kind::Layer, name)
}

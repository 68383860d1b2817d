//! How much is under way at a time.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Places for what is under way, some for each key. Cheap to clone; clones share them.
#[derive(Debug)]
pub struct Slots<K: Hash + Eq>(Arc<Mutex<HashMap<K, usize>>>);

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub struct Slot<K: Hash + Eq> {
    slots: Slots<K>,
    key: K,
}

impl<K: Hash + Eq> Default for Slots<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Hash + Eq> Clone for Slots<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Hash + Eq + Clone> Slots<K> {
    /// Takes one of the `limit` places of a key; none if all are taken.
    pub fn take(&self, key: K, limit: usize) -> Option<Slot<K>> {
        let mut taken = self.0.lock();
        let count = taken.entry(key.clone()).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Slot { slots: self.clone(), key })
    }
}

impl<K: Hash + Eq> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut taken = self.slots.0.lock();
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;

    #[test]
    fn each_key_has_its_places_and_gets_them_back() {
        let slots = Slots::default();
        let first = slots.take("a", 2).unwrap();
        let second = slots.take("a", 2).unwrap();
        assert!(slots.take("a", 2).is_none() && slots.take("b", 2).is_some());
        drop(first);
        assert!(slots.take("a", 2).is_some());
        drop(second);
        assert!(slots.0.lock().is_empty());
    }
}

//! Keeps what was computed, the latest used, within a number of bytes.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values that may be dropped; several threads use it at once.
#[derive(Debug)]
pub(super) struct Store<K, V> {
    budget: u64,
    held: Mutex<Held<K, V>>,
}

#[derive(Debug)]
struct Held<K, V> {
    bytes: u64,
    clock: u64,
    entries: HashMap<K, Entry<V>>,
    /// The keys by their last use.
    order: BTreeMap<u64, K>,
}

#[derive(Debug)]
struct Entry<V> {
    used: u64,
    bytes: u64,
    value: Arc<V>,
}

impl<K: Copy + Eq + Hash, V> Store<K, V> {
    /// Makes an empty store of a budget in bytes.
    pub(super) fn new(budget: u64) -> Self {
        let (entries, order) = (HashMap::new(), BTreeMap::new());
        Self { budget, held: Mutex::new(Held { bytes: 0, clock: 0, entries, order }) }
    }

    /// Returns a value, if it is still there.
    pub(super) fn get(&self, key: &K) -> Option<Arc<V>> {
        let mut held = self.held();
        held.clock += 1;
        let now = held.clock;
        let entry = held.entries.get_mut(key)?;
        let before = std::mem::replace(&mut entry.used, now);
        let value = Arc::clone(&entry.value);
        held.order.remove(&before);
        held.order.insert(now, *key);
        Some(value)
    }

    /// Keeps a value of that many bytes, and drops those that were used longest ago: the store holds
    /// its budget, or `least` if that is more.
    pub(super) fn put(&self, key: K, value: Arc<V>, bytes: u64, least: u64) {
        let mut held = self.held();
        held.forget(&key);
        held.clock += 1;
        let used = held.clock;
        held.bytes += bytes;
        held.entries.insert(key, Entry { used, bytes, value });
        held.order.insert(used, key);
        while held.bytes > self.budget.max(least) && held.entries.len() > 1 {
            let Some(oldest) = held.order.values().next().copied() else { break };
            held.forget(&oldest);
        }
    }

    /// Drops the values of the keys that `gone` is true of.
    pub(super) fn drop_all(&self, gone: impl Fn(&K) -> bool) {
        let mut held = self.held();
        let keys: Vec<K> = held.entries.keys().filter(|key| gone(key)).copied().collect();
        keys.iter().for_each(|key| held.forget(key));
    }

    fn held(&self) -> MutexGuard<'_, Held<K, V>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash, V> Held<K, V> {
    fn forget(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_goes_first_and_the_budget_holds() {
        let store = Store::new(30);
        for key in 0..3 {
            store.put(key, Arc::new(key), 10, 0);
        }
        assert_eq!(store.get(&0).as_deref(), Some(&0));
        store.put(3, Arc::new(3), 10, 0);
        let there = |key| store.get(&key).is_some();
        assert_eq!([0, 1, 2, 3].map(there), [true, false, true, true]);
        store.put(3, Arc::new(4), 15, 40);
        assert_eq!([0, 2].map(there), [true, true], "a value that comes again is counted once");
        store.put(5, Arc::new(5), 100, 0);
        assert_eq!([0, 2, 3, 5].map(there), [false, false, false, true]);
        store.drop_all(|key| *key == 5);
        assert!(!there(5));
    }
}

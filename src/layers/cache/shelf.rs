//! A map of bounded size that drops what was least recently used.

use std::borrow::Borrow;
use std::hash::Hash;

use lru::LruCache;

/// Bounded by the number of its items and by their weight together. What is dropped is dropped at once, so
/// that a secret is zeroized when it leaves (`secrecy` does that when the last clone goes).
#[derive(Debug)]
pub(crate) struct Shelf<K: Hash + Eq, V> {
    items: LruCache<K, (V, usize)>,
    max_items: usize,
    weight: usize,
    max_weight: usize,
}

impl<K: Hash + Eq, V> Shelf<K, V> {
    /// An empty shelf. It takes no more memory than its items do, however many are allowed.
    pub(crate) fn new(max_items: usize, max_weight: usize) -> Self {
        Self { items: LruCache::unbounded(), max_items, weight: 0, max_weight }
    }

    /// Whether there is such an item; its place in the order of use stays.
    pub(crate) fn contains<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.items.contains(key)
    }

    /// Looks at an item and makes it the most recently used.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.items.get(key).map(|(value, _)| value)
    }

    /// As [`Self::get`], to change it in place.
    pub(crate) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.items.get_mut(key).map(|(value, _)| value)
    }

    /// Puts an item in its place, and says whether others were dropped for it. One that alone is too heavy is
    /// not kept.
    pub(crate) fn put(&mut self, key: K, value: V, weight: usize) -> bool {
        self.remove(&key);
        if weight > self.max_weight {
            return false;
        }
        let mut dropped = false;
        self.items.put(key, (value, weight));
        self.weight += weight;
        while self.weight > self.max_weight || self.items.len() > self.max_items {
            if !self.drop_oldest() {
                break;
            }
            dropped = true;
        }
        dropped
    }

    /// Takes an item away, if it is there.
    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        let removed = self.items.pop(key).map(|(_, weight)| self.weight -= weight);
        removed.is_some()
    }

    /// Drops what was least recently used; `false` if there is nothing.
    pub(crate) fn drop_oldest(&mut self) -> bool {
        let dropped = self.items.pop_lru().map(|(_, (_, weight))| self.weight -= weight);
        dropped.is_some()
    }

    /// What the items weigh together.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Takes everything away.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.weight = 0;
    }

    /// Every value, to change it in place; their order of use stays.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.items.iter_mut().map(|(_, (value, _))| value)
    }

    /// How many items there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn shelf(items: usize, weight: usize) -> Shelf<&'static str, u8> {
        Shelf::new(items, weight)
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut shelf = shelf(2, 100);
        shelf.put("a", 1, 1);
        shelf.put("b", 2, 1);
        shelf.get("a");
        shelf.put("c", 3, 1);
        assert_eq!(["a", "b", "c"].map(|key| shelf.get(key).copied()), [Some(1), None, Some(3)]);
        assert_eq!((shelf.len(), shelf.weight), (2, 2));
    }

    #[test]
    fn weight_is_bounded_too() {
        let mut shelf = shelf(10, 10);
        shelf.put("a", 1, 4);
        shelf.put("b", 2, 4);
        shelf.put("c", 3, 4);
        assert_eq!(shelf.get("a"), None);
        assert_eq!((shelf.len(), shelf.weight), (2, 8));
        shelf.put("c", 4, 1);
        assert_eq!(shelf.get("c"), Some(&4));
        assert_eq!(shelf.weight, 5);
        shelf.put("c", 5, 11);
        assert_eq!(shelf.get("c"), None);
        assert_eq!(shelf.weight, 4);
        shelf.clear();
        assert_eq!((shelf.len(), shelf.weight), (0, 0));
    }

    #[test]
    fn what_leaves_the_shelf_is_dropped_at_once() {
        let mut shelf = Shelf::new(1, 100);
        let secret = Arc::new(());
        shelf.put("a", Arc::clone(&secret), 1);
        assert_eq!(Arc::strong_count(&secret), 2);
        shelf.put("b", Arc::default(), 1);
        assert_eq!(Arc::strong_count(&secret), 1);
    }

    #[test]
    fn a_shelf_for_nothing_keeps_nothing_and_one_for_all_takes_no_memory_ahead() {
        let mut none = shelf(0, 100);
        none.put("a", 1, 1);
        assert_eq!((none.len(), none.weight), (0, 0));
        let mut all = shelf(usize::MAX, usize::MAX);
        all.put("a", 1, 1);
        assert!(all.contains("a"));
    }
}

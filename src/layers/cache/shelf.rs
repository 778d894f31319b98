//! A map of limited size that drops the least recently used items.

use std::borrow::Borrow;
use std::hash::Hash;

use lru::LruCache;

/// Limited by the number of its items and by their total weight. Items are dropped at once, so that a secret
/// is zeroized when it leaves (`secrecy` does that when the last clone is dropped).
#[derive(Debug)]
pub(crate) struct Shelf<K: Hash + Eq, V> {
    items: LruCache<K, (V, usize)>,
    max_items: usize,
    weight: usize,
    max_weight: usize,
}

impl<K: Hash + Eq, V> Shelf<K, V> {
    /// An empty shelf. It reserves no memory in advance, however many items are allowed.
    pub(crate) fn new(max_items: usize, max_weight: usize) -> Self {
        Self { items: LruCache::unbounded(), max_items, weight: 0, max_weight }
    }

    /// Whether there is such an item; does not count as a use.
    pub(crate) fn contains<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.items.contains(key)
    }

    /// Every item, the most recently used first; does not count as a use.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.items.iter().map(|(key, (value, _))| (key, value))
    }

    /// Returns an item and makes it the most recently used.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.items.get(key).map(|(value, _)| value)
    }

    /// Like [`Self::get`], to change it in place.
    pub(crate) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.items.get_mut(key).map(|(value, _)| value)
    }

    /// Stores an item, and returns whether others were dropped for it. An item that is too heavy on its own
    /// is not kept.
    pub(crate) fn put(&mut self, key: K, value: V, weight: usize) -> bool {
        // Removed first, so that the weight of the old value is not counted twice.
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

    /// Removes an item, if it exists.
    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        let removed = self.items.pop(key).map(|(_, weight)| self.weight -= weight);
        removed.is_some()
    }

    /// Drops the least recently used item; `false` if there is none.
    pub(crate) fn drop_oldest(&mut self) -> bool {
        let dropped = self.items.pop_lru().map(|(_, (_, weight))| self.weight -= weight);
        dropped.is_some()
    }

    /// The total weight of the items.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Removes all items.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.weight = 0;
    }

    /// Every value, to change it in place; does not count as a use.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.items.iter_mut().map(|(_, (value, _))| value)
    }

    /// The number of items.
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
    fn the_least_recently_used_is_dropped_first() {
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
    fn removed_items_are_dropped_at_once() {
        let mut shelf = Shelf::new(1, 100);
        let secret = Arc::new(());
        shelf.put("a", Arc::clone(&secret), 1);
        assert_eq!(Arc::strong_count(&secret), 2);
        shelf.put("b", Arc::default(), 1);
        assert_eq!(Arc::strong_count(&secret), 1);
    }

    #[test]
    fn a_shelf_of_size_zero_keeps_nothing_and_a_huge_one_reserves_no_memory() {
        let mut none = shelf(0, 100);
        none.put("a", 1, 1);
        assert_eq!((none.len(), none.weight), (0, 0));
        let mut all = shelf(usize::MAX, usize::MAX);
        all.put("a", 1, 1);
        assert!(all.contains("a"));
    }
}

//! The store suite over state in memory.

use wharf_core::store::memory::Memory;
use wharf_testkit::store;

#[test]
fn state_in_memory_does_what_the_arithmetic_does() {
    let memory = Memory::default();
    store::suite("memory", |shard, op| memory.call(shard, op).expect("a reply"));
    store::is_remembered("memory", |shard, op| memory.call(shard, op).expect("a reply"));
}

// SPDX-License-Identifier: MIT
// What lives at the end, in the containers of Rust's library; each marked line allocates what its mark says.
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Clone)]
#[allow(dead_code)]
struct Session {
    name: String,
    number: usize,
    state: [u8; 64],
}

impl Session {
    fn new(number: usize) -> Session {
        Session { name: format!("session number {} of many", number), number, state: [0; 64] } /* a name */
    }
}

static SEEN: AtomicUsize = AtomicUsize::new(0);

// What somebody else may look at cannot be optimised away.
fn keep<T>(value: T) {
    SEEN.fetch_add(&value as *const T as usize, Ordering::SeqCst);
    std::mem::forget(value);
}

fn vectors() {
    let mut grown = Vec::new();
    for i in 0..4000u64 {
        grown.push(i); /* a vector's push */
    }
    keep(grown);
    let mut sized: Vec<Vec<u32>> = Vec::with_capacity(100);
    for i in 0..100 {
        sized.push(vec![0; 100 + i]); /* a zeroed vector */
    }
    keep(sized);
    let squares: Vec<u64> = (0..500).map(|i| i * i).filter(|i| i % 2 == 0).collect(); /* collected */
    let again = squares.clone(); /* cloned */
    keep((squares, again));
    let mut ring = VecDeque::new();
    for i in 0..300 {
        ring.push_back([i; 8]); /* a ring */
    }
    keep(ring);
}

fn boxes() {
    let mut all: Vec<Box<dyn Fn(usize) -> usize>> = Vec::new();
    let mut shared = Vec::new();
    for i in 0..200 {
        let captured = [i; 20];
        all.push(Box::new(move |at| captured[at % 20])); /* a closure */
        shared.push(Rc::new(Session::new(i))); /* a shared session */
    }
    keep(all);
    keep(shared);
    keep(Arc::new(Mutex::new([0u8; 3000]))); /* behind a lock */
}

fn maps() {
    let mut names: HashMap<String, Vec<usize>> = HashMap::new();
    let mut order = BTreeMap::new();
    let mut seen = HashSet::new();
    let mut set = BTreeSet::new();
    for i in 0..200 {
        let key = "a key of some length ".to_string() + &i.to_string(); /* a key */
        names.entry(key.clone()).or_default().push(i); /* a hash map */
        order.insert(key, Session::new(i)); /* a tree */
        seen.insert(i * 7919); /* a hash set */
        set.insert(i as u64); /* a tree of numbers */
    }
    keep((names, order));
    keep((seen, set));
}

fn lists() {
    let mut list = LinkedList::new();
    let mut heap = BinaryHeap::new();
    for i in 0..200 {
        list.push_back(i); /* a list */
        heap.push(i); /* a heap */
    }
    keep(list);
    keep(heap);
}

fn texts() {
    let mut text = String::new();
    for i in 0..2000 {
        text += &format!("line {}\n", i); /* a text */
        text.push_str("more ");
    }
    let upper = text.to_uppercase(); /* another text */
    let parts: Vec<String> = text.lines().take(100).map(str::to_owned).collect(); /* its parts */
    keep((text, upper));
    keep(parts);
}

fn threads() {
    let handles: Vec<_> = (0..3).map(|i| std::thread::spawn(move || vec![i; 5000])).collect(); /* in a thread */
    for handle in handles {
        keep(handle.join().unwrap());
    }
}

fn main() {
    vectors();
    boxes();
    maps();
    lists();
    texts();
    threads();
    println!("done");
}

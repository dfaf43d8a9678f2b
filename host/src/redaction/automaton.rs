//! Finds secrets in a text with an Aho-Corasick automaton.
//!
//! Unlike the usual automaton, each node stores only the longest secret that ends there, which covers all shorter ones.
//! The memory is therefore linear in the length of the secrets, and the time is linear in the length of the text, even
//! if secrets contain each other. The alternatives are not linear:
//!
//! - An automaton that stores all matches needs gigabytes for a secret with the lines `a`, `aa`, `aaa` and so on.
//! - A search for one match at a time starts again after each match, and can read a byte many times.

use std::collections::VecDeque;
use std::ops::Range;

/// A trie of the secrets. Each node stands for a prefix of a secret, and the first node for the empty prefix.
pub(super) struct Automaton {
    nodes: Vec<Node>,
    longest: usize,
}

struct Node {
    /// The last byte of the prefix.
    byte: u8,
    /// The nodes of the prefixes that are one byte longer, sorted by that byte.
    children: Range<u32>,
    /// The node of the longest proper suffix of this prefix that is also a prefix of a secret.
    failure: u32,
    /// The length of the longest secret that is a suffix of this prefix, or 0.
    secret: u32,
}

impl Automaton {
    /// Builds the automaton. The secrets must be sorted, distinct and not empty, and shorter than 4 GiB in total.
    pub(super) fn of(secrets: &[&str]) -> Self {
        let longest = secrets.iter().map(|secret| secret.len()).max().unwrap_or(0);
        let root = Node { byte: 0, children: 0..0, failure: 0, secret: 0 };
        let mut automaton = Self { nodes: vec![root], longest };
        // Breadth-first, so that the failure node of each node exists before it. Each item is a node, the range of the
        // sorted secrets that start with its prefix, and the length of the prefix.
        let mut waiting = VecDeque::from([(0_u32, 0..secrets.len(), 0_usize)]);
        while let Some((node, range, length)) = waiting.pop_front() {
            let failure = automaton.nodes[node as usize].failure;
            let is_secret = length > 0 && secrets[range.start].len() == length;
            automaton.nodes[node as usize].secret =
                if is_secret { length as u32 } else { automaton.nodes[failure as usize].secret };
            let first = automaton.nodes.len() as u32;
            let mut start = range.start + usize::from(is_secret);
            let byte = |secret: &str| secret.as_bytes()[length];
            for group in secrets[start..range.end].chunk_by(|a, b| byte(a) == byte(b)) {
                let byte = byte(group[0]);
                let failure = if node == 0 { 0 } else { automaton.step(failure, byte) };
                let next = automaton.nodes.len() as u32;
                automaton.nodes.push(Node { byte, children: 0..0, failure, secret: 0 });
                waiting.push_back((next, start..start + group.len(), length + 1));
                start += group.len();
            }
            automaton.nodes[node as usize].children = first..automaton.nodes.len() as u32;
        }
        automaton
    }

    /// Returns the length of the longest secret.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Returns the ranges of `text` that secrets cover, sorted and without overlap.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        let mut node = 0;
        for (at, byte) in text.bytes().enumerate() {
            node = self.step(node, byte);
            let secret = self.nodes[node as usize].secret as usize;
            if secret == 0 {
                continue;
            }
            let mut start = at + 1 - secret;
            // Merge overlapping secrets.
            while let Some(before) = spans.pop_if(|before| before.end > start) {
                start = start.min(before.start);
            }
            spans.push(start..at + 1);
        }
        spans
    }

    /// Returns the state after `byte` is read in the state `node`: the longest prefix of a secret with which the text
    /// so far ends.
    fn step(&self, mut node: u32, byte: u8) -> u32 {
        loop {
            match self.child(node, byte) {
                Some(child) => return child,
                None if node == 0 => return 0,
                None => node = self.nodes[node as usize].failure,
            }
        }
    }

    fn child(&self, node: u32, byte: u8) -> Option<u32> {
        let children = &self.nodes[node as usize].children;
        let nodes = &self.nodes[children.start as usize..children.end as usize];
        let found = nodes.binary_search_by_key(&byte, |node| node.byte).ok()?;
        Some(children.start + found as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with the simple algorithm, which looks for every secret at every byte.
    #[test]
    fn the_automaton_finds_the_same_as_a_search_for_each_secret() {
        let secrets = ["aab", "abba", "aé", "ba", "bbbb", "é"];
        let automaton = Automaton::of(&secrets);
        for number in 0..4_usize.pow(7) {
            let letter = |at| ['a', 'b', 'é', 'c'][number / 4_usize.pow(at) % 4];
            let text: String = (0..7).map(letter).collect();
            let mut expected = vec![false; text.len()];
            for secret in secrets {
                for at in 0..text.len() {
                    if text.as_bytes()[at..].starts_with(secret.as_bytes()) {
                        expected[at..at + secret.len()].fill(true);
                    }
                }
            }
            let mut found = vec![false; text.len()];
            for span in automaton.find(&text) {
                assert!(!found[span.clone()].contains(&true), "{text}: ranges overlap");
                found[span].fill(true);
            }
            assert_eq!(found, expected, "{text}");
        }
    }

    /// If each node stored all secrets that end there, this automaton would store a hundred million.
    #[test]
    fn the_automaton_is_no_larger_than_the_secrets_even_if_they_contain_each_other() {
        let lines: Vec<String> = (1..700).map(|length| "a".repeat(length)).collect();
        let whole = lines.join("\n");
        let mut secrets: Vec<&str> = lines.iter().map(String::as_str).chain([&*whole]).collect();
        secrets.sort_unstable();
        let automaton = Automaton::of(&secrets);
        assert!(automaton.nodes.len() <= 1 + 699 + whole.len(), "{}", automaton.nodes.len());
        assert_eq!(automaton.find(&whole), std::slice::from_ref(&(0..whole.len())));
        assert_eq!(automaton.longest(), whole.len());
    }

    /// A search for one match at a time would read each byte more than ten thousand times.
    #[test]
    fn a_search_takes_at_most_two_steps_per_byte() {
        let long = "a".repeat(100_000) + "b";
        let automaton = Automaton::of(&["aaaa", &long]);
        let text = "a".repeat(200_000);
        let (mut node, mut steps) = (0, 0);
        for byte in text.bytes() {
            steps += 1;
            while automaton.child(node, byte).is_none() && node != 0 {
                node = automaton.nodes[node as usize].failure;
                steps += 1;
            }
            node = automaton.step(node, byte);
        }
        assert!((200_001..=400_000).contains(&steps), "{steps}");
        assert_eq!(automaton.find(&text), std::slice::from_ref(&(0..text.len())));
    }
}

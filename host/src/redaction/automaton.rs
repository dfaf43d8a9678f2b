//! Finds secrets in a text: the automaton of Aho and Corasick, with one difference. Of the secrets that end at a
//! byte it knows only the longest, which covers the others. So it takes memory by the length of the secrets and
//! time by the length of the text, however they are nested: an automaton that knows all of them takes gigabytes
//! for a secret of the lines `a`, `aa`, `aaa` and so on, and one that looks for one match after the other begins
//! anew after each.

use std::collections::VecDeque;
use std::ops::Range;

/// One node for each beginning of a secret; the first is the empty one.
pub(super) struct Automaton {
    nodes: Vec<Node>,
    longest: usize,
}

struct Node {
    /// The byte that leads here.
    byte: u8,
    /// The nodes of those that are one byte longer, in the order of their bytes.
    longer: Range<u32>,
    /// The node of the longest of those that this one ends with.
    shorter: u32,
    /// The length of the longest secret that this one ends with; 0 is none.
    secret: u32,
}

impl Automaton {
    /// For secrets in order, each once, none empty, and of less than 4 GiB.
    pub(super) fn of(secrets: &[&str]) -> Self {
        let longest = secrets.iter().map(|secret| secret.len()).max().unwrap_or(0);
        let root = Node { byte: 0, longer: 0..0, shorter: 0, secret: 0 };
        let mut automaton = Self { nodes: vec![root], longest };
        // Shorter ones first; of each node, which secrets begin with it: they are neighbours.
        let mut waiting = VecDeque::from([(0_u32, 0..secrets.len(), 0_usize)]);
        while let Some((node, range, length)) = waiting.pop_front() {
            let shorter = automaton.nodes[node as usize].shorter;
            let is_secret = length > 0 && secrets[range.start].len() == length;
            automaton.nodes[node as usize].secret =
                if is_secret { length as u32 } else { automaton.nodes[shorter as usize].secret };
            let first = automaton.nodes.len() as u32;
            let mut start = range.start + usize::from(is_secret);
            let byte = |secret: &str| secret.as_bytes()[length];
            for group in secrets[start..range.end].chunk_by(|a, b| byte(a) == byte(b)) {
                let byte = byte(group[0]);
                let shorter = if node == 0 { 0 } else { automaton.step(shorter, byte) };
                let next = automaton.nodes.len() as u32;
                automaton.nodes.push(Node { byte, longer: 0..0, shorter, secret: 0 });
                waiting.push_back((next, start..start + group.len(), length + 1));
                start += group.len();
            }
            automaton.nodes[node as usize].longer = first..automaton.nodes.len() as u32;
        }
        automaton
    }

    /// The length of the longest secret.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Where secrets are in `text`, in order and apart.
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
            // Those that overlap are one.
            while let Some(before) = spans.pop_if(|before| before.end > start) {
                start = start.min(before.start);
            }
            spans.push(start..at + 1);
        }
        spans
    }

    /// From what was read so far, and one byte more, to the longest beginning of a secret that it ends with.
    fn step(&self, mut node: u32, byte: u8) -> u32 {
        loop {
            match self.longer(node, byte) {
                Some(longer) => return longer,
                None if node == 0 => return 0,
                None => node = self.nodes[node as usize].shorter,
            }
        }
    }

    fn longer(&self, node: u32, byte: u8) -> Option<u32> {
        let longer = &self.nodes[node as usize].longer;
        let nodes = &self.nodes[longer.start as usize..longer.end as usize];
        let found = nodes.binary_search_by_key(&byte, |node| node.byte).ok()?;
        Some(longer.start + found as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the plain way: look for every secret at every byte, and mark what it covers.
    #[test]
    fn it_finds_what_a_search_for_each_secret_finds() {
        let secrets = ["aab", "abba", "aé", "ba", "bbbb", "é"];
        let automaton = Automaton::of(&secrets);
        for number in 0..4_usize.pow(7) {
            let letter = |at| ['a', 'b', 'é', 'c'][number / 4_usize.pow(at) % 4];
            let text: String = (0..7).map(letter).collect();
            let mut wanted = vec![false; text.len()];
            for secret in secrets {
                for at in 0..text.len() {
                    if text.as_bytes()[at..].starts_with(secret.as_bytes()) {
                        wanted[at..at + secret.len()].fill(true);
                    }
                }
            }
            let mut found = vec![false; text.len()];
            for span in automaton.find(&text) {
                assert!(!found[span.clone()].contains(&true), "{text}: not apart");
                found[span].fill(true);
            }
            assert_eq!(found, wanted, "{text}");
        }
    }

    /// With all that end at a byte, this would be a hundred million.
    #[test]
    fn it_is_no_larger_than_the_secrets_however_they_are_nested() {
        let lines: Vec<String> = (1..700).map(|length| "a".repeat(length)).collect();
        let whole = lines.join("\n");
        let mut secrets: Vec<&str> = lines.iter().map(String::as_str).chain([&*whole]).collect();
        secrets.sort_unstable();
        let automaton = Automaton::of(&secrets);
        assert!(automaton.nodes.len() <= 1 + 699 + whole.len(), "{}", automaton.nodes.len());
        assert_eq!(automaton.find(&whole), std::slice::from_ref(&(0..whole.len())));
        assert_eq!(automaton.longest(), whole.len());
    }

    /// A search for one match after the other would look at each byte ten thousand times and more.
    #[test]
    fn a_byte_is_looked_at_twice_at_most() {
        let long = "a".repeat(100_000) + "b";
        let automaton = Automaton::of(&["aaaa", &long]);
        let text = "a".repeat(200_000);
        let (mut node, mut looks) = (0, 0);
        for byte in text.bytes() {
            looks += 1;
            while automaton.longer(node, byte).is_none() && node != 0 {
                node = automaton.nodes[node as usize].shorter;
                looks += 1;
            }
            node = automaton.step(node, byte);
        }
        assert!((200_001..=400_000).contains(&looks), "{looks}");
        assert_eq!(automaton.find(&text), std::slice::from_ref(&(0..text.len())));
    }
}

//! The ranges of addresses that a guest's request may not reach without a grant: everything that is not a public
//! unicast address.
//!
//! Sources: the IANA special-purpose address registries (RFC 6890) and the IANA IPv6 address space registry.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses with a special purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    /// This host on this network. Linux connects such an address to loopback.
    ThisHost,
    /// This machine.
    Loopback,
    /// A private network (RFC 1918).
    Private,
    /// The network between a carrier and its customers (RFC 6598).
    Shared,
    /// A private IPv6 network (RFC 4193).
    UniqueLocal,
    /// The translator of a local network, which may lead to private IPv4 addresses (RFC 8215).
    LocalTranslator,
    /// One link. It includes the metadata service of cloud machines, `169.254.169.254`.
    LinkLocal,
    /// The deprecated private IPv6 networks (RFC 3879).
    SiteLocal,
    /// Assigned to protocols, such as Teredo, and not to servers (RFC 6890 and RFC 2928).
    Protocol,
    /// For measurements in a laboratory (RFC 2544).
    Benchmark,
    /// For examples in documents.
    Documentation,
    /// A group of machines.
    Multicast,
    /// All machines of a network.
    Broadcast,
    /// Not assigned.
    Reserved,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ThisHost => "an address of this machine",
            Self::Loopback => "a loopback address",
            Self::Private | Self::UniqueLocal | Self::SiteLocal => "a private address",
            Self::Shared => "a private address of a carrier",
            Self::LocalTranslator => "a private address of a translator",
            Self::LinkLocal => "a link-local address",
            Self::Protocol => "an address for protocols",
            Self::Benchmark => "an address for benchmarks",
            Self::Documentation => "an address for documentation",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::Reserved => "a reserved address",
        })
    }
}

/// Each range of IPv4 as its first address and the length of its prefix. The first match counts.
const V4: [([u8; 4], u32, Range); 16] = [
    ([0, 0, 0, 0], 8, Range::ThisHost),            // RFC 791
    ([10, 0, 0, 0], 8, Range::Private),            // RFC 1918
    ([100, 64, 0, 0], 10, Range::Shared),          // RFC 6598
    ([127, 0, 0, 0], 8, Range::Loopback),          // RFC 1122
    ([169, 254, 0, 0], 16, Range::LinkLocal),      // RFC 3927
    ([172, 16, 0, 0], 12, Range::Private),         // RFC 1918
    ([192, 0, 0, 0], 24, Range::Protocol),         // RFC 6890
    ([192, 0, 2, 0], 24, Range::Documentation),    // RFC 5737
    ([192, 88, 99, 0], 24, Range::Protocol),       // RFC 7526
    ([192, 168, 0, 0], 16, Range::Private),        // RFC 1918
    ([198, 18, 0, 0], 15, Range::Benchmark),       // RFC 2544
    ([198, 51, 100, 0], 24, Range::Documentation), // RFC 5737
    ([203, 0, 113, 0], 24, Range::Documentation),  // RFC 5737
    ([224, 0, 0, 0], 4, Range::Multicast),         // RFC 5771
    ([255, 255, 255, 255], 32, Range::Broadcast),  // RFC 919
    ([240, 0, 0, 0], 4, Range::Reserved),          // RFC 1112
];

/// Each range of IPv6, in the same form. An address outside `2000::/3` that none of them contains is reserved.
const V6: [(u128, u32, Range); 10] = [
    (0, 128, Range::ThisHost),                            // RFC 4291
    (1, 128, Range::Loopback),                            // RFC 4291
    (0x0064_ff9b_0001 << 80, 48, Range::LocalTranslator), // RFC 8215
    (0x2001 << 112, 23, Range::Protocol),                 // RFC 2928, Teredo: RFC 4380
    (0x2001_0db8 << 96, 32, Range::Documentation),        // RFC 3849
    (0x3fff << 112, 20, Range::Documentation),            // RFC 9637
    (0xfc00 << 112, 7, Range::UniqueLocal),               // RFC 4193
    (0xfe80 << 112, 10, Range::LinkLocal),                // RFC 4291
    (0xfec0 << 112, 10, Range::SiteLocal),                // RFC 3879
    (0xff00 << 112, 8, Range::Multicast),                 // RFC 4291
];

/// The range of `address`, or `None` if it is a public unicast address.
///
/// An IPv6 address that leads to an IPv4 address has the range of that one: see [`embedded_v4`].
pub(crate) fn special(address: IpAddr) -> Option<Range> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<Range> {
    let contains = |&(first, prefix, _): &([u8; 4], u32, Range)| {
        let difference = address.to_bits() ^ Ipv4Addr::from(first).to_bits();
        difference.leading_zeros() >= prefix
    };
    V4.iter().find(|range| contains(range)).map(|&(_, _, range)| range)
}

fn special_v6(address: Ipv6Addr) -> Option<Range> {
    if let Some(range) = embedded_v4(address).and_then(special_v4) {
        return Some(range);
    }
    if let Some(range) = translated(address) {
        return Some(range);
    }
    let contains = |&(first, prefix, _): &(u128, u32, Range)| {
        (address.to_bits() ^ first).leading_zeros() >= prefix
    };
    match V6.iter().find(|range| contains(range)) {
        Some(&(_, _, range)) => Some(range),
        None if is_public_v6(address) => None,
        None => Some(Range::Reserved),
    }
}

/// Whether an address is in a block that IANA assigns to networks: global unicast, the well-known prefix of NAT64, or
/// an IPv4 address in the form of IPv6.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, ..] = address.segments();
    first & 0xe000 == 0x2000 || embedded_v4(address).is_some()
}

/// The IPv4 address that an IPv6 address leads to.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        // Mapped: RFC 4291, section 2.5.5.2.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        // NAT64 with the well-known prefix: RFC 6052, section 2.1.
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        // NAT64 with a local prefix (RFC 8215), in the usual form with 96 bits.
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        // 6to4: RFC 3056, section 2.
        | [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

/// The range of the IPv4 address that a translator with a local prefix of 48, 56 or 64 bits may read in `address` (RFC
/// 6052, section 2.2), if it is the metadata service or the translator itself. [`embedded_v4`] has the prefix of 96 bits.
///
/// The length of the prefix is unknown, and the other ranges also contain parts of longer prefixes.
fn translated(address: Ipv6Addr) -> Option<Range> {
    if !matches!(address.segments(), [0x64, 0xff9b, 1, ..]) {
        return None;
    }
    let octets = address.octets();
    // No form uses the octet 8.
    let forms = [[6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12]];
    let ranges = forms.map(|places| special_v4(places.map(|place| octets[place]).into()));
    let is_dangerous = |range: &Range| matches!(range, Range::LinkLocal | Range::Loopback);
    ranges.into_iter().flatten().find(is_dangerous)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each range of IPv4: its first and its last address.
    const RANGES_V4: [(Range, [u8; 4], [u8; 4]); 16] = [
        (Range::ThisHost, [0, 0, 0, 0], [0, 255, 255, 255]),
        (Range::Private, [10, 0, 0, 0], [10, 255, 255, 255]),
        (Range::Shared, [100, 64, 0, 0], [100, 127, 255, 255]),
        (Range::Loopback, [127, 0, 0, 0], [127, 255, 255, 255]),
        (Range::LinkLocal, [169, 254, 0, 0], [169, 254, 255, 255]),
        (Range::Private, [172, 16, 0, 0], [172, 31, 255, 255]),
        (Range::Protocol, [192, 0, 0, 0], [192, 0, 0, 255]),
        (Range::Documentation, [192, 0, 2, 0], [192, 0, 2, 255]),
        (Range::Protocol, [192, 88, 99, 0], [192, 88, 99, 255]),
        (Range::Private, [192, 168, 0, 0], [192, 168, 255, 255]),
        (Range::Benchmark, [198, 18, 0, 0], [198, 19, 255, 255]),
        (Range::Documentation, [198, 51, 100, 0], [198, 51, 100, 255]),
        (Range::Documentation, [203, 0, 113, 0], [203, 0, 113, 255]),
        (Range::Multicast, [224, 0, 0, 0], [239, 255, 255, 255]),
        (Range::Reserved, [240, 0, 0, 0], [255, 255, 255, 254]),
        (Range::Broadcast, [255, 255, 255, 255], [255, 255, 255, 255]),
    ];

    /// Checks the boundaries of each range of IPv4, each address in the form that `form` gives it.
    fn check_v4<T: Into<IpAddr>>(form: impl Fn(Ipv4Addr) -> T) {
        let of = |address| special(form(address).into());
        for (range, first, last) in RANGES_V4 {
            let (first, last) = (Ipv4Addr::from(first), Ipv4Addr::from(last));
            assert_eq!((of(first), of(last)), (Some(range), Some(range)), "{first} {last}");
            let before = first.to_bits().checked_sub(1).map(Ipv4Addr::from_bits);
            let after = last.to_bits().checked_add(1).map(Ipv4Addr::from_bits);
            for outside in [before, after].into_iter().flatten() {
                assert_ne!(of(outside), Some(range), "{outside}");
            }
        }
    }

    #[test]
    fn each_range_of_ipv4_has_its_boundaries() {
        check_v4(|address| address);
    }

    #[test]
    fn an_ipv4_address_has_its_range_in_every_form_of_ipv6() {
        check_v4(|address| address.to_ipv6_mapped());
        for prefix in ["64:ff9b::", "64:ff9b:1::", "64:ff9b:1:fffe::"] {
            let prefix: Ipv6Addr = prefix.parse().unwrap();
            check_v4(|address| {
                Ipv6Addr::from_bits(prefix.to_bits() | u128::from(address.to_bits()))
            });
        }
        check_v4(|address| {
            Ipv6Addr::from_bits(0x2002 << 112 | u128::from(address.to_bits()) << 80 | 1)
        });
    }

    #[test]
    fn each_range_of_ipv6_has_its_boundaries() {
        for (range, first, last) in [
            (Range::ThisHost, "::", "::"),
            (Range::Loopback, "::1", "::1"),
            (Range::Reserved, "::2", "::fffe:ffff:ffff"),
            (Range::Reserved, "::1:0:0:0", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Range::Reserved, "64:ff9b::1:0:0", "64:ff9b:0:ffff:ffff:ffff:ffff:ffff"),
            (Range::LocalTranslator, "64:ff9b:1::100:0", "64:ff9b:1:ffff:ffff:ffff:dfff:ffff"),
            (Range::Reserved, "64:ff9b:2::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Range::Protocol, "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Range::Documentation, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Range::Documentation, "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Range::Reserved, "4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Range::UniqueLocal, "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Range::Reserved, "fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Range::LinkLocal, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Range::SiteLocal, "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Range::Multicast, "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            let of = |address: Ipv6Addr| special(address.into());
            let (first, last): (Ipv6Addr, Ipv6Addr) =
                (first.parse().unwrap(), last.parse().unwrap());
            assert_eq!((of(first), of(last)), (Some(range), Some(range)), "{first} {last}");
            let before = first.to_bits().checked_sub(1).map(Ipv6Addr::from_bits);
            let after = last.to_bits().checked_add(1).map(Ipv6Addr::from_bits);
            for outside in [before, after].into_iter().flatten() {
                assert_ne!(of(outside), Some(range), "{outside}");
            }
        }
    }

    #[test]
    fn addresses_that_embed_a_special_one_are_special() {
        for text in [
            "::127.0.0.1", // compatible (deprecated by RFC 4291, section 2.5.5.1)
            "::8.8.8.8",
            "::ffff:0:127.0.0.1", // translated (RFC 2765)
            "2001:0:7f00:1::",    // Teredo, server
            "2001::80ff:fffe",    // Teredo, client 127.0.0.1 (its bits are inverted)
            "100::1",             // discard-only (RFC 6666)
            "5f00::1",            // segment routing (RFC 9602)
        ] {
            assert!(special(text.parse().unwrap()).is_some(), "{text}");
        }
    }

    /// A translator may lead to the metadata service, or to itself. Its prefix has 48, 56, 64 or 96 bits.
    #[test]
    fn an_address_for_a_local_translator_embeds_no_special_address_at_any_place() {
        for (text, range) in [
            ("64:ff9b:1:a9fe:a9:fe00:808:808", Range::LinkLocal),
            ("64:ff9b:1:a9fe:ffa9:feff:808:808", Range::LinkLocal),
            ("64:ff9b:1:12a9:fe:a9fe:808:808", Range::LinkLocal),
            ("64:ff9b:1:1234:a9:feaa:208:808", Range::LinkLocal),
            ("64:ff9b:1:1234::169.254.169.254", Range::LinkLocal),
            ("64:ff9b:1:7f00:0:100:808:808", Range::Loopback),
            // The counter-checks.
            ("64:ff9b:1:a9fd:0:fe00:808:808", Range::LocalTranslator),
            ("64:ff9b:1:a00:0:100:808:808", Range::LocalTranslator),
            ("64:ff9b:1::8.8.8.8", Range::LocalTranslator),
            ("64:ff9b:1:fffe::8.8.8.8", Range::LocalTranslator),
        ] {
            assert_eq!(special(text.parse().unwrap()), Some(range), "{text}");
        }
    }

    /// The counter-check.
    #[test]
    fn public_addresses_are_not_special() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "192.169.0.1",
            "223.255.255.254",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2000::1",
            "2001:200::1",
            "2606:4700::1111",
            "2a00:1450:4001:800::200e",
            "3fff:1000::1",
        ] {
            assert_eq!(special(text.parse().unwrap()), None, "{text}");
        }
    }
}

//! Record everything in the network of a test: packets, look-ups and requests.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpStream, UdpSocket};
use std::thread;

use socket2::{Domain, Protocol, Socket, Type};

use super::network::Network;
use super::witness::read_head;

/// `AF_PACKET` and `ETH_P_ALL`; packet(7).
const PACKETS: (i32, u16) = (17, 3);

/// The query type for an IPv4 address (RFC 1035, section 3.2.2).
const A: u16 = 1;

/// Record each TCP connection attempt and each UDP datagram on every interface, except to loopback addresses, which the
/// host, the drivers and the name server use. Browsers use no other protocols.
pub fn packets(network: &Network) {
    let (domain, protocol) = PACKETS;
    let protocol = Protocol::from(i32::from(protocol.to_be()));
    // Cooked packets start with the IP header.
    let mut socket = Socket::new(Domain::from(domain), Type::DGRAM, Some(protocol)).unwrap();
    let _ = socket.set_recv_buffer_size(16 << 20);
    let network = network.clone();
    thread::spawn(move || {
        let mut packet = vec![0; 1 << 17];
        while let Ok(length) = socket.read(&mut packet) {
            if let Some((address, what)) = attempt(&packet[..length]) {
                network.reached(address, what);
            }
        }
    });
}

/// The destination and a description of a packet, if it opens a connection or is a datagram.
fn attempt(packet: &[u8]) -> Option<(IpAddr, String)> {
    let (protocol, address, rest) = match packet.first()? >> 4 {
        4 => {
            let address: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
            let header = usize::from(packet[0] & 15) * 4;
            (packet[9], IpAddr::from(Ipv4Addr::from(address)), packet.get(header..)?)
        }
        6 => {
            let address: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
            (packet[6], IpAddr::from(Ipv6Addr::from(address)), packet.get(40..)?)
        }
        _ => return None,
    };
    let port = u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?);
    let (syn, syn_and_ack): (u8, u8) = (0x02, 0x12);
    let what = match protocol {
        6 if *rest.get(13)? & syn_and_ack == syn => format!("TCP {port}"),
        17 => format!("UDP {port}"),
        _ => return None,
    };
    // The name server of the test uses UDP only, so a TCP query goes elsewhere.
    (!address.is_loopback() || what == "TCP 53").then_some((address, what))
}

/// Answer each query for a name, and record the name.
pub fn names(network: &Network) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).unwrap();
    let network = network.clone();
    thread::spawn(move || {
        let mut query = vec![0; 1 << 16];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            if let Some(answer) = resolve(&network, &query[..length]) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
}

/// Answer one question (RFC 1035, section 4). Only type `A` has an answer.
fn resolve(network: &Network, query: &[u8]) -> Option<Vec<u8>> {
    let (mut labels, mut at) = (Vec::new(), 12);
    while let length @ 1.. = usize::from(*query.get(at)?) {
        labels.push(String::from_utf8_lossy(query.get(at + 1..at + 1 + length)?).into_owned());
        at += 1 + length;
    }
    let name = labels.join(".");
    network.looked_up(&name);
    let kind = u16::from_be_bytes(query.get(at + 1..at + 3)?.try_into().ok()?);
    let mut answer = query.get(..2)?.to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(kind == A), 0, 0, 0, 0]);
    answer.extend(query.get(12..at + 5)?);
    if kind == A {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(network.address(&name).octets());
    }
    Some(answer)
}

/// Answer one HTTP request, and record its head.
pub fn answer(network: &Network, mut stream: TcpStream) {
    let Some(head) = read_head(&mut stream) else { return };
    let host = head.lines().find_map(|line| line.strip_prefix("Host: ")).unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default().to_owned();
    let target = head.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    network.requested(&name, head);
    // Every request succeeds for every origin, so that an error cannot keep a page from trying more.
    let nothing = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\
                   Access-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n";
    let page = network.page(&path);
    let _ = stream.write_all(page.as_deref().unwrap_or(nothing).as_bytes());
}

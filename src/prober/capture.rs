//! Writes down the packets of a network as they pass, in the format that Wireshark and tcpdump read.
//!
//! The [format] is written by hand: it is a head of 24 bytes, and 16 before each packet.
//!
//! [format]: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use etherparse::{NetSlice, SlicedPacket, TransportSlice};

use crate::probe::Wish;

/// No packet of a network of containers is longer.
const LONGEST: usize = 65_536 + 64;

/// Frames of Ethernet, which is what bridges and the loopback have.
const ETHERNET: u32 = 1;

/// How often it is looked whether all is to end.
const PULSE: Duration = Duration::from_millis(200);

/// Writes down packets until what was wished for is there, or the input ends.
pub fn run(wish: &Wish, input: impl Read + Send + 'static, output: impl Write) -> io::Result<()> {
    let socket = open()?;
    let is_over = Arc::new(AtomicBool::new(false));
    let told = is_over.clone();
    std::thread::spawn(move || {
        // Whoever asked has gone, or has enough.
        let _ = io::copy(&mut { input }, &mut io::sink());
        told.store(true, Ordering::Relaxed);
    });
    let mut file = File::new(output, wish)?;
    let ends = Instant::now() + Duration::from_secs(wish.seconds);
    let mut frame = vec![0; LONGEST];
    let mut socket = socket;
    while !file.is_full() && Instant::now() < ends && !is_over.load(Ordering::Relaxed) {
        match socket.read(&mut frame) {
            Ok(length) => file.add(now(), &frame[..length])?,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                file.flush()?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    file.flush()
}

/// Opens a socket that sees all packets of all interfaces.
#[cfg(target_os = "linux")]
fn open() -> io::Result<impl Read> {
    /// `ETH_P_ALL`, in the order of the network.
    const ALL: u16 = 0x0003_u16.to_be();
    let protocol = socket2::Protocol::from(i32::from(ALL));
    let socket = socket2::Socket::new(socket2::Domain::PACKET, socket2::Type::RAW, Some(protocol))?;
    socket.set_read_timeout(Some(PULSE))?;
    Ok(socket)
}

#[cfg(not(target_os = "linux"))]
fn open() -> io::Result<impl Read> {
    let _ = PULSE;
    Err::<io::Empty, _>(io::ErrorKind::Unsupported.into())
}

#[expect(clippy::disallowed_methods, reason = "when a packet passed is what is written down")]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A file of packets under way.
struct File<'a, W: Write> {
    output: W,
    wish: &'a Wish,
    packets: u64,
    bytes: u64,
    /// The last frame of the loopback, which shows each one twice: as it leaves and as it arrives.
    looped: Vec<u8>,
}

impl<'a, W: Write> File<'a, W> {
    fn new(mut output: W, wish: &'a Wish) -> io::Result<Self> {
        let head: [u32; 6] = [
            0xa1b2_c3d4,
            u32::from_le_bytes([2, 0, 4, 0]),
            0,
            0,
            u32::try_from(LONGEST).unwrap_or(u32::MAX),
            ETHERNET,
        ];
        for number in head {
            output.write_all(&number.to_le_bytes())?;
        }
        Ok(Self { output, wish, packets: 0, bytes: 24, looped: Vec::new() })
    }

    fn is_full(&self) -> bool {
        self.wish.packets.is_some_and(|most| self.packets >= most) || self.bytes >= self.wish.bytes
    }

    fn add(&mut self, time: Duration, frame: &[u8]) -> io::Result<()> {
        if frame.get(..12) == Some(&[0; 12]) {
            if self.looped == frame {
                self.looped.clear();
                return Ok(());
            }
            self.looped = frame.to_vec();
        }
        if !is_wanted(self.wish, frame) {
            return Ok(());
        }
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        for number in [seconds, time.subsec_micros(), length, length] {
            self.output.write_all(&number.to_le_bytes())?;
        }
        self.output.write_all(frame)?;
        self.packets += 1;
        self.bytes += 16 + u64::from(length);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Returns whether a packet is one of those that are wished for. Without a filter all are, whatever they are.
fn is_wanted(wish: &Wish, frame: &[u8]) -> bool {
    if wish.ports.is_empty() && wish.peers.is_empty() {
        return true;
    }
    let Ok(packet) = SlicedPacket::from_ethernet(frame) else { return false };
    let addresses: [IpAddr; 2] = match &packet.net {
        Some(NetSlice::Ipv4(ip)) => [ip.header().source_addr().into(), ip.header().destination_addr().into()],
        Some(NetSlice::Ipv6(ip)) => [ip.header().source_addr().into(), ip.header().destination_addr().into()],
        _ => return false,
    };
    let ports: Option<[u16; 2]> = match &packet.transport {
        Some(TransportSlice::Tcp(tcp)) => Some([tcp.source_port(), tcp.destination_port()]),
        Some(TransportSlice::Udp(udp)) => Some([udp.source_port(), udp.destination_port()]),
        _ => None,
    };
    let is_peer = wish.peers.is_empty() || addresses.iter().any(|address| wish.peers.contains(address));
    let is_port = wish.ports.is_empty()
        || ports.is_some_and(|ports| ports.iter().any(|port| wish.ports.contains(port)));
    is_peer && is_port
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::*;

    fn frame(from: [u8; 4], to: [u8; 4], port: u16) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from, to, 64).tcp(port, 40_000, 7, 1024);
        let mut frame = Vec::new();
        builder.write(&mut frame, b"hello").unwrap();
        frame
    }

    fn wish() -> Wish {
        Wish { ports: Vec::new(), peers: Vec::new(), packets: None, seconds: 1, bytes: 1 << 20 }
    }

    #[test]
    fn what_is_wished_for_is_written_and_no_more() {
        let (one, other) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let peer = Wish { peers: vec![one.into()], ports: vec![80], ..wish() };
        assert!(is_wanted(&wish(), b"whatever") && !is_wanted(&peer, b"whatever"));
        assert!(is_wanted(&peer, &frame(one, other, 80)) && is_wanted(&peer, &frame(other, one, 80)));
        assert!(!is_wanted(&peer, &frame(one, other, 81)) && !is_wanted(&peer, &frame(other, other, 80)));

        let few = Wish { packets: Some(2), ..wish() };
        let mut output = Vec::new();
        let mut file = File::new(&mut output, &few).unwrap();
        let packet = frame(one, other, 80);
        file.add(Duration::from_millis(1500), &packet).unwrap();
        assert!(!file.is_full());
        file.add(Duration::from_millis(2500), &packet).unwrap();
        assert!(file.is_full());
        assert_eq!(output.len(), 24 + 2 * (16 + packet.len()));
        assert_eq!(output[..8], [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]);
        assert_eq!(output[24..32], [1, 0, 0, 0, 0x20, 0xa1, 7, 0], "1 second and 500000 microseconds");
        assert_eq!(output[40..40 + packet.len()], packet);
    }

    #[test]
    fn the_loopback_shows_each_packet_once() {
        let mut looped = frame([127, 0, 0, 1], [127, 0, 0, 1], 80);
        looped[..12].fill(0);
        let all = wish();
        let mut output = Vec::new();
        let mut file = File::new(&mut output, &all).unwrap();
        for _ in 0..4 {
            file.add(Duration::ZERO, &looped).unwrap();
        }
        assert_eq!(file.packets, 2);
    }
}

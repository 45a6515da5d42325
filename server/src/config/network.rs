//! Addresses as operators name many of them: `10.0.0.1`, or a network such as `10.42.0.0/16`, where proxies come and go
//! (the pods of an ingress).

use serde::Deserialize;
use std::net::IpAddr;
use std::str::FromStr;
use thiserror::Error;

/// An address, or all addresses with the same beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    /// How many bits of it count.
    prefix: u8,
}

/// It is neither.
#[derive(Debug, Error)]
#[error("{0:?} is neither an address, such as 10.0.0.1, nor a network, such as 10.42.0.0/16")]
pub struct NotANetwork(String);

impl Network {
    /// Whether an address is in it. One of IPv4 that is written as one of IPv6 is of IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differs = u64::from(own.to_bits() ^ other.to_bits());
                differs >> (32 - u32::from(self.prefix)) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differs = own.to_bits() ^ other.to_bits();
                // All of its bits, for the network of everybody.
                differs.checked_shr(128 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let wrong = || NotANetwork(text.to_owned());
        let Some((address, prefix)) = text.trim().split_once('/') else {
            return text.trim().parse::<IpAddr>().map(Self::from).map_err(|_| wrong());
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= most).ok_or_else(wrong)?;
        Ok(Self { address, prefix })
    }
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(network: &str, address: &str) -> bool {
        let network: Network = network.parse().expect("a network");
        network.contains(address.parse().expect("an address"))
    }

    #[test]
    fn an_address_is_itself_and_a_network_is_all_that_begin_like_it() {
        assert!(holds("10.0.0.1", "10.0.0.1") && !holds("10.0.0.1", "10.0.0.2"));
        assert!(holds("10.42.0.0/16", "10.42.255.7") && !holds("10.42.0.0/16", "10.43.0.7"));
        assert!(holds("10.42.128.0/17", "10.42.200.1") && !holds("10.42.128.0/17", "10.42.100.1"));
        assert!(holds("0.0.0.0/0", "203.0.113.9") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe80::1"));
        assert!(holds("::/0", "2001:db8::1") && !holds("::/0", "10.0.0.1"));
        assert!(holds("10.0.0.1", "::ffff:10.0.0.1") && holds("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(holds("::1", "::1") && holds("::1/128", "::1") && !holds("::1/128", "::2"));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for wrong in ["", "ingress", "10.0.0", "10.0.0.0/", "10.0.0.0/33", "fd00::/129", "10.0.0.0/-1", "/8"] {
            let error = wrong.parse::<Network>().expect_err(wrong);
            assert!(error.to_string().contains("10.42.0.0/16"), "{error}");
        }
    }
}

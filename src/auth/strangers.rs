//! How much may be asked of a server without a credential: calls by a token bucket for
//! each address, streams by how many are open. Whoever has a credential that is
//! remembered is never held up by what others do from the same address, as behind a proxy.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    config::{self, AccessSettings},
    error::{Error, Result},
};

/// What all who showed no valid credential have asked.
#[derive(Clone, Debug)]
pub struct Strangers {
    asked: Arc<Mutex<Asked>>,
    settings: AccessSettings,
}

#[derive(Debug, Default)]
struct Asked {
    /// When the bucket of an address is full again. One that is not here is full.
    full_at: HashMap<IpAddr, Instant>,
    /// Streams that are open, of all and by address.
    open: u32,
    open_by_address: HashMap<IpAddr, u32>,
}

/// One open stream without a credential; given back when dropped.
#[derive(Debug)]
pub struct StrangerPlace {
    asked: Arc<Mutex<Asked>>,
    address: IpAddr,
}

/// Nobody knows when a stream ends.
const WAIT_FOR_PLACE: Duration = Duration::from_secs(1);

impl Strangers {
    /// Nobody has asked anything yet.
    pub fn new(settings: AccessSettings) -> Strangers {
        Strangers { asked: Arc::default(), settings }
    }

    /// Fails if too many calls without a valid credential came from this address, so that
    /// nothing is done for one more.
    ///
    /// # Errors
    /// There were too many; when to come back.
    pub fn may_try(&self, peer: Option<IpAddr>) -> Result<()> {
        let now = Instant::now();
        let full_at = self.asked().full_at.get(&address_of(peer)).copied();
        let wait = full_at.map_or(Duration::ZERO, |full_at| self.wait(full_at, now));
        if wait.is_zero() { Ok(()) } else { Err(self.too_many(wait)) }
    }

    /// Counts a call without a valid credential.
    ///
    /// # Errors
    /// There were too many before; when to come back.
    pub fn count(&self, peer: Option<IpAddr>) -> Result<()> {
        self.may_try(peer)?;
        let now = Instant::now();
        let mut asked = self.asked();
        if asked.full_at.len() >= config::ADDRESSES_COUNTED_MAX {
            asked.full_at.retain(|_, full_at| *full_at > now);
        }
        if asked.full_at.len() >= config::ADDRESSES_COUNTED_MAX {
            asked.full_at.clear();
        }
        let full_at = asked.full_at.entry(address_of(peer)).or_insert(now);
        *full_at = (*full_at).max(now) + self.period();
        Ok(())
    }

    /// Counts a stream without a credential until what is returned is dropped.
    ///
    /// # Errors
    /// As many are open as may be, of all or from this address.
    pub fn open(&self, peer: Option<IpAddr>) -> Result<StrangerPlace> {
        let address = address_of(peer);
        let open_max = self.settings.stranger_streams_max;
        let address_max = (open_max / config::STRANGER_STREAMS_ADDRESS_PART).max(1);
        let mut asked = self.asked();
        let of_address = asked.open_by_address.get(&address).copied().unwrap_or_default();
        if asked.open >= open_max || of_address >= address_max {
            let limit = format!("{open_max} open streams, {address_max} from one address");
            return Err(Error::TooManyStrangers { limit, wait: WAIT_FOR_PLACE });
        }
        asked.open += 1;
        asked.open_by_address.insert(address, of_address + 1);
        Ok(StrangerPlace { asked: self.asked.clone(), address })
    }

    /// The time in which a bucket gets room for one more call.
    fn period(&self) -> Duration {
        Duration::from_secs(1) / self.settings.strangers_per_second_max.max(1)
    }

    /// How long a bucket that is full again at this time has no room.
    fn wait(&self, full_at: Instant, now: Instant) -> Duration {
        let burst = self.period() * self.settings.strangers_burst_max.saturating_sub(1);
        full_at.saturating_duration_since(now).saturating_sub(burst)
    }

    fn too_many(&self, wait: Duration) -> Error {
        let AccessSettings { strangers_per_second_max: rate, strangers_burst_max: burst, .. } = self.settings;
        Error::TooManyStrangers { limit: format!("{rate} calls in a second, {burst} at once"), wait }
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        // Nothing in there is half done when a thread panics.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StrangerPlace {
    fn drop(&mut self) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.open -= 1;
        if let Some(count) = asked.open_by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                asked.open_by_address.remove(&self.address);
            }
        }
    }
}

fn address_of(peer: Option<IpAddr>) -> IpAddr {
    counted(peer.unwrap_or(Ipv6Addr::UNSPECIFIED.into()))
}

/// What counts as one address: with IPv6, a network of 64 bits, as one machine may
/// have all of it.
pub fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strangers(rate: u32, burst: u32) -> Strangers {
        let settings = AccessSettings {
            strangers_per_second_max: rate,
            strangers_burst_max: burst,
            stranger_streams_max: 4,
            ..AccessSettings::default()
        };
        Strangers::new(settings)
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_another_one_has_its_own() {
        let strangers = strangers(1, 2);
        strangers.count(address("2001:db8::1")).expect("the first");
        strangers.count(address("2001:db8::ffff:1")).expect("the second of the network");
        strangers.count(address("2001:db8::2")).expect_err("the third of the network");
        strangers.may_try(address("2001:db8::3")).expect_err("nothing is tried for it");
        strangers.count(address("2001:db8:0:1::1")).expect("another network");
        strangers.count(address("192.0.2.1")).expect("the first");
        strangers.count(address("::ffff:192.0.2.1")).expect("the same in the clothes of IPv6");
        strangers.count(address("192.0.2.1")).expect_err("the third");
        strangers.count(address("192.0.2.2")).expect("its neighbour");
    }

    #[test]
    fn calls_that_are_refused_do_not_put_off_the_time_to_come_back() {
        let strangers = strangers(1, 1);
        strangers.count(address("192.0.2.1")).expect("the first");
        for _ in 0..100 {
            match strangers.count(address("192.0.2.1")) {
                Err(Error::TooManyStrangers { wait, .. }) => {
                    assert!(wait <= Duration::from_secs(1), "{wait:?}")
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn one_address_has_half_of_the_streams_and_all_have_no_more_than_all() {
        let strangers = strangers(1, 1);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let mut held = vec![strangers.open(one).expect("a place"), strangers.open(one).expect("a place")];
        strangers.open(one).expect_err("half of them");
        held.extend([strangers.open(other).expect("a place"), strangers.open(other).expect("a place")]);
        strangers.open(address("192.0.2.3")).expect_err("all of them");
        drop(held);
        strangers.open(one).expect("they were given back");
        assert!(strangers.asked().open_by_address.is_empty(), "nothing is kept of who has none");
    }
}

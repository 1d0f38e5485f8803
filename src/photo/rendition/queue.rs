//! Who may render now: as many as there are cores, within a budget of memory, and
//! a few more who wait. The next one is sent away at once.

use std::{sync::Arc, thread::available_parallelism};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    config::RenditionSettings,
    error::{Error, Result},
};

/// The unit of the budget, as a semaphore counts no further than `u32` at once.
const UNIT_BYTES: u64 = 1024 * 1024;

/// The queue of one server.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Those who render, those who wait, and those who store what they made.
    places: Arc<Semaphore>,
    /// Those who render.
    running: Arc<Semaphore>,
    /// Free memory, in units.
    memory: Arc<Semaphore>,
    memory_units: u32,
}

/// A place among those who render and wait, until it is dropped.
#[derive(Debug)]
pub struct Place {
    queue: Queue,
    memory_units: u32,
    _place: OwnedSemaphorePermit,
}

/// The right to render, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _running: OwnedSemaphorePermit,
    _memory: OwnedSemaphorePermit,
}

impl Queue {
    /// A queue with these bounds.
    pub fn new(settings: &RenditionSettings) -> Queue {
        let cores = || available_parallelism().map_or(1, |cores| cores.get());
        let running = settings.renders_max.map_or_else(cores, |count| count as usize);
        Queue {
            places: Arc::new(Semaphore::new(running + settings.renders_waiting_max as usize)),
            running: Arc::new(Semaphore::new(running)),
            memory: Arc::new(Semaphore::new(settings.render_memory_mib_max as usize)),
            memory_units: settings.render_memory_mib_max,
        }
    }

    /// Joins, to render something that takes so much memory.
    ///
    /// # Errors
    /// Every place is taken, or the memory is more than there ever is.
    pub fn join(&self, memory_bytes: u64) -> Result<Place> {
        let memory_units = u32::try_from(memory_bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        if memory_units > self.memory_units {
            let max = self.memory_units;
            let message = format!("decoding it takes up to {memory_units} MiB of memory; the limit is {max}");
            return Err(Error::RenditionFailed(message));
        }
        let place = self.places.clone().try_acquire_owned().map_err(|_| Error::RenditionQueueFull)?;
        Ok(Place { queue: self.clone(), memory_units, _place: place })
    }
}

impl Place {
    /// Waits for a turn.
    ///
    /// # Errors
    /// Never: nobody closes the queue.
    pub async fn turn(&self) -> Result<Turn> {
        let closed = |_| Error::Internal("the queue of renditions is closed".to_owned());
        let running = self.queue.running.clone().acquire_owned().await.map_err(closed)?;
        let memory = self.queue.memory.clone().acquire_many_owned(self.memory_units).await.map_err(closed)?;
        Ok(Turn { _running: running, _memory: memory })
    }
}

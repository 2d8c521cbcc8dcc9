//! Hands that move while others work: everybody tells of its cursor as often as the server asks for it.

use super::crowd::Crowd;
use super::decode::Stamp;
use super::figures::real;
use super::meter::Meter;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Between two looks at who is due: a frame of a screen.
const FRAME: Duration = Duration::from_millis(16);

/// Moves everybody's cursor until then.
pub async fn move_all(crowd: Rc<Crowd>, meter: Rc<Meter>, until: Instant) {
    let mut due = vec![Instant::now(); crowd.peers.len()];
    let mut frames = tokio::time::interval(FRAME);
    loop {
        frames.tick().await;
        let now = Instant::now();
        if now >= until {
            return;
        }
        for ((number, peer), due) in crowd.peers.iter().enumerate().zip(&mut due).filter(|(_, due)| **due <= now) {
            let pace = peer.state.borrow().pace;
            let Some(pace) = pace else { continue };
            // Hands do not move in step.
            *due = now + pace.mul_f64(rand::random_range(0.8..1.2));
            peer.hand(Stamp { due: meter.micros(now), sender: real(number as u64) });
            peer.flush();
        }
    }
}

/// The slowest pace that somebody was told, in ms.
#[must_use]
pub fn pace_ms(crowd: &Crowd) -> f64 {
    let slowest = crowd.peers.iter().filter_map(|peer| peer.state.borrow().pace).max();
    slowest.unwrap_or_default().as_secs_f64() * 1e3
}

//! Where a client of the generator is, and what is spoken there.

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// With the floor: bare messages, no answers.
    Floor,
    /// The protocol.
    Node,
}

/// Where a client is.
#[derive(Debug, Clone)]
pub struct Place {
    /// What it connects to, like `ws://127.0.0.1:8080`.
    pub url: String,
    /// The project.
    pub room: String,
    /// Its own number in the run.
    pub number: usize,
    /// Clients of each room: a room's have consecutive numbers.
    pub clients: usize,
    /// Nodes that a room's clients go round.
    pub nodes: usize,
}

impl Place {
    /// Of so many messages of the room's others, how many come from another node.
    #[must_use]
    pub fn across(&self, count: u64) -> u64 {
        count - count / self.nodes as u64
    }

    /// The node of a client of any room.
    #[must_use]
    pub fn node(&self, number: usize) -> usize {
        number % self.clients % self.nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_each_room_go_round_the_nodes() {
        let place = Place { url: String::new(), room: String::new(), number: 0, clients: 5, nodes: 2 };
        let nodes: Vec<usize> = (0..10).map(|number| place.node(number)).collect();
        assert_eq!(nodes, [0, 1, 0, 1, 0, 0, 1, 0, 1, 0]);
        assert_eq!((place.across(10), Place { nodes: 1, ..place }.across(10)), (5, 0));
    }
}

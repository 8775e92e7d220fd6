//! A Redis Cluster of three nodes.

use std::time::{Duration, Instant};

use crate::redis::{Redis, free_port};

/// Hash slots of a Redis Cluster.
const SLOTS: usize = 16_384;
const NODES: usize = 3;

/// Three running servers that share the slots.
pub struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts the nodes and waits until each of them knows that all slots are served.
    pub fn start() -> Self {
        let nodes: Vec<(u16, Redis)> = (0..NODES)
            .map(|_| {
                // By default it is the port and 10,000, which may not exist.
                let bus = free_port();
                let options = ["--cluster-enabled", "yes", "--cluster-port", &bus.to_string()];
                (bus, Redis::start_with(&options))
            })
            .collect();
        for (number, (_, node)) in nodes.iter().enumerate() {
            let (from, to) = (number * SLOTS / NODES, (number + 1) * SLOTS / NODES - 1);
            node.command(&["CLUSTER", "ADDSLOTSRANGE", &from.to_string(), &to.to_string()]);
            for (bus, other) in &nodes[..number] {
                let (port, bus) = (other.port().to_string(), bus.to_string());
                node.command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
            }
        }
        let cluster = Self { nodes: nodes.into_iter().map(|(_, node)| node).collect() };
        let start = Instant::now();
        while !cluster.nodes.iter().all(is_ready) {
            assert!(start.elapsed() < Duration::from_secs(60), "the nodes do not find each other");
            std::thread::sleep(Duration::from_millis(20));
        }
        cluster
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The address of the first node, as a URL.
    pub fn url(&self) -> String {
        self.nodes[0].url()
    }
}

fn is_ready(node: &Redis) -> bool {
    let information = node.command(&["CLUSTER", "INFO"]);
    information.contains("cluster_state:ok") && information.contains("cluster_known_nodes:3")
}

//! Gauss-Legendre quadrature on a panel, with the integral up to each node.

use std::sync::LazyLock;

/// Nodes on a panel: a polynomial of degree 31 is integrated exactly.
pub(crate) const NODES: usize = 16;

/// Values at a panel's nodes.
pub(crate) type Panel = [f64; NODES];

/// Nodes and weights on [-1, 1], and the matrix that integrates from -1 to each node.
pub(crate) struct Rule {
    pub(crate) nodes: Panel,
    pub(crate) weights: Panel,
    /// `up_to[k][j]`: how much the value at node k adds to the integral from -1 to node j.
    up_to: [Panel; NODES],
}

/// The rule, computed once.
pub(crate) static RULE: LazyLock<Rule> = LazyLock::new(Rule::new);

impl Rule {
    fn new() -> Self {
        let (mut nodes, mut weights) = ([0.0; NODES], [0.0; NODES]);
        for k in 0..NODES {
            let mut x = (std::f64::consts::PI * (k as f64 + 0.75) / (NODES as f64 + 0.5)).cos();
            for _ in 0..100 {
                let (p, slope) = (legendre(x)[NODES], slope_at(x));
                x -= p / slope;
                if p.abs() < 1e-16 {
                    break;
                }
            }
            nodes[NODES - 1 - k] = x;
            weights[NODES - 1 - k] = 2.0 / ((1.0 - x * x) * slope_at(x).powi(2));
        }
        let mut up_to = [[0.0; NODES]; NODES];
        for (k, row) in up_to.iter_mut().enumerate() {
            let at_k = legendre(nodes[k]);
            for (j, entry) in row.iter_mut().enumerate() {
                let at_j = legendre(nodes[j]);
                // The interpolant's Legendre series, integrated term by term.
                let terms: f64 =
                    (1..NODES).map(|n| at_k[n] * (at_j[n + 1] - at_j[n - 1]) / 2.0).sum();
                *entry = weights[k] * ((nodes[j] + 1.0) / 2.0 + terms);
            }
        }
        Self { nodes, weights, up_to }
    }

    /// The integral over a panel of half-width `half`, and up to each of its nodes.
    pub(crate) fn cumulative(&self, values: &Panel, half: f64) -> (f64, Panel) {
        let mut up_to_node = [0.0; NODES];
        let mut total = 0.0;
        for (k, &value) in values.iter().enumerate() {
            total += self.weights[k] * value;
            for (sum, entry) in up_to_node.iter_mut().zip(&self.up_to[k]) {
                *sum += value * entry;
            }
        }
        for sum in &mut up_to_node {
            // Interpolation may dip below zero by a rounding error where a tail begins.
            *sum = (*sum * half).clamp(0.0, total * half);
        }
        (total * half, up_to_node)
    }
}

/// P_0(x) to P_NODES(x).
fn legendre(x: f64) -> [f64; NODES + 1] {
    let mut p = [1.0; NODES + 1];
    p[1] = x;
    for n in 1..NODES {
        let degree = n as f64;
        p[n + 1] = ((2.0 * degree + 1.0) * x * p[n] - degree * p[n - 1]) / (degree + 1.0);
    }
    p
}

/// The derivative of P_NODES at `x`.
fn slope_at(x: f64) -> f64 {
    let p = legendre(x);
    NODES as f64 * (p[NODES - 1] - x * p[NODES]) / (1.0 - x * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_the_length_and_running_integrals_to_the_antiderivative() {
        assert!((RULE.weights.iter().sum::<f64>() - 2.0).abs() < 1e-14);
        let values = RULE.nodes.map(f64::exp);
        let (total, up_to) = RULE.cumulative(&values, 1.0);
        assert!((total - (1f64.exp() - (-1f64).exp())).abs() < 1e-14);
        for (node, integral) in RULE.nodes.iter().zip(up_to) {
            assert!((integral - (node.exp() - (-1f64).exp())).abs() < 1e-13);
        }
    }
}

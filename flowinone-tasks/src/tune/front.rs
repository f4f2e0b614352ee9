//! The settings worth having: those that no other beats in both evaluations and error.

use super::Measurement;

/// By evaluations, then by error.
pub fn by_cost(rows: &[Measurement]) -> Vec<&Measurement> {
    let mut sorted: Vec<&Measurement> = rows.iter().collect();
    sorted.sort_by(|a, b| {
        let costs = a.evaluations.total_cmp(&b.evaluations);
        costs.then(a.error.total_cmp(&b.error))
    });
    sorted
}

/// The Pareto front: the measurements that no other beats in both evaluations and error, cheapest
/// first.
pub fn front(rows: &[Measurement]) -> Vec<&Measurement> {
    let mut least = f64::INFINITY;
    let mut front = by_cost(rows);
    front.retain(|row| {
        let better = row.error < least;
        least = least.min(row.error);
        better
    });
    front
}

/// The cheapest setting whose mean error is at most `bound`, of equally cheap ones the most exact.
pub fn best(rows: &[Measurement], bound: f64) -> Option<&Measurement> {
    by_cost(rows).into_iter().find(|row| row.error <= bound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    fn rows() -> Vec<Measurement> {
        let row = |(evaluations, error): (f64, f64)| Measurement {
            settings: Settings::mini(),
            error,
            worst: 2.0 * error,
            psnr: 30.0,
            evaluations,
            seconds: 0.1,
        };
        [(10.0, 0.05), (20.0, 0.02), (9.0, 0.04), (6.0, 0.2)]
            .map(row)
            .into()
    }

    #[test]
    fn the_cheapest_within_the_bound_is_the_best() {
        let rows = rows();
        let cost = |bound| best(&rows, bound).map(|row| row.evaluations);
        assert_eq!(
            [0.05, 0.03, 0.5].map(cost),
            [Some(9.0), Some(20.0), Some(6.0)]
        );
        assert_eq!(cost(0.01), None);
    }

    #[test]
    fn what_costs_more_and_errs_more_is_not_on_the_front() {
        let costs: Vec<f64> = front(&rows()).iter().map(|row| row.evaluations).collect();
        assert_eq!(costs, [6.0, 9.0, 20.0]);
    }
}

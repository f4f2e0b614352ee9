//! The `reference` grid equals the published sampler's float32 numbers, bit for bit.

use flowinone_parity::folders;
use flowinone_sampler::Grid;

#[test]
fn reference_grid_matches_the_reference_exactly() {
    let mut compared = 0;
    for folder in folders()
        .iter()
        .filter(|folder| folder.has("trajectory.safetensors"))
    {
        let tensors = folder.tensors("trajectory.safetensors");
        for n in (1..=1000).filter(|n| tensors.contains(&format!("grid{n}.t"))) {
            let steps = Grid::Reference.steps(n).unwrap();
            let times: Vec<f32> = steps.iter().map(|step| step.t as f32).collect();
            let lengths: Vec<f32> = steps.iter().map(|step| step.dt as f32).collect();
            assert_eq!(
                times,
                tensors.floats(&format!("grid{n}.t")),
                "times of {n} steps"
            );
            let expected = tensors.floats(&format!("grid{n}.step_size"));
            assert_eq!(lengths, expected, "lengths of {n} steps");
            compared += 1;
        }
    }
    assert!(compared > 0, "no folder of reference numbers has a grid");
}

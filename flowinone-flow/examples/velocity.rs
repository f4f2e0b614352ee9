//! Follows the flow of a tiny network with random weights: eight Euler steps with guidance.
//!
//! ```sh
//! cargo run -p flowinone-flow --features cpu --example velocity
//! ```

#[cfg(feature = "cpu")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use burn::tensor::{Device, Tensor};
    use flowinone_flow::{FlowConfig, FlowModel, Structure, default_init};
    use flowinone_sampler::{Grid, GuidanceRule, Guided, Solver, trajectory};
    use flowinone_weights::randomize;

    let device = Device::flex();
    let model = randomize(FlowConfig::tiny().init(&device), 0, default_init)?;

    let tokens = Tensor::ones([1, 16, 24], &device);
    let x0 = model.source(tokens).mean; // [1, 4, 32, 32]
    let structure = Structure::new(Tensor::ones([1, 4, 32, 32], &device));
    let field = Guided {
        field: model.field(Some(structure)),
        guidance: GuidanceRule::Constant { scale: 7.0 },
    };
    for state in trajectory(Solver::Euler, &field, x0, Grid::Reference, 8) {
        let state = state?;
        let rms: f32 = state.x.square().mean().sqrt().into_scalar();
        println!("t = {:.3}   rms of x = {rms:.3}", state.t);
    }
    Ok(())
}

#[cfg(not(feature = "cpu"))]
fn main() {
    eprintln!("this example runs on the CPU: add --features cpu");
}

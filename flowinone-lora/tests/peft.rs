//! An adapter that peft made (`with_peft.py`), and the outputs of its layers.
#![cfg(feature = "cpu")]

use std::path::Path;

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use flowinone_flow::FlowConfig;
use flowinone_kernels::{Dense, LowRank};
use flowinone_lora::{Adapter, Format, Layers};
use safetensors::SafeTensors;

#[test]
fn layers_with_an_adapter_of_pefts_give_what_they_give_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peft");
    let device = Device::flex();
    let layers = Layers::of(&FlowConfig::tiny(), &device);
    let adapter = Adapter::open(&folder, &layers).unwrap();
    assert_eq!(adapter.format(), Format::Peft);
    assert_eq!(adapter.layers().len(), 4);
    let bytes = std::fs::read(folder.join("layers.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |name: &str| {
        let view = file.tensor(name).unwrap();
        let (values, []) = view.data().as_chunks::<4>() else {
            panic!("{name} in float32");
        };
        let values: Vec<f32> = values
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        TensorData::new(values, view.shape().to_vec())
    };
    let matrix = |name: &str| Tensor::<2>::from_data(tensor(name), &device);
    for (name, path) in [
        (
            "stages.0.blocks.0.block1.query_key_value",
            "velocity.transformer.blocks.0.attention.query_key_value",
        ),
        (
            "stages.0.blocks.0.block1.dense",
            "velocity.transformer.blocks.0.attention.dense",
        ),
        (
            "stages.0.blocks.1.block1_cross.key_value",
            "velocity.transformer.blocks.1.structure.key_value",
        ),
        (
            "stages.1.blocks.2.block2.w2",
            "velocity.convnext.blocks.2.mlp.w2",
        ),
    ] {
        let factors = &adapter.layers()[path];
        let [input, output] = factors.sizes;
        let factor = |values: &[f32], rows: usize, columns: usize| {
            let data = TensorData::new(values.to_vec(), [rows, columns]);
            Tensor::<2>::from_data(data, &device).transpose()
        };
        let mut layer = Dense::new(input, output, &device);
        let parameters = layer.parameters_mut().unwrap();
        parameters.weight = Param::from_tensor(matrix(&format!("{name}.weight")).transpose());
        let bias = Tensor::from_data(tensor(&format!("{name}.bias")), &device);
        parameters.bias = Some(Param::from_tensor(bias));
        layer.beside(LowRank {
            down: factor(&factors.down, factors.rank, input),
            up: factor(&factors.up, output, factors.rank),
            scale: factors.scale,
        });
        let off = layer.forward(matrix(&format!("{name}.x"))) - matrix(&format!("{name}.y"));
        let off: f32 = off.abs().max().into_scalar();
        assert!(off < 1e-5, "{name}: {off}");
    }
}

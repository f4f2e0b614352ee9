//! The autoencoder against the reference: every tensor that the reference wrote, from every format
//! its weights come in.
#![cfg(feature = "cpu")]

use burn::tensor::{Device, Tensor};
use flowinone_parity::{Folder, Tensors, assert_close, folders, tensor};
use flowinone_vae::{Autoencoder, LatentCodec, Posterior, VaeConfig, to_bytes};
use flowinone_weights::{Checkpoint, LoadOptions};

/// Largest difference over largest value. The reference's own float32 is 1.3e-6 from its float64;
/// an epsilon of 1e-5 in the group norms would give 5e-5.
const TOLERANCE: f64 = 1e-5;

/// Runs `compare` for every folder of reference numbers and each form of the weights in it.
fn for_each_checkpoint(compare: impl Fn(&Autoencoder, &Folder, &Tensors, &str)) {
    for folder in folders() {
        if !folder.has("vae.safetensors") {
            continue;
        }
        let expected = folder.tensors("vae.safetensors");
        let files = ["autoencoder_kl.safetensors", "autoencoder_kl.pth"];
        let present = files.iter().filter(|file| folder.has(file));
        for file in present {
            let label = format!("{}/{file}", folder.name());
            compare(&load(&folder, file), &folder, &expected, &label);
        }
    }
}

fn load(folder: &Folder, file: &str) -> Autoencoder {
    let config: VaeConfig = serde_json::from_value(folder.vae_config()).unwrap();
    config.validate().unwrap();
    let checkpoint = Checkpoint::open(folder.file(file)).unwrap();
    let vae = config.init(&Device::flex());
    vae.load(&checkpoint, &LoadOptions::default()).unwrap()
}

/// The picture that was encoded, byte / 127.5 - 1 rounded once: `[1, 3, side, side]`.
fn picture(folder: &Folder, device: &Device) -> Tensor<4> {
    let file = folder.cases("vae")["image"]
        .as_str()
        .expect("cases.vae.image");
    let file = std::fs::File::open(folder.file(file)).unwrap();
    let decoder = png::Decoder::new(std::io::BufReader::new(file));
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);

    let values = bytes
        .iter()
        .map(|&byte| (f64::from(byte) / 127.5 - 1.0) as f32);
    let shape = [1, info.height as usize, info.width as usize, 3];
    tensor::<4>(values.collect(), shape, device).permute([0, 3, 1, 2])
}

#[test]
fn matches_reference_encoder() {
    let device = Device::flex();
    for_each_checkpoint(|vae, folder, expected, label| {
        let picture = picture(folder, &device);
        let check = |name: &str, actual: Tensor<4>| {
            let label = format!("{label} {name}");
            assert_close(&label, actual, expected.tensor(name, &device), TOLERANCE);
        };
        check("moments", vae.moments(picture.clone()));
        check(
            "latent",
            vae.encode(picture.clone())
                .sample(expected.tensor("eps", &device)),
        );

        let encoder = &vae.encoder;
        let x = encoder.conv_in.forward(picture);
        let x = encoder.down[..3]
            .iter()
            .fold(x, |x, level| level.forward(x));
        check("inside.enc.down2_downsample", x.clone());
        let x = encoder.mid.block_1.forward(encoder.down[3].forward(x));
        check("inside.enc.mid_attn", encoder.mid.attn_1.forward(x));
    });
}

#[test]
fn matches_reference_decoder() {
    let device = Device::flex();
    for_each_checkpoint(|vae, _, expected, label| {
        let latent: Tensor<4> = expected.tensor("latent", &device);
        let check = |name: &str, actual: Tensor<4>| {
            let label = format!("{label} {name}");
            assert_close(&label, actual, expected.tensor(name, &device), TOLERANCE);
        };
        let decoded = vae.decode(latent.clone());
        check("decoded", decoded.clone());
        let banded = vae.clone().whole_up_to(0).decode(latent.clone());
        check("decoded", banded); // in bands of rows

        let reference = expected.ints("decoded_u8");
        let bytes = |x: Tensor<4>| to_bytes(x).unwrap().remove(0).into_iter().map(i64::from);
        let rounded = bytes(expected.tensor("decoded", &device));
        assert!(rounded.eq(reference.iter().copied()), "{label} decoded_u8");

        let ours: Vec<i64> = bytes(decoded).collect();
        assert_eq!(ours.len(), reference.len());
        let differences = ours.iter().zip(&reference).map(|(a, b)| (a - b).abs());
        let (sum, most) = differences.fold((0, 0), |(sum, most), d| (sum + d, most.max(d)));
        println!(
            "parity {label} decoded_u8: {sum} of {} bytes differ",
            ours.len()
        );
        // A value at the edge between two bytes may fall to the other side.
        assert!(
            most <= 1 && sum <= 20,
            "{label}: {sum} bytes differ, by {most} at most"
        );

        let x = vae.post_quant_conv.forward(latent / vae.config().scale);
        let x = vae
            .decoder
            .mid
            .block_1
            .forward(vae.decoder.conv_in.forward(x));
        check("inside.dec.mid_attn", vae.decoder.mid.attn_1.forward(x));
    });
}

#[test]
fn matches_reference_sample_at_the_clamp() {
    let device = Device::flex();
    for_each_checkpoint(|vae, _, expected, label| {
        let moments = expected.tensor("clamp_moments", &device);
        let posterior = Posterior::from_moments(moments, vae.config().scale);
        let latent = posterior.sample(expected.tensor("clamp_eps", &device));
        let label = format!("{label} clamp_latent");
        let reference = expected.tensor::<4>("clamp_latent", &device);
        assert_close(&label, latent.clone(), reference.clone(), TOLERANCE);

        // Values span many powers of ten here: each one alone must agree, too.
        let ratio = (latent - reference.clone()).abs() / (reference.abs() + 1e-6);
        let worst: f32 = ratio.max().into_scalar();
        assert!(worst < 1e-5, "{label}: a single value is off by {worst:e}");
    });
}

#[test]
fn both_formats_hold_the_same_network() {
    let device = Device::flex();
    for folder in folders() {
        if !folder.has("autoencoder_kl.pth") {
            continue;
        }
        let latent = folder.tensors("vae.safetensors").tensor("latent", &device);
        let from_safetensors = load(&folder, "autoencoder_kl.safetensors");
        let from_pth = load(&folder, "autoencoder_kl.pth");
        let difference = from_safetensors.decode(latent.clone()) - from_pth.decode(latent);
        assert_eq!(difference.abs().max().into_scalar::<f32>(), 0.0);
    }
}

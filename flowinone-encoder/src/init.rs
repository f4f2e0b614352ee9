//! The scale of random parameters at which a network of any size keeps values of order one.

use flowinone_weights::Init;

/// The distribution of random values for the parameter at a module path, by its shape there.
///
/// Weights have variance 1 / fan-in, so that tokens of order one stay so through every layer.
pub fn default_init(path: &str, shape: &[usize]) -> Init {
    Init::by_fan_in(path, shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_follow_their_fan_in_and_gains_stay_near_one() {
        let normal = |std| Init::Normal { std };
        let gain = Init::Around {
            mean: 1.0,
            std: 0.02,
        };
        for (path, shape, expected) in [
            (
                "vision_tower.patch_embed.proj.weight",
                &[8, 4, 2, 2][..],
                normal(0.25),
            ),
            (
                "vision_tower.blocks.0.attn.qkv.weight",
                &[16, 48],
                normal(0.25),
            ),
            ("vision_tower.blocks.0.attn.qkv.bias", &[48], normal(0.02)),
            ("vision_tower.pos_embed", &[1, 4, 16], normal(0.02)),
            ("vision_tower.norm.gamma", &[16], gain),
            ("vision_tower.norm.beta", &[16], normal(0.02)),
        ] {
            assert_eq!(default_init(path, shape), expected, "{path}");
        }
    }
}

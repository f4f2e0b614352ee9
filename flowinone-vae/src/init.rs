//! The scale of random parameters at which a network of any size keeps values of order one.

use flowinone_weights::Init;

/// The distribution of random values for the parameter at a module path, by its shape there.
///
/// Weights have variance 1 / fan-in, so that a random decoder gives pictures of order one.
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
        assert_eq!(
            default_init("encoder.conv_out.weight", &[8, 4, 2, 2]),
            normal(0.25)
        );
        assert_eq!(
            default_init("encoder.mid.attn_1.q.weight", &[16, 16]),
            normal(0.25)
        );
        assert_eq!(default_init("quant_conv.bias", &[8]), normal(0.02));
        assert_eq!(default_init("decoder.norm_out.gamma", &[8]), gain);
        assert_eq!(default_init("decoder.norm_out.beta", &[8]), normal(0.02));
    }
}

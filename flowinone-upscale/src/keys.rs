//! Names of tensors in checkpoints. RRDBNet comes under three namings:
//!
//! | new (BasicSR, Real-ESRGAN) | middle (RealSR, BSRGAN) | old (first ESRGAN, most files) |
//! |---|---|---|
//! | conv_first | conv_first | model.0 |
//! | body.N.rdbM.convK | RRDB_trunk.N.RDBM.convK | model.1.sub.N.RDBM.convK.0 |
//! | conv_body | trunk_conv | model.1.sub.{blocks} |
//! | conv_up1, conv_up2, .. | upconv1, upconv2, .. | model.3, model.6, .. |
//! | conv_hr | HRconv | model.{2 + 3 doublings} |
//! | conv_last | conv_last | model.{4 + 3 doublings} |

use flowinone_weights::Key;

use crate::RrdbConfig;

/// How the tensors of an RRDBNet are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// As BasicSR and Real-ESRGAN do.
    New,
    /// As RealSR and BSRGAN do.
    Middle,
    /// As the first ESRGAN does.
    Old,
}

impl Naming {
    /// Where a published name belongs.
    pub(crate) fn key(self, name: &str, config: &RrdbConfig) -> Key {
        let path = match self {
            Self::New => new(name),
            Self::Middle => middle(name),
            Self::Old => old(name, config),
        };
        // What is nobody's keeps its name, and is told as unknown.
        Key::Parameter(path.unwrap_or_else(|| name.to_string()))
    }
}

/// `conv_up1` becomes the first of a list; the other names are those of the modules.
fn new(name: &str) -> Option<String> {
    let (module, kind) = name.rsplit_once('.')?;
    let number = module.strip_prefix("conv_up")?;
    doubling(number, kind)
}

fn doubling(number: &str, kind: &str) -> Option<String> {
    let index = number.parse::<usize>().ok()?.checked_sub(1)?;
    Some(format!("conv_up.{index}.{kind}"))
}

fn middle(name: &str) -> Option<String> {
    let (module, kind) = name.rsplit_once('.')?;
    if let Some(number) = module.strip_prefix("upconv") {
        return doubling(number, kind);
    }
    if let Some(block) = module.strip_prefix("RRDB_trunk.") {
        return Some(format!("body.{}.{kind}", block.replace("RDB", "rdb")));
    }
    match module {
        "trunk_conv" => Some(format!("conv_body.{kind}")),
        "HRconv" => Some(format!("conv_hr.{kind}")),
        _ => None,
    }
}

fn old(name: &str, config: &RrdbConfig) -> Option<String> {
    let (module, kind) = name.rsplit_once('.')?;
    let module = module.strip_prefix("model.")?;
    if let Some(block) = module.strip_prefix("1.sub.") {
        if block == config.blocks.to_string() {
            return Some(format!("conv_body.{kind}"));
        }
        let block = block.strip_suffix(".0")?;
        return Some(format!("body.{}.{kind}", block.replace("RDB", "rdb")));
    }
    let number: usize = module.parse().ok()?;
    let after = 3 * config.doublings;
    let module = match number {
        0 => "conv_first".to_string(),
        n if n == after + 2 => "conv_hr".into(),
        n if n == after + 4 => "conv_last".into(),
        n if n % 3 == 0 && n <= after => format!("conv_up.{}", n / 3 - 1),
        _ => return None,
    };
    Some(format!("{module}.{kind}"))
}

/// Where a published name of a Compact belongs: `body.{2 i}` are its convolutions, `body.{2 i + 1}`
/// its slopes.
pub(crate) fn of_compact(name: &str) -> Key {
    let path = || {
        let (number, kind) = name.strip_prefix("body.")?.split_once('.')?;
        let number: usize = number.parse().ok()?;
        match (number % 2, kind) {
            (0, _) => Some(format!("convs.{}.{kind}", number / 2)),
            (_, "weight") => Some(format!("slopes.{}", number / 2)),
            _ => None,
        }
    };
    Key::Parameter(path().unwrap_or_else(|| name.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_namings_lead_to_one_place() {
        let config = RrdbConfig {
            blocks: 6,
            ..RrdbConfig::x4plus()
        };
        for (names, path) in [
            (
                ["conv_first.bias", "conv_first.bias", "model.0.bias"],
                "conv_first.bias",
            ),
            (
                [
                    "body.5.rdb2.conv3.weight",
                    "RRDB_trunk.5.RDB2.conv3.weight",
                    "model.1.sub.5.RDB2.conv3.0.weight",
                ],
                "body.5.rdb2.conv3.weight",
            ),
            (
                ["conv_body.bias", "trunk_conv.bias", "model.1.sub.6.bias"],
                "conv_body.bias",
            ),
            (
                ["conv_up2.weight", "upconv2.weight", "model.6.weight"],
                "conv_up.1.weight",
            ),
            (
                ["conv_hr.weight", "HRconv.weight", "model.8.weight"],
                "conv_hr.weight",
            ),
            (
                ["conv_last.weight", "conv_last.weight", "model.10.weight"],
                "conv_last.weight",
            ),
        ] {
            let namings = [Naming::New, Naming::Middle, Naming::Old];
            for (naming, name) in namings.into_iter().zip(names) {
                assert_eq!(naming.key(name, &config), Key::Parameter(path.into()));
            }
        }
        let slopes = Key::Parameter("slopes.16".into());
        assert_eq!(of_compact("body.33.weight"), slopes);
        assert_eq!(
            of_compact("body.33.bias"),
            Key::Parameter("body.33.bias".into())
        );
    }
}

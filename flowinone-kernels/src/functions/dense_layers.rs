//! The linear layers of a module, reached by name.

use super::dense::Dense;

/// A module whose linear layers can be reached by name, to pack them or to put adapters beside
/// them.
pub trait DenseLayers {
    /// Hands every linear layer to `see` with its path: the names of the fields that lead to it
    /// from the module at path `at`, joined by dots.
    fn each_dense(&mut self, at: &str, see: &mut dyn FnMut(&str, &mut Dense));
}

impl DenseLayers for Dense {
    fn each_dense(&mut self, at: &str, see: &mut dyn FnMut(&str, &mut Dense)) {
        see(at, self);
    }
}

impl<L: DenseLayers> DenseLayers for Option<L> {
    fn each_dense(&mut self, at: &str, see: &mut dyn FnMut(&str, &mut Dense)) {
        if let Some(module) = self {
            module.each_dense(at, see);
        }
    }
}

impl<L: DenseLayers> DenseLayers for Vec<L> {
    fn each_dense(&mut self, at: &str, see: &mut dyn FnMut(&str, &mut Dense)) {
        for (index, module) in self.iter_mut().enumerate() {
            module.each_dense(&below(at, &index.to_string()), see);
        }
    }
}

/// The path of `name` in the module at path `at`.
#[doc(hidden)]
pub fn below(at: &str, name: &str) -> String {
    match at {
        "" => name.to_string(),
        at => format!("{at}.{name}"),
    }
}

/// Says which fields of a module lead to [`Dense`] layers: `dense_layers!(Mlp: w0, w1, w2)` makes
/// `Mlp` a module of [`DenseLayers`].
#[macro_export]
macro_rules! dense_layers {
    ($module:ty: $($field:ident),+) => {
        impl $crate::DenseLayers for $module {
            fn each_dense(
                &mut self,
                at: &str,
                see: &mut dyn FnMut(&str, &mut $crate::Dense),
            ) {
                $(
                    let path = $crate::below(at, stringify!($field));
                    $crate::DenseLayers::each_dense(&mut self.$field, &path, see);
                )+
            }
        }
    };
}

//! Devices by name: what this machine has, the choice among it, and a clear word where the two do
//! not meet.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

use crate::Error;

/// A device as people name it: `auto`, `cpu`, `wgpu:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The best that there is; a software GPU does not count.
    Auto,
    /// Plain CPU.
    Cpu,
    /// The n-th device of a GPU interface.
    Gpu(Interface, usize),
}

/// A way to reach GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// CUDA.
    Cuda,
    /// Metal.
    Metal,
    /// Vulkan (SPIR-V).
    Vulkan,
    /// WebGPU (WGSL).
    Wgpu,
}

impl Interface {
    /// All of them, in the order in which `auto` looks.
    const ALL: [Self; 4] = [Self::Cuda, Self::Metal, Self::Vulkan, Self::Wgpu];

    fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Metal => "metal",
            Self::Vulkan => "vulkan",
            Self::Wgpu => "wgpu",
        }
    }

    fn compiled(self) -> bool {
        match self {
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Metal => cfg!(feature = "metal"),
            Self::Vulkan => cfg!(feature = "vulkan"),
            Self::Wgpu => cfg!(feature = "wgpu"),
        }
    }

    /// What this machine offers. A missing driver is an empty list: some runtimes panic then.
    fn devices(self) -> Vec<Device> {
        quietly(|| self.enumerate()).unwrap_or_default()
    }

    fn enumerate(self) -> Vec<Device> {
        match self {
            #[cfg(feature = "cuda")]
            Self::Cuda => all(burn::tensor::DeviceType::Cuda),
            #[cfg(feature = "metal")]
            Self::Metal => all(burn::tensor::DeviceType::Metal),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => all(burn::tensor::DeviceType::Vulkan),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => all(burn::tensor::DeviceType::Wgpu),
            #[allow(unreachable_patterns, reason = "with every interface compiled in")]
            _ => vec![],
        }
    }
}

#[cfg(any(
    feature = "cuda",
    feature = "metal",
    feature = "vulkan",
    feature = "wgpu"
))]
fn all(kind: burn::tensor::DeviceType) -> Vec<Device> {
    Device::enumerate(kind).into_iter().collect()
}

/// A device that can be computed on.
#[derive(Debug, Clone)]
pub struct NamedDevice {
    /// What to write after `--device`.
    pub choice: Choice,
    /// What the device calls itself.
    pub name: String,
    /// Whether it only imitates a GPU on the CPU.
    pub software: bool,
    /// The device.
    pub device: Device,
}

/// Everything that there is on this machine and in this program.
pub fn list() -> Vec<NamedDevice> {
    let mut found = Vec::new();
    for interface in Interface::ALL {
        for (number, device) in interface.devices().into_iter().enumerate() {
            if let Some((name, software)) = quietly(|| identity(&device)).flatten() {
                found.push(NamedDevice {
                    choice: Choice::Gpu(interface, number),
                    name,
                    software,
                    device,
                });
            }
        }
    }
    found.extend(cpu());
    found
}

/// Interfaces that were left out when this program was built.
pub fn left_out() -> Vec<&'static str> {
    let mut names: Vec<_> = Interface::ALL
        .into_iter()
        .filter(|interface| !interface.compiled())
        .map(Interface::name)
        .collect();
    if cfg!(not(feature = "cpu")) {
        names.push("cpu");
    }
    names
}

/// Opens several devices of the chosen kind, by their numbers, or the chosen one if there are no
/// numbers. One that is named several times is there several times.
///
/// # Errors
/// As [`open`].
pub fn open_all(choice: Choice, numbers: &[usize]) -> Result<Vec<NamedDevice>, Error> {
    let first = open(choice)?;
    if numbers.is_empty() {
        return Ok(vec![first]);
    }
    let numbered = |&number: &usize| match first.choice {
        Choice::Gpu(interface, _) => open(Choice::Gpu(interface, number)),
        only if number == 0 => open(only),
        only => Err(Error::Device(format!(
            "device number {number}: there is one {only}, with the number 0; name it once for each share, 0,0"
        ))),
    };
    numbers.iter().map(numbered).collect()
}

/// Opens the chosen device.
///
/// # Errors
/// A device that is not there or not built in, and what there is instead.
pub fn open(choice: Choice) -> Result<NamedDevice, Error> {
    // The list opens every GPU; the CPU needs none of them.
    if choice == Choice::Cpu
        && let Some(cpu) = cpu()
    {
        return Ok(cpu);
    }
    let found = list();
    let chosen = match choice {
        Choice::Auto => found.iter().find(|device| !device.software),
        _ => found.iter().find(|device| device.choice == choice),
    };
    if let Some(chosen) = chosen {
        return Ok(chosen.clone());
    }
    let there = match found.as_slice() {
        [] => "none was found".to_string(),
        some => some
            .iter()
            .map(|device| format!("{} ({})", device.choice, device.name))
            .collect::<Vec<_>>()
            .join(", "),
    };
    if let Choice::Gpu(interface, _) = choice
        && !interface.compiled()
    {
        return Err(Error::Device(format!(
            "device {choice}: this program was built without the feature `{}`; available: {there}; build with `cargo build --features {}`",
            interface.name(),
            interface.name()
        )));
    }
    Err(Error::Device(format!(
        "device {choice} is not there: no driver or adapter answered; available: {there}"
    )))
}

/// A device for modules that are only asked for their shapes; nothing is computed on it.
pub fn blueprint() -> Device {
    cpu().map_or_else(Device::default, |found| found.device)
}

#[cfg(feature = "cpu")]
fn cpu() -> Option<NamedDevice> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Some(NamedDevice {
        choice: Choice::Cpu,
        name: format!("{threads} threads, {}", processor()),
        software: false,
        device: Device::flex(),
    })
}

/// The vector instructions that the kernels use here, and what types other than f32 gain by them.
#[cfg(feature = "cpu")]
fn processor() -> String {
    use flowinone_kernels::{Dtype, SimdLevel, relative_time};
    let level = SimdLevel::current().name();
    let shares = [Dtype::Bf16, Dtype::Int8]
        .into_iter()
        .filter_map(|dtype| Some((dtype, relative_time(dtype)?)))
        .map(|(dtype, share)| format!("{dtype} {:.0} %", 100.0 * share));
    let shares: Vec<String> = shares.collect();
    let times = match shares.is_empty() {
        true => String::new(),
        false => format!(", {} of the time of f32", shares.join(" and ")),
    };
    format!("{} with {level}{times}", std::env::consts::ARCH)
}

#[cfg(not(feature = "cpu"))]
fn cpu() -> Option<NamedDevice> {
    None
}

#[cfg(any(
    feature = "cuda",
    feature = "metal",
    feature = "vulkan",
    feature = "wgpu"
))]
fn identity(device: &Device) -> Option<(String, bool)> {
    let identity = device.identity()?;
    Some((identity.name, identity.physical.is_none()))
}

#[cfg(not(any(
    feature = "cuda",
    feature = "metal",
    feature = "vulkan",
    feature = "wgpu"
)))]
fn identity(_device: &Device) -> Option<(String, bool)> {
    None
}

/// Runs something that may panic where a driver is missing, without the panic's message.
fn quietly<T>(look: impl FnOnce() -> T) -> Option<T> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(look));
    std::panic::set_hook(hook);
    result.ok()
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Cpu => f.pad("cpu"),
            Self::Gpu(interface, number) => f.pad(&format!("{}:{number}", interface.name())),
        }
    }
}

impl FromStr for Choice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, number) = text.split_once(':').unwrap_or((text, "0"));
        let unknown = || {
            Error::Device(format!(
                "{text:?} is no device; use auto, cpu, wgpu[:n], vulkan[:n], metal[:n] or cuda[:n]"
            ))
        };
        match text {
            "auto" => return Ok(Self::Auto),
            "cpu" => return Ok(Self::Cpu),
            _ => {}
        }
        let interface = Interface::ALL
            .into_iter()
            .find(|interface| interface.name() == name)
            .ok_or_else(unknown)?;
        Ok(Self::Gpu(interface, number.parse().map_err(|_| unknown())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_as_they_are_written() {
        for text in ["auto", "cpu", "wgpu:0", "vulkan:2", "metal:1", "cuda:3"] {
            assert_eq!(text.parse::<Choice>().unwrap().to_string(), text);
        }
        assert_eq!(
            "cuda".parse::<Choice>().unwrap(),
            Choice::Gpu(Interface::Cuda, 0)
        );
        for text in ["", "gpu", "cpu:1", "cuda:", "cuda:x", "wgpu:-1", "auto:0"] {
            assert!(
                text.parse::<Choice>()
                    .unwrap_err()
                    .to_string()
                    .contains("use auto, cpu")
            );
        }
    }

    #[test]
    fn an_absent_device_is_an_error_that_lists_the_others() {
        let absent = Choice::Gpu(Interface::Cuda, 77);
        let text = open(absent).unwrap_err().to_string();
        assert!(
            text.contains("cuda:77") && text.contains("available: "),
            "{text}"
        );
    }
}

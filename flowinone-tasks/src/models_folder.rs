//! Models by name: each is a directory in the models folder, which is `FLOWINONE_MODELS` or lies
//! where the platform keeps the data of programs.

use std::path::{Component, Path, PathBuf};

/// The variable that names the models folder.
const VARIABLE: &str = "FLOWINONE_MODELS";

/// Where models are looked for by name; `None` where the system has no folder for a user.
pub fn models_folder() -> Option<PathBuf> {
    let variable = |name: &str| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from)
    };
    folder(&variable, std::env::home_dir())
}

fn folder(variable: &dyn Fn(&str) -> Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    if let Some(named) = variable(VARIABLE) {
        return Some(named);
    }
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    let data = if cfg!(windows) {
        absolute("LOCALAPPDATA")?
    } else if cfg!(target_os = "macos") {
        home?.join("Library/Application Support")
    } else {
        absolute("XDG_DATA_HOME").or_else(|| Some(home?.join(".local/share")))?
    };
    Some(data.join("flowinone").join("models"))
}

/// Whether a path is a bare name, which may be that of a model.
pub(crate) fn is_name(model: &Path) -> bool {
    let mut parts = model.components();
    let one = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
    one && !model.to_string_lossy().starts_with('.')
}

/// The directory of a model in the models folder by its bare name, if there is one.
pub fn named_model(model: &Path) -> Option<PathBuf> {
    let path = models_folder()?.join(model);
    (is_name(model) && path.is_dir()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_named_or_that_of_the_platform() {
        let home = || Some(PathBuf::from(if cfg!(windows) { "C:\\h" } else { "/h" }));
        let named = |name: &str| (name == VARIABLE).then(|| PathBuf::from("mine"));
        assert_eq!(folder(&named, home()), Some("mine".into()));
        let own = folder(&|_| None, home());
        if cfg!(target_os = "linux") {
            assert_eq!(own, Some("/h/.local/share/flowinone/models".into()));
            let xdg = |name: &str| (name == "XDG_DATA_HOME").then(|| PathBuf::from("/d"));
            assert_eq!(folder(&xdg, home()), Some("/d/flowinone/models".into()));
            let relative = |name: &str| (name == "XDG_DATA_HOME").then(|| PathBuf::from("d"));
            assert_eq!(
                folder(&relative, home()),
                own,
                "which the standard tells to ignore"
            );
            assert_eq!(folder(&|_| None, None), None);
        }
    }

    #[test]
    fn only_a_bare_name_is_looked_for() {
        for (path, name) in [
            ("flowinone-256", true),
            ("a.b", true),
            ("", false),
            (".", false),
            ("..", false),
            (".a.pull", false),
            ("a/b", false),
            ("/a", false),
        ] {
            assert_eq!(is_name(Path::new(path)), name, "{path}");
        }
    }
}

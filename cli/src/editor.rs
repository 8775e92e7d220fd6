//! The user's text editor.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Opens a file in `$VISUAL`, `$EDITOR` or vi, and waits until the editor ends.
pub(crate) fn open(path: &Path) -> Result<()> {
    let mut editors = ["VISUAL", "EDITOR"].iter().filter_map(|name| std::env::var(name).ok());
    let editor = editors.find(|editor| !editor.trim().is_empty());
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    // The variable may hold arguments: `code --wait`.
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("abtest")
        .arg(path)
        .status()
        .with_context(|| format!("cannot start the editor `{editor}`; set EDITOR"))?;
    if !status.success() {
        bail!("the editor `{editor}` failed ({status}); set EDITOR to another one");
    }
    Ok(())
}

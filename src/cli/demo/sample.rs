//! The sample project and the advisories about it, as they are in the binary.

use anyhow::{Context, Result};
use rust_embed::RustEmbed;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A small shop with vulnerable dependencies and planted secrets.
#[derive(RustEmbed)]
#[folder = "samples/shop"]
struct Shop;

/// The files that change when one dependency is upgraded.
#[derive(RustEmbed)]
#[folder = "samples/shop-upgrade"]
struct Upgrade;

/// OSV zips, one per ecosystem.
#[derive(RustEmbed)]
#[folder = "samples/advisories"]
#[include = "*.zip"]
struct Advisories;

/// A source archive, and how many files are in it.
pub(super) struct Archive {
    pub(super) bytes: Vec<u8>,
    pub(super) files: u64,
}

/// The shop as it is.
pub(super) fn shop() -> Result<Archive> {
    pack(&files::<Shop>())
}

/// The shop after the upgrade.
pub(super) fn upgraded_shop() -> Result<Archive> {
    let mut all = files::<Shop>();
    all.extend(files::<Upgrade>());
    pack(&all)
}

/// Writes the advisories into `folder`, and answers where they are.
pub(super) fn write_advisories(folder: &Path) -> Result<Vec<PathBuf>> {
    let write = |(name, content): (String, Vec<u8>)| {
        let path = folder.join(name);
        std::fs::write(&path, content).with_context(|| format!("while writing {}", path.display()))?;
        Ok(path)
    };
    files::<Advisories>().into_iter().map(write).collect()
}

fn files<E: RustEmbed>() -> BTreeMap<String, Vec<u8>> {
    let content = |path: std::borrow::Cow<'static, str>| {
        let file = E::get(&path)?;
        Some((path.into_owned(), file.data.into_owned()))
    };
    E::iter().filter_map(content).collect()
}

fn pack(files: &BTreeMap<String, Vec<u8>>) -> Result<Archive> {
    let entries = files.iter().map(|(path, content)| (path.as_str(), content.as_slice()));
    let bytes = scanledger_source::pack_files(entries).context("while packing the sample")?;
    Ok(Archive { bytes, files: files.len() as u64 })
}

#[cfg(test)]
mod tests {
    use super::{Advisories, Shop, Upgrade, files};

    #[test]
    fn the_upgrade_replaces_files_and_adds_none() {
        let (shop, upgrade) = (files::<Shop>(), files::<Upgrade>());
        assert!(!upgrade.is_empty());
        for (path, content) in &upgrade {
            assert!(shop.get(path).is_some_and(|before| before != content), "{path}");
        }
    }

    #[test]
    fn there_are_advisories_for_every_ecosystem_that_is_matched() {
        let names: Vec<_> = files::<Advisories>().into_keys().collect();
        assert_eq!(names, ["Go.zip", "PyPI.zip", "crates.io.zip", "npm.zip"]);
    }
}

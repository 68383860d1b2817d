//! Stores the code around findings, many in one blob.

use scanledger_domain::blob::{BlobError, BlobStore};
use scanledger_domain::branch::{ExcerptRef, Inventory, InventoryDigest, Observed};

/// Excerpts in one blob: with [`scanledger_domain::limits::EXCERPT_BYTES`] each, at most 400 KB.
const PER_BLOB: usize = 1_000;

/// Stores the excerpts of findings that the branch does not hold as they are, and notes where they are.
///
/// Findings that are unchanged get no event, so their excerpts would never be looked up.
pub(super) async fn store(
    blobs: &dyn BlobStore,
    observed: &mut [Observed],
    inventory: &Inventory,
) -> Result<(), BlobError> {
    let wanted: Vec<usize> = observed
        .iter()
        .enumerate()
        .filter(|(_, observed)| observed.excerpt.is_none() && observed.detection.excerpt.is_some())
        .filter(|(_, observed)| !is_unchanged(observed, inventory))
        .map(|(index, _)| index)
        .collect();
    for chunk in wanted.chunks(PER_BLOB) {
        let mut bytes = Vec::new();
        let mut places = Vec::with_capacity(chunk.len());
        for &index in chunk {
            let text = observed[index].detection.excerpt.as_deref().unwrap_or_default();
            places.push((index, bytes.len() as u32, text.len() as u32));
            bytes.extend_from_slice(text.as_bytes());
        }
        let blob = blobs.put(bytes).await?;
        for (index, start, length) in places {
            observed[index].excerpt = Some(ExcerptRef { blob, start, length });
        }
    }
    Ok(())
}

fn is_unchanged(observed: &Observed, inventory: &Inventory) -> bool {
    inventory.findings.get(&observed.finding).is_some_and(|held| {
        held.is_present
            && held.digest == InventoryDigest::of_finding(observed.finding, &observed.occurrence())
    })
}

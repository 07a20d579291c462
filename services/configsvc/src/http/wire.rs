//! A mutate call's answer, written without being copied first. The same JSON as the domain's `MutateResponse`.

use paramedic_domain::{PatchId, SkipCode};
use serde::{Serialize, Serializer};

use crate::{answer::Answer, entries::Entries};

/// See `MutateResponse`.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    config: WrittenConfig<'a>,
    applied: Vec<Applied<'a>>,
    skipped: Vec<Skipped<'a>>,
    #[serde(serialize_with = "as_map")]
    provenance: Vec<(&'a str, Provenance<'a>)>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    degraded: &'a [String],
}

struct WrittenConfig<'a>(&'a Answer, &'a Entries<'a>);

impl Serialize for WrittenConfig<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.config(self.1))
    }
}

#[derive(Serialize)]
struct Applied<'a> {
    patch_id: PatchId,
    source: &'a str,
}

#[derive(Serialize)]
struct Skipped<'a> {
    patch_id: PatchId,
    code: SkipCode,
    reason: &'a str,
}

#[derive(Serialize)]
struct Provenance<'a> {
    patch_id: PatchId,
    from: Option<&'a str>,
    to: Option<&'a str>,
}

fn as_map<S: Serializer>(entries: &[(&str, Provenance<'_>)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
}

impl<'a> Written<'a> {
    pub(super) fn new(answer: &'a Answer, own: &'a Entries<'a>) -> Self {
        let applied = answer.applied();
        let applied = applied.map(|(it, _)| Applied { patch_id: it.patch.id, source: &it.patch.content.source });
        let skipped =
            answer.skipped().map(|(it, skip)| Skipped { patch_id: it.patch.id, code: skip.code, reason: &skip.reason });
        let gone =
            answer.gone.iter().map(|gone| Skipped { patch_id: gone.patch_id, code: gone.code, reason: &gone.reason });
        Self {
            config: WrittenConfig(answer, own),
            applied: applied.collect(),
            skipped: skipped.chain(gone).collect(),
            provenance: provenance(answer),
            degraded: &answer.degraded,
        }
    }
}

/// By key; of several changes the last.
fn provenance(answer: &Answer) -> Vec<(&str, Provenance<'_>)> {
    let mut entries: Vec<_> = answer
        .applied()
        .flat_map(|(patch, changes)| {
            changes.iter().map(|change| {
                let (from, to) = (change.from.as_deref(), change.to.as_deref());
                (change.key.as_str(), Provenance { patch_id: patch.patch.id, from, to })
            })
        })
        .collect();
    entries.reverse();
    entries.sort_by_key(|(key, _)| *key);
    entries.dedup_by(|(later, _), (earlier, _)| later == earlier);
    entries
}

//! Ids. They are derived from what they name wherever a request may be repeated, so that a repetition finds the first.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::job::AttemptKey;

/// The name space of every derived id of Paramedic (a random UUID, fixed for ever).
const NAMESPACE: Uuid = Uuid::from_u128(0x6b1f_04c2_8a3d_4f0e_9d5b_71c0_5e2a_94d3);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(Uuid);

        impl $name {
            /// The id as a UUID.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

pub(crate) use id;

id!(
    /// One failed attempt: derived from the attempt, so that a second report of it is the same failure.
    FailureId
);
id!(
    /// One recommendation: derived from the request, so that a repeated request gets the recommendation given first.
    RecommendationId
);
id!(
    /// One patch: derived from the idempotency key where the creator sent one, else new.
    PatchId
);

id!(
    /// One freeze.
    FreezeId
);

impl FreezeId {
    /// A freeze that nobody else will name. Ordered by time.
    #[expect(clippy::disallowed_methods, reason = "an id that is not derived")]
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }
}

impl FailureId {
    /// The failure of this attempt.
    pub fn of(attempt: &AttemptKey) -> Self {
        Self(derive("failure", &attempt.canonical()))
    }
}

impl RecommendationId {
    /// The recommendation for this request, given in a canonical serialization.
    pub fn of(request: &[u8]) -> Self {
        Self(derive("recommendation", request))
    }
}

impl PatchId {
    /// The patch that an idempotency key names.
    pub fn of(idempotency_key: &str) -> Self {
        Self(derive("patch", idempotency_key.as_bytes()))
    }

    /// The patch for the run's next attempts that the decision on a failure made.
    pub fn of_retry(failure: FailureId) -> Self {
        Self::of(&failure.to_string())
    }

    /// The patch for the whole job that the retry's was widened to.
    pub fn of_job(failure: FailureId) -> Self {
        Self::of(&Self::widening_key(failure))
    }

    /// The idempotency key of the patch for the whole job.
    pub fn widening_key(failure: FailureId) -> String {
        format!("widened:{failure}")
    }

    /// 0 to 99: the hundredth of all jobs that this one is in, for this patch. It differs between patches, so that it is
    /// not always the same jobs that try what is new.
    pub fn bucket_of(self, scheduler: &str, workflow: &str, job: &str) -> u8 {
        let mut name = Vec::with_capacity(24 + scheduler.len() + workflow.len() + job.len());
        for part in [scheduler, workflow, job] {
            name.extend_from_slice(&(part.len() as u64).to_be_bytes());
            name.extend_from_slice(part.as_bytes());
        }
        let (high, _) = Uuid::new_v5(&self.0, &name).as_u64_pair();
        // The version's bits lie in the low half of `high`.
        ((high >> 32) % 100) as u8
    }

    /// A patch that nobody else will name. Ordered by time.
    #[expect(clippy::disallowed_methods, reason = "an id that is not derived")]
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }
}

/// 0 to 1, evenly over all jobs: always the same for one job.
pub(crate) fn fraction_of_job(scheduler: &str, workflow: &str, job: &str) -> f64 {
    let mut name = Vec::new();
    for part in [scheduler, workflow, job] {
        name.extend_from_slice(&(part.len() as u64).to_be_bytes());
        name.extend_from_slice(part.as_bytes());
    }
    let (high, _) = derive("control", &name).as_u64_pair();
    // The version's bits lie in the low half of `high`.
    (high >> 32) as f64 / f64::from(u32::MAX)
}

fn derive(kind: &str, content: &[u8]) -> Uuid {
    let mut name = kind.as_bytes().to_vec();
    name.push(0);
    name.extend_from_slice(content);
    Uuid::new_v5(&NAMESPACE, &name)
}

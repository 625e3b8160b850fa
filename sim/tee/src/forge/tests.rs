//! The forge against itself; `tests/forge.rs` holds it against the verifier.

use std::sync::OnceLock;

use super::*;

/// 2026-06-01T12:00:00Z.
pub(crate) const NOW_MS: u64 = 1_780_315_200_000;

/// Returns the vendor that the unit tests of this crate share: its keys take seconds.
pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::generate(NOW_MS).unwrap())
}

#[test]
fn forge_refuses_faults_that_the_platform_cannot_have_and_makes_all_others() {
    let forge = Forge::new(authority());
    let launch = Launch {
        measurement: [1; 48],
        config_hash: [2; 32],
        instance: [3; 32],
    };
    let request = ForgeRequest {
        launch,
        user_data: [4; 64],
        nonce: [5; 32],
        now_ms: NOW_MS,
    };
    for model in ChipModel::ALL {
        let chip = Chip::provision(authority(), model, "forged", NOW_MS).unwrap();
        for fault in Fault::ALL {
            let forged = forge.forge(&chip, *fault, &request);

            let error = forged.err();
            let expected = (!fault.applies_to(model)).then_some(ForgeError::NotApplicable);
            assert_eq!(error, expected, "{fault:?} on {model:?}");
        }
    }
}

#[test]
fn every_fault_and_every_oddity_applies_somewhere() {
    let applies = |change: Change| ChipModel::ALL.iter().any(|model| change.applies_to(*model));
    for fault in Fault::ALL {
        assert!(applies((*fault).into()), "{fault:?}");
    }
    for oddity in Oddity::ALL {
        assert!(applies((*oddity).into()), "{oddity:?}");
    }
}

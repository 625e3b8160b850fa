//! Certificate tables of SEV-SNP hosts, with DER or PEM inside.

use boop_verifier::snp::{CertificateTable, Report, certificate_to_der};

use crate::fixture::GENOA;

pub(crate) fn run(data: &[u8]) {
    if let Some(der) = certificate_to_der(data) {
        assert!(der.len() <= data.len(), "reading does not make bytes");
        if data.first() == Some(&0x30) {
            assert_eq!(der, data);
        }
    }
    let Ok(table) = CertificateTable::parse(data) else {
        return;
    };
    assert_eq!(CertificateTable::parse(data).as_ref(), Ok(&table));
    let parts = [&table.vcek, &table.vlek, &table.intermediate, &table.crl];
    for part in parts.into_iter().flatten() {
        assert!(part.len() <= data.len(), "entries lie inside the table");
    }
    let report = Report::parse(GENOA.report).expect("a fixture is a report");
    let (vcek, intermediate) = (table.vcek.clone(), table.intermediate.clone());
    let endorsements = table.endorsements_for(&report);
    assert_eq!(endorsements.intermediate, intermediate);
    assert!(vcek.is_none() || endorsements.leaf == vcek);
}

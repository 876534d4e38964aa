//! Every valid golden case exports, where they are present, and what comes out holds together.
//!
//! `TOPO_MANIFESTS=FOLDER` writes the manifests there too: `tests/k8s/run.sh` checks them against Kubernetes' schemas.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;
use topo::k8s::{Binds, KubeVersion, MeshKind, Options, Published, Secrets, export};
use topo::load::load;
use topo::model::x_topo::WaitFor;
use topo::project::{Contents, Selection, read_binds, read_contents, resolve};

use crate::corpus::corpus;
use crate::k8s::holds;
use crate::properties_loading::{golden, golden_cases};

/// All that can be chosen, chosen.
fn chosen() -> Options {
    Options {
        namespace: Some("chosen".to_owned()),
        published: Published::NodePort,
        secrets: Secrets::Manifest,
        volume_size: "2Gi".to_owned(),
        wait_for: WaitFor::Init,
        binds: Binds::HostPath,
        mesh: Some(MeshKind::Istio),
        kube_version: KubeVersion::OLDEST,
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn every_valid_golden_case_exports() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: the golden cases are not here; name their folder in TOPO_CORPUS");
        return;
    };
    let folder = std::env::var_os("TOPO_MANIFESTS").map(PathBuf::from);
    let mut exported = 0;
    let mut known = BTreeSet::new();
    for case in golden_cases(&corpus) {
        let Some((world, request, profiles)) = golden(&case) else { continue };
        let mut loaded = load(&world, &request);
        let selection = Selection { profiles, ..Selection::default() };
        let project = resolve(&mut loaded, &selection, &world);
        if loaded.diagnostics.has_errors() {
            continue;
        }
        // Some name files that are not there, which only `up` and `export` mind.
        let read = read_contents(&project, &loaded.environment, &world, &mut loaded.diagnostics);
        let mut contents = if loaded.diagnostics.has_errors() { Contents::default() } else { read };
        contents.binds = read_binds(&project, &world);
        for (choice, options) in [("default", Options::default()), ("chosen", chosen())] {
            let export = export(&project, &contents, &options);
            let objects: Vec<Value> =
                export.objects.iter().map(|object| serde_json::to_value(object).unwrap()).collect();
            let stream = export.to_stream().unwrap();
            let is_held = std::panic::catch_unwind(|| holds(&objects));
            assert!(is_held.is_ok(), "{} ({choice}):\n{stream}", case.display());
            exported += 1;
            if !known.insert(stream.clone()) {
                continue;
            }
            let is_held =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| crate::forms::holds(&export)));
            assert!(is_held.is_ok(), "{} ({choice}):\n{stream}", case.display());
            if let Some(folder) = &folder {
                std::fs::write(folder.join(format!("{exported}-{choice}.yaml")), stream).unwrap();
            }
        }
    }
    assert!(exported > 2000, "only {exported} exports");
}

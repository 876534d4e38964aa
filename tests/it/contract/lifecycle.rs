//! Obligations on running containers, and on images that were built for a project.

use topo::engine::Cause;
use topo::engine::fake::Behaviour;
use topo::observed::State;
use topo::plan::images::BuiltImage;
use topo::plan::{Build, labels};

use super::bed::{Bed, IMAGE, Stage, bounded, cause};

pub(crate) async fn a_container_is_paused_and_goes_on(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    assert!(matches!(cause(bed.engine.pause(&web).await), Cause::Other { .. }), "it does not run");
    bed.engine.start(&web).await.unwrap();
    assert!(matches!(cause(bed.engine.unpause(&web).await), Cause::Other { .. }), "it is not paused");
    bed.engine.pause(&web).await.unwrap();
    assert_eq!(bed.container("web").await.state, State::Paused);
    assert!(matches!(cause(bed.engine.pause(&web).await), Cause::Other { .. }), "it is paused already");
    bed.engine.unpause(&web).await.unwrap();
    assert_eq!(bed.container("web").await.state, State::Running);
    bed.engine.remove_container(&web, false).await.unwrap();
    assert!(bed.engine.pause(&web).await.unwrap_err().is_not_found());
    assert!(bed.engine.unpause(&web).await.unwrap_err().is_not_found());
}

pub(crate) async fn signals_reach_what_runs(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    assert!(matches!(cause(bed.engine.kill(&web, "SIGKILL").await), Cause::Other { .. }), "it does not run");
    bed.engine.start(&web).await.unwrap();
    assert!(matches!(cause(bed.engine.kill(&web, "SIGNOTHING").await), Cause::Other { .. }));
    // The default of this signal is to do nothing.
    bed.engine.kill(&web, "WINCH").await.unwrap();
    assert_eq!(bed.engine.inspect(&web).await.unwrap().state, State::Running);
    let (code, killed) =
        bounded(futures_util::future::join(bed.engine.exit_code(&web), bed.engine.kill(&web, "9"))).await;
    killed.unwrap();
    assert_eq!(code.unwrap(), 137);
    bed.engine.remove_container(&web, false).await.unwrap();
    assert!(bed.engine.kill(&web, "9").await.unwrap_err().is_not_found());
}

pub(crate) async fn a_restart_starts_what_runs_and_what_does_not(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    bed.engine.restart(&web, Some(1)).await.unwrap();
    assert_eq!(bed.engine.inspect(&web).await.unwrap().state, State::Running);
    bed.engine.restart(&web, Some(1)).await.unwrap();
    assert_eq!(bed.engine.inspect(&web).await.unwrap().state, State::Running);
    bed.engine.remove_container(&web, false).await.unwrap();
    assert!(bed.engine.restart(&web, None).await.unwrap_err().is_not_found());
}

pub(crate) async fn the_exit_code_is_waited_for(bed: &Bed<impl Stage>) {
    let job = bed.create("job", bed.body("job", &Behaviour::Exits(3, vec![]))).await;
    assert_eq!(bounded(bed.engine.exit_code(&job)).await.unwrap(), 0, "it never ran");
    bed.engine.start(&job).await.unwrap();
    assert_eq!(bounded(bed.engine.exit_code(&job)).await.unwrap(), 3);
    assert_eq!(bounded(bed.engine.exit_code(&job)).await.unwrap(), 3, "it ended before");
    bed.engine.remove_container(&job, false).await.unwrap();
    assert!(bed.engine.exit_code(&job).await.unwrap_err().is_not_found());
    assert!(bed.engine.removal(&job).await.unwrap_err().is_not_found());
    let job = bed.create("job", bed.body("job", &Behaviour::Exits(4, vec![]))).await;
    let removed = async {
        bed.engine.start(&job).await?;
        bed.engine.exit_code(&job).await?;
        bed.engine.remove_container(&job, false).await
    };
    let (code, removed) = bounded(futures_util::future::join(bed.engine.removal(&job), removed)).await;
    removed.unwrap();
    assert_eq!(code.unwrap(), 4);
}

pub(crate) async fn images_of_a_project_are_found_and_removed(bed: &Bed<impl Stage>) {
    let context = tempfile::tempdir().unwrap();
    let name = bed.name("built");
    let own = [(labels::PROJECT, bed.project.as_str()), (labels::SERVICE, "web")];
    let build = Build {
        image: name.clone(),
        context: context.path().display().to_string(),
        dockerfile_inline: Some(format!("FROM {IMAGE}\n")),
        labels: own.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..Build::default()
    };
    bed.engine.build(&build, &|_| ()).await.unwrap();
    let tagged = format!("{name}:latest");
    let found = BuiltImage { name: tagged.clone(), service: "web".into() };
    assert_eq!(bed.engine.built_images(&bed.project).await.unwrap(), [found]);
    assert_eq!(bed.engine.built_images(&bed.name("other")).await.unwrap(), []);
    let mut body = bed.body("web", &Behaviour::Runs);
    body.image = Some(name.clone());
    let web = bed.create("web", body).await;
    assert!(matches!(cause(bed.engine.remove_image(&tagged).await), Cause::InUse { .. }));
    bed.engine.remove_container(&web, false).await.unwrap();
    bed.engine.remove_image(&tagged).await.unwrap();
    assert!(bed.engine.remove_image(&tagged).await.unwrap_err().is_not_found());
    assert_eq!(bed.engine.built_images(&bed.project).await.unwrap(), []);
}

pub(crate) async fn an_image_loses_its_name_to_a_later_one(bed: &Bed<impl Stage>) {
    let context = tempfile::tempdir().unwrap();
    let name = bed.name("rebuilt");
    let build = |times: &str| Build {
        image: name.clone(),
        context: context.path().display().to_string(),
        dockerfile_inline: Some(format!("FROM {IMAGE}\nLABEL times={times}\n")),
        labels: [(labels::PROJECT.to_owned(), bed.project.clone())].into(),
        ..Build::default()
    };
    let first = bed.engine.build(&build("1"), &|_| ()).await.unwrap();
    assert_eq!(bed.engine.nameless_images(&bed.project).await.unwrap(), [""; 0]);
    let mut body = bed.body("web", &Behaviour::Runs);
    body.image = Some(name.clone());
    let web = bed.create("web", body).await;
    bed.engine.build(&build("2"), &|_| ()).await.unwrap();
    assert_eq!(bed.engine.nameless_images(&bed.project).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(bed.engine.nameless_images(&bed.name("other")).await.unwrap(), [""; 0]);
    assert!(matches!(cause(bed.engine.remove_image(&first).await), Cause::InUse { .. }));
    bed.engine.remove_container(&web, false).await.unwrap();
    bed.engine.remove_image(&first).await.unwrap();
    assert_eq!(bed.engine.nameless_images(&bed.project).await.unwrap(), [""; 0]);
    bed.engine.remove_image(&format!("{name}:latest")).await.unwrap();
}

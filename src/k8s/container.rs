//! The container of a service: its image, command, variables, probes and hooks.

use k8s_openapi::api::core::v1::{
    Container, EnvVar, ExecAction, Lifecycle, LifecycleHandler, SecurityContext,
};

use crate::model::lifecycle::{Hook, PreStart};
use crate::model::service::Service;
use crate::model::values::Variables;

use super::names::dns_label;
use super::probes::{self, Probes};
use super::{Scope, security};

/// Returns the container of a service, without ports, mounts, resources and security.
pub(super) fn container(scope: &mut Scope<'_>, name: &str, service: &Service) -> Container {
    let (command, args) = command_line(scope, name, service);
    report_image(scope, name, service);
    if let Some(signal) =
        service.stop_signal.as_deref().filter(|signal| !matches!(*signal, "SIGTERM" | "TERM" | "15"))
    {
        let message = format!("service `{name}` is stopped with its image's signal, not with `{signal}`");
        let help = format!("write `STOPSIGNAL {signal}` into the Dockerfile");
        scope.report.lost(&["services", name, "stop_signal"], message, help);
    }
    let env = variables(scope, &["services", name, "environment"], &service.environment);
    let Probes { readiness, liveness, startup } = probes::probes(scope, name, service);
    Container {
        name: scope.names.services[name].clone(),
        image: Some(scope.project.image_of(name, service)),
        image_pull_policy: Some(pull_policy(scope, name, service).to_owned()),
        command,
        args,
        env: (!env.is_empty()).then_some(env),
        working_dir: service.working_dir.clone().filter(|directory| !directory.is_empty()),
        stdin: service.stdin_open.then_some(true),
        tty: service.tty.then_some(true),
        readiness_probe: readiness,
        liveness_probe: liveness,
        startup_probe: startup,
        lifecycle: lifecycle(scope, name, service),
        ..Container::default()
    }
}

/// Turns variables into those of a container. Kubernetes takes printable ASCII as their names, without `=`.
fn variables(scope: &mut Scope<'_>, path: &[&str], variables: &Variables) -> Vec<EnvVar> {
    let is_name = |name: &str| name.chars().all(|one| (' '..='~').contains(&one) && one != '=');
    let mut env = Vec::new();
    for (name, value) in &variables.0 {
        let Some(value) = value else { continue };
        if is_name(name) {
            env.push(EnvVar { name: name.clone(), value: Some(escaped(value)), ..EnvVar::default() });
        } else {
            let path: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
            let message = format!("Kubernetes takes no variable called `{name}`");
            scope.report.lost(&path, message, "write its name in ASCII");
        }
    }
    env
}

/// Returns the steps of `pre_start` as containers that run to their end before `container`, with its volumes and
/// variables.
pub(super) fn steps(
    scope: &mut Scope<'_>,
    name: &str,
    service: &Service,
    container: &Container,
) -> Vec<Container> {
    let mut steps = Vec::with_capacity(service.pre_start.len());
    for (at, step) in service.pre_start.iter().enumerate() {
        let PreStart {
            command,
            image,
            user,
            privileged,
            working_dir,
            environment,
            per_replica,
            extensions: _,
        } = step;
        let index = at.to_string();
        let path = ["services", name, "pre_start", &index];
        if !per_replica && service.containers() > 1 {
            let message =
                format!("a step before service `{name}` runs in each of its pods, not once for all");
            let help = "let it do nothing where it was done already, and write `per_replica: true`";
            scope.report.approximated(&path, message, help);
        }
        let mut env = container.env.clone().unwrap_or_default();
        env.retain(|known| !environment.0.contains_key(&known.name));
        let path_of_env: Vec<&str> = path.into_iter().chain(["environment"]).collect();
        env.extend(variables(scope, &path_of_env, environment));
        // It has the user of the service, and nothing else of what the service may or may not do.
        let service_user = container.security_context.clone().unwrap_or_default();
        let mut context = SecurityContext {
            run_as_user: service_user.run_as_user,
            run_as_group: service_user.run_as_group,
            run_as_non_root: service_user.run_as_non_root,
            privileged: privileged.then_some(true),
            ..SecurityContext::default()
        };
        if let Some(user) = user.as_deref().filter(|user| !user.is_empty()) {
            let path: Vec<&str> = path.into_iter().chain(["user"]).collect();
            security::run_as(scope, name, &path, user, &mut context);
        }
        steps.push(Container {
            name: dns_label(&format!("{}-before-{}", container.name, at + 1), 63),
            image: image.clone().or_else(|| container.image.clone()),
            image_pull_policy: container.image_pull_policy.clone(),
            // Docker gives it to the image's entry point.
            args: command.0.as_ref().map(|words| words.iter().map(|word| escaped(word)).collect()),
            env: (!env.is_empty()).then_some(env),
            working_dir: working_dir.clone().or_else(|| container.working_dir.clone()),
            security_context: (context != SecurityContext::default()).then_some(context),
            volume_mounts: container.volume_mounts.clone(),
            ..Container::default()
        });
    }
    steps
}

/// Kubernetes replaces `$(NAME)` in commands, arguments, variables and probes, and reads `$$` as one `$`.
///
/// A `$` before a character beyond ASCII is doubled too, since the replacement goes byte by byte.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(one) = characters.next() {
        escaped.push(one);
        let is_next = |next: &char| *next == '$' || *next == '(' || !next.is_ascii();
        if one == '$' && characters.peek().is_some_and(is_next) {
            escaped.push('$');
        }
    }
    escaped
}

/// Returns `command` and `args`, which are Docker's entry point and command.
fn command_line(
    scope: &mut Scope<'_>,
    name: &str,
    service: &Service,
) -> (Option<Vec<String>>, Option<Vec<String>>) {
    let words = |words: &[String]| words.iter().map(|word| escaped(word)).collect::<Vec<_>>();
    let is_reset = |words: &[String]| words.is_empty() || words == [String::new()];
    match (service.entrypoint.0.as_deref(), service.command.0.as_deref()) {
        // What is left of a command without its entry point is run itself.
        (Some(entrypoint), Some(command)) if is_reset(entrypoint) && !command.is_empty() => {
            (Some(words(command)), None)
        }
        (Some(entrypoint), command) if is_reset(entrypoint) => {
            let message =
                format!("service `{name}` cannot take away the entry point of its image in Kubernetes");
            scope.report.lost(
                &["services", name, "entrypoint"],
                message,
                "say in `command` what to run instead",
            );
            (None, command.filter(|command| !command.is_empty()).map(words))
        }
        // An entry point drops the image's command, in Kubernetes too.
        (Some(entrypoint), command) => {
            (Some(words(entrypoint)), command.filter(|command| !command.is_empty()).map(words))
        }
        (None, Some([])) => {
            let message = format!("service `{name}` cannot take away the command of its image in Kubernetes");
            scope.report.lost(
                &["services", name, "command"],
                message,
                "write the `entrypoint` out: it drops the command",
            );
            (None, None)
        }
        (None, command) => (None, command.map(words)),
    }
}

fn report_image(scope: &mut Scope<'_>, name: &str, service: &Service) {
    if service.build.is_none() {
        return;
    }
    let image = scope.project.image_of(name, service);
    let message =
        format!("image `{image}` of service `{name}` is built here, and the cluster has to pull it");
    let help = match &service.image {
        Some(image) => format!("push it where the cluster can pull it: `docker push {image}`"),
        None => {
            "name it with `image: REGISTRY/NAME:TAG`, so that it can be pushed where the cluster pulls it"
                .to_owned()
        }
    };
    scope.report.approximated(&["services", name, "build"], message, help);
}

fn pull_policy(scope: &mut Scope<'_>, name: &str, service: &Service) -> &'static str {
    let Some(policy) = &service.pull_policy else {
        // Written out, since Kubernetes would always pull an image without a tag.
        return "IfNotPresent";
    };
    match policy.0.as_str() {
        "always" | "refresh" => "Always",
        "never" => "Never",
        "missing" | "if_not_present" | "build" => "IfNotPresent",
        other => {
            let message = format!("the image of service `{name}` is looked up at each start, not `{other}`");
            let help = "write `pull_policy: always` or `missing`";
            scope.report.approximated(&["services", name, "pull_policy"], message, help);
            "Always"
        }
    }
}

/// Rounds up to whole seconds.
pub(super) fn whole_seconds(duration: std::time::Duration) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

fn lifecycle(scope: &mut Scope<'_>, name: &str, service: &Service) -> Option<Lifecycle> {
    let post_start = handler(scope, name, "post_start", &service.post_start);
    let pre_stop = handler(scope, name, "pre_stop", &service.pre_stop);
    (post_start.is_some() || pre_stop.is_some()).then_some(Lifecycle {
        post_start,
        pre_stop,
        stop_signal: None,
    })
}

fn handler(scope: &mut Scope<'_>, name: &str, attribute: &str, hooks: &[Hook]) -> Option<LifecycleHandler> {
    let first = hooks.first()?;
    let Hook { command, user, privileged, working_dir, environment, extensions: _ } = first;
    let is_plain = user.is_none() && !privileged && working_dir.is_none() && environment.0.is_empty();
    if !is_plain {
        let message = format!("the command in `services.{name}.{attribute}` runs as the container does");
        let help = "put users, directories and variables into the command itself";
        scope.report.approximated(&["services", name, attribute, "0"], message, help);
    }
    if hooks.len() > 1 {
        let message =
            format!("only the first command in `services.{name}.{attribute}` is run: Kubernetes has one");
        scope.report.lost(&["services", name, attribute, "1"], message, "make one script of them");
    }
    // Unlike the container's own command this one is run as it stands, so nothing is escaped.
    let exec = Some(ExecAction { command: command.0.clone() });
    Some(LifecycleHandler { exec, ..LifecycleHandler::default() })
}

#[cfg(test)]
mod tests {
    use super::escaped;

    /// Kubernetes' own replacement, for texts without variables.
    fn expanded(text: &str) -> String {
        let mut expanded = String::new();
        let mut characters = text.chars().peekable();
        while let Some(one) = characters.next() {
            expanded.push(one);
            if one == '$' && characters.peek() == Some(&'$') {
                characters.next();
            }
        }
        expanded
    }

    #[test]
    fn escaping_is_undone_by_kubernetes() {
        for (text, expected) in [
            ("$(date)", "$$(date)"),
            ("$HOME $?", "$HOME $?"),
            ("$$", "$$$"),
            ("$$(", "$$$$("),
            ("awk '{print $1}'", "awk '{print $1}'"),
            ("5$", "5$"),
            ("$é", "$$é"),
        ] {
            assert_eq!(escaped(text), expected);
            assert_eq!(expanded(expected), text);
        }
    }
}

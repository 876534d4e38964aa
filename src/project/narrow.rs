//! Changes of a project that the command line asks for: other numbers of containers, no dependencies.

use super::Project;

impl Project {
    /// Sets how many containers a service has.
    pub fn set_scale(&mut self, service: &str, number: u32) {
        if let Some(service) = self.services.get_mut(service) {
            let number = i64::from(number);
            service.scale = Some(number);
            if let Some(deploy) = &mut service.deploy {
                deploy.replicas = Some(number);
            }
        }
    }

    /// Leaves only the named services, which then wait for nobody but each other. The rest counts as disabled.
    pub fn without_dependencies(&mut self, services: &[String]) {
        for (name, service) in std::mem::take(&mut self.services) {
            let side = if services.contains(&name) { &mut self.services } else { &mut self.disabled };
            side.insert(name, service);
        }
        for service in self.services.values_mut() {
            service.depends_on.0.retain(|name, _| services.contains(name));
        }
    }
}

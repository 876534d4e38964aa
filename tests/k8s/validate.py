"""Checks all manifests below some folders against the schemas of the oldest and the newest Kubernetes they are for.

It does what kubernetes-validate's `--strict` does, but reads each schema once.
"""

import pathlib
import sys

import jsonschema
import yaml
from kubernetes_validate import utils
from referencing import Registry, Resource

VERSIONS = ["1.33", "1.37"]
# They are not of Kubernetes itself, so there is no schema of them.
OTHERS = {"HTTPRoute", "VirtualService", "DestinationRule", "SealedSecret"}


def folder(version):
    return "kubernetes-json-schema/v%s-local-strict" % next(
        one for one in utils.all_versions() if utils.major_minor(one) == version
    )


class Schemas:
    def __init__(self, version):
        self.version = version
        self.folder = folder(version)
        definitions = utils.schema_contents(self.folder + "/_definitions.json", version)
        self.registry = Resource.from_contents(definitions) @ Registry()
        self.known = {}

    def of(self, kind, api_version):
        if (kind, api_version) not in self.known:
            group, _, name = api_version.rpartition("/")
            name = "-".join(filter(None, [group.split(".")[0], name]))
            schema = utils.schema_contents("%s/%s-%s.json" % (self.folder, kind.lower(), name), self.version)
            registry = Resource.from_contents(schema) @ self.registry
            self.known[kind, api_version] = jsonschema.Draft202012Validator(schema, registry=registry)
        return self.known[kind, api_version]


def main(folders):
    schemas = [Schemas(version) for version in VERSIONS]
    files = sorted(path for root in folders for path in pathlib.Path(root).rglob("*.yaml") if path.name != "compose.yaml")
    objects, skipped, wrong, seen = 0, 0, 0, set()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in files:
        for text in path.read_text().split("\n---\n"):
            if text in seen:
                continue
            seen.add(text)
            thing = yaml.load(text, Loader=loader)
            if thing["kind"] in OTHERS:
                skipped += 1
                continue
            objects += 1
            for version in schemas:
                for error in version.of(thing["kind"], thing["apiVersion"]).iter_errors(thing):
                    wrong += 1
                    where = ".".join(map(str, error.path))
                    print("%s: %s/%s for %s: %s: %s" % (
                        path, thing["kind"], thing["metadata"]["name"], version.version, where, error.message[:200]))
    print("%d objects of %d files against Kubernetes %s: %d mistakes; %d of kinds without a schema" % (
        objects, len(files), " and ".join(VERSIONS), wrong, skipped))
    # A check that found nothing to check has failed.
    return 1 if wrong or objects < 50 else 0


sys.exit(main(sys.argv[1:]))

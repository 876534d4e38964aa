"""Renders charts with Helm's own code and builds kustomizations with kubectl's, and compares them with the stream.

The arguments are topo's binary, and the folders of projects to export.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import yaml
from helm_python.chart import Chart


def sorted_variables(value):
    # None refers to another, so their order means nothing.
    if isinstance(value, list):
        return [sorted_variables(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: sorted_variables(item) for key, item in value.items()}
    if isinstance(value.get("env"), list):
        value["env"].sort(key=lambda variable: variable["name"])
    return value


def objects(*texts):
    found = (thing for text in texts for thing in yaml.safe_load_all(text) if thing)
    return {(thing["kind"], thing["metadata"]["name"]): sorted_variables(thing) for thing in found}


def differs(name, got, wanted):
    keys = sorted(key for key in {*got, *wanted} if got.get(key) != wanted.get(key))
    for key in keys:
        print("%s: %s/%s\n  is     %s\n  should %s" % (name, *key, got.get(key), wanted.get(key)))
    return len(keys)


def compare(topo, project, folder):
    def export(*arguments):
        command = [topo, "-f", str(project / "compose.yaml"), "export", "k8s", *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout

    wanted = objects(export())
    namespace = next(name for kind, name in wanted if kind == "Namespace")
    export("--form", "helm", "-o", str(folder / "chart"))
    export("--form", "kustomize", "-o", str(folder / "kustomize"))

    wrong = 0
    chart = Chart.load(str(folder / "chart"))
    chart.validate_schema({})
    for creates in [False, True]:
        rendered = chart.render({"createNamespace": creates}, name="release", namespace=namespace)
        got = objects(*(text for path, text in rendered.items() if path.endswith(".yaml")))
        here = {key: thing for key, thing in wanted.items() if creates or key[0] != "Namespace"}
        wrong += differs("%s: helm" % project, got, here)
    if shutil.which("kubectl"):
        for part in ["base", "overlays/production", "overlays/local"]:
            command = ["kubectl", "kustomize", str(folder / "kustomize" / part)]
            got = objects(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            if part != "overlays/local":
                wrong += differs("%s: kustomize %s" % (project, part), got, wanted)
                continue
            for key, thing in got.items():
                if thing.get("spec", {}).get("type") == "LoadBalancer":
                    wrong += 1
                    print("%s: %s/%s has a load balancer in the local overlay" % (project, *key))
    return len(wanted), wrong


def main(topo, projects):
    total, wrong = 0, 0
    for project in map(pathlib.Path, projects):
        with tempfile.TemporaryDirectory() as folder:
            count, mistakes = compare(topo, project, pathlib.Path(folder))
            total, wrong = total + count, wrong + mistakes
    print("%d objects of %d projects as charts and kustomizations: %d mistakes" % (total, len(projects), wrong))
    # A check that found nothing to check has failed.
    return 1 if wrong or not total else 0


sys.exit(main(sys.argv[1], sys.argv[2:]))

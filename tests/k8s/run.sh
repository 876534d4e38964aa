#!/usr/bin/env bash
# Checks what `topo export k8s` makes of the test cases, of the examples and of the golden cases against the schemas of
# Kubernetes, strictly: unknown fields are mistakes. Needs python3, its `venv`, and a package index; says so and
# succeeds where they are not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

venv=target/kubernetes-validate
if [[ ! -x $venv/bin/kubernetes-validate ]]; then
  if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet kubernetes-validate==1.37.0; }; then
    rm -rf "$venv"
    echo "kubernetes-validate cannot be installed here: the check of manifests is left out" >&2
    exit 0
  fi
fi

manifests=$(mktemp -d)
trap 'rm -rf "$manifests"' EXIT
TOPO_MANIFESTS=$manifests cargo test --locked --quiet --test it every_valid_golden_case_exports
"$venv/bin/python" tests/k8s/validate.py "$manifests" tests/cases/k8s

# Forms, with the code of Helm itself, which newer versions of python have.
for python in python3.13 python3.12 python3; do
  if "$python" -c '' 2>/dev/null; then break; fi
done
charts=target/helm-python
if [[ ! -x $charts/bin/python ]]; then
  if ! { "$python" -m venv "$charts" && "$charts/bin/pip" install --quiet helm-python-sdk==0.2.2 pyyaml; }; then
    rm -rf "$charts"
    echo "helm-python-sdk cannot be installed here: the check of charts and kustomizations is left out" >&2
    exit 0
  fi
fi
cargo build --locked --quiet
DB_PASSWORD=one TOKEN=two "$charts/bin/python" tests/k8s/forms.py "${CARGO_TARGET_DIR:-target}/debug/topo" \
  examples/kubernetes/* tests/cases/k8s/{course,shared-pods,modes,losses,kompose,waiting}

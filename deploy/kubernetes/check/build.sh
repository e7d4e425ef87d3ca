#!/usr/bin/env bash
# Builds what check.sh and `bench cluster` run, from the modules of each: an API server of Kubernetes with its etcd and its controllers,
# KEDA, and Helm. Once, by hand: it takes half an hour on two cores, and 11 GB. Usage: build.sh FOLDER; it needs Go 1.26 and Python, and nothing else.
set -euo pipefail
folder=$(realpath -m "$1")
kubernetes=1.36.3 staging=0.36.3 etcd=3.6.16 helm=4.3.1 keda=2.21.0 operator=0.85.0
export GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS="-buildvcs=false -trimpath"
mkdir -p "$folder/bin" "$folder/kubernetes" "$folder/definitions"

# Kubernetes can't be installed by its name: its own go.mod takes parts of it from folders beside it.
cd "$folder/kubernetes"
printf 'module check\n\ngo 1.26.0\n\nrequire k8s.io/kubernetes v%s\n' "$kubernetes" > go.mod
own=$(go mod download -json "k8s.io/kubernetes@v$kubernetes" | python3 -c 'import json, sys; print(json.load(sys.stdin)["GoMod"])')
{
  printf 'module check\n\ngo 1.26.0\n\ngodebug default=go1.26\n\nrequire k8s.io/kubernetes v%s\n\n' "$kubernetes"
  sed -nE "s#^[[:space:]]*(k8s\.io/[^ ]+) => \./staging.*#replace \1 => \1 v$staging#p" "$own"
} > go.mod
printf 'package tools\n\nimport (\n\t_ "k8s.io/kubernetes/cmd/kube-apiserver/app"\n\t_ "k8s.io/kubernetes/cmd/kube-controller-manager/app"\n)\n' > tools.go
go mod tidy
for each in kube-apiserver kube-controller-manager; do
  go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$kubernetes -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36" \
    -o "$folder/bin/$each" "k8s.io/kubernetes/cmd/$each"
done

# Nor can etcd be.
mkdir -p "$folder/etcd" && cd "$folder/etcd"
printf 'module check\n\ngo 1.26.0\n\nrequire go.etcd.io/etcd/server/v3 v%s\n' "$etcd" > go.mod
cat > main.go <<'END'
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
END
go mod tidy
go build -ldflags "-s -w" -o "$folder/bin/etcd" .

GOBIN="$folder/bin" go install "helm.sh/helm/v4/cmd/helm@v$helm"

where() { go mod download -json "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])'; }

# KEDA's go.mod replaces modules, too.
rm -rf "$folder/keda" && cp -r "$(where "github.com/kedacore/keda/v2@v$keda")" "$folder/keda" && chmod -R u+w "$folder/keda" && cd "$folder/keda"
go build -ldflags "-s -w -X github.com/kedacore/keda/v2/version.Version=$keda" -o "$folder/bin/keda" ./cmd/operator
go build -ldflags "-s -w -X github.com/kedacore/keda/v2/version.Version=$keda" -o "$folder/bin/keda-adapter" ./cmd/adapter

# What KEDA and the Prometheus operator define.
cp "$(where "github.com/kedacore/keda/v2@v$keda")"/config/crd/bases/*.yaml "$folder/definitions/"
monitoring=$(where "github.com/prometheus-operator/prometheus-operator@v$operator")/example/prometheus-operator-crd
cp "$monitoring"/monitoring.coreos.com_{servicemonitors,prometheusrules}.yaml "$folder/definitions/"

#!/usr/bin/env bash
# Builds what check.sh runs, from the modules of each: an API server of Kubernetes with its etcd, and Helm. Once, by hand: it takes
# a quarter of an hour on two cores, and 5 GB. Usage: build.sh FOLDER; it needs Go 1.26 and Python, and nothing else.
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
printf 'package tools\n\nimport _ "k8s.io/kubernetes/cmd/kube-apiserver/app"\n' > tools.go
go mod tidy
go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$kubernetes -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36" \
  -o "$folder/bin/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver

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

# What KEDA and the Prometheus operator define.
where() { go mod download -json "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])'; }
cp "$(where "github.com/kedacore/keda/v2@v$keda")"/config/crd/bases/*.yaml "$folder/definitions/"
monitoring=$(where "github.com/prometheus-operator/prometheus-operator@v$operator")/example/prometheus-operator-crd
cp "$monitoring"/monitoring.coreos.com_{servicemonitors,prometheusrules}.yaml "$folder/definitions/"

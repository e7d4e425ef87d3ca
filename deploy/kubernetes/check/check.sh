#!/usr/bin/env bash
# Applies the objects to a real API server, as an administrator would, in a namespace that is held to `restricted`: by kustomize, strictly
# and without a warning, and by Helm, with an upgrade and a way back. Then a worker's service account tries what it may do. There are no nodes and no
# controllers: nothing is scheduled. By hand: build.sh FOLDER, then check.sh FOLDER; it needs kubectl, curl, openssl and Python.
set -euo pipefail
folder=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
chart=$here/../../helm/gilfoyle
export PATH="$folder/bin:$PATH" KUBECONFIG="$folder/run/kubeconfig"
rm -rf "$folder/run" && mkdir -p "$folder/run" && cd "$folder/run"
etcd --data-dir etcd --listen-client-urls http://127.0.0.1:32379 --advertise-client-urls http://127.0.0.1:32379 \
  --listen-peer-urls http://127.0.0.1:32380 --log-level error > etcd.log 2>&1 &
pids=$!
trap 'kill -9 $pids; wait' EXIT
openssl genrsa -out account.key 2048 2> /dev/null
token=$(openssl rand -hex 16)
echo "$token,admin,admin,system:masters" > tokens.csv
kube-apiserver --etcd-servers http://127.0.0.1:32379 --secure-port 32443 --bind-address 127.0.0.1 --cert-dir certificates \
  --service-cluster-ip-range 10.96.0.0/16 --authorization-mode RBAC --token-auth-file tokens.csv \
  --service-account-issuer https://kubernetes.default.svc --service-account-key-file account.key \
  --service-account-signing-key-file account.key > apiserver.log 2>&1 &
pids="$pids $!"
cat > kubeconfig <<END
apiVersion: v1
kind: Config
clusters: [{name: check, cluster: {server: 'https://127.0.0.1:32443', insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: $token}}]
contexts: [{name: check, context: {cluster: check, user: admin}}]
current-context: check
END
for _ in $(seq 120); do kubectl get --raw /readyz > /dev/null 2>&1 && break || sleep 0.5; done
kubectl version

# `--validate=strict` refuses fields that there are not; warnings are written to stderr, and there must be none.
quietly() {
  "$@" 2> said || { cat said >&2; exit 1; }
  if grep -i warning said; then echo "there was a warning" >&2; exit 1; fi
}
kubectl apply --server-side -f "$folder/definitions" > /dev/null
kubectl wait --for condition=established --timeout 60s crd --all > /dev/null
kubectl create namespace gilfoyle
kubectl label namespace gilfoyle pod-security.kubernetes.io/{enforce,warn,audit}=restricted > /dev/null
# What is not restricted would be told.
kubectl create deployment lax --image lax -n gilfoyle --dry-run=server 2>&1 > /dev/null | grep -q 'would violate PodSecurity'
for overlay in external all-in-one; do
  quietly kubectl apply --validate=strict --dry-run=server -k "$here/../overlays/$overlay" > applied
  echo "$overlay, dry: $(wc -l < applied) objects"
done
quietly kubectl apply --validate=strict -k "$here/../overlays/all-in-one" > applied
echo "all-in-one: $(wc -l < applied) objects"

# A pod of a worker, without a node: its token may write one annotation of this pod, and nothing else.
pod() {
  kubectl get deployment gilfoyle-transcode -n gilfoyle -o json | python3 -c '
import json, sys
template = json.load(sys.stdin)["spec"]["template"]
# The account is there, and the controller that would mount its token is not.
template["metadata"]["name"] = sys.argv[1]
json.dump({"apiVersion": "v1", "kind": "Pod", **template}, sys.stdout)' "$1"
}
pod one | quietly kubectl create -n gilfoyle -f -
pod other | quietly kubectl create -n gilfoyle -f -
mine=$(kubectl create token gilfoyle-transcode -n gilfoyle --bound-object-kind Pod --bound-object-name one \
  --bound-object-uid "$(kubectl get pod one -n gilfoyle -o jsonpath='{.metadata.uid}')")
as() { curl -sk -o answer -w '%{http_code}' -X PATCH -H "Authorization: Bearer $mine" -H 'Content-Type: application/strategic-merge-patch+json' \
  "https://127.0.0.1:32443/api/v1/namespaces/gilfoyle/$1" -d "$2"; }
expect() {
  status=$(as "$2" "$3")
  if [ "$status" != "$1" ]; then echo "$2 $3: $status, not $1: $(cat answer)" >&2; exit 1; fi
  echo "$2 $3: $status $(python3 -c 'import json; print(json.load(open("answer")).get("message", ""))')"
}
cost='controller.kubernetes.io/pod-deletion-cost'
sleep 3 # until the policy is known
expect 200 pods/one "{\"metadata\":{\"annotations\":{\"$cost\":\"1\"}}}"
expect 200 pods/one "{\"metadata\":{\"annotations\":{\"$cost\":\"0\"}}}"
expect 422 pods/other "{\"metadata\":{\"annotations\":{\"$cost\":\"-5\"}}}"
expect 422 pods/one '{"metadata":{"annotations":{"other":"1"}}}'
expect 422 pods/one '{"metadata":{"labels":{"role":"api"}}}'
expect 422 pods/one '{"spec":{"containers":[{"name":"gilfoyle","image":"evil"}]}}'
expect 403 configmaps/gilfoyle "{}"
expect 403 secrets/gilfoyle '{}'
[ "$(kubectl get pod one -n gilfoyle -o jsonpath="{.metadata.annotations.controller\.kubernetes\.io/pod-deletion-cost}")" = 0 ]
kubectl delete -k "$here/../overlays/all-in-one" --wait=false > /dev/null
kubectl delete pod one other -n gilfoyle --force --grace-period 0 > /dev/null 2>&1

# The chart: installed, changed, and back. Hooks are left out: there is nobody to run a job.
helm lint --strict "$chart"
kubectl create namespace chart
kubectl label namespace chart pod-security.kubernetes.io/{enforce,warn,audit}=restricted > /dev/null
helm install gilfoyle "$chart" -n chart --no-hooks > /dev/null
helm upgrade gilfoyle "$chart" -n chart --no-hooks --set transcode.slots=3 --set-json 'pools={"transcode-nvenc":{"slots":4}}' > /dev/null
threshold() { kubectl get scaledobject "$1" -n chart -o jsonpath='{.spec.triggers[0].metadata.threshold}'; }
[ "$(threshold gilfoyle-transcode) $(threshold gilfoyle-transcode-nvenc)" = '3 4' ]
helm rollback gilfoyle 1 -n chart --no-hooks > /dev/null
[ "$(threshold gilfoyle-transcode)" = 2 ] && ! kubectl get scaledobject gilfoyle-transcode-nvenc -n chart > /dev/null 2>&1
helm upgrade gilfoyle "$chart" -n chart --no-hooks --values "$chart/values-all-in-one.yaml" > /dev/null
if helm upgrade gilfoyle "$chart" -n chart --no-hooks --set transcode.slot=3 > /dev/null 2> said; then echo "a typo was taken" >&2; exit 1; fi
grep -i slot said
helm uninstall gilfoyle -n chart --no-hooks > /dev/null
echo "everything was taken"

#!/usr/bin/env bash
# Bring the shop into the cluster of KUBECONFIG, or a new version of it: see `make help`.
#   deploy.sh OVERLAY [SECRETS] [IMAGE]
# OVERLAY: a folder of overlays. SECRETS: a folder that `roadbike set-up-secrets` has made.
# IMAGE: of the services, instead of the one that the overlay names.
set -euo pipefail
cd "$(dirname "$0")"
overlay=overlays/$1 secrets=${2:-} image=${3:-}
k() { kubectl --namespace roadbike "$@"; }

manifests() {
    kubectl kustomize "$overlay" | sed "${image:+s#image: .*/roadbike[:@].*#image: $image#}"
}

kubectl apply --filename base/namespace.yaml
[ -z "$secrets" ] || k apply --kustomize "$secrets"
# a Job cannot be changed, and those of the version before have done their work
k delete jobs --selector part=set-up --ignore-not-found --wait
manifests | k apply --filename -
# what is new has to be in the databases and at the broker before its services are ready
k wait --for=condition=Complete jobs --selector part=set-up --timeout=900s
for app in $(k get deployments --selector app.kubernetes.io/part-of=roadbike --output name); do
    k rollout status "$app" --timeout=600s
done

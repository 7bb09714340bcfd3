#!/usr/bin/env bash
# Build the image of all services, or a base image for it, or push it: see `make help`.
#   image.sh base NAME            a Debian with Python 3.11, from Debian's packages alone
#   image.sh build NAME [BASE]    the image, and build/image/roadbike.tar to import it from
#   image.sh push NAME REGISTRY   send it to a registry, where the engine is logged in
# ENGINE: docker, podman or buildah; by default the first that is there. UV: the program uv.
set -euo pipefail
cd "$(dirname "$0")/.."

engine=${ENGINE:-$(for each in docker podman buildah; do command -v "$each" && break; done || true)}
[ -n "$engine" ] || { echo "An image is built with docker, podman or buildah: install one of them." >&2; exit 1; }
engine=$(basename "$engine")
context=build/image

base() {  # NAME
    local root=build/base.tar
    command -v mmdebstrap >/dev/null || { echo "A base image is made with mmdebstrap: apt install mmdebstrap" >&2; exit 1; }
    mkdir -p build
    mmdebstrap --quiet --variant=essential --include=ca-certificates,python3,tzdata \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$root"
    case $engine in
        buildah)
            local container
            container=$(buildah from scratch)
            buildah add --quiet "$container" "$root" / >/dev/null
            buildah commit --quiet "$container" "$1" >/dev/null
            buildah rm "$container" >/dev/null ;;
        *) "$engine" import "$root" "$1" >/dev/null ;;
    esac
    rm -f "$root"
    echo "made: $1"
}

build() {  # NAME [BASE]
    rm -rf "$context"
    mkdir -p "$context"
    "$UV" export --quiet --frozen --no-default-groups --no-emit-project --no-header -o "$context/requirements.txt" >/dev/null
    "$UV" build --quiet --wheel --out-dir "$context" .
    rm -f "$context/.gitignore"
    cp "$(command -v "$UV")" "$context/uv"
    local arguments=(--file deploy/Containerfile --tag "$1")
    [ -z "${2:-}" ] || arguments+=(--build-arg "BASE=$2")
    case $engine in
        # in chroot isolation it works inside a container, too
        buildah) buildah build --quiet --isolation chroot --network host --layers=false \
            --volume /etc/ssl/certs:/etc/ssl/certs:ro "${arguments[@]}" "$context" >/dev/null
            rm -f "$context/roadbike.tar"
            buildah push --quiet "$1" "docker-archive:$context/roadbike.tar:$1" ;;
        *) "$engine" build --quiet "${arguments[@]}" "$context" >/dev/null
            "$engine" save --output "$context/roadbike.tar" "$1" ;;
    esac
    printf 'built: %s, %s MB as %s\n' "$1" "$(($(stat --format=%s "$context/roadbike.tar") / 1000000))" "$context/roadbike.tar"
}

push() {  # NAME REGISTRY
    local target=${2%/}/${1##*/}
    case $engine in
        buildah) buildah push "$1" "docker://$target" ;;
        *) "$engine" tag "$1" "$target" && "$engine" push "$target" ;;
    esac
}

"$@"

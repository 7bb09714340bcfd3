#!/usr/bin/env bash
# Build the image of all services, or a base image for it, or push it: see `make help`.
#   image.sh base NAME            a Debian with Python 3.11, from Debian's packages alone
#   image.sh build NAME [BASE]    the image, and build/image/roadbike.tar to import it from
#   image.sh traefik NAME PROGRAM  the server of the gateway, where no registry is at hand
#   image.sh siege NAME           a load generator, from Debian's packages alone
#   image.sh push NAME REGISTRY   send it to a registry, where the engine is logged in
# ENGINE: docker, podman or buildah; by default the first that works. UV: the program uv.
set -euo pipefail
cd "$(dirname "$0")/.."

engine=${ENGINE:-$(for each in docker podman buildah; do "$each" info >/dev/null 2>&1 && echo "$each" && break; done || true)}
[ -n "$engine" ] || { echo "An image is built with docker, podman or buildah: install one of them." >&2; exit 1; }
engine=$(basename "$engine")

debian() {  # TAR PACKAGES…: the root of a Debian with these packages and what they need
    command -v mmdebstrap >/dev/null || { echo "This needs mmdebstrap: apt install mmdebstrap" >&2; exit 1; }
    mkdir -p "$(dirname "$1")"
    mmdebstrap --quiet --variant=essential --include="$2" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$1"
}

made_of() {  # NAME TAR [ENTRYPOINT]: an image whose only layer is that root
    if [ "$engine" = buildah ]; then
        local container
        container=$(buildah from scratch)
        buildah add --quiet "$container" "$2" / >/dev/null
        [ -z "${3:-}" ] || buildah config --entrypoint "[\"$3\"]" "$container"
        buildah commit --quiet "$container" "$1" >/dev/null
        buildah rm "$container" >/dev/null
    else
        "$engine" import ${3:+--change "ENTRYPOINT [\"$3\"]"} "$2" "$1" >/dev/null
    fi
    rm -f "$2"
}

saved() {  # NAME ARCHIVE
    rm -f "$2"
    case $engine in
        buildah) buildah push --quiet "$1" "docker-archive:$2:$1" ;;
        *) "$engine" save --output "$2" "$1" ;;
    esac
    printf 'built: %s, %s MB as %s\n' "$1" "$(($(stat --format=%s "$2") / 1000000))" "$2"
}

base() {  # NAME
    debian build/base.tar ca-certificates,libstdc++6,python3,tzdata
    made_of "$1" build/base.tar
    echo "made: $1"
}

traefik() {  # NAME PROGRAM
    mkdir -p build/test-images
    tar --create --file build/traefik.tar --owner 0 --group 0 --mode 0755 \
        --absolute-names --transform 's|.*|traefik|' "$2"
    made_of "$1" build/traefik.tar /traefik
    saved "$1" build/test-images/traefik.tar
}

siege() {  # NAME
    mkdir -p build/test-images
    debian build/siege.tar siege
    made_of "$1" build/siege.tar
    saved "$1" build/test-images/siege.tar
}

build() {  # NAME [BASE]
    local context=build/image
    rm -rf "$context"
    mkdir -p "$context"
    "$UV" export --quiet --frozen --no-default-groups --no-emit-project --no-header -o "$context/requirements.txt" >/dev/null
    "$UV" build --quiet --wheel --out-dir "$context" .
    cp "$(command -v "$UV")" "$context/uv"
    local arguments=(--file deploy/Containerfile --tag "$1")
    [ -z "${2:-}" ] || arguments+=(--build-arg "BASE=$2")
    case $engine in
        # in this isolation it works inside a container, too
        buildah) buildah build --quiet --isolation chroot --network host --layers=false \
            --volume /etc/ssl/certs:/etc/ssl/certs:ro "${arguments[@]}" "$context" >/dev/null ;;
        *) "$engine" build --quiet "${arguments[@]}" "$context" >/dev/null ;;
    esac
    saved "$1" "$context/roadbike.tar"
}

push() {  # NAME REGISTRY
    local target=${2%/}/${1##*/}
    if [ "$engine" = buildah ]; then
        buildah push "$1" "docker://$target"
    else
        "$engine" tag "$1" "$target"
        "$engine" push "$target"
    fi
}

"$@"

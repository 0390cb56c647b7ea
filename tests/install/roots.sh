# Fresh roots of each system for tests/install/run, online and full, which source this file: they
# enter an overlay of a root, run commands in it and compare lists of all files.
# shellcheck shell=bash

ROOTS=${ROOTS:-$PWD/build/roots}
SAMPLE=${SAMPLE:-$PWD/build/demo}
passed=0
failed=0
mounted=()
scratch=
root=

say() { printf '%s\n' "$*"; }

ok() {
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        say "  ok    $what"
    else
        failed=$((failed + 1))
        say "  FAIL  $what"
    fi
}

bootstrap() {
    local root=$ROOTS/$1
    [ ! -e "$root/.complete" ] || return 0
    say "bootstrapping $1 ..."
    rm -rf "$root"
    mkdir -p "$ROOTS"
    local options=(--variant=minbase --include="python3,systemd,udev,ca-certificates")
    case $1 in
        bookworm) debootstrap "${options[@]}" bookworm "$root" ;;
        # "gutsy" is the script: an older debootstrap does not know the name of this release.
        jammy | noble)
            debootstrap --no-check-gpg --components=main,universe "${options[@]}" "$1" "$root" \
                "" gutsy
            ;;
        *) say "unknown system '$1'" && exit 2 ;;
    esac >"$ROOTS/$1.log" 2>&1
    touch "$root/.complete"
}

# Mount a writable overlay of the root, with /proc and /dev. With a SIZE, written files go to a disk
# of that size.
enter() {
    scratch=$(mktemp -d "$ROOTS/run.XXXXXX")
    root=$scratch/root
    local disk=$scratch/disk
    mkdir "$root" "$disk"
    mounted=()
    if [ $# -gt 1 ]; then
        truncate -s "$2" "$disk.img"
        mkfs.ext4 -q -m 0 "$disk.img"
        mount -o loop "$disk.img" "$disk"
        mounted=("$disk")
    fi
    mkdir "$disk/upper" "$disk/work"
    mount -t overlay overlay \
        -o "lowerdir=$ROOTS/$1,upperdir=$disk/upper,workdir=$disk/work" "$root"
    mounted=("$root" "${mounted[@]}")
    mount -t proc proc "$root/proc"
    mount -t tmpfs tmpfs "$root/mnt"
    mount --rbind /dev "$root/dev"
    mount --make-rslave "$root/dev"
    mounted=("$root/dev" "$root/mnt" "$root/proc" "${mounted[@]}")
}

leave() {
    local mount_point
    for mount_point in "${mounted[@]}"; do
        umount --recursive "$mount_point" || true
    done
    mounted=()
    [ -z "${scratch:-}" ] || rm -rf "$scratch"
    scratch=
}
trap leave EXIT

# Run a command in the root, without a network.
inside() {
    unshare --net --pid --fork --mount-proc="$root/proc" env -i \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/tmp chroot "$root" "$@"
}

# Write new checksums for a bundle that was changed.
resum() {
    (cd "$1" && rm SHA256SUMS && find . -type f -printf '%P\n' | LC_ALL=C sort |
        xargs -d '\n' sha256sum >"$scratch/sums" && mv "$scratch/sums" SHA256SUMS)
}

as_root() {
    inside /usr/local/bin/lectern "$@" >"$scratch/output" 2>&1 || { cat "$scratch/output"; return 1; }
}

files() { python3 -B tests/install/listing.py "$root"; }

changed() { diff "$1" "$2" | sed -n 's/^[<>] \([^ ]*\).*/\1/p' | sort -u; }

# The places that are listed in the operator's guide.
documented='^/(opt/lectern|etc/lectern|var/lib/lectern)(/|$)'
documented+='|^/usr/local/bin/lectern$|^/etc/systemd/journald.conf.d(/lectern.conf)?$'
documented+='|^/etc/systemd/system/(lectern[^/]*|[a-z-]+\.target\.wants(/lectern.*)?)$'
documented+='|^/etc/udev/rules.d/80-lectern-usb.rules$|^/etc/tmpfiles.d/lectern.conf$'
documented+='|^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|^/etc/\.pwd\.lock$'
documented+='|^/var/log/(lastlog|faillog)$'

only_documented() {
    local unexpected
    unexpected=$(changed "$1" "$2" | grep -Ev "$documented" || true)
    [ -z "$unexpected" ] || { say "$unexpected"; return 1; }
}

same() { diff -q "$1" "$2" >/dev/null || { changed "$1" "$2" | head -20; return 1; }; }

output_has() { grep -q -- "$1" "$scratch/output" || { cat "$scratch/output"; return 1; }; }
current() { readlink "$root/opt/lectern/current"; }
equal() { [ "$1" = "$2" ]; }
fails() { ! "$@"; }

renders() {
    mkdir -p "$root/var/lib/lectern/cache/try"
    cp "$SAMPLE/presenter.png" "$SAMPLE/lecture.wav" "$root/var/lib/lectern/cache/try"
    chmod -R a+rX "$root/var/lib/lectern/cache"
    local try=/var/lib/lectern/cache/try
    inside runuser -u lectern -- /usr/local/bin/lectern render "$try/presenter.png" \
        "$try/lecture.wav" -o /var/lib/lectern/outbox/try.mp4 >"$scratch/output" 2>&1 ||
        { cat "$scratch/output"; return 1; }
    [ -s "$root/var/lib/lectern/outbox/try.mp4" ]
}

# Like only_documented, but only backups and caches of the account tools may have changed.
only_accounts() {
    local unexpected
    unexpected=$(changed "$1" "$2" | grep -Ev '^/etc/([a-z]+-|\.pwd\.lock|subuid|subgid)$' |
        grep -Ev '^/var/log/(lastlog|faillog)$' || true)
    [ -z "$unexpected" ] || { say "$unexpected"; return 1; }
}

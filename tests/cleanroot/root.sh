# shellcheck shell=sh disable=SC2034,SC2154 # $tree and $root are shared with who sources it
# root.sh: a clean Debian to work in, for the scripts beside it, which source it.
#
# The sourcing script has set $tree, the project's root. make_root leaves the root's path in $root;
# it is removed when the script ends.

cannot() {
        printf 'cleanroot: %s\n' "$*"
        exit 77
}

# The mirrors of CODENAME as lines of sources.list. This machine's apt knows where its own release is
# had from; another release is had from the same places, under its own name.
mirrors() { # mirrors CODENAME
        # shellcheck disable=SC2016 # the words in parentheses are apt's
        apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
                'Created-By: Packages' 2>/dev/null | grep ' bookworm' | sort -u |
                sed "s/ bookworm/ $1/"
}

make_root() { # make_root CODENAME [PACKAGE...]
        codename=$1
        shift
        [ "$(id -u)" = 0 ] || cannot 'needs root'
        command -v mmdebstrap >/dev/null || cannot 'needs mmdebstrap'
        unshare --mount --pid --fork true 2>/dev/null || cannot 'namespaces are not permitted'
        sources=$(mirrors "$codename")
        [ -n "$sources" ] || cannot "apt's sources name no mirror of Debian"

        root=$(mktemp -d /tmp/cleanroot.XXXXXX)
        trap 'rm -rf --one-file-system "$root" "$root.log"' EXIT
        trap 'exit 129' HUP
        trap 'exit 130' INT
        trap 'exit 143' TERM

        echo "cleanroot: making a minimal Debian, $codename"
        if ! printf '%s\n' "$sources" | mmdebstrap --quiet --mode=root --variant=minbase \
                --include="$(printf '%s,' "$@" | sed 's/,$//')" \
                "$codename" "$root" - >"$root.log" 2>&1; then
                cat "$root.log" >&2
                exit 1
        fi
        rm -f "$root.log"
        cp -L /etc/resolv.conf "$root/etc/resolv.conf"
        # How this machine reaches its mirrors, where it says so.
        apt-config dump Acquire::http::Proxy Acquire::https::Proxy >"$root/etc/apt/apt.conf.d/90machine"

        # The files as they are, and git's own folder, as in a clone; nothing that was built.
        mkdir "$root/srv/snapkeep"
        (cd "$tree" && tar -c --exclude='./build*' .) | tar -x -C "$root/srv/snapkeep"
}

# Runs the script on standard input in the root. With the process namespace ends whatever it left
# running.
inside() { # inside [ARGUMENT...]
        cat >"$root/srv/inside"
        # shellcheck disable=SC2016 # the inner shell's arguments
        unshare --mount --propagation private --pid --fork --kill-child sh -euc '
                root=$1
                shift
                mount --rbind /dev "$root/dev"
                mount -t proc proc "$root/proc"
                mount -t sysfs -o ro sysfs "$root/sys"
                exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
                        sh -eu /srv/inside "$@"' sh "$root" "$@" </dev/null
}

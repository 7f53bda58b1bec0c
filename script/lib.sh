# script/lib.sh: what the scripts share.  Sourced, never run: `. "$(dirname "$0")/lib.sh"`.
# shellcheck shell=sh
# Sets: root (the tree; also the working directory), deps (what bootstrap unpacks), apt_log, PATH and PKG_CONFIG_PATH.

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
deps=$root/.deps
apt_log=$deps/apt.log # apt says a lot
mkdir -p "$deps/stamps"
arch_lib=$(gcc -print-multiarch 2>/dev/null || echo "$(uname -m)-linux-gnu")
PATH=$deps/node/bin:$PATH:$deps/bench/usr/sbin:/usr/sbin
PKG_CONFIG_PATH=$deps/debian/usr/lib/$arch_lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PATH PKG_CONFIG_PATH

# One line of progress.
say() { printf '%s\n' "==> $*"; }

die() {
  printf '%s\n' "${0##*/}: $*" >&2
  exit 1
}

apt_failed() {
  tail -n 20 "$apt_log" >&2
  die "$1 failed; all that apt said is in .deps/apt.log"
}

have() { command -v "$1" >/dev/null 2>&1; }

# sha256 of the files on standard input (one path a line), names included.
hash_files() { LC_ALL=C sort | tr '\n' '\0' | xargs -0 -r sha256sum | sha256sum | cut -d' ' -f1; }

# debian_fetch SUITE DIR PACKAGE...: unpacks Debian packages of another release into DIR/root.  apt finds, checks and
# downloads them with lists of its own under DIR; the machine's packages and apt set-up are not touched.  The mirror is
# the one that the machine's apt uses.
debian_fetch() {
  df_suite=$1 df_dir=$2
  shift 2
  df_mirror=$(debian_mirror)
  if [ -z "$df_mirror" ]; then
    as_root "to read the package lists" apt-get -q update || :
    df_mirror=$(debian_mirror)
  fi
  [ -n "$df_mirror" ] || die "this machine's apt names no Debian mirror"
  df_arch=$(dpkg --print-architecture)
  df_key=/usr/share/keyrings/debian-archive-keyring.gpg
  mkdir -p "$df_dir/apt/lists/partial" "$df_dir/apt/cache/archives/partial" "$df_dir/debs" "$df_dir/root"
  printf 'deb [arch=%s%s] %s %s main\n' "$df_arch" "$([ ! -e $df_key ] || echo " signed-by=$df_key")" \
    "$df_mirror" "$df_suite" >"$df_dir/apt/sources.list"
  : >"$df_dir/apt/status"
  own_apt() {
    apt-get -q -o Dir::Etc::sourcelist="$df_dir/apt/sources.list" -o Dir::Etc::sourceparts=- \
      -o Dir::State::lists="$df_dir/apt/lists" -o Dir::State::status="$df_dir/apt/status" \
      -o Dir::Cache="$df_dir/apt/cache" -o APT::Architecture="$df_arch" -o APT::Architectures="$df_arch" \
      -o Acquire::Languages=none -o APT::Sandbox::User=root "$@" >>"$apt_log" 2>&1
  }
  own_apt update || apt_failed "apt-get update for $df_suite"
  (cd "$df_dir/debs" && own_apt download "$@") || apt_failed "the download from $df_suite"
  for df_deb in "$df_dir"/debs/*.deb; do dpkg -x "$df_deb" "$df_dir/root"; done
  rm -rf "$df_dir/apt" "$df_dir/debs"
}

debian_mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' |
    sed 's#/*$##' | head -n 1
}

may_be_root() { [ "$(id -u)" = 0 ] || have sudo; }

# as_root WHY COMMAND...: says why and runs it with sudo, or as it is for root; what it prints goes to $apt_log.
as_root() {
  ar_why=$1
  shift
  if [ "$(id -u)" = 0 ]; then
    "$@" >>"$apt_log" 2>&1
  elif have sudo; then
    say "sudo, $ar_why: $*"
    # shellcheck disable=SC2024  # the log is the user's own
    sudo "$@" >>"$apt_log" 2>&1
  else
    die "root is needed $ar_why, and there is no sudo.  As root: $*"
  fi
}

# Builds the page into frontend/build/ if any of its sources is not what it was the last time.
build_page() {
  bp_now=$({
    find frontend -maxdepth 1 -type f ! -name '*.md'
    find frontend/src frontend/static frontend/scripts -type f 2>/dev/null || :
  } | hash_files)
  if [ -e frontend/build/index.html ] && [ "$(cat "$deps/stamps/page" 2>/dev/null)" = "$bp_now" ]; then return; fi
  say "building the page"
  (cd frontend && npm run --silent build -- --logLevel warn) >"$deps/page.log" 2>&1 || {
    cat "$deps/page.log" >&2
    die "the page could not be built"
  }
  echo "$bp_now" >"$deps/stamps/page"
}

# setup_build DIR OPTION...: lets Meson set up DIR if it is not.  Where pkg-config looks is written down in DIR, so
# that a plain `ninja -C DIR` works later.
setup_build() {
  sb_dir=$1
  shift
  if [ -e "$sb_dir/build.ninja" ]; then return; fi
  say "setting up $sb_dir/"
  mkdir -p "$sb_dir"
  meson setup "$sb_dir" -Dpkg_config_path="$PKG_CONFIG_PATH" "$@" >"$sb_dir/setup.log" 2>&1 || {
    cat "$sb_dir/setup.log" >&2
    die "meson setup failed"
  }
}

# setup_release DIR OPTION...: the same for the program as people run it, optimised across its files
setup_release() {
  sr_dir=$1
  shift
  setup_build "$sr_dir" --buildtype=release -Db_lto=true -Db_lto_threads="$(nproc)" -Dwerror=false "$@"
}

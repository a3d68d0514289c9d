# shellcheck shell=bash disable=SC2154
# Way 4: programs out of the distribution's packages. On Debian and Ubuntu they are unpacked beside the data: nothing is
# installed and no root is needed, since apt keeps its state in a private folder and its hooks are left out. With
# Homebrew they are installed, after asking.

packages_get() {
  if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then debian_get "$@"
  elif command -v brew >/dev/null; then brew_get "$@"
  else say "packages: neither apt nor Homebrew is here"; return 1; fi
}

# Without a question, so without Homebrew.
packages_get_unasked() {
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && debian_get "$@"
}

debian_get() {
  local root service names="" closure count
  root=$(place)/packages
  mkdir -p "$root/apt/lists/partial" "$root/apt/cache/archives/partial" "$root/apt/none" "$root/debs" "$root/bin"
  debian_write_apt_conf "$root/apt"
  say "packages: reading the distribution's lists, for$(printf ' %s' "$@")"
  debian_apt apt-get -q update >"$root/apt/log" 2>&1 || say "packages: not every list could be read, going on with the others"
  for service in "$@"; do
    names="$names $(debian_package_names "$service")" || return 1
  done
  # shellcheck disable=SC2086 # lists of words, here and below
  closure=$(debian_closure $names) || { say "packages: apt finds no way to$names:"; tail -n 5 "$root/apt/log" >&2; return 1; }
  count=$(printf '%s\n' "$closure" | wc -l | tr -d ' ')
  say "packages: downloading $count into $root, to be unpacked there and not installed"
  # shellcheck disable=SC2086
  (cd "$root/debs" && debian_apt apt-get download $closure >&2) || { say "packages: the download failed"; return 1; }
  for deb in "$root"/debs/*.deb; do dpkg-deb -x "$deb" "$root/tree"; done
  rm -rf "$root/debs" "$root/apt" "$root"/tree/usr/share/{doc,locale,man} "$root"/tree/usr/lib/postgresql/*/lib/bitcode
  has_time_zones || debian_find_time_zones_in_data "$root"
  debian_write_wrappers "$root"
  for service in "$@"; do find_program "$service" || return 1; done
}

# The newest version that the distribution has must be new enough, before anything is downloaded.
debian_package_names() {
  local service=$1 package=redis-server version
  if [ "$service" = wrk ]; then echo wrk; return; fi
  [ "$service" = redis ] || package=postgresql
  version=$(debian_apt apt-cache policy "$package" | sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}\([0-9]\{1,\}\).*/\2/p')
  if [ -z "$version" ]; then say "$(title "$service"): the distribution has no package $package"; return 1; fi
  if [ "$version" -lt "$(oldest_version "$service")" ]; then
    say "$(title "$service"): the distribution has only version $version, $(oldest_version "$service") or newer is needed"
    return 1
  fi
  if [ "$service" = redis ]; then echo redis-server redis-tools; return; fi
  echo "postgresql-$version postgresql-client-$version"
  has_time_zones || echo tzdata
}

# The packages themselves and those libraries of theirs that the machine lacks. Left out: what only installing needs
# (debconf, Perl, users, init scripts), LLVM (half of the bytes, for a JIT that is off), and the C library, which must
# match the machine's own loader.
debian_closure() {
  local named=" $* "
  debian_apt apt-get install -qq --no-install-recommends --print-uris "$@" 2>>"$(place)/packages/apt/log" |
    sed -n "s/^'[^']*' \([^_ ]*\)_.*/\1/p" |
    while IFS= read -r package; do
      case $named in *" $package "*) echo "$package"; continue ;; esac
      case $package in
        libc6 | libc-* | libllvm* | libz3-* | libperl* | libgdbm* | *-perl) ;;
        lib*) echo "$package" ;;
      esac
    done | grep .
}

# apt's own settings as to how it reaches the archive are kept (a proxy, say), hooks and state are not.
debian_write_apt_conf() {
  # Without the packages that are asked for: one that is installed already would not be downloaded, and a redis-server whose
  # program lies in an installed redis-tools has no program when it is unpacked.
  awk 'BEGIN { RS = ""; ORS = "\n\n" } !/^Package: (redis-(server|tools)|postgresql(-[^\n]*)?|wrk)\n/' /var/lib/dpkg/status >"$1/status"
  {
    apt-config dump | grep -E '^(Acquire|APT::Architecture)' || true
    cat <<END
Dir::Etc::main "/dev/null";
Dir::Etc::parts "$1/none";
Dir::State "$1";
Dir::State::lists "$1/lists";
Dir::State::status "$1/status";
Dir::State::extended_states "$1/extended_states";
Dir::Cache "$1/cache";
Dir::Log "$1";
APT::Sandbox::User "";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
END
  } >"$1/apt.conf"
}

debian_apt() { APT_CONFIG="$(place)/packages/apt/apt.conf" DEBIAN_FRONTEND=noninteractive "$@" </dev/null; }

has_time_zones() { [ -e /usr/share/zoneinfo/UTC ]; }

# Small images (ubuntu, say) come without time zones, every client of ours asks for UTC, and Debian's PostgreSQL knows one
# place only, by a constant of the program. Its working folder is the data's, so a path from there, in the constant's
# place and no longer than it, brings it to the unpacked ones.
debian_find_time_zones_in_data() {
  local program
  for program in "$1"/tree/usr/lib/postgresql/*/bin/postgres; do
    [ ! -e "$program" ] || perl -pi -e 's{/usr/share/zoneinfo\0}{"./zoneinfo" . "\0" x 10}ge' "$program"
  done
}

link_time_zones() {
  local zones
  zones=$(place)/packages/tree/usr/share/zoneinfo
  [ ! -d "$zones" ] || ln -s "$zones" "$1/zoneinfo"
}

# Small programs that set LD_LIBRARY_PATH for the unpacked ones only and become them, so that their pid is the server's.
debian_write_wrappers() {
  local root=$1 libraries program
  libraries=$(find "$root/tree" -name '*.so*' -path '*/lib/*' ! -path '*/postgresql/*' -exec dirname {} \; | sort -u | tr '\n' ':')
  for program in "$root"/tree/usr/lib/postgresql/*/bin/* "$root"/tree/usr/bin/{redis-server,redis-cli,wrk}; do
    [ -x "$program" ] || continue
    # A test may run the wrapper while this one is written again.
    cat >"$root/.wrapper" <<END
#!/bin/sh
LD_LIBRARY_PATH='${libraries%:}' exec '$program' "\$@"
END
    chmod 755 "$root/.wrapper"
    mv -f "$root/.wrapper" "$root/bin/$(basename "$program")"
  done
}

brew_get() {
  local service formulas="" answer
  for service in "$@"; do
    case $service in
      postgres) formulas="$formulas postgresql@17" ;;
      *) formulas="$formulas $service" ;;
    esac
  done
  if [ ! -t 0 ] || [ -n "${CI:-}" ]; then say "Homebrew could install$formulas, but there is nobody to ask: brew install$formulas"; return 1; fi
  printf 'services: brew install%s? [y/N] ' "$formulas" >&2
  read -r answer || answer=n
  case $answer in [yY]*) ;; *) return 1 ;; esac
  # shellcheck disable=SC2086
  brew install $formulas >&2 || return 1
  for service in "$@"; do find_program "$service" || return 1; done
}

# shellcheck shell=bash disable=SC2154
# PgBouncer for the tests of poolers. From 1.21 on it keeps prepared statements apart; Debian has that from 13 on. Debian 12
# gets the program of 13 with the libraries, the C library and the loader that it was linked for, in a folder of its own.

pgbouncer_from_debian_13() {
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg root apt archive names libraries
  root=$(place)/pgbouncer
  apt=$root/apt
  # The archive that this machine has its packages from.
  archive=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep '/debian/$' | head -n 1)
  if [ -z "$archive" ] || [ ! -r "$keys" ]; then say "pgbouncer: packages of Debian 13 can be had on Debian only"; return 1; fi
  rm -rf "$root"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/none" "$root/debs"
  debian_write_apt_conf "$apt"
  # As if nothing was installed: all libraries are downloaded.
  : >"$apt/status"
  echo "deb [signed-by=$keys] $archive trixie main" >"$apt/sources.list"
  cat >>"$apt/apt.conf" <<END
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/none";
Acquire::Languages "none";
END
  say "pgbouncer: getting the package of Debian 13 into $root, to be unpacked there and not installed"
  export APT_CONFIG=$apt/apt.conf
  apt-get -q update >"$apt/log" 2>&1 || { say "pgbouncer: the lists of Debian 13 cannot be had:"; tail -n 5 "$apt/log" >&2; return 1; }
  names=$(apt-get install -qq --no-install-recommends --print-uris pgbouncer 2>>"$apt/log" |
    sed -n "s/^'[^']*' \([^_ ]*\)_.*/\1/p" | grep -E '^(lib|zlib|pgbouncer$)' | grep -v perl)
  # shellcheck disable=SC2086 # a list of words
  (cd "$root/debs" && apt-get -q download $names >>"$apt/log" 2>&1) || { say "pgbouncer: the download failed"; return 1; }
  unset APT_CONFIG
  for deb in "$root"/debs/*.deb; do dpkg-deb -x "$deb" "$root/tree"; done
  rm -rf "$root/debs" "$apt" "$root"/tree/usr/share
  libraries=$(find "$root/tree" -name '*.so*' -path '*/lib/*' -exec dirname {} \; | sort -u | tr '\n' ':')
  cat >"$root/pgbouncer" <<END
#!/bin/sh
exec '$(find "$root/tree" -name 'ld-linux*.so.*' | head -n 1)' --library-path '${libraries%:}' '$root/tree/usr/sbin/pgbouncer' "\$@"
END
  chmod 755 "$root/pgbouncer"
  find_program pgbouncer
}

#!/usr/bin/env bash
# Makes Debian packages in out/packages: tributary, and tributary-engine with what trains. Needs dpkg-dev and patchelf; lintian looks
# at them where it is.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in dpkg-shlibdeps patchelf; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install dpkg-dev patchelf" >&2; exit 1; }
done
bin=.build-static/release
version=$("$bin/tributary" --version)
architecture=$(dpkg --print-architecture)
# DEBFULLNAME and DEBEMAIL, as Debian's own tools have it; else whoever made the last commit.
maintainer="${DEBFULLNAME:-$(git log -1 --format=%an)} <${DEBEMAIL:-$(git log -1 --format=%ae)}>"
work=out/deb out=$PWD/out/packages
rm -rf "$work"
mkdir -p "$out" "$work/debian"
tributary=$PWD/$work/tributary engine=$PWD/$work/tributary-engine

TRIBUTARY_ENGINE=no scripts/install "$bin" /usr "$tributary" >/dev/null
rm "$tributary/usr/share/tributary/installed"
# Debian's places for completions, and for what a program's documentation is.
install -d "$tributary/usr/share/zsh/vendor-completions"
mv "$tributary"/usr/share/zsh/site-functions/* "$tributary/usr/share/zsh/vendor-completions/"
rmdir "$tributary/usr/share/zsh/site-functions"
install -d "$engine/usr/lib/tributary/engine"
mv "$tributary/usr/lib/tributary/libTributaryTorch.so" "$engine/usr/lib/tributary/"
rmdir "$tributary/usr/lib/tributary"
for file in libtorch_cpu.so libc10.so libgomp.so.1; do
  install -m 644 ".engine/torch/lib/$file" "$engine/usr/lib/tributary/engine/"
done
strip --strip-unneeded "$tributary"/usr/bin/* "$engine/usr/lib/tributary/libTributaryTorch.so"
# The system's own libraries, by the system's own search.
patchelf --remove-rpath "$tributary"/usr/bin/*
patchelf --set-rpath /usr/lib/tributary/engine "$engine/usr/lib/tributary/libTributaryTorch.so"

document() { # PACKAGE ROOT
  local doc=$2/usr/share/doc/$1
  install -d "$doc"
  {
    echo "$1 ($version) unstable; urgency=medium"
    echo
    echo "  * See the project's own history."
    echo
    echo " -- $maintainer  $(git log -1 --format=%cD)"
  } | gzip -9n >"$doc/changelog.gz"
  {
    echo "Tributary $version."
    echo
    echo "The project states no licence of its own: ask its owner before passing it on."
    if [[ $1 == tributary ]]; then
      echo
      echo "The programs contain the Swift runtime, Copyright Apple Inc. and the Swift project authors, under the"
      echo "Apache License 2.0 with its runtime library exception: /usr/share/common-licenses/Apache-2.0."
    else
      echo
      echo "usr/lib/tributary/engine holds libtorch, as PyPI's torch wheel has it, with its licence:"
      echo
      find .engine/site/torch-*.dist-info -name LICENSE -print -quit | xargs -r cat | head -c 20000 | fold -s -w 100
    fi
  } >"$doc/copyright"
  chmod 644 "$doc"/*
}
document tributary "$tributary"
document tributary-engine "$engine"
install -D -m 644 packaging/tributary.lintian-overrides "$tributary/usr/share/lintian/overrides/tributary"
install -D -m 644 packaging/tributary-engine.lintian-overrides "$engine/usr/share/lintian/overrides/tributary-engine"

# dpkg-shlibdeps wants a source package around it.
printf 'Source: tributary\n\nPackage: tributary\nArchitecture: %s\n\nPackage: tributary-engine\nArchitecture: %s\n' \
  "$architecture" "$architecture" >"$work/debian/control"
depends() { # FILE...: what the files load, as a list of packages
  (cd "$work" && dpkg-shlibdeps -O --ignore-missing-info -l"$engine/usr/lib/tributary/engine" "$@" 2>/dev/null) |
    sed -n 's/^shlibs:Depends=//p'
}
control() { # PACKAGE ROOT DEPENDS SHORT LONG
  install -d "$2/DEBIAN"
  {
    printf 'Package: %s\nVersion: %s\nArchitecture: %s\n' "$1" "$version" "$architecture"
    printf 'Maintainer: %s\nSection: science\nPriority: optional\n' "$maintainer"
    printf 'Installed-Size: %s\n' "$(du -sk --apparent-size "$2" | cut -f1)"
    printf 'Depends: %s\n' "$3"
    if [[ -n ${6:-} ]]; then printf '%s\n' "$6"; fi
    printf 'Description: %s\n%s\n' "$4" "$5"
  } >"$2/DEBIAN/control"
  (cd "$2" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$2/DEBIAN/md5sums"
  find "$2" -type d -exec chmod 755 {} +
  dpkg-deb --root-owner-group -Zxz "-z${TRIBUTARY_COMPRESSION:-3}" --build "$2" "$out" >/dev/null
  local file=$out/${1}_${version}_$architecture.deb
  echo "$file: $(du -h --apparent-size "$file" | cut -f1), installed $(du -sh --apparent-size "$2/usr" | cut -f1)"
}
control tributary "$tributary" "$(depends "$tributary"/usr/bin/*)" \
  "fine-tunes one model over data that stays in its clouds" \
  " Every cloud trains a small LoRA adapter on its own records; only encrypted
 updates cross between clouds, over ZeroMQ; what comes out is a signed PEFT
 adapter. This package has the launcher and the five stages, their manual
 pages, completions, schemas and examples." "Recommends: tributary-engine (= $version)"
control tributary-engine "$engine" \
  "tributary (= $version), $(depends "$engine/usr/lib/tributary/libTributaryTorch.so" "$engine"/usr/lib/tributary/engine/*)" \
  "training engine of tributary's local-train stage" \
  " libtorch for the CPU, and what ties the stage to it. A host needs it where
 local-train runs, and nowhere else."
if command -v lintian >/dev/null; then
  lintian --fail-on error --info --tag-display-limit 0 "$out"/tributary{,-engine}_"${version}_$architecture".deb
else
  echo "lintian is not here, so it was not asked: apt-get install lintian"
fi

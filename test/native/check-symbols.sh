#!/bin/sh
# Fails when an instruction set's unit defines a symbol that the linker may share with other units
# (weak or unique: an inline function of a C++ header, say). Compiled for a newer processor, such a
# symbol could replace the plain one and crash an older processor.
#
#   test/native/check-symbols.sh BUILD_FOLDER
set -eu
folder=${1:?usage: check-symbols.sh BUILD_FOLDER}
objects=$(find "$folder" -path "*/isa/*.o" ! -name isa.cpp.o) # isa.cpp is compiled for every processor
[ -n "$objects" ] || { echo "check-symbols: no objects of native/isa in $folder" >&2; exit 2; }
failed=0
for object in $objects; do
  # readelf, unlike nm, reads objects of every architecture.
  shared=$(readelf --symbols --wide "$object" | grep -E ' (WEAK|UNIQUE) ' | grep -v ' UND ' || true)
  [ -z "$shared" ] || { printf 'FAIL %s\n%s\n' "$object" "$shared"; failed=1; }
done
[ $failed -eq 0 ] && echo "check-symbols: $(echo "$objects" | wc -l) units, none shares a symbol"
exit $failed

#!/bin/sh
# Checks the addon's C++ against musl's headers and LLVM's C++ library, that is without anything of glibc:
# types and preprocessor, no code. Fails where a unit does not compile.
#
#     sh test/native/check-musl.sh NODE_HEADERS    the folder of node_api.h
#
# Debian: clang-19 libc++-19-dev musl-dev libopenblas-dev
set -eu
cd "$(dirname "$0")/../.."
node_headers=${1:?usage: check-musl.sh NODE_HEADERS}
machine=$(uname -m)
llvm=/usr/lib/llvm-19
# OpenBLAS's headers alone of glibc's folder, and only after musl's.
openblas=$(dirname "$(ls /usr/include/"$machine"-linux-gnu/openblas*/cblas.h | head -n 1)")
compile="clang++-19 --target=$machine-linux-musl -std=c++20 -fsyntax-only -Wall -Wextra -Werror
  -nostdinc -nostdinc++ -D_LIBCPP_HAS_MUSL_LIBC=1 -isystem $llvm/include/c++/v1
  -isystem $llvm/lib/clang/19/include -isystem /usr/include/$machine-linux-musl
  -isystem $node_headers -isystem node_modules/node-addon-api -idirafter $openblas -Inative
  -DNAPI_VERSION=8 -DNAPI_DISABLE_CPP_EXCEPTIONS"

printf '#include <cstdlib>\n#ifdef __GLIBC__\n#error These are headers of glibc, not of musl.\n#endif\n' |
  $compile -x c++ -

{
  find native -name '*.cpp' ! -path 'native/isa/*'
  echo native/isa/isa.cpp
  echo native/blas/openblas.cpp -DVECGRAD_PORTABLE
  echo native/isa/scalar.cpp
  case $machine in
  x86_64)
    echo native/isa/avx2.cpp -mavx2 -mfma
    echo native/isa/avx512.cpp -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma
    ;;
  aarch64) echo native/isa/neon.cpp ;;
  esac
} | xargs -L 1 -P "$(getconf _NPROCESSORS_ONLN)" $compile
echo "check-musl: every unit compiles"

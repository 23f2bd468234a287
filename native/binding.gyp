# Builds the same addon as CMakeLists.txt, through node-gyp. node-gyp cannot set flags for a single file, so
# each instruction set is a static library.
{
  'variables': {
    'openblas_cflags': "<!(pkg-config --cflags openblas 2>/dev/null || echo)",
    'openblas_libs': "<!(pkg-config --libs openblas 2>/dev/null || echo -lopenblas)",
    # GCC 14 and Clang 17 are the first that know the standard intrinsics of RVV.
    'compiles_rvv': "<!(${CXX:-c++} -std=c++20 -march=rv64gcv -fsyntax-only isa/rvv.cpp 2>/dev/null && echo 1 || echo 0)",
    # GCC 12 crashes in these passes.
    'sve_cflags': ['-march=armv8.2-a+sve', '-fno-tree-dominator-opts', '-fno-tree-vrp'],
  },
  'target_defaults': {
    'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
    'cflags_cc': [
      '-std=c++20', '-O3', '-Wall', '-Wextra', '-fvisibility=hidden', '-ffp-contract=off',
    ],
    'include_dirs': ['.'],
    'xcode_settings': {
      'OTHER_CPLUSPLUSFLAGS': ['-ffp-contract=off'],
      'CLANG_CXX_LANGUAGE_STANDARD': 'c++20',
      'GCC_OPTIMIZATION_LEVEL': '3',
      'MACOSX_DEPLOYMENT_TARGET': '11.0',
    },
  },
  'targets': [
    {
      'target_name': 'vecgrad_scalar',
      'type': 'static_library',
      'sources': ['isa/scalar.cpp'],
      'cflags_cc': [
        '-fno-math-errno', '-fno-tree-vectorize', '-fno-tree-slp-vectorize',
      ],
      'xcode_settings': {
        'OTHER_CPLUSPLUSFLAGS': [
          '-fno-math-errno', '-fno-vectorize', '-fno-slp-vectorize',
        ],
      },
    },
    {
      'target_name': 'vecgrad_scalar_bytecode',
      'type': 'static_library',
      'sources': ['vm/scalar_bytecode.cpp'],
      'cflags_cc': ['-fno-tree-vectorize', '-fno-tree-slp-vectorize'],
    },
    {
      # A library beside the addon, which loads it when a product is large enough. Its suffix is not
      # `.node`, because node-gyp-build loads the first `.node` file as the addon.
      'target_name': 'vecgrad_openblas',
      'type': 'shared_library',
      'product_prefix': '',
      'product_extension': 'so',
      'product_dir': '<(PRODUCT_DIR)',
      'sources': ['blas/openblas.cpp'],
      'cflags_cc': ['<@(openblas_cflags)'],
      'libraries': ['<@(openblas_libs)'],
    },
    {
      'target_name': 'vecgrad',
      'sources': [
        'blas/blas.cpp',
        'isa/isa.cpp',
        'vm/cost.cpp',
        'vm/instruction.cpp',
        'vm/repeats.cpp',
        'vm/row_layout.cpp',
        'vm/row_operands.cpp',
        'vm/row_plan.cpp',
        'vm/row_ways.cpp',
        'vm/validate.cpp',
        'vm/vm.cpp',
        'wide/wide.cpp',
        'compile/assemble.cpp',
        'compile/assembler_graph.cpp',
        'compile/differentiate.cpp',
        'compile/fusion.cpp',
        'compile/nests.cpp',
        'compile/reroll.cpp',
        'compile/scalar_writer.cpp',
        'compile/schedule.cpp',
        'run/batch.cpp',
        'run/examples.cpp',
        'run/generate.cpp',
        'run/pieces.cpp',
        'run/random.cpp',
        'run/series.cpp',
        'threads/pool.cpp',
        'threads/processors.cpp',
        'bench/bench.cpp',
        'node/addon.cpp',
        'node/assemble_calls.cpp',
        'node/bench_calls.cpp',
        'node/differentiate_calls.cpp',
        'node/kernel_calls.cpp',
        'node/program_calls.cpp',
        'node/random_calls.cpp',
        'node/reroll_calls.cpp',
        'node/reader.cpp',
        'node/row_calls.cpp',
        'node/series_calls.cpp',
        'node/text_calls.cpp',
      ],
      # Exceptions are on, because std::thread throws one if no thread can be made.
      'cflags!': ['-fno-exceptions'],
      'cflags_cc!': ['-fno-exceptions'],
      'xcode_settings': {'GCC_ENABLE_CPP_EXCEPTIONS': 'YES'},
      'dependencies': ['vecgrad_scalar', 'vecgrad_scalar_bytecode'],
      'include_dirs': ["<!(node -p \"require('node-addon-api').include_dir\")"],
      # A worker that is being terminated cannot throw exceptions: they are dropped, not fatal.
      'defines': ['NAPI_VERSION=8', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
      'conditions': [
        ['OS=="linux"', {
          'libraries': ['-ldl'],
          'ldflags': ['-Wl,--version-script=<(module_root_dir)/node/exports.map'],
        }],
        ['target_arch=="x64"', {
          'dependencies': ['vecgrad_avx2', 'vecgrad_avx512'],
          'defines': ['VECGRAD_HAS_AVX2', 'VECGRAD_HAS_AVX512'],
        }],
        ['target_arch=="arm64"', {
          'dependencies': ['vecgrad_neon'],
          'defines': ['VECGRAD_HAS_NEON'],
        }],
        ['target_arch=="arm64" and OS=="linux"', {
          'dependencies': ['vecgrad_sve'],
          'defines': ['VECGRAD_HAS_SVE'],
        }],
        ['target_arch=="riscv64" and compiles_rvv==1', {
          'dependencies': ['vecgrad_rvv'],
          'defines': ['VECGRAD_HAS_RVV'],
        }],
      ],
    },
  ],
  'conditions': [
    ['target_arch=="x64"', {
      'targets': [
        {
          'target_name': 'vecgrad_avx2',
          'type': 'static_library',
          'sources': ['isa/avx2.cpp'],
          'cflags_cc': ['-fno-math-errno', '-mavx2', '-mfma'],
          'xcode_settings': {
            'OTHER_CPLUSPLUSFLAGS': ['-fno-math-errno', '-mavx2', '-mfma'],
          },
        },
        {
          'target_name': 'vecgrad_avx512',
          'type': 'static_library',
          'sources': ['isa/avx512.cpp'],
          'cflags_cc': [
            '-fno-math-errno', '-Wno-maybe-uninitialized', '-Wno-uninitialized',
            '-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mfma',
          ],
          'xcode_settings': {
            'OTHER_CPLUSPLUSFLAGS': [
              '-fno-math-errno',
              '-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mfma',
            ],
          },
        },
      ],
    }],
    ['target_arch=="arm64"', {
      'targets': [
        {
          'target_name': 'vecgrad_neon',
          'type': 'static_library',
          'sources': ['isa/neon.cpp'],
          'cflags_cc': ['-fno-math-errno'],
          'xcode_settings': {'OTHER_CPLUSPLUSFLAGS': ['-fno-math-errno']},
        },
      ],
    }],
    ['target_arch=="arm64" and OS=="linux"', {
      'targets': [
        {
          'target_name': 'vecgrad_sve',
          'type': 'static_library',
          'sources': ['isa/sve.cpp'],
          'cflags_cc': ['-fno-math-errno', '<@(sve_cflags)'],
        },
      ],
    }],
    ['target_arch=="riscv64" and compiles_rvv==1', {
      'targets': [
        {
          'target_name': 'vecgrad_rvv',
          'type': 'static_library',
          'sources': ['isa/rvv.cpp'],
          'cflags_cc': ['-fno-math-errno', '-march=rv64gcv'],
        },
      ],
    }],
  ],
}

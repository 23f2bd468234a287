// The lint rules: typescript-eslint's strict set with types, less what fights numeric code.
import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  globalIgnores(['build*/', 'dist/', 'test/package/types.*', '.dependency-cruiser.cjs']),
  {
    files: ['**/*.{ts,js,mjs,cjs}'],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      // An index that a loop has bounded, a number in a message, a callback that returns nothing.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      eqeqeq: 'error',
      'prefer-rest-params': 'off', // A function that refuses surplus arguments does not declare them.
      'no-undef': 'off', // TypeScript checks names, in JavaScript too.
    },
  },
  {
    // A call takes some 100,000 arguments at most: a list that a user sizes is never spread into one.
    files: ['lib/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: ':matches(CallExpression, NewExpression) > SpreadElement',
          message: 'A long list has no room among arguments: see lib/core/lists.ts.',
        },
      ],
    },
  },
  {
    // Prettier's printWidth, which it does not hold in strings, templates, regular expressions and comments.
    files: ['**/*.{ts,js,mjs,cjs}'],
    rules: { 'max-len': ['error', { code: 110, ignoreUrls: true }] },
  },
  {
    // JavaScript's types come from comments, where `any` is what JSON holds.
    files: ['**/*.{js,mjs,cjs}'],
    rules: {
      '@typescript-eslint/no-require-imports': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    // Programs that only an installed package can type (see .ci/run).
    files: ['examples/**', 'test/package/**'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { parserOptions: { projectService: false } },
  },
);

import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

// A folder of the page imports only from itself and from folders to its left.
const folders = ['base', 'protocol', 'model', 'engine', 'state', 'render', 'views'];

const layers = folders.map((folder, i) => ({
  files: [`web/src/${folder}/**/*.{ts,tsx}`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: folders.slice(i + 1).map((above) => ({
          group: [`**/${above}/**`],
          message: `${folder} may not know of ${above}`,
        })),
      },
    ],
  },
}));

export default tseslint.config(
  {ignores: ['web/src/engine/wasm_exec.js', 'web/public/**', 'web/src/protocol/protocol.gen.ts']},
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {parserOptions: {projectService: true, tsconfigRootDir: import.meta.dirname}},
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', {max: 400}],
      'max-lines-per-function': ['error', {max: 80, skipBlankLines: true, skipComments: true}],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/strict-boolean-expressions': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', {considerDefaultExhaustiveForUnions: true}],
      '@typescript-eslint/no-confusing-void-expression': ['error', {ignoreArrowShorthand: true}],
      '@typescript-eslint/restrict-template-expressions': ['error', {allowNumber: true}],
      // The compiler asks for brackets on index signatures; this rule would ask for the opposite.
      '@typescript-eslint/dot-notation': 'off',
    },
  },
  {
    files: ['web/src/**/*.tsx'],
    plugins: {'react-hooks': reactHooks},
    rules: {'react-hooks/rules-of-hooks': 'error', 'react-hooks/exhaustive-deps': 'error'},
  },
  {
    // Scripts are type-checked too (e2e/tsconfig.json); the compiler knows Node's names, this rule does not.
    files: ['**/*.mjs'],
    rules: {'no-undef': 'off'},
  },
  {
    files: ['**/*.test.{ts,tsx}'],
    rules: {'max-lines-per-function': 'off'},
  },
  ...layers,
);

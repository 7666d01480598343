// How the page's script is checked: .ci/run puts it together and asks eslint, where npm can get it.
export default [
  {
    languageOptions: {
      ecmaVersion: 2024,
      sourceType: "script",
      globals: Object.fromEntries(
        ["Blob", "DOMParser", "IntersectionObserver", "Intl", "Path2D", "Plotly", "URL", "URLSearchParams", "XMLSerializer", "atob", "cancelAnimationFrame", "clearTimeout", "document", "getComputedStyle", "getSelection", "navigator",
          "history", "location", "performance", "requestAnimationFrame", "setTimeout", "window"].map((name) => [name, "readonly"]),
      ),
    },
    rules: {
      "no-undef": "error", "no-unused-vars": ["error", { varsIgnorePattern: "^svgOf$" }], "no-shadow-restricted-names": "error", "no-redeclare": "error", "no-const-assign": "error", "no-dupe-keys": "error",
      "no-unreachable": "error", "no-eval": "error", "no-implied-eval": "error", "no-new-func": "error", "prefer-const": "error", "no-var": "error", eqeqeq: "error", "use-isnan": "error",
      "no-self-compare": "off", "no-use-before-define": "off", "no-control-regex": "off", "valid-typeof": "error", "no-fallthrough": "error", "no-unsafe-optional-chaining": "error",
    },
  },
];

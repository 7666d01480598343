// The rows that a text finds: all words in any of a row's cells.

function matching(model, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  model.texts ??= rowTexts(model);
  return Uint8Array.from(model.texts, (row) => words.every((word) => row.includes(word)));
}

// All texts of each row in lower case, made when a search first needs them.
function rowTexts(model) {
  const columns = [...model.columns.values()];
  return Array.from({ length: model.rows }, (_, row) => columns.map((column) => column.text(row)).join("\n").toLowerCase());
}

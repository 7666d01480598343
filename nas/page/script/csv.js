// The selection as a CSV file, as `nas table` writes one: texts that a spreadsheet would run are made harmless.

const RUNS = /^[ \t\r\n]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

function csvText(columns, rows) {
  const line = (cells) => `${cells.map(csvCell).join(",")}\n`;
  return line(columns.map((column) => column.name)) + rows.map((row) => line(columns.map((column) => column.at(row)))).join("");
}

function csvCell(value) {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const safe = (RUNS.test(value) ? `'${value}` : value).replaceAll(CONTROL, "\ufffd");
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// Lets the browser save a text under a name.
function saved(name, text) {
  const link = element("a", { download: name, href: URL.createObjectURL(new Blob([text], { type: "text/csv" })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

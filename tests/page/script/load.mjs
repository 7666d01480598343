// The page's own script files, loaded as the page loads them: one after the other, in one scope.
import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";

const FOLDER = new URL("../../../nas/page/script/", import.meta.url);

// `load("ticks", "edf")("edf")` is the function edf; names are comma-separated where several are wanted.
export function load(...files) {
  const context = createContext({ Intl, URLSearchParams, atob, console });
  const text = files.map((file) => readFileSync(new URL(`${file}.js`, FOLDER), "utf8")).join("\n");
  runInContext(`"use strict";\n${text}\nglobalThis.take = (names) => eval(names);`, context);
  return (name) => context.take(name);
}

// Values of another scope as this one's, so that they can be compared.
export const plain = (value) => JSON.parse(JSON.stringify(value));

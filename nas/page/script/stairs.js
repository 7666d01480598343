// Widths of networks along their depth, from numbers: bars on a logarithmic scale that several pictures share.

const STAIRS = { wide: 240, high: 112, left: 30, top: 6, bottom: 26 };
const LABEL = 5.2; // pixels of a letter below the bars

// The stairs of a row: part, width, blocks and the edge of their output (0: no picture); none where they aren't known.
function stairsOf(model, row) {
  const { parts, rows } = model.data.stairs;
  const numbers = rows[row] ?? [];
  return Array.from({ length: numbers.length / 4 }, (_, i) => {
    const [part, width, blocks, edge] = numbers.slice(4 * i, 4 * i + 4);
    return { part: parts[part], width, blocks, edge };
  });
}

const blocksOf = (steps) => steps.reduce((sum, step) => sum + step.blocks, 0);

// `stem and 5 blocks`: a stem has a bar and isn't counted, as in the column `blocks`.
function depthText(steps) {
  const behind = steps.filter((step) => step.part !== "stem");
  return `${behind.length < steps.length ? "stem and " : ""}${plural(blocksOf(behind), "block")}`;
}

// Powers of two that hold all widths, and the blocks of the deepest network.
function stairsScale(networks) {
  const widths = networks.flat().map((step) => step.width);
  const low = Math.max(0, Math.floor(Math.log2(Math.min(...widths))) - 1);
  return { low, high: Math.max(low + 1, Math.ceil(Math.log2(Math.max(...widths)))), blocks: Math.max(...networks.map(blocksOf)) };
}

const stairText = ({ part, width, blocks, edge }) => `${part || "layers"}: ${plural(blocks, "block")} of ${plural(width, "channel")}${edge ? `, ${edge} × ${edge} pixels` : ""}`;

// A picture of one network on axes made by stairsScale.
function stairsPicture(steps, scale, colour) {
  const { wide, high, left, top, bottom } = STAIRS;
  const foot = high - bottom;
  const column = (wide - left) / scale.blocks;
  const height = (power) => top + ((foot - top) * (scale.high - power)) / (scale.high - scale.low);
  const picture = svg("svg", { class: "stairs", viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": `${depthText(steps)}: ${steps.map(stairText).join("; ")}` });
  for (let power = scale.high; power >= scale.low; power -= Math.ceil((scale.high - scale.low) / 4)) {
    picture.append(svg("path", { class: "grid", d: `M${left} ${height(power)}H${wide}` }), svg("text", { x: left - 4, y: height(power) + 3, "text-anchor": "end" }, String(2 ** power)));
  }
  let from = left;
  steps.forEach((step, i) => {
    const bars = Array.from({ length: step.blocks }, (_, k) => bar(from + column * k, column, height(Math.log2(step.width)), foot)).join("");
    const odd = steps.slice(0, i).filter((other, k) => k && other.part !== steps[k - 1].part).length % 2;
    picture.append(svg("path", { class: odd ? "other" : "", d: bars, fill: colour }, svg("title", {}, stairText(step))));
    from += column * step.blocks;
  });
  picture.append(...edgeLabels(steps, column, foot + 11));
  picture.append(svg("text", { x: left, y: high - 3 }, depthText(steps)));
  return picture;
}

function bar(from, column, top, foot) {
  const gap = column >= 3 ? 1 : 0; // thin bars would be all gap
  return `M${from.toFixed(1)} ${foot}V${top.toFixed(1)}H${(from + column - gap).toFixed(1)}V${foot}Z`;
}

// The edge of the output where it changes, as far as the texts have room.
function edgeLabels(steps, column, y) {
  const labels = [];
  let [from, free, last] = [STAIRS.left, -Infinity, 0];
  for (const step of steps) {
    const text = `${step.edge}${labels.length ? "" : " px"}`;
    if (step.edge && step.edge !== last && from >= free) {
      labels.push(svg("text", { x: from, y }, text));
      free = from + LABEL * text.length + 4;
      last = step.edge;
    }
    from += column * step.blocks;
  }
  return labels;
}

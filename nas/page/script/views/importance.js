// Which dimensions decide whether a network is among the best tenth: of each space a table with bars, by Python's numbers.

const FIRST = 8; // rows of a space

VIEWS.importance = class {
  constructor(box, model) {
    const { spaces, refused, confidence } = model.data.importance;
    this.hears = [];
    const refusals = refused.map(([reason, names]) => element("p", { class: "note" }, element("strong", {}, "None for "), element("bdi", {}, names.join(", ")), `: ${reason}.`));
    box.append(element("div", { class: "multiples" }, ...spaces.map((space) => part(model, space))), ...refusals);
    if (spaces.length) box.append(element("p", { class: "note" }, notes(spaces, confidence)));
  }

  draw() {}
};

function part(model, { name, n, all, columns }) {
  const space = model.spaces.find((each) => each.name === name);
  const widest = Math.max(...columns.map(({ share }) => Math.max(share[0], share[2] ?? 0)), 0.01);
  const rest = columns.slice(FIRST);
  const sum = rest.reduce((total, { share }) => total + share[0], 0);
  const counted = n < all ? `${grouped(n)} of ${grouped(all)} networks, at random.` : `${grouped(n)} networks.`;
  const others = rest.length ? ` ${grouped(rest.length)} other dimensions together: ${shareText(sum)} %.` : "";
  const table = element("table", { class: "bars", "aria-label": `Shares of importance in ${name}` }, element("tbody", {}, ...columns.slice(0, FIRST).map((column) => bar(column, space, widest))));
  return element("section", {}, element("h3", {}, swatch(space), element("bdi", {}, name)), table, element("p", { class: "note" }, `${counted}${others}`));
}

function notes(spaces, confidence) {
  const [fewest, most] = [Math.min, Math.max].map((end) => end(...spaces.map(({ resamples }) => resamples)));
  const warned = [...new Set(spaces.flatMap(({ warnings }) => warnings))];
  const counts = fewest === most ? grouped(most) : `${grouped(fewest)} to ${grouped(most)}`;
  return [`In parentheses and as a thin line: where ${percentLabel(confidence)} % of ${counts} bootstrap samples of the networks lie.`, ...warned.map((warning) => `${warning}: read the lines, not the bars.`)].join(" ");
}

const shareText = (value) => percentLabel(Number(value.toFixed(2)));

function bar({ title, share: [share, low, high], missing }, { colour }, widest) {
  const at = (value) => (100 * value) / widest;
  const picture = svg("svg", { viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { x: 0, y: 2, width: at(share), height: 8, fill: colour }));
  if (low !== null && high !== null) picture.append(svg("path", { d: `M${at(low)} 6H${at(high)}`, class: "whisker" }));
  const words = `${shareText(share)} %${low === null || high === null ? "" : ` (${shareText(low)} to ${shareText(high)})`}`;
  return element("tr", {}, element("th", { scope: "row", title: missing ? `${title}; ${grouped(missing)} networks don't have it` : title }, element("bdi", {}, title)), element("td", {}, picture), element("td", { class: "number" }, words));
}

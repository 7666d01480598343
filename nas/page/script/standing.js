// Where a network stands among those of its space, and how sure that is.

const SURE = 1.959964; // standard errors to either side of 95 %

// Half of Wilson's 95 % interval of a share over so many images, as in nas.analysis.
function halfInterval(share, images) {
  const square = SURE ** 2;
  return (SURE * Math.sqrt((share * (1 - share)) / images + square / (4 * images * images))) / (1 + square / images);
}

// Rank of one mean among all, counted from 1, and the ranks that lie within its interval.
function standing(means, own, half) {
  const lower = (bound) => means.filter((mean) => mean < bound).length;
  const rank = 1 + lower(own);
  const reach = half === half ? half : 0;
  return { rank, of: means.length, best: 1 + lower(own - reach), worst: Math.max(rank, means.filter((mean) => mean <= own + reach).length) };
}

// How many rows there are, and of how many networks where these are trainings.
function counted(model) {
  const { unit } = model.data;
  if (unit === "network") return plural(model.rows, unit);
  const identity = model.column("architecture");
  const networks = new Set(Array.from({ length: model.rows }, (_, row) => `${model.space[row]} ${identity.at(row)}`));
  return `${plural(model.rows, unit)} of ${plural(networks.size, "network")}`;
}

// Rank and uncertainty of a row: networks of its space once each, whatever their number of trainings; null without an error.
function standingOf(model, row) {
  if (!(model.errors[row] < Infinity)) return null;
  const { networks } = model;
  const identity = model.column("architecture");
  const mean = (each) => (networks ? networks.means[each] : model.errors[each]);
  const means = new Map();
  for (let each = 0; each < model.rows; each++) {
    if (model.space[each] === model.space[row] && model.errors[each] < Infinity) means.set(networks ? `${identity.at(each)} ${mean(each)}` : each, mean(each));
  }
  const { validating } = model.data;
  const half = networks ? networks.halves[row] : validating ? halfInterval(mean(row), validating) : NaN;
  return { ...standing([...means.values()], mean(row), half), half, trainings: networks ? networks.trainings[row] : 1, mean: mean(row) };
}

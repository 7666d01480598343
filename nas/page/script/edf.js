// The distribution of errors, as in nas.analysis: F(e) is the share of networks with an error below e.

// Errors in ascending order, infinite for failures: `errors[k]` is where a step lies, `shares[k]` the share behind it.
function edf(sorted) {
  const errors = [];
  const shares = [];
  for (let i = 0; i < sorted.length && sorted[i] < Infinity; i++) {
    if (errors.at(-1) === sorted[i]) shares.pop();
    else errors.push(sorted[i]);
    shares.push((i + 1) / sorted.length);
  }
  return { n: sorted.length, errors, shares };
}

// Mean in which a failure counts as guessing.
function meanError(errors, guess) {
  let sum = 0;
  for (const error of errors) sum += error < Infinity ? error : guess;
  return sum / errors.length;
}

// An ascending sample's value that at least such a share of it reaches; never interpolated.
function quantile(sorted, share) {
  return sorted[Math.max(Math.ceil(share * sorted.length - 1e-9), 1) - 1];
}

// Every so many-th step of a long line, its first and last ones included.
function thinned({ n, errors, shares }, most) {
  if (errors.length <= most) return { n, errors, shares };
  const kept = Array.from({ length: most }, (_, i) => Math.round((i * (errors.length - 1)) / (most - 1)));
  return { n, errors: kept.map((i) => errors[i]), shares: kept.map((i) => shares[i]) };
}

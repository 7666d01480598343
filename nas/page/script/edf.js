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

// How far a 95 % band around the distribution of n networks reaches to either side (Kolmogorov's, by Stephens' formula).
function bandReach(n) {
  return 1.3581 / (Math.sqrt(n) + 0.12 + 0.11 / Math.sqrt(n));
}

// Texts' heights in pixels, in the order given, moved as little as keeps them apart.
function apart(heights, least, lowest, highest) {
  const placed = [...heights];
  for (let i = 1; i < placed.length; i++) placed[i] = Math.max(placed[i], placed[i - 1] + least);
  const over = (placed.at(-1) ?? 0) - highest;
  if (over > 0) placed[placed.length - 1] -= over;
  for (let i = placed.length - 2; i >= 0; i--) placed[i] = Math.max(lowest, Math.min(placed[i], placed[i + 1] - least));
  return placed;
}

// Sums and probabilities as Python gives them: without these, pages and library part in the last digits.

// An exactly rounded sum, as math.fsum (J. Shewchuk, Discrete & Computational Geometry 18, 1997).
function exactSum(values) {
  let partials = [];
  for (let x of values) {
    const kept = [];
    for (let y of partials) {
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
      const high = x + y;
      const low = y - (high - x);
      if (low !== 0) kept.push(low);
      x = high;
    }
    partials = [...kept, x];
  }
  return roundedOnce(partials);
}

// Partials from the smallest to the largest as one number; what is left decides a tie.
function roundedOnce(partials) {
  let n = partials.length;
  if (n === 0) return 0;
  let high = partials[--n];
  let low = 0;
  while (n > 0) {
    const x = high;
    const y = partials[--n];
    high = x + y;
    low = y - (high - x);
    if (low !== 0) break;
  }
  if (n > 0 && Math.sign(low) === Math.sign(partials[n - 1])) {
    const twice = low * 2;
    if (twice === high + twice - high) high += twice;
  }
  return high;
}

// a - b, exactly 0 where only rounding parts them: the sign of a difference decides.
function difference(a, b) {
  return Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b)) ? 0 : a - b;
}

// Twelve digits: costs are differences of small decimals, whose last bits are noise.
function quotient(usd, saving) {
  return Number((usd / saving).toPrecision(12));
}

// Upper tail of the complementary error function (W. J. Cody, Mathematics of Computation 23, 1969), to 1e-15.
const ERF = [
  [3.1611237438705656, 113.864154151050156, 377.485237685302021, 3209.37758913846947, 0.185777706184603153],
  [23.6012909523441209, 244.024637934444173, 1282.61652607737228, 2844.23683343917062],
];
const MIDDLE = [
  [
    0.564188496988670089, 8.88314979438837594, 66.1191906371416295, 298.635138197400131, 881.95222124176909,
    1712.04761263407058, 2051.07837782607147, 1230.33935479799725, 2.15311535474403846e-8,
  ],
  [
    15.7449261107098347, 117.693950891312499, 537.181101862009858, 1621.38957456669019, 3290.79923573345963,
    4362.61909014324716, 3439.36767414372164, 1230.33935480374942,
  ],
];
const TAIL = [
  [
    0.305326634961232344, 0.360344899949804439, 0.125781726111229246, 0.0160837851487422766,
    6.58749161529837803e-4, 0.0163153871373020978,
  ],
  [
    2.56852019228982242, 1.87295284992346047, 0.527905102951428412, 0.0605183413124413191,
    0.00233520497626869185,
  ],
];

// (last of p + ...) / (1 + ...), both by Horner from the highest power.
function ratio(p, q, x) {
  let above = p[p.length - 1] * x;
  let below = x;
  for (let i = 0; i < q.length - 1; i++) {
    above = (above + p[i]) * x;
    below = (below + q[i]) * x;
  }
  return (above + p[q.length - 1]) / (below + q[q.length - 1]);
}

// exp(-y * y), its argument split so that squaring costs no digits.
function bell(y) {
  const head = Math.trunc(y * 16) / 16;
  return Math.exp(-head * head) * Math.exp(-(y - head) * (y + head));
}

function erfc(x) {
  const y = Math.abs(x);
  let tail;
  if (y <= 0.46875) return 1 - x * ratio(ERF[0], ERF[1], y * y);
  if (y <= 4) tail = bell(y) * ratio(MIDDLE[0], MIDDLE[1], y);
  else {
    const square = 1 / (y * y);
    tail = (bell(y) / y) * (0.5641895835477563 - square * ratio(TAIL[0], TAIL[1], square));
  }
  return x < 0 ? 2 - tail : tail;
}

// The normal distribution's share below x.
function normalBelow(x) {
  return 0.5 * erfc(-x / Math.SQRT2);
}

// Where a share of the normal distribution lies below, by bisection.
function normalQuantile(share) {
  let [low, high] = [-40, 40];
  while (low < (low + high) / 2 && (low + high) / 2 < high) {
    const middle = (low + high) / 2;
    if (normalBelow(middle) < share) low = middle;
    else high = middle;
  }
  return high;
}

// The first of the largest by a measure, as Python's max() has it.
function largest(items, measure) {
  return items.reduce((best, item) => (best === null || measure(item) > measure(best) ? item : best), null);
}

// The mathematics of the explorer, whole: a network of affine layers with ReLU
// between them, its gradient with respect to the INPUT, and the steps that follow
// this gradient. A vector is an array of numbers: an image x has 784 of them in
// [0, 1], the logits z have 10. The equations are those of the page "Methods and
// conventions".

// W v + b, with W stored row by row.
function affine({ weight, bias, inputs, outputs }, v) {
  return Array.from({ length: outputs }, (_, i) => {
    let sum = bias[i];
    for (let j = 0; j < inputs; j++) sum += weight[i * inputs + j] * v[j];
    return sum;
  });
}

// Wᵀ v: how a weight v on each output of a layer comes back to its inputs.
function transposed({ weight, inputs, outputs }, v) {
  const sums = new Array(inputs).fill(0);
  for (let i = 0; i < outputs; i++) {
    if (v[i] === 0) continue;
    for (let j = 0; j < inputs; j++) sums[j] += weight[i * inputs + j] * v[i];
  }
  return sums;
}

// [x, h1, h2, z]: the image, what each hidden layer makes of it,
// hₖ = max(Wₖ hₖ₋₁ + bₖ, 0), and the logits z = f(x).
function forward(net, x) {
  const values = [x];
  net.forEach((layer, k) => {
    const a = affine(layer, values[k]);
    values.push(k < net.length - 1 ? a.map((t) => Math.max(t, 0)) : a);
  });
  return values;
}

const logits = (net, x) => forward(net, x).at(-1);

// ∇ₓ ⟨v, f(x)⟩ = W1ᵀ [h1 > 0] W2ᵀ [h2 > 0] W3ᵀ v: the chain rule, from the last
// layer to the first. A unit that ReLU has set to zero lets nothing through.
function backward(net, values, v) {
  for (let k = net.length - 1; k >= 0; k--) {
    v = transposed(net[k], v);
    if (k > 0) v = v.map((t, j) => (values[k][j] > 0 ? t : 0));
  }
  return v;
}

function softmax(z) {
  const top = Math.max(...z);
  const e = z.map((t) => Math.exp(t - top));
  const sum = e.reduce((a, b) => a + b);
  return e.map((t) => t / sum);
}

// g(x) = ∇ₓ L(f(x), y) with the cross-entropy L = -log softmax(z)_y, for which
// ∂L/∂z = softmax(z) - e_y. Its entry at y is written as minus the sum of the
// others: p_y - 1 would round to zero where the network is sure.
function inputGradient(net, x, y) {
  const values = forward(net, x);
  const v = softmax(values.at(-1));
  v[y] = 0;
  v[y] = -v.reduce((a, b) => a + b);
  return backward(net, values, v);
}

// The margin of class y over each rival l, L_l = z_y - z_l, and its gradient.
function margins(net, x, y) {
  const values = forward(net, x);
  const z = values.at(-1);
  const rivals = z.map((_, l) => l).filter((l) => l !== y);
  return rivals.map((l) => ({
    rival: l,
    value: z[y] - z[l],
    gradient: backward(net, values, z.map((_, k) => (k === y) - (k === l))),
  }));
}

const norm1 = (v) => v.reduce((sum, t) => sum + Math.abs(t), 0);
const norm2 = (v) => Math.sqrt(v.reduce((sum, t) => sum + t * t, 0));
const normInf = (v) => v.reduce((most, t) => Math.max(most, Math.abs(t)), 0);

// clip(x + eps d): each pixel moves by eps times its direction, within [0, 1].
const clip = (t) => Math.min(1, Math.max(0, t));
const along = (x, d, eps) => x.map((t, i) => clip(t + eps * d[i]));

// Each method takes the network, the image and the label y once, and gives a
// function eps -> x_adv.
const STEPS = {
  // x + eps sign(g): every pixel by the same amount, uphill.
  FGSM(net, x, y) {
    const d = inputGradient(net, x, y).map(Math.sign);
    return (eps) => along(x, d, eps);
  },
  // x + eps g: as far as the gradient is long.
  FGM(net, x, y) {
    const g = inputGradient(net, x, y);
    return (eps) => along(x, g, eps);
  },
  // The same direction, made as long as FGSM's step: eps times the square root of
  // the number of pixels.
  "FGM-l2"(net, x, y) {
    const g = inputGradient(net, x, y);
    const length = norm2(g);
    const d = g.map((t) => (length > 0 ? (t / length) * Math.sqrt(x.length) : 0));
    return (eps) => along(x, d, eps);
  },
  // The rival whose linearised margin an l∞ ball of radius eps can make smallest,
  // L_l - eps ‖∇L_l‖₁, and the step down that margin, x - eps sign(∇L_l).
  "Algorithm 1"(net, x, y) {
    const found = margins(net, x, y);
    const slopes = found.map((m) => norm1(m.gradient));
    return (eps) => {
      const reached = found.map((m, i) => m.value - eps * slopes[i]);
      const best = found[reached.indexOf(Math.min(...reached))];
      return along(x, best.gradient.map(Math.sign), -eps);
    };
  },
  // x - eps sign(g): downhill, the step that is to repair.
  "D-FGSM"(net, x, y) {
    const d = inputGradient(net, x, y).map(Math.sign);
    return (eps) => along(x, d, -eps);
  },
};

// The arrays of a data file: base64 of half-precision numbers (five bits of
// exponent, ten of fraction), or of bytes.
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

function halves(text) {
  const view = new DataView(bytes(text).buffer);
  return Float64Array.from({ length: view.byteLength / 2 }, (_, i) => {
    const h = view.getUint16(2 * i, true);
    const [sign, exponent, fraction] = [h >> 15 ? -1 : 1, (h >> 10) & 31, h & 1023];
    if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024);
    return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
  });
}

const networkOf = (data) =>
  data.layers.map(({ weight, bias, ...sizes }) => {
    return { ...sizes, weight: halves(weight), bias: halves(bias) };
  });

// The digits of a data file: each an image, its label, and whether the network is
// right.
function digitsOf({ digits }) {
  const pixels = bytes(digits.pixels);
  const size = pixels.length / digits.label.length;
  return digits.label.map((label, i) => ({
    label,
    right: digits.right[i],
    index: digits.index[i],
    x: Array.from(pixels.subarray(i * size, (i + 1) * size), (t) => t / 255),
  }));
}

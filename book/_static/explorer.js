// The page around gradient.js: choose or draw a digit, a method, a label and eps; everything shown is drawn anew from
// these four by `show`.
{
  const SIDE = 28;
  const LARGEST = 0.3; // of eps
  const POINTS = 60; // of the curve over eps
  const METHODS = {
    FGSM: "FGSM", FGM: "FGM", "FGM-l2": "FGM-l2", "Algorithm 1": "Algorithm 1", "D-FGSM": "D-FGSM, downhill",
  };
  const net = networkOf(EXPLORER);
  const digits = digitsOf(EXPLORER);
  const root = document.getElementById("explorer");

  root.innerHTML = `
    <div class="ex-digits" role="group" aria-label="test digits"></div>
    <div class="ex-pictures">
      <figure><canvas class="ex-x" width="28" height="28" aria-label="the image, to draw on"></canvas>
        <figcaption><b>x</b>, draw on it <button type="button" class="ex-clear">clear</button><br><span></span></figcaption></figure>
      <figure><canvas class="ex-eta" width="28" height="28" role="img" aria-label="the perturbation"></canvas>
        <figcaption><b>x<sub>adv</sub> − x</b><br><span></span></figcaption></figure>
      <figure><canvas class="ex-adv" width="28" height="28" role="img" aria-label="the perturbed image"></canvas>
        <figcaption><b>x<sub>adv</sub></b><br><span></span></figcaption></figure>
    </div>
    <div class="ex-controls">
      <div class="ex-methods" role="group" aria-label="method"></div>
      <label>label <i>y</i> <select class="ex-label"></select></label>
      <label class="ex-eps">ε <input type="range" min="0" max="${LARGEST}" step="0.005"> <output></output></label>
    </div>
    <p class="ex-said" aria-live="polite"></p>
    <div class="ex-charts">
      <figure><svg class="ex-bars" viewBox="0 0 320 150" role="img"></svg>
        <figcaption>Probability of each digit, <span class="ex-before">before</span> and <span class="ex-after">after</span> the step</figcaption></figure>
      <figure><svg class="ex-curve" viewBox="0 0 320 150" role="img"></svg>
        <figcaption>Along ε: probability of the <span class="ex-y">label</span> and of the <span class="ex-rival">likeliest other digit</span></figcaption></figure>
    </div>`;
  const part = (name) => root.querySelector(name);
  const captions = ["x", "eta", "adv"].map((name) => part(`.ex-${name} + figcaption span`));
  const slider = part(".ex-eps input");

  const best = (p) => p.indexOf(Math.max(...p));
  const answer = (x) => best(logits(net, x));
  const taken = (digit) => ({ x: digit.x, drawn: false, truth: digit.label, label: digit.label });
  const state = { method: "FGSM", eps: 0.08 };
  const turns = ({ x, label }) => answer(STEPS[state.method](net, x, label)(state.eps)) !== answer(x);
  Object.assign(state, taken(digits.find(turns) || digits[0])); // the page opens on a digit whose answer turns

  const percent = (p) => (p > 0.9999 ? "over 99.99\u00a0%" : p < 0.0001 ? "under 0.01\u00a0%" : `${(100 * p).toFixed(2)}\u00a0%`);
  const size = (t) => (t === 0 ? "0" : t < 0.001 ? t.toExponential(1).replace("-", "−") : t.toFixed(3));

  // Pictures: grey for images; for a perturbation orange where it brightens, blue where it darkens, relative to `most`.
  function paint(canvas, values, colour) {
    const context = canvas.getContext("2d");
    const image = context.createImageData(SIDE, SIDE);
    values.forEach((t, i) => image.data.set(colour(t), 4 * i));
    context.putImageData(image, 0, 0);
  }
  const grey = (t) => [255 * t, 255 * t, 255 * t, 255];
  const signed = (most) => (t) => [...(t > 0 ? [222, 119, 22] : [42, 120, 181]), most ? (255 * Math.abs(t)) / most : 0];

  // Charts, as the text of an SVG.
  function bars(before, after) {
    return before.map((p, k) => {
      const x = 6 + 31.2 * k;
      const bar = (value, shift, name) =>
        `<rect class="${name}" x="${x + shift}" y="${125 - 118 * value}" width="12" height="${118 * value + 0.7}"/>`;
      return `${bar(p, 1, "ex-before")}${bar(after[k], 14, "ex-after")}<text x="${x + 13.5}" y="143">${k}</text>`;
    }).join("");
  }
  function curve(ps, label, eps) {
    const across = (e) => 30 + (280 * e) / LARGEST;
    const line = (name, value) =>
      `<polyline class="${name}" points="${ps.map((p, i) => `${across((LARGEST * i) / POINTS)},${125 - 118 * value(p)}`).join(" ")}"/>`;
    const rival = (p) => Math.max(...p.filter((_, k) => k !== label));
    const ticks = [0, 0.1, 0.2, 0.3].map((e) => `<text x="${across(e)}" y="143">${e}</text>`).join("");
    return `<line class="ex-axis" x1="30" y1="125" x2="310" y2="125"/><text x="13" y="128">0</text><text x="13" y="12">1</text>
      ${ticks}<text x="304" y="119">ε</text><line class="ex-now" x1="${across(eps)}" x2="${across(eps)}" y1="4" y2="125"/>
      ${line("ex-rival", rival)}${line("ex-y", (p) => p[label])}`;
  }

  // One sentence on what the step does to the answer.
  function said(before, after, turn) {
    const { method, eps, label, truth, drawn } = state;
    const is = (k) => (drawn ? "" : k === truth ? ", which is right" : ", which is wrong");
    const first = turn === null ? `It stays up to ε = ${LARGEST}.` : `It first turns at ε = ${turn.toFixed(3)}.`;
    const now = before === after ? `the answer stays ${after}${is(after)}` : `the answer turns from ${before} to ${after}${is(after)}`;
    return `${METHODS[method].split(",")[0]} with the label ${label} and ε = ${eps.toFixed(3)}: ${now}. ${first}`;
  }

  // The step of what is chosen, and the probabilities along eps: computed anew only where one of the three changes, so
  // that the slider moves freely.
  let kept = {};
  function prepared({ x, label, method }) {
    if (kept.x !== x || kept.label !== label || kept.method !== method) {
      const step = STEPS[method](net, x, label);
      const path = Array.from({ length: POINTS + 1 }, (_, i) => softmax(logits(net, step((LARGEST * i) / POINTS))));
      kept = { x, label, method, step, path };
    }
    return kept;
  }

  function show() {
    const { x, label, method, eps } = state;
    const { step, path } = prepared(state);
    const xAdv = step(eps);
    const eta = xAdv.map((t, i) => t - x[i]);
    const [before, after] = [x, xAdv].map((image) => softmax(logits(net, image)));
    const turn = path.findIndex((p) => best(p) !== best(before));
    paint(part(".ex-x"), x, grey);
    paint(part(".ex-eta"), eta, signed(normInf(eta)));
    paint(part(".ex-adv"), xAdv, grey);
    const told = (p) => `answer <b>${best(p)}</b>, ${percent(Math.max(...p))}`;
    captions[0].innerHTML = told(before);
    captions[1].innerHTML = `largest change ${size(normInf(eta))}<br>l2 length ${size(norm2(eta))}`;
    captions[2].innerHTML = told(after);
    part(".ex-adv").classList.toggle("ex-turned", best(before) !== best(after));
    part(".ex-bars").innerHTML = bars(before, after);
    part(".ex-curve").innerHTML = curve(path, label, eps);
    part(".ex-said").textContent = said(best(before), best(after), turn < 0 ? null : (LARGEST * turn) / POINTS);
    part(".ex-eps output").textContent = eps.toFixed(3);
    part(".ex-label").value = label;
    slider.value = eps;
    for (const button of root.querySelectorAll("[data-method]")) {
      button.setAttribute("aria-pressed", button.dataset.method === method);
    }
    for (const button of root.querySelectorAll("[data-digit]")) {
      button.setAttribute("aria-pressed", digits[button.dataset.digit].x === x);
    }
  }

  function choose(changes) {
    Object.assign(state, changes);
    show();
  }

  // Controls.
  digits.forEach((digit, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.digit = i;
    button.className = digit.right ? "" : "ex-wrong";
    button.title = `${digit.label}, test image ${digit.index}${digit.right ? "" : `, read as ${answer(digit.x)}`}`;
    button.setAttribute("aria-label", button.title);
    const canvas = button.appendChild(document.createElement("canvas"));
    canvas.width = canvas.height = SIDE;
    paint(canvas, digit.x, grey);
    button.addEventListener("click", () => choose(taken(digit)));
    part(".ex-digits").append(button);
  });
  for (const [name, text] of Object.entries(METHODS)) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.method = name;
    button.textContent = text;
    button.addEventListener("click", () => choose({ method: name }));
    part(".ex-methods").append(button);
  }
  for (let k = 0; k < 10; k++) part(".ex-label").append(new Option(k, k));
  part(".ex-label").addEventListener("input", (event) => choose({ label: Number(event.target.value) }));
  slider.addEventListener("input", () => choose({ eps: Number(slider.value) }));

  // Drawing: a soft brush; when a stroke ends, the drawing is moved so that its centre of mass lies in the middle, as
  // it does in MNIST, and the label becomes the network's answer.
  function brush(x, [column, row]) {
    return x.map((t, i) => {
      const distance = Math.hypot((i % SIDE) + 0.5 - column, Math.floor(i / SIDE) + 0.5 - row);
      return Math.max(t, Math.min(1, Math.max(0, 1.9 - distance)));
    });
  }
  function centred(x) {
    const total = x.reduce((a, b) => a + b, 0);
    if (!total) return x;
    const mean = (f) => x.reduce((sum, t, i) => sum + t * f(i), 0) / total;
    const right = Math.round(mean((i) => i % SIDE) - (SIDE - 1) / 2);
    const down = Math.round(mean((i) => Math.floor(i / SIDE)) - (SIDE - 1) / 2);
    return x.map((_, i) => {
      const [row, column] = [Math.floor(i / SIDE) + down, (i % SIDE) + right];
      return row >= 0 && row < SIDE && column >= 0 && column < SIDE ? x[row * SIDE + column] : 0;
    });
  }
  const board = part(".ex-x");
  const at = (event) => {
    const box = board.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top].map((t) => (SIDE * t) / box.width);
  };
  let pen = null; // where the pen was last
  function stroke(event) {
    const to = at(event);
    const pieces = Math.ceil(Math.hypot(to[0] - pen[0], to[1] - pen[1])) || 1;
    for (let i = 1; i <= pieces; i++) state.x = brush(state.x, [0, 1].map((a) => pen[a] + ((to[a] - pen[a]) * i) / pieces));
    pen = to;
    paint(board, state.x, grey);
  }
  board.addEventListener("pointerdown", (event) => {
    board.setPointerCapture(event.pointerId);
    pen = at(event);
    stroke(event);
  });
  board.addEventListener("pointermove", (event) => pen && stroke(event));
  for (const name of ["pointerup", "pointercancel"]) {
    board.addEventListener(name, () => {
      pen = null;
      const x = centred(state.x);
      choose({ x, drawn: true, label: answer(x) });
    });
  }
  part(".ex-clear").addEventListener("click", () => {
    const x = new Array(SIDE * SIDE).fill(0);
    choose({ x, drawn: true, label: answer(x) });
  });

  show();
}

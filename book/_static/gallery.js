// Recorded answers of networks too large for a browser: choose a network, an image, a way to go, and how far.
// The image is moved here along the recorded direction; what the network says of it was recorded with it.
{
  const root = document.getElementById("gallery");
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const best = (p) => p.indexOf(Math.max(...p));
  const percent = (p) => `${(100 * p).toFixed(1)} %`;

  // One network with its arrays decoded: images as numbers in [0, 1], ways with directions and probabilities.
  function opened(network) {
    const values = network.shape.reduce((a, b) => a * b);
    const images = network.chosen.index.length, classes = network.classes.length;
    const pixels = bytes(network.chosen.pixels);
    const ways = network.ways.map((way) => {
      const levels = new Int8Array(bytes(way.directions).buffer);
      const answers = new Float32Array(bytes(way.answers).buffer);
      const row = (i, e) => (i * way.sizes.length + e) * classes;
      return {
        ...way,
        direction: (i) => Array.from(levels.subarray(i * values, (i + 1) * values), (q) => (way.most[i] * q) / GALLERY.levels),
        answer: (i, e) => Array.from(answers.subarray(row(i, e), row(i, e) + classes)),
      };
    });
    const x = (i) => Array.from(pixels.subarray(i * values, (i + 1) * values), (v) => v / 255);
    return { ...network, values, count: images, ways, x };
  }
  const networks = GALLERY.networks.map(opened);
  const state = { network: 0, image: 0, way: 0, size: 8 };

  root.innerHTML = `
    <div class="ex-controls"><label>network <select class="ga-network"></select></label>
      <label>way <select class="ga-way"></select></label>
      <label class="ex-eps"><span></span> <input type="range" min="0" step="1"> <output></output></label></div>
    <div class="ex-digits ga-images" role="group" aria-label="test images"></div>
    <div class="ex-pictures">
      <figure><canvas class="ga-x" role="img" aria-label="the image"></canvas><figcaption><b>x</b><br><span></span></figcaption></figure>
      <figure><canvas class="ga-eta" role="img" aria-label="the perturbation"></canvas><figcaption><b>x<sub>adv</sub> − x</b><br><span></span></figcaption></figure>
      <figure><canvas class="ga-adv" role="img" aria-label="the perturbed image"></canvas><figcaption><b>x<sub>adv</sub></b><br><span></span></figcaption></figure>
    </div>
    <p class="ex-said" aria-live="polite"></p>
    <table class="ga-answers"><caption>Probability of each class, before and after</caption>
      <thead><tr><th>class</th><th>before</th><th>after</th></tr></thead><tbody></tbody></table>`;
  const part = (name) => root.querySelector(name);
  const captions = ["x", "eta", "adv"].map((name) => part(`.ga-${name} + figcaption span`));
  const slider = part(".ex-eps input");

  // Planes of red, green and blue (or one of grey), each value already in [0, 1].
  function paint(canvas, values, [channels, height, width]) {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d"), image = context.createImageData(width, height), plane = width * height;
    for (let i = 0; i < plane; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = 255 * values[(c % channels) * plane + i];
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  function fill(select, names) {
    select.replaceChildren(...names.map((name, i) => new Option(name, i)));
  }

  function choose(changes) {
    Object.assign(state, changes);
    if ("network" in changes) Object.assign(state, { image: 0, way: 0 }, changes);
    if ("network" in changes) setUp();
    show();
  }

  // What stays while one network is looked at: its ways and its images.
  function setUp() {
    const net = networks[state.network];
    fill(part(".ga-way"), net.ways.map((way) => way.name));
    part(".ga-images").replaceChildren(...net.chosen.index.map((index, i) => {
      const button = document.createElement("button");
      const right = net.chosen.right[i];
      button.type = "button";
      button.className = right ? "" : "ex-wrong";
      button.dataset.image = i;
      button.title = `${net.classes[net.chosen.label[i]]}, test image ${index}${right ? "" : ", classified wrong"}`;
      button.setAttribute("aria-label", button.title);
      paint(button.appendChild(document.createElement("canvas")), net.x(i), net.shape);
      button.addEventListener("click", () => choose({ image: i }));
      return button;
    }));
  }

  function show() {
    const net = networks[state.network], way = net.ways[state.way], i = state.image;
    slider.max = way.sizes.length - 1;
    const size = way.sizes[Math.min(state.size, slider.max)], e = way.sizes.indexOf(size);
    const x = net.x(i), d = way.direction(i);
    const inBox = (v) => (way.clipped ? Math.min(1, Math.max(0, v)) : v);
    const moved = x.map((v, j) => inBox(v + size * d[j])), eta = moved.map((v, j) => v - x[j]);
    const most = Math.max(...eta.map(Math.abs));
    const [before, after] = [0, e].map((at) => way.answer(i, at)), label = net.chosen.label[i];
    paint(part(".ga-x"), x, net.shape);
    paint(part(".ga-eta"), eta.map((v) => 0.5 + (most ? v / most / 2 : 0)), net.shape);
    paint(part(".ga-adv"), moved, net.shape);
    captions[0].textContent = `a ${net.classes[label]}`;
    captions[1].textContent = `largest change ${most.toFixed(3)}, l2 length ${Math.hypot(...eta).toFixed(2)}`;
    captions[2].textContent = `answer ${net.classes[best(after)]}, ${percent(Math.max(...after))}`;
    part(".ga-adv").classList.toggle("ex-turned", best(before) !== best(after));
    const is = (k) => `${net.classes[k]}, which is ${k === label ? "right" : "wrong"}`;
    part(".ex-said").textContent = best(before) === best(after)
      ? `The answer stays ${is(best(after))}.`
      : `The answer turns from ${net.classes[best(before)]} to ${is(best(after))}.`;
    part(".ga-answers tbody").replaceChildren(...net.classes.map((name, k) => {
      const row = document.createElement("tr");
      row.className = k === label ? "ga-true" : "";
      for (const text of [name, percent(before[k]), percent(after[k])]) row.insertCell().textContent = text;
      for (const [cell, p] of [[1, before[k]], [2, after[k]]]) row.cells[cell].style.setProperty("--p", p);
      return row;
    }));
    part(".ex-eps span").textContent = way.unit;
    part(".ex-eps output").textContent = size;
    slider.value = e;
    part(".ga-network").value = state.network;
    part(".ga-way").value = state.way;
    for (const button of root.querySelectorAll("[data-image]")) button.setAttribute("aria-pressed", Number(button.dataset.image) === i);
  }

  fill(part(".ga-network"), networks.map((net) => `${net.model}, ${net.dataset}`));
  part(".ga-network").addEventListener("input", (event) => choose({ network: Number(event.target.value) }));
  part(".ga-way").addEventListener("input", (event) => choose({ way: Number(event.target.value) }));
  slider.addEventListener("input", () => choose({ size: Number(slider.value) }));
  setUp();
  show();
}

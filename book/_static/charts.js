// The interactive form of a figure: drawn with Vega-Lite when its reader opens it, in the colours of the page, with a
// field for each thing to choose by. The script that draws is loaded then, from beside this one. What is chosen is kept
// in the address as "chart-sign.network" and so on, with what sort.js keeps there of the tables.
{
  const here = document.currentScript.src;
  const ALL = "all";
  let loading = null;

  function load() {
    loading ??= new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = here.replace(/charts\.js.*$/, "vega.js");
      script.onload = done;
      script.onerror = failed;
      document.head.append(script);
    });
    return loading;
  }

  // A choice's name in the address.
  const named = (chart, { name }) => `${chart.id}.${name}`;

  // What is chosen: by field, "all" or one value; what the address does not know is as at first.
  function chosen(chart, choices) {
    return Object.fromEntries(choices.map((choice) => {
      const said = state.get(named(chart, choice));
      return [choice.field, [ALL, ...choice.values].includes(said) ? said : choice.first];
    }));
  }

  // The marks that are chosen, one field left aside where it is named.
  const fitting = (marks, wanted, aside) => marks.filter((mark) =>
    Object.entries(wanted).every(([field, value]) => field === aside || value === ALL || mark[field] === value));

  // Options without any mark, as the other fields stand, cannot be chosen.
  function offer(fields, marks, wanted) {
    for (const { choice, select } of fields) {
      const there = new Set(fitting(marks, wanted, choice.field).map((mark) => mark[choice.field]));
      for (const option of select.options) option.disabled = option.value !== ALL && !there.has(option.value);
    }
  }

  function addFields(chart, { choices, spec }) {
    const bar = document.createElement("div");
    bar.className = "filters";
    const wanted = chosen(chart, choices);
    const fields = choices.map((choice) => {
      const label = document.createElement("label"), select = document.createElement("select");
      for (const value of [ALL, ...choice.values]) select.append(new Option(value));
      select.value = wanted[choice.field];
      select.addEventListener("input", () => {
        wanted[choice.field] = select.value;
        keep(named(chart, choice), select.value === choice.first ? "" : select.value);
        offer(fields, spec.data.values, wanted);
        draw(chart);
      });
      label.append(`${choice.name} `, select);
      bar.append(label);
      return { choice, select };
    });
    offer(fields, spec.data.values, wanted);
    if (fields.length) chart.querySelector("div").before(bar);
    return wanted;
  }

  // What the page's colours and width make of a chart.
  function look(chart) {
    const text = getComputedStyle(chart).color;
    const faint = getComputedStyle(chart).getPropertyValue("--pst-color-border");
    const axis = { labelColor: text, titleColor: text, gridColor: faint, domainColor: faint, tickColor: faint };
    const legend = { labelColor: text, columns: chart.clientWidth < 500 ? 1 : 2 };
    return { background: null, font: getComputedStyle(chart).fontFamily, view: { stroke: null }, axis, legend,
             title: { color: text, anchor: "start" } };
  }

  // The spec of one chart: some of the marks, the axis of what they measure, rows in which a name has room, and a
  // legend of their series and of whose they are only.
  function part(spec, marks, title) {
    const one = structuredClone(spec);
    one.data.values = marks;
    if (title) one.title = title;
    const measured = [...new Set(marks.map((mark) => mark.measure))];
    const axis = measured.length === 1 ? spec.usermeta[measured[0]] : {};
    if (one.height.step) one.height.step = Math.max(one.height.step, 20 / new Set(marks.map((mark) => mark.line)).size);
    for (const { encoding } of one.layer) {
      for (const channel of [encoding.x, encoding.y])
        if (["value", "low"].includes(channel.field)) Object.assign(channel, axis);
      for (const channel of [encoding.color, encoding.shape, encoding.strokeDash])
        if (channel?.legend) channel.legend.values = [...new Set(marks.map((mark) => mark[channel.field]))];
    }
    return one;
  }

  const kept = new Map();  // of each chart: what it is told, what is chosen, and the views that stand there

  function draw(chart) {
    if (!kept.has(chart)) {
      const told = JSON.parse(chart.querySelector("script").textContent);
      kept.set(chart, { told, wanted: addFields(chart, told), views: [] });
    }
    const { told, wanted, views } = kept.get(chart);
    const marks = fitting(told.spec.data.values, wanted);
    const titles = told.apart || !marks.length ? [...new Set(marks.map((mark) => mark[told.apart]))] : [""];
    const places = titles.map(() => document.createElement("div"));
    if (!marks.length) places.splice(0, places.length, "The figure has nothing for this choice.");
    for (const view of views.splice(0)) view.then((drawn) => drawn.finalize());
    chart.querySelector(":scope > div:not(.filters)").replaceChildren(...places);
    const options = { mode: "vega-lite", actions: false, renderer: "svg", logLevel: 1, config: look(chart) };  // 1: errors
    titles.forEach((title, i) => {
      const own = told.apart ? marks.filter((mark) => mark[told.apart] === title) : marks;
      views.push(vegaEmbed(places[i], part(told.spec, own, title), options));
    });
    return Promise.all(views);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const charts = document.querySelectorAll("details.chart");
    const shown = (chart) => chart.open && load().then(() => draw(chart));
    for (const chart of charts) {
      if ([...state.keys()].some((name) => name.startsWith(`${chart.id}.`))) {
        chart.open = true;
        unfold(chart);
      }
      chart.addEventListener("toggle", () => shown(chart));
      shown(chart);
    }
    const again = () => charts.forEach(shown);
    new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  });
}

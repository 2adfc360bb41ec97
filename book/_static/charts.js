// The interactive form of a figure: drawn with Vega-Lite when its reader opens it, in the colours of the page. The
// script that draws is loaded then, from beside this one.
{
  const here = document.currentScript.src;
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

  function draw(chart) {
    const spec = JSON.parse(chart.querySelector("script").textContent);
    const text = getComputedStyle(chart).color;
    const faint = getComputedStyle(chart).getPropertyValue("--pst-color-border");
    const axis = { labelColor: text, titleColor: text, gridColor: faint, domainColor: faint, tickColor: faint };
    const legend = { labelColor: text, columns: chart.clientWidth < 500 ? 1 : 2 };
    const config = { background: null, font: getComputedStyle(chart).fontFamily, view: { stroke: null }, axis, legend };
    const options = { mode: "vega-lite", actions: false, renderer: "svg", logLevel: 1, config }; // of errors only
    return vegaEmbed(chart.querySelector("div"), spec, options);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const charts = document.querySelectorAll("details.chart");
    const shown = (chart) => chart.open && load().then(() => draw(chart));
    for (const chart of charts) {
      chart.addEventListener("toggle", () => shown(chart));
      shown(chart);
    }
    const again = () => charts.forEach(shown);
    new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  });
}

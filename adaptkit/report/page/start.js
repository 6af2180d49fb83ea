// Brings the page to life: each task's what-if, curves and rows, from the data that stand in the page.

function start() {
  const data = JSON.parse(document.getElementById("page-data").textContent);
  data.forEach((task, i) => {
    const root = document.querySelector(`[data-task="${i}"]`);
    if (task.what_if) whatIf(root, task, i + 1);
    if (task.curves) curves(root, task.curves);
    if (task.rows) browse(root, task, i + 1);
  });
  window.addEventListener("beforeprint", () =>
    document.querySelectorAll("details").forEach((d) => (d.open = true)),
  );
  document.documentElement.dataset.ready = "";
}

function curves(root, found) {
  const place = root.querySelector("[data-chart='curves']");
  const draw = () =>
    place.replaceChildren(curveChart(found, Math.max(260, Math.min(760, place.clientWidth || 760))) || "");
  draw();
  onWidth(place, draw);
}

function browse(root, task, number) {
  const place = root.querySelector("[data-part='rows']");
  const named = task.what_if ? judge(task.what_if, settingsOf(task.what_if)).named : null;
  rowsBrowser(
    place.querySelector("[data-part='browser']"),
    task.rows,
    named,
    task.what_if ? task.what_if.baseline : null,
    number,
  );
  place.removeAttribute("hidden");
}

start();

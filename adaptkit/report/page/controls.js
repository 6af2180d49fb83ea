// The controls of a what-if: what may be typed into each, and what is said where it may not.

// Each a setting, its words, by how much what is typed is multiplied, the least, the most, and a slider's ends.
const CONTROLS = [
  [
    "Demand",
    [
      { name: "requests_per_month", label: "Requests a month", above: 0, slider: [1, 1e8] },
      { name: "horizon_months", label: "Months in all", above: 0 },
    ],
  ],
  [
    "Prices",
    [
      { name: "usd_per_hour", label: "USD for an hour of the machine", least: 0, slider: [1e-3, 1e2] },
      {
        name: "utilisation",
        label: "Share of its paid time used, %",
        unit: 100,
        above: 0,
        most: 100,
        slider: [1, 100],
        needed: true,
      },
      { name: "minutes_per_label", label: "Minutes for a label", least: 0 },
      { name: "usd_per_hour_of_labelling", label: "USD for an hour of labelling", least: 0 },
    ],
  ],
  [
    "Worth",
    [
      { name: "usd_per_success", label: "USD gained by a right answer", least: 0 },
      { name: "usd_per_failure", label: "USD lost by a wrong answer", least: 0 },
    ],
  ],
  [
    "Requirements",
    [
      { name: "max_p95_s", label: "95 % of requests within, s", above: 0 },
      { name: "max_usd_per_1k", label: "USD for 1,000 requests at most", above: 0 },
      { name: "target_quality", label: "Quality required, %", unit: 100, least: 0, most: 100 },
      { name: "margin", label: "Margin, points", unit: 100, above: 0, most: 100 },
    ],
  ],
];
const EVERY_CONTROL = CONTROLS.flatMap(([, controls]) => controls);
// Typing pauses before what is read aloud, and what takes a tenth of a second, is worked out.
const PAUSE_MS = 250;

// What was typed as a value; undefined where it is none.
function typed(control, text) {
  if (text.trim() === "") return control.needed ? undefined : null;
  const number = Number(text.trim().replace(/,/g, ""));
  const tooLow = "above" in control ? !(number > control.above) : !(number >= control.least);
  if (!Number.isFinite(number) || tooLow || number > (control.most ?? Infinity)) return undefined;
  return number / (control.unit || 1);
}

function shownValue(control, value) {
  if (value === null || Array.isArray(value)) return "";
  return String(Number((value * (control.unit || 1)).toPrecision(12)));
}

function group(title, controls, task, number, fields, change) {
  const made = element("fieldset", {}, element("legend", {}, title));
  for (const control of controls) {
    const field = inputOf(control, settingsOf(task)[control.name], number, change);
    fields.set(control.name, field);
    made.append(field.element);
  }
  return made;
}

// A labelled number, for some with a slider beside it; what is no such number is said, and changes nothing.
function inputOf(control, start, number, change) {
  const id = `task-${number}-${control.name}`;
  const input = element("input", {
    id,
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    "aria-describedby": `${id}-note`,
    "data-setting": control.name,
  });
  const note = element("span", { id: `${id}-note`, class: "note" });
  const slider = control.slider ? sliderOf(control, input) : null;
  const show = (value) => {
    input.value = shownValue(control, value);
    input.placeholder = Array.isArray(value) ? settingText(control.name, value) : "not stated";
    told(input, note, "");
    if (slider) slider.value = positionOf(control, value);
  };
  const take = () => {
    const value = typed(control, input.value);
    told(input, note, value === undefined ? wanted(control) : "");
    if (value === undefined) return;
    if (slider) slider.value = positionOf(control, value);
    change(control.name, value);
  };
  input.addEventListener("input", take);
  show(start);
  const made = element(
    "div",
    { class: "field" },
    element("label", { for: id }, control.label),
    input,
    slider,
    note,
  );
  return { element: made, show };
}

function told(input, note, problem) {
  note.textContent = problem;
  if (problem) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function wanted(control) {
  const low = "above" in control ? `above ${control.above}` : `from ${control.least} on`;
  return `A number ${low}${control.most ? `, at most ${control.most}` : ""}.`;
}

const SLIDER_STEPS = 1000;

function sliderOf(control, input) {
  const slider = element("input", {
    type: "range",
    min: 0,
    max: SLIDER_STEPS,
    step: 1,
    "aria-label": `${control.label}, slider`,
  });
  const [low, high] = control.slider;
  slider.addEventListener("input", () => {
    const value = low * (high / low) ** (slider.value / SLIDER_STEPS);
    input.value = String(Number(value.toPrecision(3)));
    slider.setAttribute("aria-valuetext", input.value);
    input.dispatchEvent(new Event("input"));
  });
  return slider;
}

function positionOf(control, value) {
  const [low, high] = control.slider;
  const number = (Array.isArray(value) ? value[0] : value) * (control.unit || 1);
  if (!(number > 0)) return 0;
  return Math.round((SLIDER_STEPS * Math.log(number / low)) / Math.log(high / low));
}

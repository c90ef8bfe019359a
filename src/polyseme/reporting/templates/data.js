"use strict";
// What every script of the page shares: its data, small builders and the numbers of tables.
const page = (() => {
  const source = document.getElementById("page-data");
  const data = source ? JSON.parse(source.textContent) : {};
  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  // Fills a select, keeping what was chosen where it is still there; keys are the values.
  const fill = (select, entries) => {
    const before = select.value;
    select.replaceChildren(...entries.map(([key, text]) => element("option", { value: key }, text)));
    if (entries.some(([key]) => String(key) === before)) select.value = before;
  };
  const field = (text, control) =>
    element("span", { class: "field" }, element("label", { for: control.id }, text), control);
  const score = (value) => (value === null ? "–" : value.toFixed(3).replace("-", "−"));
  const interval = (low, high) => (low === null ? "–" : `${score(low)} to ${score(high)}`);
  const count = (value) => (value === null ? "–" : value.toLocaleString("en"));
  const megabytes = (bytes) => (bytes === null ? "–" : `${(bytes / 1e6).toPrecision(3)} MB`);
  const milliseconds = (value) => (value === null ? "–" : `${value.toPrecision(3)} ms`);
  // Calls `run` once, when the element is about to be seen.
  const whenSeen = (target, run) => {
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        run();
      },
      { rootMargin: "400px" },
    );
    observer.observe(target);
  };
  return { data, element, fill, field, score, interval, count, megabytes, milliseconds, whenSeen };
})();

// Static figures stand in <noscript>; on paper they are better than charts of one task.
addEventListener("beforeprint", () => {
  for (const holder of document.querySelectorAll(".chart noscript")) {
    const parsed = new DOMParser().parseFromString(holder.textContent, "text/html");
    const copy = page.element("div", { class: "printed" }, ...parsed.body.childNodes);
    holder.before(copy);
  }
});
addEventListener("afterprint", () => document.querySelectorAll(".printed").forEach((e) => e.remove()));

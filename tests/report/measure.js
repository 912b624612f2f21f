// Runs in a copy of a page: looks at what the browser made of it, and writes its complaints behind the page.
const complaints = [];
const plain = (text) => text.replace(/[^ -~]/g, "?").replace(/[<>&]/g, "?");
const describe = (r) => [r.left, r.top, r.right, r.bottom].map((v) => v.toFixed(0)).join(" ");
const shrink = 1.5; // glyphs are lower than their line's box
const meet = (a, b) =>
  a.left + shrink < b.right && b.left + shrink < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom;
const inside = (a, b) =>
  a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;

let texts = 0;
let shapes = 0;
const charts = [...document.querySelectorAll("svg.chart")];
for (const chart of charts) {
  const name = plain(chart.getAttribute("aria-label"));
  const box = chart.getBoundingClientRect();
  if (box.width < 200 || box.height < 20) complaints.push(name + ": is " + describe(box));
  let drawn = 0;
  for (const shape of chart.querySelectorAll("rect, path, circle, line")) {
    const style = getComputedStyle(shape);
    const r = shape.getBoundingClientRect();
    if (style.fill === "none" && style.stroke === "none") complaints.push(name + ": an unseen " + shape.getAttribute("class"));
    if (shape.getBBox().width + shape.getBBox().height > 0) drawn += 1;
    if (!inside(r, { left: box.left - 8, right: box.right + 8, top: box.top - 8, bottom: box.bottom + 8 }))
      complaints.push(name + ": a " + shape.getAttribute("class") + " sticks out, " + describe(r) + " of " + describe(box));
  }
  if (drawn === 0) complaints.push(name + ": nothing is drawn");
  shapes += drawn;
  const labels = [...chart.querySelectorAll("text")].map((t) => {
    const clone = t.firstChild ? t.firstChild.textContent : "";
    return [plain(clone), t.getBoundingClientRect(), t.getAttribute("class")];
  });
  // A label beside a bar; numbers inside cells and in front of a halo are meant to lie on something.
  const bars = [...chart.querySelectorAll("rect")].map((bar) => bar.getBoundingClientRect());
  for (const [text, r, kind] of labels.filter(([, , kind]) => !/cell|halo|number/.test(kind)))
    for (const bar of bars.filter((bar) => meet(r, bar))) complaints.push(name + ": " + text + " lies on a bar, " + describe(r) + " and " + describe(bar));
  texts += labels.length;
  labels.forEach(([text, r], at) => {
    if (r.width < 1 || r.height < 4) complaints.push(name + ": no room for " + text);
    if (!inside(r, box)) complaints.push(name + ": " + text + " sticks out, " + describe(r) + " of " + describe(box));
    for (const [other, s] of labels.slice(at + 1))
      if (meet(r, s)) complaints.push(name + ": " + text + " lies on " + other + ", " + describe(r) + " and " + describe(s));
  });
}
const wide = document.documentElement.scrollWidth;
if (wide > innerWidth) complaints.push("the page is " + wide + " wide in a window of " + innerWidth);
for (const block of document.querySelectorAll("h1, h2, p, dd, li, figcaption"))
  if (block.scrollWidth > block.clientWidth + 1 && getComputedStyle(block).display !== "inline")
    complaints.push("too wide: " + plain(block.textContent).slice(0, 60));
for (const cell of document.querySelectorAll("td, th"))
  if (cell.getBoundingClientRect().height > 200) complaints.push("a cell is higher than it can be read: " + plain(cell.textContent).slice(0, 40));
const dark = getComputedStyle(document.body).backgroundColor;
const result = document.createElement("pre");
result.id = "measured";
result.textContent = [charts.length, texts, shapes, innerWidth, dark.replace(/ /g, "")].join(" ") + "\n" + complaints.join("\n");
document.body.append(result);

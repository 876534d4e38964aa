"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const picture = byId("picture"), svg = picture.querySelector("svg");
  const search = byId("search"), found = byId("found"), details = byId("details");
  const nodes = [...svg.querySelectorAll(".node")];
  const wires = [...svg.querySelectorAll(".wire[data-from]")];
  const nodesOf = new Map();
  for (const node of nodes) {
    const id = node.dataset.id;
    nodesOf.set(id, [...(nodesOf.get(id) ?? []), node]);
    node.setAttribute("tabindex", "-1");
    node.setAttribute("role", "button");
    const title = node.querySelector("title").textContent;
    node.setAttribute("aria-label", title.replaceAll("\n", ", "));
  }
  nodes[0]?.setAttribute("tabindex", "0");
  svg.setAttribute("role", "group");
  const networksOf = (node) => (node.dataset.networks ?? "").split(" ").filter(Boolean);
  const nameOf = (id) => nodesOf.get(id)[0].dataset.name;

  // What is bound to a node: lines, what is at their other ends, and networks or members.
  const near = (node) => {
    const id = node.dataset.id;
    const lines = wires.filter((wire) => wire.dataset.from === id || wire.dataset.to === id);
    const ids = new Set([id, ...networksOf(node)]);
    for (const line of lines) ids.add(line.dataset.from).add(line.dataset.to);
    for (const other of nodes) if (networksOf(other).includes(id)) ids.add(other.dataset.id);
    return { lines, ids };
  };
  let kept = null;
  const show = (node) => {
    svg.classList.toggle("some", Boolean(node));
    for (const one of [...nodes, ...wires]) one.classList.remove("on");
    details.hidden = !node;
    if (!node) return;
    const { lines, ids } = near(node);
    for (const id of ids) for (const one of nodesOf.get(id) ?? []) one.classList.add("on");
    for (const line of lines) line.classList.add("on");
    const head = document.createElement("b");
    const [first, ...rest] = node.querySelector("title").textContent.split("\n");
    head.textContent = first;
    rest.push(...lines.map((line) => line.querySelector("title").textContent));
    if (node.classList.contains("network"))
      rest.push([...ids].filter((id) => id !== node.dataset.id).map(nameOf).join(", "));
    details.replaceChildren(head, rest.join("\n"));
  };
  const keep = (node) => {
    kept?.classList.remove("kept");
    kept = node === kept ? null : node;
    kept?.classList.add("kept");
    show(kept);
  };
  const focus = (node) => {
    for (const one of nodes) one.setAttribute("tabindex", "-1");
    node.setAttribute("tabindex", "0");
    node.focus({ preventScroll: true });
    node.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  for (const node of nodes) {
    node.addEventListener("pointerenter", () => kept || show(node));
    node.addEventListener("pointerleave", () => kept || show(null));
    node.addEventListener("focus", () => kept || show(node));
    node.addEventListener("blur", () => kept || show(null));
    node.addEventListener("click", () => { focus(node); keep(node); });
  }

  let hits = [], at = -1;
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().trim();
    const matches = (node) => node.querySelector("title").textContent.toLowerCase().includes(words);
    hits = words ? nodes.filter(matches) : [];
    at = -1;
    svg.classList.toggle("found", Boolean(words));
    for (const node of nodes) node.classList.toggle("hit", hits.includes(node));
    found.textContent = words ? `${hits.length} found` : "";
  });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !hits.length) return;
    at = (at + 1) % hits.length;
    if (now() < whole) zoom(whole);
    hits[at].scrollIntoView({ block: "center", inline: "center" });
    show(hits[at]);
    event.preventDefault();
  });

  const middle = (node) => {
    const box = node.querySelector(".card, .hit").getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  // The nearest node in a direction; what is off to the side counts as farther.
  const towards = (node, right, down) => {
    const [x, y] = middle(node);
    let best = null, least = Infinity;
    for (const other of nodes) {
      const [otherX, otherY] = middle(other), ahead = (otherX - x) * right + (otherY - y) * down;
      const aside = Math.abs((otherX - x) * down) + Math.abs((otherY - y) * right);
      const far = ahead + 3 * aside;
      if (other !== node && 4 * ahead > aside && ahead > 1 && far < least) [best, least] = [other, far];
    }
    return best;
  };
  const whole = svg.viewBox.baseVal.width;
  const zoom = (width) => { svg.style.width = `${Math.max(200, Math.min(8 * whole, width))}px`; };
  const now = () => svg.getBoundingClientRect().width;
  const fit = () => zoom(Math.min(whole, picture.clientWidth));
  byId("in").addEventListener("click", () => zoom(now() * 1.25));
  byId("out").addEventListener("click", () => zoom(now() / 1.25));
  byId("fit").addEventListener("click", fit);
  byId("whole").addEventListener("click", () => zoom(whole));
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      search.value = "";
      search.dispatchEvent(new Event("input"));
      if (kept) keep(kept);
      show(null);
      return;
    }
    if (event.target === search) return;
    const node = nodes.includes(document.activeElement) ? document.activeElement : null;
    if (event.key === "/") search.focus();
    else if (event.key === "+") zoom(now() * 1.25);
    else if (event.key === "-") zoom(now() / 1.25);
    else if (event.key === "0") fit();
    else if (node && (event.key === "Enter" || event.key === " ")) keep(node);
    else if (arrows[event.key] && node) {
      const next = towards(node, ...arrows[event.key]);
      if (next) focus(next);
    } else return;
    event.preventDefault();
  });
  // Large projects do not fit in and can be read.
  fit();
  if (now() < 0.6 * whole) zoom(0.6 * whole);
})();

// Runs in the page of `topo graph` for tests/cases/graph, does what a reader would do, and leaves the verdict at the root.

addEventListener("load", () => {
  const byId = (id) => document.getElementById(id);
  const node = (name) => document.querySelector(`[data-name="${name}"]`);
  const names = (selector) => [...document.querySelectorAll(selector)].map((one) => one.dataset.name);
  const press = (key, where = document.activeElement) =>
    where.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const is = (what, seen, wanted) => {
    if (JSON.stringify(seen) !== JSON.stringify(wanted)) throw new Error(`${what}: ${JSON.stringify(seen)}`);
  };
  try {
    press("/", document.body);
    is("a slash goes to the search", document.activeElement.id, "search");
    byId("search").value = "redis";
    byId("search").dispatchEvent(new Event("input"));
    is("images are searched", [byId("found").textContent, names(".node.hit")], ["1 found", ["cache"]]);
    const svg = document.querySelector("svg"), width = () => Math.round(svg.getBoundingClientRect().width);
    press("Enter");
    is("Enter shows it in full size", width(), Math.round(svg.viewBox.baseVal.width));
    is("Enter shows what was found", byId("details").querySelector("b").textContent, "service cache");
    press("Escape");
    is("Escape clears", [byId("search").value, byId("details").hidden, names(".hit[data-name]")], ["", true, []]);

    node("api").dispatchEvent(new PointerEvent("pointerenter"));
    const near = ["api", "back", "db", "front", "metrics", "migrate", "password", "shared", "uploads", "web"];
    is("hovering shows neighbours", [...new Set(names(".node.on"))].sort(), near);
    is("and the lines to them", document.querySelectorAll(".wire.on").length, 6);
    node("api").dispatchEvent(new PointerEvent("pointerleave"));
    is("until the pointer leaves", names(".node.on"), []);
    node("back").dispatchEvent(new PointerEvent("pointerenter"));
    is("a network shows its members", [...new Set(names(".node.on"))].sort(), ["api", "back", "backup", "db", "migrate"]);
    node("back").dispatchEvent(new PointerEvent("pointerleave"));

    is("one node is in the order of tabs", document.querySelectorAll(".node[tabindex='0']").length, 1);
    node("web").focus();
    press("ArrowRight");
    is("an arrow goes to what is there", document.activeElement.dataset.name, "cache");
    press("ArrowDown");
    is("in each direction", document.activeElement.dataset.name, "api");
    press("Enter");
    node("web").dispatchEvent(new PointerEvent("pointerenter"));
    is("Enter keeps it", byId("details").querySelector("b").textContent, "service api");
    press("Escape");
    is("Escape lets it go", names(".kept"), []);

    press("0");
    const before = width();
    press("+");
    is("plus enlarges", width() > before, true);
    press("0");
    is("zero fits it in", width(), before);
    is("nothing was fetched", performance.getEntriesByType("resource").length, 0);
    document.documentElement.dataset.checked = "all is well";
  } catch (error) {
    document.documentElement.dataset.checked = error.message;
  }
});

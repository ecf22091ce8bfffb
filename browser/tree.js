// What a page tells to assistive technology: the browser's own accessibility tree, as a screen reader gets it, and what has
// to hold for every page in it.
//
// Roles, names and states are the browser's (Core-AAM, AccName), not guessed from the markup. It changes nothing.

// What somebody acts on; each needs a name to be called by (WCAG 2.2 §4.1.2).
const ACTED_ON = [
  "button", "checkbox", "combobox", "DisclosureTriangle", "link", "listbox", "radio", "searchbox", "spinbutton", "textbox",
];

// The nodes that are told, in their order, each with `role`, `name`, `description`, `invalid`, `level` and `live`.
export async function tree(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Accessibility.enable");
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  await session.detach();
  return nodes.filter(({ ignored }) => !ignored).map(told);
}

function told({ role, name, description, properties = [] }) {
  const states = Object.fromEntries(properties.map(({ name: key, value }) => [key, value.value]));
  return {
    role: role?.value ?? "",
    name: (name?.value ?? "").trim(),
    description: (description?.value ?? "").trim(),
    invalid: states.invalid === "true" || states.invalid === true,
    level: states.level,
    live: states.live,
    focused: states.focused === true,
  };
}

export const all = (nodes, role) => nodes.filter((node) => node.role === role);

// The one node of this role and name.
export function one(nodes, role, name) {
  const found = all(nodes, role).filter((node) => (name instanceof RegExp ? name.test(node.name) : node.name === name));
  if (found.length === 1) return found[0];
  const there = all(nodes, role).map((node) => node.name);
  throw new Error(`${found.length} of the role ${role} called ${name}, of ${JSON.stringify(there)}`);
}

// What is wrong with a page for whoever hears it.
export async function unheard(page) {
  const nodes = await tree(page);
  const complaints = [];
  for (const { role, name } of nodes) {
    if (ACTED_ON.includes(role) && name === "") complaints.push(`a ${role} without a name`);
    if (["image", "figure", "dialog", "region", "table", "search"].includes(role) && name === "") complaints.push(`a ${role} without a name`);
  }
  for (const role of ["main", "banner", "contentinfo"]) {
    if (all(nodes, role).length !== 1) complaints.push(`${all(nodes, role).length} of the landmark ${role}`);
  }
  const ways = all(nodes, "navigation").map(({ name }) => name);
  if (new Set(ways).size !== ways.length || ways.includes("")) complaints.push(`navigations called ${JSON.stringify(ways)}`);
  // Headings are how a page is looked over: the first is its own, and none leaves a level out (WCAG 2.2 §1.3.1).
  let above = 0;
  for (const { name, level } of all(nodes, "heading")) {
    if (level > above + 1) complaints.push(`the heading ${name} of level ${level} under one of level ${above}`);
    above = level;
  }
  for (const { name } of all(nodes, "RootWebArea")) {
    if (!name.includes("·")) complaints.push(`the page is called ${name}`);
  }
  return complaints;
}

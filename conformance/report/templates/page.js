"use strict";
// The page's own script. All state is in the fragment of the address; all text reaches the page as text nodes.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const main = $("#main"), rulePage = $("#rule"), form = $("#filters");
  const title = document.title;

  /** An element with attributes and children; strings become text, nothing else can. */
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  }

  // -- state ----------------------------------------------------------------------------------------------------

  /** Of more rules than this a filter leaves the topics as they are: nobody reads so many, and laying them out takes time. */
  const OPENED_AT_ONCE = 200;
  const FILTERS = ["q", "level", "outcome", "column", "passes", "not"];
  const read = () => new URLSearchParams(location.hash.slice(1));
  const written = (state) => "#" + [...state].map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");

  /** The state without what belongs to the page of one rule. */
  function around(state) {
    const kept = new URLSearchParams(state);
    for (const key of ["rule", "in"]) kept.delete(key);
    return kept;
  }

  function replace(state) {
    history.replaceState(null, "", [...state].length ? written(state) : "#view=matrix");
  }

  // -- the matrix: rows are read once, then only shown and hidden ------------------------------------------------

  const columns = $$("#rules thead th").slice(1).map((head) => head.textContent.replace(/\s+/g, " ").trim());
  const groups = $$("#rules tbody").map((body) => ({
    body,
    name: body.dataset.topic,
    button: $("button", body),
    rows: $$("tr.rule", body).map((row) => ({
      row,
      id: row.dataset.id,
      level: row.dataset.level,
      text: `${row.dataset.id} ${row.cells[0].textContent}`.toLowerCase(),
      outcomes: [...row.cells].slice(1).map((cell) => cell.className),
      shown: true,
    })),
    shown: true,
    expanded: false,
  }));
  const total = groups.reduce((sum, group) => sum + group.rows.length, 0);

  function matches(row, filter, words) {
    if (filter.level && row.level !== filter.level) return false;
    if (!words.every((word) => row.text.includes(word))) return false;
    if (filter.outcome) {
      const asked = filter.column === "" ? row.outcomes : [row.outcomes[filter.column]];
      if (!asked.includes(filter.outcome)) return false;
    } else if (filter.column !== "" && row.outcomes[filter.column] === "none") return false;
    if (filter.passes !== "" && row.outcomes[filter.passes] !== "pass") return false;
    return !(filter.not !== "" && row.outcomes[filter.not] === "pass");
  }

  function show(state) {
    const filter = Object.fromEntries(FILTERS.map((key) => [key, state.get(key) || ""]));
    const words = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
    const narrowed = FILTERS.some((key) => filter[key] !== "");
    const open = new Set((state.get("open") || "").split(" ").filter(Boolean));
    const closed = new Set((state.get("closed") || "").split(" ").filter(Boolean));
    let count = 0;
    for (const group of groups) {
      let some = 0;
      for (const row of group.rows) {
        const shown = !narrowed || matches(row, filter, words);
        some += shown;
        if (shown !== row.shown) row.row.hidden = !(row.shown = shown);
      }
      if (!!some !== group.shown) group.body.hidden = !(group.shown = !!some);
      count += some;
    }
    const opens = narrowed && count <= OPENED_AT_ONCE;
    for (const group of groups) {
      const expanded = opens ? !closed.has(group.name) : open.has(group.name);
      if (expanded === group.expanded) continue;
      group.expanded = expanded;
      group.body.classList.toggle("open", expanded);
      group.button.setAttribute("aria-expanded", expanded);
    }
    const said = narrowed ? `${count} of ${total} rules` : `${total} rules`;
    if ($("#shown").textContent !== said) $("#shown").textContent = said;
    $("#nothing").hidden = count > 0 || !total;
    for (const key of FILTERS) {
      const field = form.elements[key];
      if (field && field !== document.activeElement && field.value !== filter[key]) field.value = filter[key];
    }
  }

  function toggle(group) {
    const state = around(read());
    const opened = !group.expanded;
    for (const [key, listed] of [["open", opened], ["closed", !opened]]) {
      const names = new Set((state.get(key) || "").split(" ").filter(Boolean));
      if (listed) names.add(group.name);
      else names.delete(group.name);
      if (names.size) state.set(key, [...names].join(" "));
      else state.delete(key);
    }
    replace(state);
    show(state);
  }

  function filtered() {
    const state = around(read());
    for (const key of [...FILTERS, "closed"]) state.delete(key);
    for (const [key, value] of new FormData(form)) if (value) state.set(key, value);
    replace(state);
    show(state);
  }

  // -- the page of one rule --------------------------------------------------------------------------------------

  let unpacked = null;

  /** What is known of rules, by id: unpacked when it is first asked for. */
  function details() {
    unpacked ??= (async () => {
      const bytes = Uint8Array.from(atob($("#details").textContent), (character) => character.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      return new Response(stream).json();
    })();
    return unpacked;
  }

  const TOKENS = new RegExp([
    /(?<comment>#.*$)/, /(?<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')/, /(?<key>^\s*(?:- )?[\w.[\]()"' ,-]+?(?=:(?:\s|$)))/,
    /(?<word>\b(?:with|for|in|if|else|elif|def|return|class|lambda|not|and|or|is|None|True|False|import|from|as|raise|yield|try|except|while|true|false|null|none)\b)/,
    /(?<number>\b\d[\d_.]*(?:e[-+]?\d+)?\b)/,
  ].map((one) => one.source).join("|"), "gm");

  /** Lines of Python, or of a rule's YAML, with their tokens marked; `faulty` are lines, from 0, to be marked whole. */
  function highlighted(source, { faulty = new Set(), isYaml = false } = {}) {
    let isCode = !isYaml;
    return source.split("\n").map((line, number) => {
      const parts = [];
      let done = 0;
      if (isYaml && /^\S/.test(line)) isCode = /^(when|expect):/.test(line);
      for (const match of line.matchAll(TOKENS)) {
        const [kind] = Object.entries(match.groups).find(([, text]) => text !== undefined);
        if (isYaml ? kind === (isCode && /^\s/.test(line) ? "key" : "word") : kind === "key") continue;
        parts.push(line.slice(done, match.index), element("span", { class: kind }, match[0]));
        done = match.index + match[0].length;
      }
      parts.push(line.slice(done), "\n");
      return faulty.has(number) ? element("span", { class: "faulty" }, parts) : parts;
    });
  }

  function copied(button, text) {
    const done = () => { button.textContent = "Copied"; setTimeout(() => { button.textContent = "Copy"; }, 1500); };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, () => selected(button));
    else selected(button);
  }

  /** Where a browser lets no page write to the clipboard, the text is selected for the reader to copy. */
  function selected(button) {
    getSelection().selectAllChildren($("code", button.parentElement));
    button.textContent = "Selected";
  }

  function code(text, label, language) {
    return element("div", { class: "pre" },
      element("button", { type: "button", "aria-label": `Copy ${label}`, onclick: (event) => copied(event.target, text) }, "Copy"),
      element("pre", { tabindex: 0, role: "region", "aria-label": label }, element("code", {}, highlighted(text, language))));
  }

  const number = (value) => typeof value === "number" ? String(Number(value.toPrecision(7))) : String(value);

  /** Nested lists as tables: the last two dimensions are rows and columns of one, further ones say where. */
  function grids(values, differs, caption, where = "") {
    if (Array.isArray(values) && values.some((part) => Array.isArray(part) && part.some(Array.isArray)))
      return values.flatMap((part, index) => grids(part, differs[index], caption, `${where}[${index}]`));
    const rows = !Array.isArray(values) ? [[values]] : values.some(Array.isArray) ? values : [values];
    const marks = !Array.isArray(values) ? [[differs]] : values.some(Array.isArray) ? differs : [differs];
    return [element("table", { class: "grid" }, element("caption", {}, caption + where), element("tbody", {}, rows.map((row, i) =>
      element("tr", {}, row.map((value, j) => element("td", marks[i][j] ? { class: "differs" } : {}, number(value)))))))];
  }

  function finding(one) {
    const observed = [element("code", {}, one.observation), one.aspect ? ` ${one.aspect}` : "", ": ", element("strong", {}, one.kind || ""), ` (${one.level})`];
    const body = one.grid
      ? element("div", { class: "grids" }, grids(one.grid.expected, one.grid.differs, "expected"), grids(one.grid.observed, one.grid.differs, "observed"))
      : element("dl", { class: "facts" }, element("dt", {}, "expected"), element("dd", {}, element("code", {}, one.expected || "")),
        element("dt", {}, "observed"), element("dd", {}, element("code", {}, one.observed || "")));
    return element("div", {}, element("p", {}, observed), body,
      one.apart ? element("p", { class: "quiet" }, one.grid ? "Underlined elements differ; " : "", one.apart) : null);
  }

  function badCase(one) {
    return element("div", { class: "case" },
      element("h4", {}, element("code", {}, one.id)),
      element("p", {}, element("strong", {}, one.status), one.reason ? `: ${one.reason}` : "", one.held ? element("span", { class: "quiet" }, ` ${one.held}`) : null),
      one.known ? element("p", {}, "Known failure: ", one.known.why, one.known.issue ? [" ", link("issue", one.known.issue)] : null) : null,
      (one.findings || []).map(finding),
      (one.left || []).map((what) => element("p", {}, `Left behind: ${what}`)));
  }

  function badCell(cell, name) {
    return [
      element("h3", {}, name),
      cell.cases.map(badCase),
      cell.more ? element("p", { class: "quiet" }, `and ${cell.more} more cases`) : null,
      cell.script
        ? [element("p", {}, "This script shows it without the suite:"), code(cell.script, `script for ${name}`)]
        : element("p", {}, "No script of this cell is kept here; this command writes one where one can be had:"),
      cell.script ? null : code(cell.cases[0].repro, `command for ${name}`),
      element("p", {}, "To run the rule again:"),
      code(cell.command.join("\n"), `commands for ${name}`),
    ];
  }

  function link(name, url) {
    return url ? element("a", { href: url, rel: "noreferrer" }, name) : name;
  }

  function statusOf(id) {
    const group = groups.find((one) => one.rows.some((row) => row.id === id));
    return group ? [...group.rows.find((row) => row.id === id).row.cells].slice(1).map((cell) => cell.textContent.trim()) : [];
  }

  function neighbours(id) {
    const ids = groups.filter((group) => group.shown).flatMap((group) => group.rows.filter((row) => row.shown).map((row) => row.id));
    const at = ids.indexOf(id);
    return [ids[at - 1], at < 0 ? undefined : ids[at + 1]];
  }

  function to(id) {
    const state = around(read());
    state.delete("view");
    state.set("rule", id);
    return written(state);
  }

  async function showRule(state) {
    const id = state.get("rule"), first = state.get("in");
    const rule = (await details())[id];
    if (read().get("rule") !== id) return;
    const back = element("a", { href: [...around(state)].length ? written(around(state)) : "#view=matrix" }, "All results");
    if (!rule) {
      rulePage.replaceChildren(element("p", {}, back), element("h2", { tabindex: -1 }, "No such rule"), element("p", {}, `These results have no rule called '${id}'.`));
      return;
    }
    const [before, after] = neighbours(id);
    const bad = Object.entries(rule.cells).filter(([, cell]) => cell.cases).sort(([a], [b]) => (b === first) - (a === first));
    const faulty = new Set(bad.flatMap(([, cell]) => cell.cases).flatMap((one) => one.findings || []).map((one) => one.line - rule.line));
    const statuses = statusOf(id);
    document.title = `${id} · ${title}`;
    rulePage.replaceChildren(element("div", {},
      element("p", {}, back, before ? [" · ", element("a", { href: to(before) }, "Previous rule")] : null, after ? [" · ", element("a", { href: to(after) }, "Next rule")] : null),
      element("h2", { tabindex: -1 }, rule.says),
      element("p", {}, element("code", {}, id), " ", element("span", { class: "tag" }, rule.level)),
      element("dl", { class: "facts" },
        element("dt", {}, "source"), element("dd", {}, rule.sources.map(([name, url], index) => [index ? ", " : "", link(name, url)])),
        rule.since ? [element("dt", {}, "since"), element("dd", {}, `torch ${rule.since}`)] : null,
        rule.until ? [element("dt", {}, "until"), element("dd", {}, `torch ${rule.until}`)] : null,
        rule.myth ? [element("dt", {}, "myth"), element("dd", {}, element("q", {}, rule.myth))] : null,
        rule.disagreement ? [element("dt", {}, "documented"), element("dd", {}, rule.disagreement.says, " ", rule.disagreement.upstream ? link("upstream", rule.disagreement.upstream) : null)] : null,
        columns.map((name, index) => [element("dt", {}, name), element("dd", {}, statuses[index] || "–", (rule.cells[index] || {}).reason ? `, ${rule.cells[index].reason}` : "")])),
      element("h3", {}, "The rule"),
      element("p", { class: "quiet" }, rule.position, faulty.size ? "; marked lines do not hold" : ""),
      code(rule.yaml, "rule", { faulty, isYaml: true }),
      bad.map(([index, cell]) => badCell(cell, columns[index]))));
    $("h2", rulePage).focus();
    scrollTo(0, 0);
  }

  // -- what is shown ---------------------------------------------------------------------------------------------

  function arrived() {
    const state = read();
    const rule = state.get("rule");
    const view = rule ? "" : state.get("view") || "matrix";
    const known = $$("[data-view]").some((section) => section.dataset.view === view);
    for (const section of $$("[data-view]")) section.hidden = section.dataset.view !== (known || rule ? view : "matrix");
    for (const anchor of $$("#pages a")) {
      if (anchor.hash === `#view=${known ? view : "matrix"}` && !rule) anchor.setAttribute("aria-current", "page");
      else anchor.removeAttribute("aria-current");
    }
    rulePage.hidden = !rule;
    document.title = title;
    show(state);
    if (rule) showRule(state);
  }

  document.documentElement.classList.add("js");
  form.hidden = false;
  form.addEventListener("input", filtered);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filtered));
  $("[data-reset]").addEventListener("click", () => form.reset());
  for (const group of groups) group.button.addEventListener("click", () => toggle(group));
  $(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
  document.addEventListener("click", (event) => {  // links to rules keep the filters that led to them
    const anchor = event.target.closest && event.target.closest("a[href^='#rule=']");
    if (!anchor || rulePage.contains(anchor) || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const state = around(read());
    for (const [key, value] of new URLSearchParams(anchor.hash.slice(1))) state.set(key, value);
    location.hash = written(state);
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && read().get("rule")) location.hash = [...around(read())].length ? written(around(read())) : "#view=matrix";
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName) && !form.closest("[hidden]")) {
      event.preventDefault();
      form.elements.q.focus();
    }
  });
  addEventListener("hashchange", arrived);

  // Where little fails it is shown at once.
  if (!location.hash) {
    const failing = groups.filter((group) => group.rows.some((row) => row.outcomes.includes("bad")));
    if (failing.length && failing.length <= 8) replace(new URLSearchParams({ open: failing.map((group) => group.name).join(" ") }));
  }
  arrived();
})();

"use strict";
// Without this script the page says the same: rows open as details, and nothing sorts or filters.
(() => {
  const table = document.getElementById("table");
  const bodies = [...table.tBodies];
  const form = document.getElementById("filters");
  const said = document.getElementById("count");
  const all = document.getElementById("open-all");
  const collator = new Intl.Collator("en", { numeric: true });
  const chosen = ["source", "verdict", "flaw", "kind", "evidence"];
  let sorted = "";

  // A formula too long for a narrow screen scrolls in its own line: the keyboard must reach it.
  function reach(part) {
    for (const line of part.querySelectorAll(".claim")) {
      if (line.scrollWidth > line.clientWidth) line.tabIndex = 0;
      else line.removeAttribute("tabindex");
    }
  }

  // Opening: the title of a row becomes a button that shows the row below it.
  const opener = (body) => body.querySelector(".opener");
  const isOpen = (body) => body.classList.contains("open");
  const shown = () => bodies.filter((body) => !body.hidden);
  function open(body, wanted = !isOpen(body)) {
    body.classList.toggle("open", wanted);
    body.rows[1].hidden = !wanted;
    opener(body).setAttribute("aria-expanded", String(wanted));
  }
  function nameAll() {
    const rows = shown();
    all.textContent = rows.length && rows.every(isOpen) ? "Close all shown" : "Open all shown";
    all.disabled = !rows.length;
  }
  for (const body of bodies) {
    const [head, more] = body.rows;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "opener";
    button.setAttribute("aria-controls", more.id);
    const title = head.querySelector(".title");
    button.append(...title.childNodes);
    title.append(button);
    more.querySelector("details").open = true;
    open(body, false);
    head.addEventListener("click", (event) => {
      if (!event.target.closest("a") && !String(getSelection())) {
        open(body);
        reach(body);
        nameAll();
      }
    });
  }
  all.addEventListener("click", () => {
    const rows = shown();
    const wanted = !rows.every(isOpen);
    rows.forEach((body) => open(body, wanted));
    reach(table);
    nameAll();
  });

  // Filtering: every word of the text must occur, formulas by their Unicode spelling.
  const words = new Map();
  function wordsOf(body) {
    if (!words.has(body)) {
      const formulas = [...body.querySelectorAll("[alttext], [data-alttext]")].map(
        (one) => one.getAttribute("alttext") ?? one.dataset.alttext,
      );
      words.set(body, [body.id, body.textContent, ...formulas].join(" ").toLowerCase());
    }
    return words.get(body);
  }
  function filter() {
    const wanted = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const body of bodies) {
      const fits = chosen.every((name) => !form.elements[name].value || form.elements[name].value === body.dataset[name]);
      body.hidden = !(fits && wanted.every((word) => wordsOf(body).includes(word)));
    }
    nameAll();
    tell();
  }
  function tell() {
    said.textContent = `${shown().length} of ${bodies.length} statements shown${sorted}.`;
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  for (const link of document.querySelectorAll(".matrix a")) {
    link.addEventListener("click", () => {
      form.reset();
      for (const name of chosen) form.elements[name].value = link.dataset[name] || "";
      filter();
    });
  }

  // Sorting: rows that are equal keep the order of their sources; what has no number comes last.
  function value(body, key) {
    if (key === "title") return opener(body).textContent;
    const found = body.dataset[key];
    if (key === "kind" || key === "evidence") return found;
    return found === "" ? null : Number(found);
  }
  function compare(one, two, key, sign) {
    const [a, b] = [value(one, key), value(two, key)];
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === "number" ? a - b : collator.compare(a, b));
  }
  const headers = [...table.tHead.rows[0].cells];
  for (const header of headers) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const up = header.getAttribute("aria-sort") !== "ascending";
      headers.forEach((one) => one.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", up ? "ascending" : "descending");
      const order = (one, two) =>
        compare(one, two, header.dataset.key, up ? 1 : -1) || one.dataset.place - two.dataset.place;
      table.append(...bodies.sort(order));
      sorted = `, sorted by ${button.textContent.toLowerCase()}, ${up ? "ascending" : "descending"}`;
      tell();
    });
  }
  headers[1].setAttribute("aria-sort", "ascending");

  // Links to a statement: its row is shown, open and in focus, whatever was filtered.
  function reveal() {
    const body = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!bodies.includes(body)) return;
    if (body.hidden) {
      form.reset();
      filter();
    }
    open(body, true);
    reach(body);
    nameAll();
    body.scrollIntoView();
    opener(body).focus({ preventScroll: true });
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#s-"]');
    if (link) {
      event.preventDefault();
      if (location.hash !== link.hash) history.pushState(null, "", link.hash);
      reveal();
    }
  });
  addEventListener("popstate", reveal);
  addEventListener("resize", () => reach(document));

  document.documentElement.classList.add("js");
  form.hidden = false;
  filter();
  reach(document.getElementById("summary"));
  reveal();
})();
